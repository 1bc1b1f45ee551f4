"""The rebuild's part `attributes`: learns from stored features what photos tell about the facts of products."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.recognition import AttributeVoters, FeatureMap, save_attribute_voters, voter_input
from engine.space import normalise, spread
from training.attributes.fit import Learned, Photos, learn
from training.attributes.learnable import LEAST_PRODUCTS, learnable
from training.context import TrainingContext
from training.errors import NotEnoughData
from training.photos import TAKEN_TOGETHER, learned_photos, look_folds
from training.voters import fit_axes

MOST_PHOTOS = 30_000
_MOST_OF_A_PRODUCT = 5  # photos
_FOLDS = 10
_AXES_FROM = 10_000  # photos
_BLOCK_ROWS = 8192
_TRANSFORM = "sqrt_l2"
Numbers = NDArray[np.int64]


def train(context: TrainingContext, folder: Path) -> dict[str, Any]:
    """Learns every attribute that can be learned, and writes `attributes.safetensors` if there is one.

    Returns:
        The metrics: `photos`; `learned`, the figures of each attribute that photos tell; `not_told`, those of the
        attributes that photos do not tell; `left_out`, why each other one was not tried.

    Raises:
        NotEnoughData: no attribute can be learned from this catalogue, or photos tell none.
    """
    context = context.drawn(MOST_PHOTOS)
    attributes, left_out = learnable(context)
    if not attributes:
        raise NotEnoughData(
            f"an attribute needs {LEAST_PRODUCTS} products that have it and values that repeat; none has. "
            "Add products with a colour, a brand or attributes."
        )
    rows = _few_of_each(context.snapshot.product_keys)
    features = _features(context, rows)
    photos = _photos(context, rows, features)
    learned = {attribute.name: learn(attribute, photos) for attribute in attributes}
    told = [each.voter for each in learned.values() if each.voter is not None]
    if not told:
        raise NotEnoughData(f"photos tell none of {len(learned)} attributes better than the commonest value does.")
    voters = AttributeVoters(fingerprint=context.spec.fingerprint, features=features, voters=tuple(told))
    save_attribute_voters(voters, folder)
    return {"photos": len(rows), **_metrics(learned), "left_out": left_out}


def _metrics(learned: dict[str, Learned]) -> dict[str, Any]:
    return {
        "learned": {name: each.figures for name, each in learned.items() if each.voter is not None},
        "not_told": {name: each.figures for name, each in learned.items() if each.voter is None},
    }


def _few_of_each(product_keys: Numbers) -> Numbers:
    """Returns the first few rows of each product: one with many photos would count as many."""
    _, firsts, places = np.unique(product_keys, return_index=True, return_inverse=True)
    return np.flatnonzero(np.arange(len(product_keys)) - firsts[places] < _MOST_OF_A_PRODUCT)


def _features(context: TrainingContext, rows: Numbers) -> FeatureMap:
    """Returns the map to the principal axes of the photos' features.

    Nothing is whitened within a category, as for the voters: what differs within one is what is asked here.
    """
    shown = [context.snapshot.image_sha256[row] for row in rows[spread(len(rows), _AXES_FROM)]]
    axes = fit_axes(_TRANSFORM, context.features.read(shown))
    return FeatureMap(transform=_TRANSFORM, mean=axes.mean, matrix=axes.vectors)


def _photos(context: TrainingContext, rows: Numbers, features: FeatureMap) -> Photos:
    keys = [context.snapshot.image_sha256[row] for row in rows]
    blocks = [_points(context, features, keys[at : at + _BLOCK_ROWS]) for at in range(0, len(keys), _BLOCK_ROWS)]
    points = np.concatenate(blocks)
    names, products = np.unique(context.snapshot.product_keys[rows], return_inverse=True)
    learned = learned_photos(context.settings.home, context.spec.name)
    return Photos(
        points=points,
        products=products.astype(np.int64),
        folds=_folds(points, products, _categories(context, names))[products],
        judges=np.array([key not in learned for key in keys], np.bool_),
    )


def _points(context: TrainingContext, features: FeatureMap, keys: list[str]) -> Floats:
    records = context.catalogue.photos(keys)
    colours = [records[key].colours if key in records else () for key in keys]
    return voter_input(features, context.features.read(keys), colours)


def _categories(context: TrainingContext, products: Numbers) -> Numbers:
    """Returns a number for the category of each product, int64 (p,)."""
    names = {facts.product_key: facts.product.category for facts in context.facts()}
    _, numbers = np.unique([names.get(key, "") for key in products.tolist()], return_inverse=True)
    return numbers.astype(np.int64)


def _folds(points: Floats, products: Numbers, categories: Numbers) -> Numbers:
    """Returns the fold of each product, int64 (p,): products of one category that look alike share one.

    A group of them has about as many photos as one of the label voters' folds.
    """
    sums = np.zeros((len(categories), points.shape[1]), np.float32)
    np.add.at(sums, products, points)
    return look_folds(normalise(sums), categories, _FOLDS, together=TAKEN_TOGETHER * len(categories) / len(products))
