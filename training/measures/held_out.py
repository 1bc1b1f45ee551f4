"""Held-out queries: picks the same photos for every generation; measures how often photos and names find products."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats

MOST_QUERIES = 2000
_SHARE = 0.1
_MIN_IMAGES = 3
_BLOCK = 256


def held_out(product_keys: NDArray[np.int64], image_sha256: Sequence[str]) -> NDArray[np.bool_]:
    """Returns which photos are queries: those of `may_be_held_out`, at most the 2,000 with the lowest hashes.

    Args:
        product_keys: int64 (m,), ascending.
        image_sha256: (m,).

    Returns:
        bool (m,), at most 2,000 of them True.
    """
    picked = may_be_held_out(product_keys, image_sha256)
    if picked.sum() > MOST_QUERIES:
        draws = np.array([_draw(sha) for sha in image_sha256], np.float64)
        picked &= draws <= np.sort(draws[picked])[MOST_QUERIES - 1]
    return picked


def may_be_held_out(product_keys: NDArray[np.int64], image_sha256: Sequence[str]) -> NDArray[np.bool_]:
    """Returns about 10 % of the photos of products with at least 3, by a hash of the photo itself, bool (m,).

    Whether a photo is held out depends on its content, so that it measures every generation or none. A photo that
    occurs twice is never held out, nor are photos of a product that would have no other photo left.

    Args:
        product_keys: int64 (m,), ascending.
        image_sha256: (m,).
    """
    draws = np.array([_draw(sha) for sha in image_sha256], np.float64)
    _, inverse, counts = np.unique(product_keys, return_inverse=True, return_counts=True)
    _, copies, times = np.unique(np.array(image_sha256, "S64"), return_inverse=True, return_counts=True)
    picked: NDArray[np.bool_] = (draws < _SHARE) & (counts[inverse] >= _MIN_IMAGES) & (times[copies] == 1)
    return picked & (np.bincount(inverse, weights=~picked, minlength=len(counts))[inverse] > 0)


def photo_retrieval(vectors: Floats, product_keys: NDArray[np.int64], queries: NDArray[np.bool_]) -> dict[str, float]:
    """Returns how often held-out photos find their product among the photos that are not held out.

    Args:
        vectors: float32 (m, d), L2 norm 1.
        product_keys: int64 (m,), ascending.
        queries: bool (m,), from `held_out`.

    Returns:
        photo_queries; photo_r1 and photo_r10: the share whose product is the nearest, or among the 10 nearest.
        Only the count if nothing was held out.
    """
    rows = np.flatnonzero(queries)
    if not len(rows):
        return {"photo_queries": 0}
    index, keys = vectors[~queries], product_keys[~queries]
    blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
    found = np.concatenate([_places(vectors[block], product_keys[block], index, keys) for block in blocks])
    return {
        "photo_queries": len(rows),
        "photo_r1": float((found < 1).mean()),
        "photo_r10": float((found < 10).mean()),
    }


def name_retrieval(
    points: Floats, wanted: Sequence[NDArray[np.int64]], vectors: Floats, product_keys: NDArray[np.int64]
) -> dict[str, float]:
    """Returns how often products' own names find them.

    Args:
        points: float32 (n, d), one per name.
        wanted: keys of the products with each name; any of them is right.

    Returns:
        name_queries and name_r1, the share of names whose nearest photo shows a product of that name.
    """
    if not len(points):
        return {"name_queries": 0}
    nearest = np.concatenate(
        [(points[start : start + _BLOCK] @ vectors.T).argmax(axis=1) for start in range(0, len(points), _BLOCK)]
    )
    right = [key in keys for key, keys in zip(product_keys[nearest], wanted, strict=True)]
    return {"name_queries": len(points), "name_r1": float(np.mean(right))}


def _places(queries: Floats, own: NDArray[np.int64], index: Floats, keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns how many other products have a photo nearer than the best of each query's own product."""
    scores = queries @ index.T
    firsts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    best = np.maximum.reduceat(scores, firsts, axis=1)
    mine = np.searchsorted(keys[firsts], own)
    nearer = best > best[np.arange(len(own)), mine][:, None]
    return np.asarray(nearer.sum(axis=1), np.int64)


def _draw(sha256: str) -> float:
    return int.from_bytes(hashlib.sha256(f"held-out:{sha256}".encode()).digest()[:4], "big") / 2**32
