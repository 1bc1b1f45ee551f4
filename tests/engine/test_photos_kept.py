"""The features of photos that a server embeds itself: of new products, and of searches."""

import hashlib
from typing import Any

import numpy as np
import pytest
from tiny_backbone import TinyBackbone
from tiny_shop import PointBackbone, TinyShop, axis, ids, photo_of

from data.catalogue import PhotoRecord
from data.photos import Intake
from data.photos.decoders import DecoderPool
from data.photos.images import Photo
from data.photos.messages import Request
from engine.photos import SearchedPhoto, SearchedPhotos
from engine.protocols import Floats
from engine.recommend import RecommendRequest, recommend
from engine.search import SearchEngine, SearchRequest


def test_new_photos_are_embedded_before_their_product_is_known(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("a", [axis(0)])
    shop.publish()
    record = Intake(shop.settings, shop.catalogue).accept_bytes(photo_of(4))
    engine.embed_new([record, record])
    assert shop.features.missing([record.sha256]) == []
    shop.catalogue.upsert(shop.catalogue.get("a").product, [record])
    assert engine.search(SearchRequest(image=photo_of(4))).hits[0].score == pytest.approx(1)
    engine.embed_new([record])  # nothing to do the second time


def test_photos_searched_with_are_kept_when_they_led_to_a_choice(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("a", [axis(0)])
    shop.publish()
    answers = [engine.search(SearchRequest(image=photo_of(number))) for number in (3, 4, 5)]
    engine.search(SearchRequest(image=photo_of(6), box=(0, 0, 16, 16)))
    keys = [hashlib.sha256(photo_of(number)).hexdigest() for number in (3, 4, 5, 6)]
    assert shop.features.missing(keys) == keys
    engine.keep_photos({answers[0].query_id, keys[2], keys[3], "unknown", ""})
    assert shop.features.missing(keys) == [keys[1], keys[3]]
    np.testing.assert_allclose(shop.features.read([keys[0]])[0], axis(3), atol=1e-3)


def test_a_photo_to_recommend_by_is_decoded_once(
    shop: TinyShop, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put("a", [axis(1)], category="mugs")
    shop.put("b", [axis(2)], category="mugs", colour="black")
    shop.publish()
    engine.warm()
    decoded: list[bytes] = []

    decode = DecoderPool.decode

    def counted(pool: DecoderPool, request: Request, content: bytes) -> Photo:
        decoded.append(content)
        return decode(pool, request, content)

    monkeypatch.setattr(DecoderPool, "decode", counted)
    photo = photo_of(1)
    colours = engine.colours_of(photo)
    assert colours == ("black",)
    answer = recommend(engine.search, RecommendRequest(label="mugs", image=photo, colours=colours))
    assert ids(answer) == ["b", "a"], "first the colour, then the look"
    assert answer.hits[1].score == pytest.approx(1)
    assert decoded == [photo]


def test_a_photo_that_is_searched_again_is_not_embedded_again(
    shop: TinyShop, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put("a", [axis(1)], price=10)
    shop.put("b", [axis(2)], price=20)
    shop.publish()
    engine.warm()
    embedded: list[int] = []
    embed = PointBackbone.embed

    def noted(backbone: PointBackbone, images: Any) -> Floats:
        embedded.append(len(images))
        return embed(backbone, images)

    monkeypatch.setattr(PointBackbone, "embed", noted)
    photo = photo_of(1)
    first = engine.search(SearchRequest(image=photo))
    again = engine.search(SearchRequest(image=photo, filter="price > 1"))
    assert (ids(first), embedded) == (ids(again), [1])
    assert [hit.score for hit in first.hits] == [hit.score for hit in again.hits]
    assert ids(engine.search(SearchRequest(image=photo, filter="price > 15"))) == ["b"]
    assert embedded == [1]
    engine.search(SearchRequest(image=photo, box=(0, 0, 40, 40)))
    engine.search(SearchRequest(image=photo, more_images=(photo_of(2),)))
    assert embedded == [1, 1, 2]  # a part of it is another picture


def test_only_the_last_photos_are_remembered() -> None:
    seen = SearchedPhotos(most=2)
    spec = TinyBackbone().spec
    for number in range(3):
        seen.put(f"q{number}", SearchedPhoto(str(number), np.full(4, number, np.float32), spec))
    assert [photo.sha256 for photo in seen.of({"q0", "0", "q1", "2"})] == ["1", "2"]


def test_new_photos_wait_for_the_first_rebuild(engine: SearchEngine) -> None:
    engine.embed_new([PhotoRecord(sha256="0" * 64, source="/none", size_bytes=1, width=16, height=16)])
