"""The query adapter: its file, and which questions go through it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from tiny_shop import DIM, TinyShop, axis, photo_of

from data.settings import Settings
from engine.errors import InvalidModel
from engine.generation import load_generation
from engine.protocols import Floats
from engine.search import SearchAnswer, SearchEngine, SearchRequest
from engine.space import QueryAdapter
from engine.space.query_adapter import ADAPTER_FILE


class AxisTower:
    """Knows the words `axis0` .. `axis7` as unit vectors."""

    def embed(self, texts: Any) -> Floats:
        return np.array([axis(int(text[-1])) for text in texts], np.float32)


def turn(start: int, end: int) -> QueryAdapter:
    """Returns the adapter that leads one axis to another and leaves the rest."""
    matrix = np.zeros((DIM, DIM), np.float32)
    matrix[start, start], matrix[start, end] = -1, 1
    return QueryAdapter(matrix)


def publish(shop: TinyShop, adapter: QueryAdapter) -> None:
    """Publishes a copy of the live generation with an adapter."""
    from training.parts import QUERY_EMBEDDER
    from training.sessions.candidate import publish_candidate

    publish_candidate(shop.settings, shop.publish(), QUERY_EMBEDDER, {}, adapter.save)


@pytest.fixture
def shop(settings: Settings) -> TinyShop:
    shop = TinyShop(settings)
    for number in range(DIM):
        shop.put(f"p{number}", [axis(number)])
    return shop


def first(answer: SearchAnswer) -> str:
    return answer.hits[0].product_id


def test_points_are_turned_to_unit_length_and_not_changed_in_place() -> None:
    generator = np.random.default_rng(0)
    matrix = generator.normal(0, 0.3, (5, 5)).astype(np.float32)
    points = generator.normal(0, 1, (7, 5)).astype(np.float32)
    before = points.copy()
    expected = points.astype(np.float64) @ (np.eye(5) + matrix)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = QueryAdapter(matrix).apply(points)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(points, before)


def test_a_saved_adapter_is_read_back(tmp_path: Path) -> None:
    matrix = np.random.default_rng(1).normal(0, 1, (6, 6)).astype(np.float32)
    QueryAdapter(matrix).save(tmp_path)
    np.testing.assert_array_equal(QueryAdapter.load(tmp_path / ADAPTER_FILE).matrix, matrix)


@pytest.mark.parametrize(
    "tensors",
    [
        {"other": np.zeros((4, 4), np.float32)},
        {"matrix": np.zeros((4, 4), np.float64)},
        {"matrix": np.zeros((4, 5), np.float32)},
        {"matrix": np.zeros((0, 0), np.float32)},
        {"matrix": np.zeros(16, np.float32)},
        {"matrix": np.full((4, 4), np.inf, np.float32)},
        {"matrix": np.full((4, 4), np.nan, np.float32)},
    ],
)
def test_a_file_that_is_no_adapter_is_refused(tensors: dict[str, Any], tmp_path: Path) -> None:
    save_file(tensors, tmp_path / ADAPTER_FILE)
    with pytest.raises(InvalidModel):
        QueryAdapter.load(tmp_path / ADAPTER_FILE)


@pytest.mark.parametrize("content", [b"", b"\x00" * 40, b"\xff" * 9, b"not a tensor file"])
def test_garbage_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / ADAPTER_FILE).write_bytes(content)
    with pytest.raises(InvalidModel, match=ADAPTER_FILE):
        QueryAdapter.load(tmp_path / ADAPTER_FILE)


def test_photos_go_through_it_alone_with_words_and_with_a_box(shop: TinyShop, engine: SearchEngine) -> None:
    publish(shop, turn(2, 5))
    assert first(engine.search(SearchRequest(image=photo_of(2)))) == "p5"
    assert first(engine.search(SearchRequest(image=photo_of(2), box=(0, 0, 32, 32)))) == "p5"
    assert first(engine.search(SearchRequest(image=photo_of(3)))) == "p3"
    mixed = engine.search(SearchRequest(image=photo_of(2), text="axis1", text_weight=0.3))
    assert [hit.product_id for hit in mixed.hits[:2]] == ["p5", "p1"]


def test_words_similar_products_and_new_products_do_not(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("twin", [axis(2), axis(6)])
    publish(shop, turn(2, 5))
    assert first(engine.search(SearchRequest(text="axis2"))) in {"p2", "twin"}
    assert first(engine.search(SearchRequest(product_id="p2"))) == "twin"
    shop.put("new", [[0.0, 0.0, 0.9, 0.0, 0.0, 0.436, 0.0, 0.0]])  # by the projection alone, between both axes
    scores = {hit.product_id: hit.score for hit in engine.search(SearchRequest(image=photo_of(2))).hits}
    assert scores["new"] == pytest.approx(0.436, abs=1e-3)


def test_without_an_adapter_nothing_changes(shop: TinyShop, engine: SearchEngine) -> None:
    generation = load_generation(shop.settings, shop.publish(), shop.backbone)
    assert generation.adapter is None
    rows = np.random.default_rng(2).random((3, DIM)).astype(np.float32)
    np.testing.assert_array_equal(generation.photo_points(rows), generation.projection.apply(rows))
    assert first(engine.search(SearchRequest(image=photo_of(2)))) == "p2"


def test_an_adapter_of_another_width_is_refused(shop: TinyShop) -> None:
    publish(shop, QueryAdapter(np.zeros((DIM + 1, DIM + 1), np.float32)))
    with pytest.raises(InvalidModel, match=f"{DIM} dimensions; got {DIM + 1}"):
        load_generation(shop.settings, shop.store.open(), shop.backbone)
