"""Something shown and words for what should differ, and unwanted words: letters count in both."""

from typing import Any

import numpy as np
import pytest
from tiny_shop import DIM, TinyShop, axis, blend, ids, photo_of

from data.settings import Settings
from engine.generation import Generation
from engine.protocols import Floats
from engine.search import SearchEngine, SearchRequest


class Meaningless:
    """A text tower that learned nothing of colours: all words mean the last axis."""

    def embed(self, texts: Any) -> Floats:
        return np.array([axis(DIM - 1)] * len(texts), np.float32)


@pytest.fixture
def shop(settings: Settings) -> TinyShop:
    shop = TinyShop(settings)
    shop.put("red-mug", [blend(0, 1, 0.99)], title="Red mug", colour="red")
    shop.put("blue-mug", [blend(0, 1, 0.9)], title="Blue mug", colour="blue")
    shop.put("blue-shoe", [blend(0, 2, 0.1)], title="Blue shoe", colour="blue")
    return shop


@pytest.fixture
def engine(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> SearchEngine:
    monkeypatch.setattr(Generation, "text_tower", lambda self: Meaningless())
    shop.publish()
    return SearchEngine(shop.settings, backbone=shop.backbone)


def asked(**fields: Any) -> SearchRequest:
    return SearchRequest(**{"understand": False, "freshness": 0.0, **fields})


def test_letters_tell_what_should_differ_and_the_photo_what_it_is(engine: SearchEngine) -> None:
    assert ids(engine.search(asked(image=photo_of(0)))) == ["red-mug", "blue-mug", "blue-shoe"]
    answer = engine.search(asked(image=photo_of(0), text="blue"))
    assert ids(answer) == ["blue-mug", "red-mug", "blue-shoe"]
    assert answer.hits[0].why[0] == "has the words: blue"
    assert ids(engine.search(asked(image=photo_of(0), text="blue", legs="dense")))[0] == "red-mug"


def test_words_of_no_weight_change_nothing_beside_a_photo(engine: SearchEngine) -> None:
    assert ids(engine.search(asked(image=photo_of(0), text="blue", text_weight=0.0)))[0] == "red-mug"
    assert ids(engine.search(asked(image=photo_of(0), text="shoe", text_weight=1.0)))[0] == "blue-shoe"


def test_a_title_that_is_typed_beside_a_photo_does_not_stand_first_by_itself(
    shop: TinyShop, engine: SearchEngine
) -> None:
    shop.put("far", [axis(5)], title="Blue")
    assert ids(engine.search(asked(text="blue")))[0] == "far"
    assert ids(engine.search(asked(image=photo_of(0), text="blue")))[0] == "blue-mug"


def test_a_product_without_a_photo_is_not_like_anything_shown(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("unseen", [], title="Blue blue")
    assert "unseen" in ids(engine.search(asked(text="blue")))
    assert "unseen" not in ids(engine.search(asked(image=photo_of(0), text="blue")))
    assert "unseen" not in ids(engine.search(asked(text="blue", unlike=("unseen",))))


def test_unwanted_words_lower_products_that_have_them(engine: SearchEngine) -> None:
    assert ids(engine.search(asked(text="mug", not_text="red")))[0] == "blue-mug"
    assert ids(engine.search(asked(image=photo_of(0), not_text="red")))[0] == "blue-mug"
    assert ids(engine.search(asked(text="mug", not_text="blue")))[0] == "red-mug"


def test_a_product_whose_title_was_typed_does_not_stand_first_if_it_is_unwanted(
    shop: TinyShop, engine: SearchEngine
) -> None:
    shop.put("named", [axis(3)], title="Mug", colour="red")
    assert ids(engine.search(asked(text="mug")))[0] == "named"
    assert ids(engine.search(asked(text="mug", not_text="red")))[0] == "blue-mug"


def test_an_unwanted_colour_is_also_seen_in_photos(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    from data.catalogue import PhotoRecord, parse_product

    monkeypatch.setattr(Generation, "text_tower", lambda self: Meaningless())
    for name, share, colour in (("plain", 0.99, "green"), ("other", 0.9, "white")):
        photo = PhotoRecord(sha256=name.ljust(64, "0"), source="/x", size_bytes=1, width=9, height=9, colours=(colour,))
        shop.features.append([photo.sha256], np.array([blend(0, 1, share)], np.float32))
        shop.catalogue.upsert(parse_product({"product_id": name, "title": "Cup"}), [photo])
    shop.publish()
    engine = SearchEngine(shop.settings, backbone=shop.backbone)
    assert ids(engine.search(asked(image=photo_of(0), text="cup", not_text="brown")))[0] == "plain"
    assert ids(engine.search(asked(image=photo_of(0), text="cup", not_text="green")))[0] == "other"


def test_letters_beside_liked_products_count_too(engine: SearchEngine) -> None:
    assert ids(engine.search(asked(text="blue", like=("red-mug",))))[0] == "blue-mug"


def test_letters_alone_still_search_by_what_is_shown(engine: SearchEngine) -> None:
    assert ids(engine.search(asked(image=photo_of(0), legs="lexical")))[0] == "red-mug"
