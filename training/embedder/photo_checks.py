"""Measures that tell spaces apart where no product has several photos: copies of held-out photos, and categories."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from training.embedder.material import Material

MOST_QUERIES = 1000
_BLOCK = 128
_ENOUGH_PHOTOS = 50  # held-out photos; from so many on they measure what copies only stand in for
_NOISE = 2.0  # standard errors; a smaller difference says nothing
Numbers = NDArray[np.int64]
Outcomes = Mapping[str, NDArray[np.bool_]]


def copied_rows(material: Material, products: NDArray[np.bool_]) -> Numbers:
    """Returns the rows of at most 1,000 photos of these products that can be asked for by a copy of theirs.

    Args:
        products: bool (p,), the products that were left out of training.
    """
    rows = np.flatnonzero(products[material.products] & ~material.photos.held[: material.real])
    return _few(rows) if material.copies else rows[:0]


def photo_outcomes(points: Floats, copies: Floats, material: Material, products: NDArray[np.bool_]) -> Outcomes:
    """Returns for each measure whether each query found what it should; measures without queries are left out.

    `photo_r1`: the nearest other photo of a held-out photo shows its product. `copy_r1`: the nearest photo of an
    augmented copy shows its product; it stands in where few photos are held out. `category_r1`: the nearest photo of
    another product is of the same category.

    Args:
        points: float32 (real, d), the catalogue's photos in the space.
        copies: float32 (c, d), the copies of `copied_rows` in the space.
        products: bool (p,), the products that were left out of training.
    """
    own, kinds, held = material.products, material.kinds[material.products], material.photos.held[: material.real]
    photos, copied = _few(np.flatnonzero(held)), copied_rows(material, products)
    kin = _few(np.flatnonzero((held | products[own]) & (kinds >= 0)))
    index = np.flatnonzero(~held)
    found = {
        "photo_r1": own[index[_nearest(points[photos], points[index])]] == own[photos],
        "copy_r1": own[index[_nearest(copies, points[index])]] == own[copied],
        "category_r1": kinds[index[_nearest(points[kin], points[index], own[kin], own[index])]] == kinds[kin],
    }
    if len(photos) >= _ENOUGH_PHOTOS:
        del found["copy_r1"]
    return {name: right for name, right in found.items() if len(right)}


def photo_figures(outcomes: Outcomes) -> dict[str, float]:
    """Returns the share of right answers of each measure, and its number of queries."""
    shares = {name: float(right.mean()) for name, right in outcomes.items()}
    return shares | {f"{name.rsplit('_', 1)[0]}_queries": len(right) for name, right in outcomes.items()}


def falls_below(outcomes: Outcomes, others: Outcomes, whose: str) -> str:
    """Returns the first measure that is below the others' by more than two standard errors, in words; or "".

    The queries are the same, so only those that one space answers and the other does not count (McNemar, 1947).

    Args:
        whose: what the others are called.
    """
    for name, right in outcomes.items():
        if name not in others:
            continue
        won, lost = int((right & ~others[name]).sum()), int((others[name] & ~right).sum())
        if lost - won > _NOISE * (won + lost) ** 0.5:
            return f"{name} {right.mean():.4f} is below {whose} {others[name].mean():.4f} by more than chance"
    return ""


def _nearest(asked: Floats, index: Floats, own: Numbers | None = None, owners: Numbers | None = None) -> Numbers:
    """Returns the place of the nearest row of `index` for each query, int64 (n,), where given of another product."""
    nearest = np.zeros(len(asked), np.int64)
    for start in range(0, len(asked), _BLOCK):
        scores = asked[start : start + _BLOCK] @ index.T
        if own is not None and owners is not None:
            scores[own[start : start + _BLOCK, None] == owners[None, :]] = -np.inf
        nearest[start : start + _BLOCK] = scores.argmax(axis=1)
    return nearest


def _few(rows: Numbers) -> Numbers:
    return rows[:: max(1, -(-len(rows) // MOST_QUERIES))]
