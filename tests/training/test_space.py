"""The product space as a rebuild trains it: projection, text head, and the quality that two generations share."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_shop import DIM, TinyShop, axis
from word_encoder import WideWordEncoder

from data.catalogue import Product, parse_product
from data.settings import Settings
from engine.space import Projection
from engine.space.projection import PROJECTION_FILE
from engine.text import EncoderTextTower, TextHead
from training.context import TrainingContext
from training.measures import held_out, may_be_held_out, name_retrieval, photo_retrieval
from training.measures.held_out import MOST_QUERIES
from training.space import part as space
from training.texts import product_texts

WORDS = ("apple", "milk", "bread", "shoe", "lamp", "chair")


@pytest.fixture
def shop(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> TinyShop:
    monkeypatch.setattr(space, "TextEncoder", WideWordEncoder)
    return TinyShop(settings)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "staged"
    folder.mkdir()
    return folder


def fill(shop: TinyShop, images: int = 1, **facts: Any) -> None:
    """Six products, each with photos around its own axis."""
    generator = np.random.default_rng(0)
    for number, word in enumerate(WORDS):
        points = np.array(axis(number)) + generator.uniform(0, 0.1, (images, DIM))
        shop.put(word, points.tolist(), **{"title": f"the {word}", **facts})


def context_of(shop: TinyShop, **settings: Any) -> TrainingContext:
    return TrainingContext(
        settings=shop.settings.replace(**settings),
        catalogue=shop.catalogue,
        snapshot=shop.catalogue.snapshot(),
        features=shop.features,
        spec=shop.backbone.spec,
        live=None,
    )


def test_titles_find_their_products_after_training(shop: TinyShop, folder: Path) -> None:
    fill(shop, images=4)
    metrics = space.train(context_of(shop), folder)
    assert metrics["name_queries"] == 6
    assert metrics["name_r1"] == 1
    assert 0 < metrics["explained_variance"] <= 1.001
    projection, head = Projection.load(folder / PROJECTION_FILE), TextHead.load(folder / "text_head.safetensors")
    assert (head.encoder_name, head.encoder_digest) == (WideWordEncoder.name, WideWordEncoder.digest)
    points = projection.apply(shop.features.read(context_of(shop).snapshot.image_sha256))
    nearest = (EncoderTextTower(WideWordEncoder(), head).embed(["the milk"]) @ points.T).argmax()
    assert context_of(shop).snapshot.product_keys[nearest] == shop.catalogue.get("milk").product_key


def test_products_without_texts_get_no_text_head(shop: TinyShop, folder: Path) -> None:
    fill(shop, images=2, title="")
    metrics = space.train(context_of(shop), folder)
    assert metrics["text_pairs"] == 0
    assert metrics["quality"] is None
    assert [path.name for path in folder.iterdir()] == [PROJECTION_FILE]


def test_products_that_share_a_title_share_its_place(shop: TinyShop, folder: Path) -> None:
    fill(shop, title="thing")
    metrics = space.train(context_of(shop), folder)
    assert metrics["name_queries"] == 1
    assert metrics["name_r1"] == 1  # any product of that name is right


def test_one_product_with_one_photo_is_enough(shop: TinyShop, folder: Path) -> None:
    shop.put("only", [axis(0)])
    metrics = space.train(context_of(shop), folder)
    assert metrics["name_r1"] == 1
    assert np.isfinite(Projection.load(folder / PROJECTION_FILE).apply(np.array([axis(0)], np.float32))).all()


def test_without_a_photo_the_space_is_the_plain_features(shop: TinyShop, folder: Path) -> None:
    metrics = space.train(context_of(shop), folder)
    assert (metrics["quality"], metrics["dim"]) == (None, DIM)
    assert "no photo" in metrics["skipped"]
    assert Projection.load(folder / PROJECTION_FILE).space_dim == DIM


def test_the_pool3_space_keeps_the_features(shop: TinyShop, folder: Path) -> None:
    fill(shop, images=2)
    assert space.train(context_of(shop, space="pool3"), folder)["dim"] == DIM
    assert space.train(context_of(shop, space_dim=3), folder)["dim"] == 3


def test_too_few_photos_leave_the_features_as_they_are(shop: TinyShop, folder: Path) -> None:
    fill(shop)
    metrics = space.train(context_of(shop, space_dim=3), folder)
    assert metrics["dim"] == DIM
    assert "8 different photos are needed; got 6" in metrics["skipped"]


def test_training_twice_gives_the_same_files(shop: TinyShop, tmp_path: Path) -> None:
    fill(shop, images=3)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        space.train(context_of(shop), tmp_path / name)
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


def test_quality_is_the_held_out_photos_share(shop: TinyShop, folder: Path) -> None:
    fill(shop, images=20)
    metrics = space.train(context_of(shop), folder)
    assert metrics["photo_queries"] > 3
    assert metrics["photo_r1"] == 1
    assert metrics["quality"] == {"measure": "photo_r1", "value": 1.0}


def sha(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def test_held_out_photos_are_picked_by_their_content_alone() -> None:
    keys = np.repeat(np.arange(400), 10)
    shas = [sha(number) for number in range(4000)]
    picked = held_out(keys, shas)
    assert 300 < picked.sum() < 500
    without_first = held_out(keys[10:], shas[10:])
    assert without_first.tolist() == picked[10:].tolist()


def test_photos_of_small_products_and_copies_are_never_queries() -> None:
    assert not held_out(np.repeat(np.arange(500), 2), [sha(number) for number in range(1000)]).any()
    assert not held_out(np.repeat(np.arange(300), 4), [sha(number // 2) for number in range(1200)]).any()


def test_there_is_a_bound_on_the_queries() -> None:
    count = 30_000
    keys, shas = np.repeat(np.arange(count // 5), 5), [sha(number) for number in range(count)]
    assert held_out(keys, shas).sum() == MOST_QUERIES
    few = slice(0, count // 3)  # of a smaller catalogue other photos are among the first 2,000
    assert (held_out(keys[few], shas[few]) & ~held_out(keys, shas)[few]).any()
    assert not (held_out(keys[few], shas[few]) & ~may_be_held_out(keys, shas)[few]).any()


def test_photo_retrieval_agrees_with_a_plain_loop() -> None:
    generator = np.random.default_rng(0)
    keys = np.sort(generator.integers(0, 30, 400))
    vectors = generator.standard_normal((400, 6)).astype(np.float32) + np.eye(30, 6, dtype=np.float32)[keys % 6]
    queries = generator.random(400) < 0.2
    queries &= np.array([(keys[~queries] == key).any() for key in keys])
    places = []
    for row in np.flatnonzero(queries):
        scores = {key: max(vectors[(keys == key) & ~queries] @ vectors[row]) for key in set(keys[~queries].tolist())}
        places.append(sum(score > scores[keys[row]] for score in scores.values()))
    measured = photo_retrieval(vectors, keys, queries)
    assert measured["photo_queries"] == queries.sum()
    assert measured["photo_r1"] == pytest.approx(np.mean([place < 1 for place in places]))
    assert measured["photo_r10"] == pytest.approx(np.mean([place < 10 for place in places]))


def test_nothing_held_out_measures_nothing() -> None:
    assert photo_retrieval(np.ones((2, 2), np.float32), np.array([1, 2]), np.zeros(2, bool)) == {"photo_queries": 0}
    assert name_retrieval(np.zeros((0, 2), np.float32), [], np.ones((2, 2), np.float32), np.array([1, 2])) == {
        "name_queries": 0
    }


def test_texts_of_a_product() -> None:
    product = parse_product(
        {
            "product_id": "1",
            "title": "Trail Runner",
            "brand": "Acme",
            "category": "running-shoes",
            "colour": "red",
            "description": "Light and quick. Made for mud!",
            "attributes": {"sole": "rubber", "seller": "267", "kids": False},
        }
    )
    texts = [pair.text for pair in product_texts(product)]
    assert texts[0] == "Trail Runner"
    for text in ("running shoes", "Acme Trail Runner", "red running shoes", "Light and quick.", "Trail Runner rubber"):
        assert text in texts
    assert len(texts) == len(set(texts))
    assert list(product_texts(Product(product_id="1", description="  "))) == []
