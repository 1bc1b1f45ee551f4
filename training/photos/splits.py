"""Splits labelled photos by label, seeded; no photo and, with enough products, no product is on both sides."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from training.errors import NotEnoughData
from training.photos.labelled import LabelledPhotos

PRODUCTS_NEEDED = 5
TAKEN_TOGETHER = 7.0  # photos
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Fold:
    """One way to hold photos out.

    Attributes:
        train, held: rows of the photos, int64, disjoint.
        split_by: for each label `product` (all photos of one product on one side) or `photo`.
        straddling: photos dropped from `train` because `held` has the same bytes.
        seed: random seed of the draw.
    """

    train: Numbers
    held: Numbers
    split_by: Mapping[str, str]
    straddling: int
    seed: int

    def among(self, rows: NDArray[np.bool_]) -> "Fold":
        """Returns the fold without the held-out photos that are not in `rows`, bool (n,); those are learned from."""
        stay = rows[self.held]
        return replace(self, train=np.sort(np.concatenate([self.train, self.held[~stay]])), held=self.held[stay])


def split(photos: LabelledPhotos, share: float = 0.2, *, seed: int = 0) -> Fold:
    """Holds out about `share` of each label's photos, at least one, and never all.

    A label with at least 5 products is split by product, so that no product is on both sides; others by photo.

    Raises:
        NotEnoughData: the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise NotEnoughData(f"the share to hold out must be between 0 and 1; got {share}.")
    ranks = _ranks(photos, seed)
    held = np.zeros(len(photos), np.bool_)
    for label in range(len(photos.labels)):
        rows = np.flatnonzero(photos.y == label)
        groups = np.unique(ranks[rows])
        wanted = max(1, round(share * len(groups)))
        held[rows] = ranks[rows] < wanted if wanted < len(groups) else ranks[rows] < len(groups) - 1
    return _fold(photos, held, seed)


def folds(photos: LabelledPhotos, count: int, *, seed: int = 0) -> list[Fold]:
    """Returns `count` folds; every photo is held out in exactly one of them.

    Raises:
        NotEnoughData: fewer than 2 folds are asked for.
    """
    if count < 2:
        raise NotEnoughData(f"--folds must be at least 2; got {count}.")
    ranks = _ranks(photos, seed)
    return [_fold(photos, ranks % count == number, seed) for number in range(count)]


def look_folds(features: Floats, y: Numbers, count: int, *, seed: int = 0, together: float = TAKEN_TOGETHER) -> Numbers:
    """Returns the fold of each photo, int64 (n,); photos of one label that look alike share a fold.

    A shop's photos of one thing are often taken in one go. Folds drawn photo by photo would then test on near copies,
    and flatter. Here each label's photos are clustered (Ward's method on the features) into groups of about 7, and
    whole groups are held out, which is about as hard as photos from another place.

    Args:
        features: float32 (n, d), L2 norm 1.
        y: int64 (n,), label numbers.
        together: about how many share a group.
    """
    from sklearn.cluster import AgglomerativeClustering

    assigned = np.zeros(len(y), np.int64)
    random = np.random.default_rng(seed)
    for label in np.unique(y):
        rows = random.permutation(np.flatnonzero(y == label))
        # Ward's method needs memory with the square of the photos; the rest join the fold of their nearest photo.
        seeds, rest = rows[:_CLUSTERED], rows[_CLUSTERED:]
        clusters = min(len(seeds), max(count, round(len(seeds) / together)))
        found = AgglomerativeClustering(clusters).fit_predict(features[seeds]) if clusters > 1 else np.zeros(len(seeds))
        assigned[seeds] = (random.permutation(max(clusters, count)) % count)[np.asarray(found, np.int64)]
        if len(rest):
            assigned[rest] = assigned[seeds[np.argmax(features[rest] @ features[seeds].T, axis=1)]]
    return assigned


_CLUSTERED = 1000


def _ranks(photos: LabelledPhotos, seed: int) -> Numbers:
    """Numbers each label's groups from 0 in a seeded random order, int64 (n,): photos of one group share a number."""
    ranks = np.zeros(len(photos), np.int64)
    random = np.random.default_rng(seed)
    _, hashes = np.unique(np.array(photos.keys, "S64"), return_inverse=True)
    for label in range(len(photos.labels)):
        rows = np.flatnonzero(photos.y == label)
        groups = photos.products[rows] if _by_product(photos, rows) else hashes[rows]
        names, inverse = np.unique(groups, return_inverse=True)
        ranks[rows] = random.permutation(len(names))[inverse]
    return ranks


def _by_product(photos: LabelledPhotos, rows: Numbers) -> bool:
    return len(np.unique(photos.products[rows])) >= PRODUCTS_NEEDED


def _fold(photos: LabelledPhotos, held: NDArray[np.bool_], seed: int) -> Fold:
    outside = {photos.keys[row] for row in np.flatnonzero(held)}
    straddles = np.array([key in outside for key in photos.keys], np.bool_) & ~held
    by = {
        name: "product" if _by_product(photos, np.flatnonzero(photos.y == label)) else "photo"
        for label, name in enumerate(photos.labels)
    }
    return Fold(
        train=np.flatnonzero(~held & ~straddles),
        held=np.flatnonzero(held),
        split_by=by,
        straddling=int(straddles.sum()),
        seed=seed,
    )
