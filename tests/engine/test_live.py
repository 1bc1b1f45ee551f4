"""The live view: what can be found is exactly what the catalogue holds, generation or not."""

import shutil
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tiny_shop import DIM, TinyShop, axis, name_of

from data.columns import ColumnStore
from data.errors import CorruptGeneration, NoGeneration
from data.features import FeatureStore
from data.filters import parse_filter
from data.settings import Settings
from engine.answers import rank_products
from engine.live import LiveIndex, LiveView
from engine.protocols import Floats


@pytest.fixture
def live(shop: TinyShop) -> LiveIndex:
    return LiveIndex(shop.settings, shop.catalogue, shop.backbone)


def found(view: LiveView, shop: TinyShop, query: list[float], *, filter_text: str = "", k: int = 100) -> list[str]:
    """Returns the ids of the products found, best first."""
    passing = ColumnStore(shop.catalogue).passing(parse_filter(filter_text)) if filter_text else None
    ranked = rank_products(view, np.array(query, np.float32), k, view.allowed(passing))
    facts = shop.catalogue.facts(ranked.product_keys.tolist())
    return [facts[int(key)].product.product_id for key in ranked.product_keys]


def test_nothing_published_is_an_error(live: LiveIndex) -> None:
    with pytest.raises(NoGeneration, match="lookalike rebuild"):
        live.view()


def test_an_added_changed_and_deleted_product_is_seen_at_once(shop: TinyShop, live: LiveIndex) -> None:
    shop.put("a", [axis(0)])
    shop.put("b", [axis(1)])
    shop.publish()
    assert found(live.view(), shop, axis(0))[0] == "a"
    shop.put("c", [axis(2)])
    assert found(live.view(), shop, axis(2))[0] == "c"
    shop.put("a", [axis(3)])
    view = live.view()
    ranked = rank_products(view, np.array(axis(0), np.float32), 9, view.allowed())
    assert max(ranked.scores) == 0  # the old photo of a is gone
    assert found(view, shop, axis(3))[0] == "a"
    shop.catalogue.delete("b")
    assert found(live.view(), shop, axis(1)) == ["a", "c"]


def test_a_view_never_changes(shop: TinyShop, live: LiveIndex) -> None:
    shop.put("a", [axis(0)])
    shop.put("b", [axis(1)])
    shop.publish()
    before = live.view()
    rows = before.allowed().rows.tolist()
    shop.catalogue.delete("a")
    shop.put("c", [axis(2)])
    live.view()
    assert before.allowed().rows.tolist() == rows
    assert before.count == 2


def test_a_product_that_changes_back_is_found_once(shop: TinyShop, live: LiveIndex) -> None:
    shop.put("a", [axis(0)])
    shop.publish()
    live.view()
    shop.put("a", [axis(1)])
    live.view()
    shop.put("a", [axis(0)])
    assert found(live.view(), shop, axis(0)) == ["a"]
    shop.catalogue.delete("a")
    assert found(live.view(), shop, axis(0)) == []


def test_a_restarted_index_sees_the_changes_too(shop: TinyShop, live: LiveIndex) -> None:
    shop.put("a", [axis(0)])
    shop.publish()
    live.view()
    shop.put("b", [axis(1)])
    restarted = LiveIndex(shop.settings, shop.catalogue, shop.backbone)
    assert found(restarted.view(), shop, axis(1)) == ["b", "a"]


