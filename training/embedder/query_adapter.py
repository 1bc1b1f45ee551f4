"""Trains the optional query adapter on query photos whose product is known; everything else stays frozen.

Query photos are photos after which shoppers chose a product, and augmented copies of the catalogue's photos, for a shop
that has no such photos yet. A copy is moved towards the other photos of its product, never towards the photo it was
made from. Only products of other queries count as wrong answers: a product that nobody has photographed would always
be a wrong answer, and sink.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.space import Projection, QueryAdapter, normalise, spread
from training.context import TrainingContext
from training.embedder.material import Material, known_photos
from training.embedder.pairs import Pairs
from training.photos import copy_key

_LEAST_QUERIES = 20
_MOST_QUERIES = 20_000  # photos, and as many copies
_COPIES = 2
_BLOCK = 1024
_STEPS = 100
_BATCH = 256
_TEMPERATURE = 0.05
_PENALTY = 0.03  # on the squared matrix: keeps apart the products that no query photo shows
_RATE = 1e-3
Numbers = NDArray[np.int64]
Truths = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class PhotoQueries:
    """Query photos whose right product is known.

    Attributes:
        names: (n,), the photos' keys in the feature store.
        products: int64 (n,), places in `Material.keys`.
        rows: int64 (n,), the catalogue's photo that a copy was made from; -1: a shopper's own photo.
    """

    names: tuple[str, ...]
    products: Numbers
    rows: Numbers

    def __len__(self) -> int:
        return len(self.names)

    def only(self, chosen: Truths) -> Self:
        names = tuple(self.names[at] for at in np.flatnonzero(chosen))
        return type(self)(names=names, products=self.products[chosen], rows=self.rows[chosen])

    def points(self, context: TrainingContext, space: Projection) -> Floats:
        """Returns the photos' points in a space, float32 (n, d)."""
        blocks = [
            space.apply(context.features.read(self.names[at : at + _BLOCK])) for at in range(0, len(self), _BLOCK)
        ]
        return np.concatenate(blocks) if blocks else np.zeros((0, space.space_dim), np.float32)


