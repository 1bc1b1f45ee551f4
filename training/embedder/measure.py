"""Holds out queries and products from the query embedder's training, and measures spaces on them."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.space import QueryAdapter
from engine.text import TextHead
from training.embedder.material import Material
from training.embedder.photo_checks import photo_figures, photo_outcomes

_SHARE = 0.1
_LEAST_PRODUCTS = 30  # of fewer, a tenth is too few to measure and too many to lose
_MOST_QUERIES = 1000
_BLOCK = 128
_MOST_CELLS = 50_000_000
_SHARES = {"copy_r1": 0.5}
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Held:
    """The queries and products that were kept out of training.

    Attributes:
        queries: int64 (a,), texts whose products were trained on with other texts.
        product_queries: int64 (b,), texts of products that were not trained on at all.
        products: bool (p,), the products that were not trained on.
    """

    queries: Numbers
    product_queries: Numbers
    products: NDArray[np.bool_]


def hold_out(material: Material, seed: int) -> tuple[Material, Held]:
    """Holds out a tenth of the products and of the others' texts; returns the remaining material, and both."""
    bank, count = material.bank, len(material.keys)
    real = bank.products < count
    texts = len(bank.features)
    held = np.zeros(count, np.bool_)
    if count >= _LEAST_PRODUCTS:
        held = _draws([str(key) for key in material.keys.tolist()], f"product:{seed}") < _SHARE
    of_held = np.concatenate([held, np.zeros(max(0, int(bank.products.max(initial=0)) + 1 - count), np.bool_)])
    unseen_pairs = of_held[bank.products]
    only_held = np.bincount(bank.texts, weights=unseen_pairs, minlength=texts) == np.bincount(
        bank.texts, minlength=texts
    )
    product_queries = np.setdiff1d(np.flatnonzero(only_held), bank.texts[~unseen_pairs])
    product_queries = product_queries[np.isin(product_queries, bank.texts[unseen_pairs])]
    picked = _pick_texts(material, real & ~unseen_pairs, seed)
    kept = ~unseen_pairs & ~picked[bank.texts]
    photos, chosen = material.query_photos
    learned = ~held[chosen]
    rest = replace(
        material,
        bank=replace(bank, texts=bank.texts[kept], products=bank.products[kept], weights=bank.weights[kept]),
        photos=replace(material.photos, held=material.photos.held | of_held[material.photos.products]),
        query_photos=(photos[learned], chosen[learned]),
    )
    return rest, Held(queries=_few(np.flatnonzero(picked)), product_queries=_few(product_queries), products=held)


