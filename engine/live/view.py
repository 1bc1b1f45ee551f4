"""`LiveView`: what can be found at one moment. No part of it is as long as the catalogue, so a change costs little."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.columns import within
from data.filters import Filter
from engine.generation import Generation
from engine.live.allowed import Allowed, Rows
from engine.live.delta import Delta, GrowingDelta
from engine.protocols import ANY, Aim, Floats, Hits, Mask, Where
from engine.space import normalise

ProductKeys = NDArray[np.int64]
NO_ROW = -1  # stands for the row of a product that has none
_NONE: Rows = np.zeros(0, np.int64)


@dataclass(frozen=True, kw_only=True)
class LiveView:
    """An immutable view of what can be found. Row numbers count the generation's rows first, then the delta's.

    Attributes:
        generation: the build that is served.
        seq: the catalogue state that the view shows.
        dead: int64 (p,), ascending, the generation's rows whose product was changed or deleted since.
        delta: the photos of the products that changed since.
        edited: int64 (e,), ascending, the generation's rows whose product's facts changed since.
        findable_count: how many products have a row that can be found.
        pending: changed products with photos that are not embedded yet.
    """

    generation: Generation
    seq: int
    dead: Rows
    delta: Delta
    findable_count: int
    pending: int
    edited: Rows

    @classmethod
    def of(cls, generation: Generation) -> "LiveView":
        """Returns the view of a generation alone, as if the catalogue had not changed since it was built."""
        delta = GrowingDelta(generation.index.dim).now()
        return cls(
            generation=generation, seq=generation.seq, dead=_NONE, delta=delta,
            findable_count=generation.rows.product_count, pending=0, edited=_NONE,
        )  # fmt: skip

    @property
    def built(self) -> int:
        """How many rows the generation has."""
        return self.generation.index.count

    @property
    def count(self) -> int:
        """How many rows there are, also those that cannot be found."""
        return self.built + len(self.delta.alive)

    @cached_property
    def findable(self) -> Mask:
        """Which products have a row that can be found, bool, by product_key; as long as the catalogue."""
        built, new = self.generation.rows.products, self.delta.product_keys[self.delta.alive]
        found = np.zeros(max(len(built), int(new.max(initial=0)) + 1), np.bool_)
        found[: len(built)] = built
        found[self.generation.rows.product_keys[self.dead]] = False
        found[new] = True
        return found

    @property
    def rows_per_product(self) -> float:
        """How many rows that can be found a product has on average, at least 1."""
        return max(1.0, self.allowed().count / max(self.findable_count, 1))

    def is_findable(self, product_keys: ProductKeys) -> Mask:
        """Returns which of the products have a row that can be found, bool (p,)."""
        if not len(product_keys):
            return np.zeros(0, np.bool_)
        rows = self.rows_of_any(product_keys)
        return np.isin(product_keys, self.products_of(rows[self.allowed().has(rows)]))

    def is_new(self, product_keys: ProductKeys) -> Mask:
        """Returns which of the products were put since the generation was built and have a row, bool (p,)."""
        if not len(self.delta.alive):
            return np.zeros(len(product_keys), np.bool_)
        return np.isin(product_keys, self.delta.product_keys[self.delta.alive])

    def allowed(
        self, passing: Mask | None = None, left_out: ProductKeys = _NONE, filter_: Filter | None = None
    ) -> Allowed:
        """Returns which rows may be found.

        Args:
            passing: bool, by product_key, which products a filter lets through; None: all.
            left_out: int64, products that may not.
            filter_: that filter; `search` needs both, since some indexes take no mask.
        """
        found = Allowed(self.built, self.dead, None, self.delta.alive)
        if passing is not None:
            built = within(passing, self.generation.rows.product_keys)
            new = self.delta.alive & within(passing, self.delta.product_keys)
            where = None if filter_ is None else Where(filter_, self.edited)
            found = Allowed(self.built, self.dead, built, new, where)
        return found.without(self.rows_of_any(left_out)) if len(left_out) else found

    @property
    def rows_by_product(self) -> Rows:
        """The rows that can be found, int64 (r,), by ascending product; as long as the catalogue."""
        rows = self.allowed().rows
        return rows[np.argsort(self.products_of(rows), kind="stable")]

    def search(self, query: Floats, k: int, allowed: Allowed, aim: Aim = ANY) -> Hits:
        """Finds the k best allowed rows; ties ordered by row.

        Args:
            query: float32 (d,).
            aim: see `VectorIndex.search`.
        """
        old = self.generation.index.search(query[None], k, allowed.passing, allowed.dead, aim, allowed.where)[0]
        if not allowed.added.any():
            return old
        rows = np.flatnonzero(allowed.added)
        few = 2 * len(rows) < len(allowed.added)
        scores = np.einsum("ij,j->i", self.delta.points[rows] if few else self.delta.points, query)
        all_rows = np.concatenate([old.rows, rows + self.built])
        all_scores = np.concatenate([old.scores, scores if few else scores[rows]])
        order = np.lexsort((all_rows, -all_scores))[:k]
        return Hits(all_rows[order], all_scores[order])

    def products_of(self, rows: Rows) -> ProductKeys:
        """Returns the product of each row, int64 (r,)."""
        if not len(self.delta.alive):  # the usual case: nothing has changed since the rebuild
            return self.generation.rows.product_keys[rows]
        found = np.empty(len(rows), np.int64)
        new = rows >= self.built
        found[~new] = self.generation.rows.product_keys[rows[~new]]
        found[new] = self.delta.product_keys[rows[new] - self.built]
        return found

    def vectors(self, rows: Rows) -> Floats:
        """Returns the points of `rows`, float32 (r, d); zeros for `NO_ROW`."""
        if not len(self.delta.alive) and rows.min(initial=0) >= 0:  # they need not be put together
            return self.generation.index.vectors(rows)
        found = np.zeros((len(rows), self.generation.index.dim), np.float32)
        new = rows >= self.built
        old = (rows >= 0) & ~new
        found[old] = self.generation.index.vectors(rows[old])
        found[new] = self.delta.points[rows[new] - self.built]
        return found

    def best_rows(self, product_keys: ProductKeys, query: Floats, allowed: Allowed) -> Hits:
        """Returns each product's allowed row nearest to the query, and its score; `NO_ROW` and 0 if it has none.

        Args:
            product_keys: int64 (p,), each once.
            query: float32 (d,).
        """
        rows = self.rows_of_any(product_keys)
        rows = rows[allowed.has(rows)]
        scores, products = self.vectors(rows) @ query, self.products_of(rows)
        best, found = np.full(len(product_keys), NO_ROW), np.zeros(len(product_keys), np.float32)
        order = np.lexsort((rows, -scores, products))
        keys, first = np.unique(products[order], return_index=True)
        at = np.argsort(product_keys)
        places = at[np.searchsorted(product_keys, keys, sorter=at)]
        best[places], found[places] = rows[order][first], scores[order][first]
        return Hits(best, found)

    def rows_of_any(self, product_keys: ProductKeys) -> Rows:
        """Returns the rows of the given products, int64 (r,), also those that cannot be found."""
        rows = self.generation.rows.rows_of_any(product_keys)
        if not len(self.delta.alive):
            return rows
        new = np.flatnonzero(np.isin(self.delta.product_keys, product_keys))
        return np.concatenate([rows, new + self.built])

    def rows_of(self, product_key: int) -> Rows:
        """Returns the rows of one product that can be found, int64 (r,)."""
        rows = self.rows_of_any(np.array([product_key]))
        return rows[self.allowed().has(rows)]

    def image_keys(self, rows: Rows) -> NDArray[np.int64]:
        """Returns the image that each row shows, int64 (r,)."""
        found = np.empty(len(rows), np.int64)
        new = rows >= self.built
        found[~new] = self.generation.rows.image_keys[rows[~new]]
        found[new] = self.delta.image_keys[rows[new] - self.built]
        return found

    def image_sha256(self, rows: Rows) -> NDArray[np.bytes_]:
        """Returns the sha256 of the photo that each row shows, bytes (r,), ASCII hex; empty for `NO_ROW`."""
        found = np.full(len(rows), b"", "S64")
        new = rows >= self.built
        old = (rows >= 0) & ~new
        found[old] = self.generation.rows.image_sha256[rows[old]]
        found[new] = self.delta.sha256[rows[new] - self.built]
        return found

    def centroids(self, product_keys: ProductKeys) -> Floats:
        """Returns the mean point of each product's photos, float32 (p, d), L2 norm 1, without products that have none.

        Args:
            product_keys: int64, each once.
        """
        rows = self.rows_of_any(product_keys)
        rows = rows[self.allowed().has(rows)]
        products, places = np.unique(self.products_of(rows), return_inverse=True)
        sums = np.zeros((len(products), self.generation.index.dim), np.float32)
        np.add.at(sums, places, self.vectors(rows))
        return normalise(sums)