def gather_queries(context: TrainingContext, pairs: Pairs, material: Material) -> PhotoQueries:
    """Returns the query photos: shoppers' photos and the stored copies of the catalogue's photos."""
    photos, products = known_photos(context, pairs, material.keys)
    few = spread(len(photos), _MOST_QUERIES)
    names, chosen, rows = [photos[at] for at in few], [products[few]], [np.full(len(few), -1, np.int64)]
    shown = spread(material.real, _MOST_QUERIES // _COPIES)
    for name in (partial(copy_key, number=number) for number in range(_COPIES)):
        keys = [name(material.sha256[row]) for row in shown]
        missing = set(context.features.missing(keys))
        there = shown[[key not in missing for key in keys]]
        names += [name(material.sha256[row]) for row in there]
        chosen.append(material.products[there])
        rows.append(there)
    return PhotoQueries(names=tuple(names), products=np.concatenate(chosen), rows=np.concatenate(rows))


def train_adapter(
    context: TrainingContext,
    queries: PhotoQueries,
    material: Material,
    held: Truths,
    spaces: tuple[Projection, Projection],
) -> tuple[QueryAdapter | None, dict[str, Any]]:
    """Learns without the held-out products and measures on their query photos; if that is not worse, learns on all.

    It is measured on shoppers' photos if at least 20 of them show a held-out product, otherwise on copies as well.

    Args:
        held: bool (p,), the held-out products.
        spaces: the space trained without these products, and the space to be published.

    Returns:
        The adapter, or None if it was worse or could not be measured; and the figures: `published`, `reason`, the
        numbers of `photos`, `copies` and `held_out` queries, and recall@1 of the latter `without` and `adapted`.
    """
    own = queries.rows < 0
    counts = {"photos": int(own.sum()), "copies": int((~own).sum())}
    asked = held[queries.products]
    enough = (asked & own).sum() >= _LEAST_QUERIES
    measured = queries.only(asked & own if enough else asked)
    learned = own | ~material.photos.held[queries.rows]
    counts["held_out"] = len(measured)
    if len(measured) < _LEAST_QUERIES or (learned & ~asked).sum() < _LEAST_QUERIES:
        reason = f"at least {_LEAST_QUERIES} query photos of held-out products, and as many of others, are needed"
        return None, {"published": False, "reason": reason, **counts}
    first, final = spaces
    trial = learn_adapter(context, queries.only(learned & ~asked), material, first)
    photos, points = catalogue_points(context, material, first), measured.points(context, first)
    without, adapted = (recall(rows, measured, photos, material) for rows in (points, trial.apply(points)))
    figures = {**counts, "without": round(without, 4), "adapted": round(adapted, 4)}
    if adapted < without:
        reason = f"recall@1 of held-out query photos {adapted:.4f} is below {without:.4f} without it"
        return None, {"published": False, "reason": reason, **figures}
    adapter = learn_adapter(context, queries.only(learned), material, final)
    return adapter, {"published": True, "reason": "", **figures}


def recall(asked: Floats, queries: PhotoQueries, photos: Floats, material: Material) -> float:
    """Returns recall@1 of query photos among all products, each scored by its best photo.

    The photo that a copy was made from does not count, unless its product has no other.

    Args:
        asked: float32 (n, d), the queries' points.
        photos: float32 (real, d), the points of the catalogue's photos.
    """
    firsts = np.flatnonzero(np.r_[True, np.diff(material.products) > 0])
    several = np.bincount(material.products, minlength=len(material.keys)) > 1
    hidden = (queries.rows >= 0) & several[queries.products]
    found = 0
    for start in range(0, len(queries), _BLOCK):
        block = slice(start, start + _BLOCK)
        likeness = asked[block] @ photos.T
        lines = np.flatnonzero(hidden[block])
        likeness[lines, queries.rows[block][lines]] = -np.inf
        best = np.maximum.reduceat(likeness, firsts, axis=1).argmax(axis=1)
        found += int((material.products[firsts][best] == queries.products[block]).sum())
    return found / max(len(queries), 1)


def learn_matrix(asked: Floats, products: Numbers, targets: Floats, seed: int = 0) -> Floats:
    """Returns the adapter's matrix float32 (d, d), learned from the zero matrix by Adam on batches of queries.

    Args:
        asked: float32 (n, d), the queries' points.
        products: int64 (n,), the product that each shows.
        targets: float32 (n, d), L2 norm 1, the point that each is moved towards.
    """
    import torch

    random, width = np.random.default_rng(seed), asked.shape[1]
    matrix = torch.zeros(width, width, requires_grad=True)
    adam = torch.optim.Adam([matrix], _RATE)
    for _ in range(_STEPS):
        drawn = random.integers(len(asked), size=_BATCH)
        adam.zero_grad()
        _loss(asked[drawn], products[drawn], targets[drawn], matrix).backward()
        adam.step()
    learned: Floats = matrix.detach().numpy()
    return learned


def _loss(asked: Floats, products: Numbers, targets: Floats, matrix: Any) -> Any:
    """Returns the InfoNCE loss of adapted queries and their targets, plus the penalty on the matrix: a torch scalar.

    van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018. Other targets of a query's
    own product are left out of its comparison.
    """
    import torch
    from torch.nn import functional

    rows = torch.from_numpy(asked)
    logits = functional.normalize(rows + rows @ matrix) @ torch.from_numpy(targets).T / _TEMPERATURE
    same = torch.from_numpy((products[:, None] == products) & ~np.eye(len(asked), dtype=np.bool_))
    logits = logits.masked_fill(same, -torch.inf)
    return functional.cross_entropy(logits, torch.arange(len(asked))) + _PENALTY / 2 * matrix.square().sum()


def describe(found: dict[str, Any]) -> str:
    """Returns one sentence on the figures of `train_adapter`."""
    if "without" not in found:
        return f"Query adapter: not learned, {found['reason']}."
    verdict = "kept" if found["published"] else "not kept"
    learned = f"{found['photos']} shoppers' photos and {found['copies']} copies"
    return (
        f"Query adapter from {learned}: {verdict}; recall@1 of {found['held_out']} held out "
        f"{found['adapted']:.4f}, without it {found['without']:.4f}."
    )


def learn_adapter(
    context: TrainingContext, queries: PhotoQueries, material: Material, space: Projection
) -> QueryAdapter:
    """Returns the adapter of a space, learned from `queries`; none of them may be a copy of a held-out photo."""
    photos = catalogue_points(context, material, space)
    seen = ~material.photos.held[: material.real]
    sums = np.zeros((len(material.keys), space.space_dim), np.float32)
    np.add.at(sums, material.products[seen], photos[seen])
    counts = np.bincount(material.products[seen], minlength=len(sums))
    targets = sums[queries.products]
    copied = np.flatnonzero((queries.rows >= 0) & (counts[queries.products] > 1))
    targets[copied] -= photos[queries.rows[copied]]
    alone = counts[queries.products] == 0
    targets[alone] = material.places(photos)[queries.products[alone]]
    return QueryAdapter(learn_matrix(queries.points(context, space), queries.products, normalise(targets)))


def catalogue_points(context: TrainingContext, material: Material, space: Projection) -> Floats:
    """Returns the points of the catalogue's photos in a space, float32 (real, d)."""
    rows = np.arange(material.real)
    catalogue = PhotoQueries(names=material.sha256, products=material.products, rows=rows)
    return catalogue.points(context, space)
