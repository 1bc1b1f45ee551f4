"""A change of a very large catalogue, and the search after it, make no array as long as the catalogue."""

import tracemalloc
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from tiny_shop import DIM, TinyShop, axis

from data.settings import Settings
from engine.generation import Generation, RowTable, load_generation
from engine.live.tracker import Tracker
from engine.protocols import Aim, Floats, Hits, Mask

ROWS = 400_000


class FirstRows:
    """Stands for the index of a large catalogue: it finds the first rows, and keeps no vectors."""

    count, dim = ROWS, DIM

    def search(
        self, queries: Floats, k: int, allowed: Mask | None, dead: np.ndarray[Any, Any], aim: Aim, where: None
    ) -> list[Hits]:
        assert allowed is None
        rows = np.setdiff1d(np.arange(k + len(dead)), dead)[:k]
        return [Hits(rows, np.linspace(0.9, 0.5, len(rows), dtype=np.float32))]

    def vectors(self, rows: np.ndarray[Any, Any]) -> Floats:
        return np.ones((len(rows), DIM), np.float32)


def large_generation(shop: TinyShop) -> Generation:
    shop.put("a", [axis(0)])
    shop.publish()
    small = load_generation(shop.settings, shop.store.open(), shop.backbone)
    table = RowTable(
        product_keys=np.arange(1, ROWS + 1), image_keys=np.arange(1, ROWS + 1), image_sha256=np.zeros(ROWS, "S64")
    )
    assert table.product_count == ROWS  # made once, when it is first needed
    return cast(Generation, SimpleNamespace(
        id=small.id, seq=small.seq, spec=small.spec, projection=small.projection, index=FirstRows(), rows=table
    ))  # fmt: skip


def test_a_change_and_the_next_search_cost_what_changed(settings: Settings) -> None:
    shop = TinyShop(settings)
    tracker = Tracker(settings, large_generation(shop))
    tracker.follow(shop.catalogue, shop.catalogue.seq())
    shop.put("b", [axis(1)])
    shop.put("a", [axis(2)])
    key_of = {name: shop.catalogue.get(name).product_key for name in "ab"}
    tracemalloc.start()
    view = tracker.follow(shop.catalogue, shop.catalogue.seq())
    allowed = view.allowed(left_out=np.array([key_of["b"], 9]))
    hits = view.search(np.array(axis(2), np.float32), 50, allowed)
    found = view.products_of(hits.rows)
    view.best_rows(np.array([3, 4, key_of["a"]]), np.array(axis(2), np.float32), allowed)
    findable = view.is_findable(np.array([key_of["a"], key_of["b"], ROWS + 7]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < ROWS / 2  # bytes; one mask of all rows has twice as many
    assert found[0] == key_of["a"]
    assert not {key_of["b"], 9} & set(found.tolist())
    assert findable.tolist() == [True, True, False]
    assert view.findable_count == ROWS
