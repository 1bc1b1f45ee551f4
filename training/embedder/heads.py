"""Makes text heads: of a trained space from what was learned, and of the untrained space by ridge regression."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.space import normalise
from engine.text import Encoder, TextHead, fit_ridge, text_features
from training.embedder.material import Material
from training.embedder.network import Weights

_MOST_ANCHORS = 4096
_MOST_FITTED = 20_000  # texts of the regression, which is repeated at every look at the held-out queries
_BLOCK_ROWS = 8192
_RIDGE = 0.3
_RIDGE_WITH_CLASSES = 0.05
_CLASS_WEIGHT = 0.5  # of a class's name as an anchor, in weights of the shop's mean text
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class _Anchors:
    """Texts of known place: features float16 or float32 (n, width), points float32 (n, d) and weights float32 (n,)."""

    features: NDArray[np.floating[Any]]
    points: Floats
    weights: Floats

    def first(self, count: int) -> "_Anchors":
        return _Anchors(self.features[:count], self.points[:count], self.weights[:count])

    def with_classes(self, classes: "_Anchors", weight: float) -> "_Anchors":
        """Returns these anchors and the classes, each of which has the same weight."""
        return _Anchors(
            np.concatenate([self.features, classes.features]),
            np.concatenate([self.points, classes.points]),
            np.concatenate([self.weights, np.float32(weight) * classes.weights]),
        )


def trained_head(weights: Weights, points: Floats, material: Material, encoder: Encoder) -> TextHead | None:
    """Returns the head of a trained space; None if there is no text at all.

    A text of the shop itself lies where the training puts it, which tells it best from other texts. As an anchor for
    other texts it stands midway between there and the photos of its products, which suits words of another language.
    The names of the backbone's own classes stand beside the shop's texts, so that words which the shop does not use
    land near what they look like.

    Args:
        points: float32 (real, d), the catalogue's photos in the trained space.
    """
    shop = _shop_anchors(points, material)
    shop = _Anchors(shop.features, normalise(_learned(shop.features, weights) + shop.points), shop.weights)
    if material.classes is None:
        return _with_learned(_head(shop, shop.first(_MOST_ANCHORS), encoder, _RIDGE), weights, len(shop.weights))
    names = material.classes.names
    places = normalise(material.classes.rows.astype(np.float32) @ weights.photo)
    classes = _Anchors(text_features(encoder, names), places, np.ones(len(names), np.float32))
    known = len(shop.weights)
    share = float(shop.weights.sum()) / len(names) if known else 1.0
    each = _CLASS_WEIGHT * float(shop.weights.mean()) if known else 1.0
    fitted = shop.first(_MOST_FITTED).with_classes(classes, share)
    head = _head(fitted, shop.first(_MOST_ANCHORS).with_classes(classes, each), encoder, _RIDGE_WITH_CLASSES)
    return _with_learned(head, weights, known)


def untrained_head(points: Floats, material: Material, encoder: Encoder) -> TextHead | None:
    """Returns the head fitted by ridge regression to `points`, float32 (real, d); None if there is no text."""
    shop = _shop_anchors(points, material)
    return _head(shop, shop.first(_MOST_ANCHORS), encoder, _RIDGE)


def start_weights(material: Material, dim: int) -> Weights:
    """Returns the weights to start from: the first `dim` directions for photos, ridge regression for texts."""
    width, text_width = material.photos.views.shape[2], material.bank.features.shape[1]
    photo = np.eye(width, dim, dtype=np.float32)
    rows = material.photos.views[0, : material.real]
    starts = range(0, len(rows), _BLOCK_ROWS)
    blocks = [rows[start : start + _BLOCK_ROWS, :dim].astype(np.float32) for start in starts]
    shop = _shop_anchors(normalise(np.concatenate(blocks)), material)
    if not len(shop.weights):
        random = np.random.default_rng(0).normal(0, text_width**-0.5, (text_width, dim))
        return Weights(photo, random.astype(np.float32), np.zeros(dim, np.float32), 1.0)
    mean, matrix, bias = fit_ridge(shop.features, shop.points, shop.weights, _RIDGE)
    return Weights(photo, matrix, bias - mean @ matrix, 1.0)


def _shop_anchors(points: Floats, material: Material) -> _Anchors:
    """Returns the catalogue's texts, heaviest first, each at the mean point of its products."""
    bank = material.bank
    real = bank.products < len(material.keys)
    texts, inverse = np.unique(bank.texts[real], return_inverse=True)
    sums = np.zeros((len(texts), points.shape[1]), np.float32)
    np.add.at(sums, inverse, material.places(points)[bank.products[real]] * bank.weights[real, None])
    weights = np.sqrt(np.bincount(inverse, weights=np.square(bank.weights[real])))
    order = np.argsort(-weights, kind="stable")
    return _Anchors(bank.features[texts[order]], normalise(sums[order]), weights[order].astype(np.float32))


def _learned(features: NDArray[np.floating[Any]], weights: Weights) -> Floats:
    """Returns where the training puts texts, float32 (n, d), L2 norm 1."""
    points = np.empty((len(features), weights.text.shape[1]), np.float32)
    for start in range(0, len(features), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        points[block] = features[block].astype(np.float32) @ weights.text + weights.text_bias
    return normalise(points)


def _with_learned(head: TextHead | None, weights: Weights, shop_texts: int) -> TextHead | None:
    """Returns the head with the map of texts that was trained, if the shop has texts."""
    if head is None or not shop_texts:
        return head
    learned = np.concatenate([weights.text, weights.text_bias[None]])
    return replace(head, learned=learned, learned_anchors=min(shop_texts, _MOST_ANCHORS))


def _head(fitted: _Anchors, anchors: _Anchors, encoder: Encoder, strength: float) -> TextHead | None:
    """Returns the head with a ridge regression of the `fitted` texts and a kernel over the `anchors`."""
    if not len(anchors.weights):
        return None
    mean, matrix, bias = fit_ridge(fitted.features, fitted.points, fitted.weights, strength)
    return TextHead(
        mean=mean,
        matrix=matrix,
        bias=bias,
        anchors=anchors.features.astype(np.float32),
        anchor_points=anchors.points,
        anchor_weights=anchors.weights,
        encoder_name=encoder.name,
        encoder_digest=encoder.digest,
    )