def test_a_photo_without_features_is_pending_and_found_once_it_has_them(
    shop: TinyShop, live: LiveIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.live.tracker._RETRY_PENDING_S", 0.0)
    monkeypatch.setattr("engine.live.tracker._RETRY_SHARE", float("inf"))
    shop.put("a", [axis(0)])
    shop.publish()
    shop.put("b", [axis(1), axis(2)], embedded=False)
    assert live.view().pending == 1
    assert found(live.view(), shop, axis(1)) == ["a"]
    shop.embed(axis(1))
    assert live.view().pending == 1
    assert found(live.view(), shop, axis(1)) == ["b", "a"]
    shop.embed(axis(2))
    assert live.view().pending == 0
    assert len(live.view().rows_of(shop.catalogue.get("b").product_key)) == 2


def test_features_of_many_changed_products_are_never_in_memory_all_at_once(
    shop: TinyShop, live: LiveIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, counts = FeatureStore.read, list[int]()

    def counted(self: FeatureStore, keys: Sequence[str]) -> Floats:
        counts.append(len(keys))
        return read(self, keys)

    monkeypatch.setattr("engine.live.tracker._ROWS_AT_ONCE", 3, raising=False)
    monkeypatch.setattr(FeatureStore, "read", counted)
    shop.put("a", [axis(0)])
    shop.publish()
    for number in range(1, 8):
        shop.put(f"p{number}", [axis(number)])
    counts.clear()
    assert [found(live.view(), shop, axis(number))[0] for number in range(1, 8)] == [f"p{n}" for n in range(1, 8)]
    assert counts == [3, 3, 1]


def test_pending_photos_are_looked_for_also_while_facts_go_on_changing(
    shop: TinyShop, live: LiveIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.live.tracker._RETRY_PENDING_S", 0.0)
    shop.put("a", [axis(0)])
    shop.publish()
    shop.put("b", [axis(1)], embedded=False)
    assert live.view().pending == 1
    shop.embed(axis(1))
    shop.put("a", [axis(0)], price=1)
    assert found(live.view(), shop, axis(1)) == ["b", "a"]


def test_a_filter_gives_k_products_when_k_exist(shop: TinyShop, live: LiveIndex) -> None:
    for number in range(40):
        shop.put(f"p{number:02d}", [axis(number % DIM)], brand="x" if number % 5 == 0 else "y")
    shop.publish()
    shop.put("new", [axis(0)], brand="x")
    assert len(found(live.view(), shop, axis(3), filter_text='brand = "x"', k=9)) == 9
    assert found(live.view(), shop, axis(3), filter_text='brand = "z"') == []


def test_a_new_generation_is_swapped_in_and_the_delta_starts_anew(shop: TinyShop, live: LiveIndex) -> None:
    shop.put("a", [axis(0)])
    first = shop.publish()
    shop.put("b", [axis(1)])
    assert live.view().generation.id == first.id
    second = shop.publish()
    live.view()
    live.wait(10)
    view = live.view()
    assert view.generation.id == second.id
    assert len(view.delta.alive) == 0
    assert found(view, shop, axis(1)) == ["b", "a"]


def test_a_damaged_generation_is_never_served_and_named(shop: TinyShop, live: LiveIndex) -> None:
    shop.put("a", [axis(0)])
    first = shop.publish()
    live.view()
    shop.put("b", [axis(1)])
    second = shop.publish()
    path = second.folder / "index.faiss"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    live.view()
    live.wait(10)
    view = live.view()
    assert view.generation.id == first.id
    assert "index.faiss" in live.swap_error
    assert found(view, shop, axis(1)) == ["b", "a"]  # changes go on being seen
    assert live.view() is view  # a failed load is not tried again at every query


def test_a_generation_that_fails_unexpectedly_is_named_and_not_tried_again_at_every_query(
    shop: TinyShop, live: LiveIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put("a", [axis(0)])
    shop.publish()
    live.view()
    tries: list[str] = []

    def failing(generation: str) -> Any:
        tries.append(generation)
        raise KeyError("planted")

    monkeypatch.setattr(live, "_load", failing)
    second = shop.publish()
    for _ in range(3):
        live.view()
        live.wait(10)
    assert (tries, "KeyError" in live.swap_error) == ([second.id], True)


def test_a_damaged_current_does_not_end_what_is_served(shop: TinyShop, live: LiveIndex) -> None:
    shop.put("a", [axis(0)])
    first = shop.publish()
    live.view()
    current = shop.settings.home / "CURRENT"
    current.write_text("nonsense")
    shop.put("b", [axis(1)])
    assert found(live.view(), shop, axis(1)) == ["b", "a"]
    assert "CURRENT" in live.swap_error
    with pytest.raises(CorruptGeneration):
        LiveIndex(shop.settings, shop.catalogue, shop.backbone).view()
    current.write_text(f"{first.id}\n")
    live.view()
    assert live.swap_error == ""


def test_a_generation_that_was_rolled_back_while_it_was_loaded_is_not_served(shop: TinyShop, live: LiveIndex) -> None:
    shop.put("a", [axis(0)])
    first = shop.publish()
    live.view()
    second = shop.publish()
    shop.store.rollback()
    live._swap(second.id)  # as the thread that had begun before does
    assert live.view().generation.id == first.id


def test_many_threads_share_one_first_load(shop: TinyShop, live: LiveIndex) -> None:
    shop.put("a", [axis(0)])
    shop.publish()
    views: list[LiveView] = []
    threads = [threading.Thread(target=lambda: views.append(live.view())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len({id(view) for view in views}) == 1


def test_photos_that_were_changed_again_do_not_count_as_rows_of_a_product(shop: TinyShop, live: LiveIndex) -> None:
    shop.put("a", [axis(0), axis(1)])
    shop.put("b", [axis(0), axis(1)])
    shop.publish()
    for number in range(2, 6):
        shop.put("a", [axis(number), axis(number + 1)])
        view = live.view()
    assert (view.count, view.findable_count, view.rows_per_product) == (12, 2, 2.0)


def test_a_restored_older_catalogue_is_followed_again(shop: TinyShop, live: LiveIndex, tmp_path: Path) -> None:
    shop.put("a", [axis(0)])
    shop.publish()
    shop.catalogue.backup(tmp_path / "backup.db")
    shop.put("b", [axis(1)])
    assert found(live.view(), shop, axis(1)) == ["b", "a"]
    for leftover in shop.settings.home.glob("catalog.db*"):
        leftover.unlink()
    shutil.copyfile(tmp_path / "backup.db", shop.settings.home / "catalog.db")
    restored = TinyShop(shop.settings)
    live._catalogue = restored.catalogue
    assert found(live.view(), restored, axis(1)) == ["a"]


POINTS = [axis(number) for number in range(4)] + [[0.6, 0.8] + [0.0] * 6, [0.8, 0.6] + [0.0] * 6]
IDS = ["a", "b", "c", "d", "e"]
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"),
            st.sampled_from(IDS),
            st.lists(st.integers(0, len(POINTS) - 1), min_size=1, max_size=3, unique=True),
            st.booleans(),
        ),
        st.tuples(st.just("delete"), st.sampled_from(IDS)),
        st.tuples(st.just("publish")),
        st.tuples(st.just("restart")),
    ),
    min_size=1,
    max_size=12,
)


@hypothesis_settings(max_examples=25, deadline=None)
@given(steps)
def test_any_sequence_of_changes_is_found_exactly(sequence: list[tuple[Any, ...]]) -> None:
    """The oracle: the products as a plain dict, searched by brute force."""
    home = Path(tempfile.mkdtemp())
    try:
        shop = TinyShop(Settings(home=home))
        live = LiveIndex(shop.settings, shop.catalogue, shop.backbone)
        shop.publish()
        truth: dict[str, tuple[list[int], str]] = {}
        for step in sequence:
            if step[0] == "put":
                brand = "x" if step[3] else "y"
                shop.put(step[1], [POINTS[point] for point in step[2]], brand=brand)
                truth[step[1]] = (step[2], brand)
            elif step[0] == "delete":
                shop.catalogue.delete(step[1])
                truth.pop(step[1], None)
            elif step[0] == "publish":
                shop.publish()
            elif step[0] == "restart":
                live = LiveIndex(shop.settings, shop.catalogue, shop.backbone)
            live.view()
            live.wait(10)
            _compare(live.view(), shop, truth)
    finally:
        shutil.rmtree(home)


def _compare(view: LiveView, shop: TinyShop, truth: dict[str, tuple[list[int], str]]) -> None:
    for query in (POINTS[0], POINTS[1]):
        for filter_text, brands in (("", "xy"), ('brand = "x"', "x")):
            expected = {
                product: max(float(np.dot(_unit(POINTS[point]), np.array(query, np.float32))) for point in points)
                for product, (points, brand) in truth.items()
                if brand in brands
            }
            got = found(view, shop, query, filter_text=filter_text)
            assert sorted(got) == sorted(expected)
            scores = [round(expected[product], 3) for product in got]
            assert scores == sorted(scores, reverse=True)
            keys = [shop.catalogue.get(product).product_key for product in got]
            tied = [first for first in range(1, len(got)) if scores[first] == scores[first - 1]]
            assert all(keys[place - 1] < keys[place] for place in tied)


def _unit(point: list[float]) -> Floats:
    stored = np.array(point, np.float16).astype(np.float32)
    return stored / np.linalg.norm(stored)


def test_names_of_photos_come_from_both_parts(shop: TinyShop, live: LiveIndex) -> None:
    shop.put("a", [axis(0)])
    shop.publish()
    shop.put("b", [axis(1)])
    names = live.view().image_sha256(np.array([1, 0]))
    assert [name.decode() for name in names] == [name_of(axis(1)), name_of(axis(0))]
    np.testing.assert_array_equal(live.view().vectors(np.array([1, 0])), [axis(1), axis(0)])
