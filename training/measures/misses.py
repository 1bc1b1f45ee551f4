"""Finds the held-out photos that find their product latest, and products whose photos are nearly the same."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.space import duplicate_bound, spread
from training.measures.held_out import held_out

_BLOCK = 256
_SEARCHED_ROWS = 200_000
_COMPARED = 2_000
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Miss:
    """A held-out photo whose product is not the first.

    Attributes:
        place: where its product came, from 2.
        guesses: keys of the first products, best first.
    """

    sha256: str
    product_key: int
    place: int
    guesses: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Lookalikes:
    """Two products that have nearly the same photo, and the cosine of the two."""

    product_keys: tuple[int, int]
    photos: tuple[str, str]
    cosine: float


def photo_misses(
    vectors: Floats, product_keys: Numbers, image_sha256: list[str], *, most: int, guesses: int
) -> list[Miss]:
    """Returns the held-out photos whose product comes latest among the photos that are not held out.

    Args:
        vectors: float32 (n, d), L2 norm 1.
        product_keys: int64 (n,), ascending.
        image_sha256: (n,).
    """
    rows = spread(len(product_keys), _SEARCHED_ROWS) if len(product_keys) else np.zeros(0, np.int64)
    keys = product_keys[rows]
    queries = held_out(keys, [image_sha256[row] for row in rows])
    index, asked = rows[~queries], rows[queries]
    if not len(asked) or not len(index):
        return []
    firsts = np.flatnonzero(np.r_[True, np.diff(product_keys[index]) > 0])
    products, searched = product_keys[index][firsts], vectors[index]
    found: list[Miss] = []
    for start in range(0, len(asked), _BLOCK):
        block = asked[start : start + _BLOCK]
        scores = np.maximum.reduceat(vectors[block] @ searched.T, firsts, axis=1)
        own = scores[np.arange(len(block)), np.searchsorted(products, product_keys[block])]
        places = 1 + (scores > own[:, None]).sum(axis=1)
        for at in np.flatnonzero(places > 1):
            best = np.argsort(-scores[at], kind="stable")[:guesses]
            found.append(
                Miss(
                    sha256=image_sha256[block[at]], product_key=int(product_keys[block[at]]), place=int(places[at]),
                    guesses=tuple(products[best].tolist()),
                )
            )  # fmt: skip
    return sorted(found, key=lambda miss: (-miss.place, miss.sha256))[:most]


def lookalikes(vectors: Floats, product_keys: Numbers, image_sha256: list[str], *, most: int) -> list[Lookalikes]:
    """Returns pairs of products that are near-duplicates by their photos, the most alike first.

    The first photos of at most 2,000 products are compared with the photos of at most 200,000 rows; see
    `engine.space.duplicate_bound` for when two products count.

    Args:
        vectors, product_keys, image_sha256: as for `photo_misses`.
    """
    if len(np.unique(product_keys)) < 2:
        return []
    bound = duplicate_bound(product_keys, lambda rows: vectors[rows])
    firsts = np.flatnonzero(np.r_[True, np.diff(product_keys) > 0])
    asked = firsts[spread(len(firsts), _COMPARED)]
    rows = spread(len(product_keys), _SEARCHED_ROWS)
    searched = vectors[rows]
    found: dict[tuple[int, int], Lookalikes] = {}
    for start in range(0, len(asked), _BLOCK):
        block = asked[start : start + _BLOCK]
        cosines = vectors[block] @ searched.T
        cosines[product_keys[block][:, None] == product_keys[rows][None, :]] = -1
        for at, best in enumerate(cosines.argmax(axis=1).tolist()):
            if cosines[at, best] >= bound:
                pair = _pair(int(block[at]), int(rows[best]), float(cosines[at, best]), product_keys, image_sha256)
                found.setdefault(pair.product_keys, pair)
    return sorted(found.values(), key=lambda pair: (-pair.cosine, pair.product_keys))[:most]


def _pair(one: int, other: int, cosine: float, product_keys: Numbers, image_sha256: list[str]) -> Lookalikes:
    one, other = min(one, other), max(one, other)  # rows ascend by product
    return Lookalikes(
        product_keys=(int(product_keys[one]), int(product_keys[other])),
        photos=(image_sha256[one], image_sha256[other]),
        cosine=round(cosine, 4),
    )
