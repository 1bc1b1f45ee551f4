"""Fits the text head on pairs of a product's text and the point of the product's photos."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.catalogue import ProductFacts
from engine.protocols import Floats
from engine.space import normalise
from engine.text import TextEncoder, TextHead, fit_ridge, text_features
from training.texts import name_of, product_texts

MOST_TEXTS = 20_000
_STRENGTHS = (0.1, 0.3)
_FOLDS = 5
_MOST_CHECKED = 1000
_MOST_ANCHORS = 4096


@dataclass(frozen=True)
class TextPairs:
    """The texts that the head learns from, and the points they should map to.

    Attributes:
        texts: distinct texts, n of them.
        targets: float32 (n, d), L2 norm 1: the mean point of the products that share each text.
        weights: float32 (n,), how much each text counts.
        groups: int64 (n,), the first product of each text, so that cross-validation can leave whole products out.
        names: product name -> keys of all products with that name.
    """

    texts: list[str]
    targets: Floats
    weights: Floats
    groups: NDArray[np.int64]
    names: dict[str, list[int]]


@dataclass
class _Gathered:
    places: list[int]  # of the products
    weight: float
    group: int


def collect_pairs(facts: Iterable[ProductFacts], products: NDArray[np.int64], centroids: Floats) -> TextPairs:
    """Returns the texts of all products that have photos.

    A text that many products share, such as a bare category, is one pair: its target is their mean, its weight grows
    with the square root of their number. Of more than 20,000 texts, those with the lowest hashes are kept.

    Args:
        products: int64 (p,), keys of the products with photos, ascending.
        centroids: float32 (p, d), the mean point of each product's photos.
    """
    gathered: dict[str, _Gathered] = {}
    names: dict[str, list[int]] = {}
    for fact in facts:
        at = int(np.searchsorted(products, fact.product_key))
        if at == len(products) or products[at] != fact.product_key:
            continue
        if name := name_of(fact.product):
            names.setdefault(name, []).append(fact.product_key)
        for text in product_texts(fact.product):
            known = gathered.get(text.text)
            if known is None:
                gathered[text.text] = _Gathered([at], text.weight, fact.product_key)
            else:
                known.places.append(at)
                known.weight = max(known.weight, text.weight)
    texts = sorted(gathered)
    if len(texts) > MOST_TEXTS:
        texts = sorted(sorted(texts, key=_draw)[:MOST_TEXTS])
    kept = [gathered[text] for text in texts]
    sums = [centroids[pair.places].sum(axis=0) for pair in kept]
    targets = np.array(sums, np.float32).reshape(len(kept), centroids.shape[1])
    weights = np.array([pair.weight * len(pair.places) ** 0.5 for pair in kept], np.float32)
    return TextPairs(texts, normalise(targets), weights, np.array([pair.group for pair in kept], np.int64), names)


def fit_head(encoder: TextEncoder, pairs: TextPairs) -> tuple[TextHead, dict[str, float]]:
    """Fits the text head with the ridge strength that best finds products left out of the fit.

    Returns:
        The head and its figures: `ridge_strength`, `unseen_text_mrr`.
    """
    embeddings = text_features(encoder, pairs.texts)
    everything = np.ones(len(pairs.texts), np.bool_)
    scores = {strength: _unseen_rank(encoder, embeddings, pairs, strength) for strength in _STRENGTHS}
    best = max(scores, key=lambda strength: (scores[strength], strength))
    return _fit(encoder, embeddings, pairs, everything, best), {
        "ridge_strength": best,
        "unseen_text_mrr": scores[best],
    }


def _fit(
    encoder: TextEncoder, embeddings: Floats, pairs: TextPairs, learned: NDArray[np.bool_], strength: float
) -> TextHead:
    weights = pairs.weights[learned]
    mean, matrix, bias = fit_ridge(embeddings[learned], pairs.targets[learned], weights, strength)
    heaviest = np.sort(np.argsort(-weights, kind="stable")[:_MOST_ANCHORS])
    return TextHead(
        mean=mean,
        matrix=matrix,
        bias=bias,
        anchors=embeddings[learned][heaviest],
        anchor_points=pairs.targets[learned][heaviest],
        anchor_weights=weights[heaviest],
        encoder_name=encoder.name,
        encoder_digest=encoder.digest,
    )


def _unseen_rank(encoder: TextEncoder, embeddings: Floats, pairs: TextPairs, strength: float) -> float:
    """Returns the mean reciprocal rank of texts' targets among the products' points, by heads fitted without them."""
    places = pairs.targets[np.unique(pairs.groups, return_index=True)[1]]
    folds = np.array([int(_draw(str(group))[:8], 16) % _FOLDS for group in pairs.groups])
    ranks: list[float] = []
    for fold in range(_FOLDS):
        asked = np.flatnonzero(folds == fold)[: _MOST_CHECKED // _FOLDS]
        learned = folds != fold
        if len(asked) and learned.any():
            points = _fit(encoder, embeddings, pairs, learned, strength).apply(embeddings[asked])
            own = (points * pairs.targets[asked]).sum(axis=1, keepdims=True)
            ranks += (1.0 / (1 + (points @ places.T > own + 1e-6).sum(axis=1))).tolist()
    return float(np.mean(ranks)) if ranks else 0.0


def _draw(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