def _pick_texts(material: Material, usable: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """Picks a tenth of the texts, none of which is the only one of a product."""
    bank, texts = material.bank, len(material.bank.features)
    chance = _draws(list(material.texts), f"text:{seed}") < _SHARE
    used = np.zeros(texts, np.bool_)
    used[bank.texts[usable]] = True
    picked = chance & used
    left = np.bincount(bank.products[usable & ~picked[bank.texts]], minlength=int(bank.products.max(initial=0)) + 1)
    needed = bank.texts[usable & (left[bank.products] == 0)]
    picked[needed] = False
    return picked


def figures_of(
    points: Floats, head: TextHead | None, material: Material, held: Held, copies: Floats | None = None
) -> dict[str, float]:
    """Returns how well a space does on the held-out queries, products and photos.

    Args:
        points: float32 (real, d), the catalogue's photos in the space.
        head: maps text features into the space.
        copies: float32 (c, d), the copies of `copied_rows` in the space; None: photos are not measured.

    Returns:
        query_mrr and product_mrr: the mean reciprocal rank of the first right product, scored by its nearest photo, for
        held-out texts of products that were trained on, and of products that were not. photo_r1, copy_r1 and
        category_r1: see `photo_outcomes`. The number of queries of each figure. Figures without queries are left out.
    """
    figures: dict[str, float] = {}
    for name, queries in (("query", held.queries), ("product", held.product_queries)):
        if len(queries) and head is not None:
            figures[f"{name}_mrr"] = _mean_reciprocal_rank(points, head, material, queries)
            figures[f"{name}_queries"] = len(queries)
    if copies is None:
        return figures
    return figures | photo_figures(photo_outcomes(points, copies, material, held.products))


def score_of(figures: dict[str, float]) -> float:
    """Returns the mean of the figures, weighted by the square root of their numbers of queries; 0 if there are none.

    A figure of ten queries is mostly chance, and must not outweigh one of a thousand. Copies count half, because they
    are made up.
    """
    values = {name: value for name, value in figures.items() if not name.endswith("queries")}
    weights = [figures[f"{name.rsplit('_', 1)[0]}_queries"] ** 0.5 * _SHARES.get(name, 1.0) for name in values]
    return float(np.average(list(values.values()), weights=weights)) if values else 0.0


def text_table(points: Floats, head: TextHead, material: Material, held: Held) -> tuple[Floats, NDArray[np.bool_]]:
    """Returns cosines of held-out texts and each product's best photo, float32 (n, p), and which are right, bool."""
    queries = _few(np.concatenate([held.queries, held.product_queries]), _MOST_CELLS // max(len(points), 1))
    scores = _scores(_asked(head, material, queries), points, material.products)
    right = np.zeros(scores.shape, np.bool_)
    for row, query in enumerate(queries):
        right[row, _right_products(material, int(query))] = True
    return scores, right


def photo_table(
    points: Floats, material: Material, adapter: QueryAdapter | None = None
) -> tuple[Floats, NDArray[np.bool_]]:
    """Returns what `text_table` does for held-out photos, searched among the others, through the adapter if given.

    Args:
        points: float32 (real, d), the catalogue's photos in the space.
    """
    index, queries = material.measured_photos()
    queries = _few(queries, _MOST_CELLS // max(len(points), 1))
    products = material.products[index]
    asked = points[queries] if adapter is None else adapter.apply(points[queries])
    scores = _scores(asked, points[index], products)
    return scores, material.products[queries][:, None] == np.unique(products)[None, :]


def _mean_reciprocal_rank(points: Floats, head: TextHead, material: Material, queries: Numbers) -> float:
    ranks: list[float] = []
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK]
        best = _scores(_asked(head, material, block), points, material.products)
        for row, query in zip(best, block, strict=True):
            right = _right_products(material, int(query))
            ranks.append(1.0 / (1 + int((row > row[right].max() + 1e-6).sum())))
    return float(np.mean(ranks))


def _asked(head: TextHead, material: Material, queries: Numbers) -> Floats:
    return head.apply(material.bank.features[queries].astype(np.float32))


def _right_products(material: Material, query: int) -> Numbers:
    return np.asarray(material.bank.products[material.bank.texts == query], np.int64)


def _scores(queries: Floats, points: Floats, products: Numbers) -> Floats:
    """Returns the cosine of each query and the best photo of each product, float32 (n, p)."""
    firsts = np.flatnonzero(np.r_[True, np.diff(products) > 0])
    return np.asarray(np.maximum.reduceat(queries @ points.T, firsts, axis=1), np.float32)


def _draws(names: list[str], salt: str) -> NDArray[np.float64]:
    hashes = [hashlib.sha256(f"{salt}:{name}".encode("utf-8", "surrogatepass")).digest()[:4] for name in names]
    return np.array([int.from_bytes(value, "big") for value in hashes], np.float64) / 2**32


def _few(queries: Numbers, most: int = _MOST_QUERIES) -> Numbers:
    return queries[:: max(1, -(-len(queries) // max(1, min(most, _MOST_QUERIES))))]


def plain(figures: dict[str, float]) -> dict[str, Any]:
    """Returns the figures, rounded for a report."""
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}
