"""Gathers what the query embedder learns from: photos from the feature store, texts through the sentence encoder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.backbones import classifier_rows
from engine.errors import BackboneUnavailable
from engine.protocols import BackboneSpec, Floats
from engine.space import Projection
from engine.text import Encoder, text_features, text_width
from training.context import TrainingContext
from training.embedder.batches import Photos, TextBank, fit_start, reduce_rows, view_keys
from training.embedder.options import EmbedderOptions
from training.embedder.pairs import SOURCES, Pairs
from training.measures import held_out

_MOST_ROWS = 400_000  # photos times views
_BLOCK_ROWS = 4096
_ENCODED = 512
_CLASSIFIER_SHARE = 0.25
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Classes:
    """The classes of the backbone's own classifier.

    Attributes:
        names: their names, (c,).
        rows: float16 (c, width), made-up photos of them in the directions of `Photos.start`.
    """

    names: tuple[str, ...]
    rows: NDArray[np.float16]


@dataclass(frozen=True, kw_only=True)
class Material:
    """The photos and texts that the query embedder learns from.

    Attributes:
        photos: the catalogue's photos, then one row for each class of the backbone's own classifier, if it is used.
        real: how many of the photos are the catalogue's.
        keys: int64 (p,), the product keys; products are numbered by their place here.
        bank: the texts' features, and the pairs.
        texts: the texts themselves, (t,).
        query_photos: rows of shoppers' photos float16 (q, width) and the products they chose int64 (q,).
        sha256: of the catalogue's photos, (real,).
        kinds: int64 (p,), number of each product's category; -1: it has none, or shares it with no other product.
        copies: feature-store keys of an augmented copy of each of the catalogue's photos, (real,); (): there are none.
        classes: the classes of the backbone's own classifier; None: it has none, or it cannot be had.
    """

    photos: Photos
    real: int
    keys: Numbers
    bank: TextBank
    texts: tuple[str, ...]
    query_photos: tuple[NDArray[np.float16], Numbers]
    sha256: tuple[str, ...]
    kinds: Numbers
    copies: tuple[str, ...] = ()
    classes: Classes | None = None

    @property
    def products(self) -> Numbers:
        """Returns the product of each of the catalogue's photos, int64 (real,)."""
        return self.photos.products[: self.real]

    def measured_photos(self) -> tuple[Numbers, Numbers]:
        """Returns the rows of the catalogue's photos that are learned from, and of those that are held out."""
        held = self.photos.held[: self.real]
        return np.flatnonzero(~held), np.flatnonzero(held)

    def places(self, points: Floats) -> Floats:
        """Returns each product's point, float32 (p, d), L2 norm 1: the mean of its photos that are not held out.

        Args:
            points: float32 (real, d).
        """
        seen = ~self.photos.held[: self.real]
        only_held = np.bincount(self.products, weights=seen, minlength=len(self.keys)) == 0
        seen |= only_held[self.products]
        sums = np.zeros((len(self.keys), points.shape[1]), np.float32)
        np.add.at(sums, self.products[seen], points[seen])
        return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12), np.float32)


def gather_material(context: TrainingContext, encoder: Encoder, pairs: Pairs, options: EmbedderOptions) -> Material:
    """Returns stored photo features and encoded texts; the photos that measure generations are marked as held."""
    count = len(context.snapshot.image_sha256)
    sha256 = context.snapshot.image_sha256
    keys, products = np.unique(context.snapshot.product_keys, return_inverse=True)
    keyed = view_keys(context.features, sha256, max(1, _MOST_ROWS // count) if options.views else 1)
    reader = _Reader(context, keyed, products.astype(np.int64))
    start = fit_start(reader.blocks, whitened=options.whitened)
    views = np.empty((len(keyed), len(sha256), start.space_dim), np.float16)
    for low, high in reader.spans():
        for view in range(len(keyed)):
            views[view, low:high] = reduce_rows(start, reader.read(low, high, view))
    photos = Photos(
        start=start,
        views=views,
        products=products.astype(np.int64),
        copies=np.unique(np.array(sha256, "S64"), return_inverse=True)[1].astype(np.int64),
        held=held_out(context.snapshot.product_keys, sha256),
    )
    material = Material(
        photos=photos,
        real=len(sha256),
        keys=keys,
        bank=_bank(encoder, pairs, keys),
        texts=pairs.texts,
        query_photos=_query_photos(context, start, pairs, keys),
        sha256=tuple(sha256),
        kinds=_kinds(context, keys),
        copies=tuple(keyed[-1]) if len(keyed) > 2 else (),
        classes=_classes(photos, context.spec),
    )
    return _add_classifier(material, encoder) if options.classifier_names else material


def _kinds(context: TrainingContext, keys: Numbers) -> Numbers:
    names = {facts.product_key: facts.product.category for facts in context.facts()}
    categories = np.array([names.get(key, "") for key in keys.tolist()])
    _, kinds, counts = np.unique(categories, return_inverse=True, return_counts=True)
    return np.where((counts[kinds] > 1) & (categories != ""), kinds, -1).astype(np.int64)


@dataclass(frozen=True)
class _Reader:
    """Reads the views of photos in blocks of whole products."""

    context: TrainingContext
    views: list[list[str]]
    products: Numbers

    def spans(self) -> Iterator[tuple[int, int]]:
        edges = np.flatnonzero(np.r_[True, np.diff(self.products) > 0, True])
        low, count = 0, len(self.products)
        while low < count:
            high = int(edges[np.searchsorted(edges, low + _BLOCK_ROWS, side="right") - 1])
            high = high if high > low else min(low + _BLOCK_ROWS, count)
            yield low, high
            low = high

    def read(self, low: int, high: int, view: int) -> Floats:
        return self.context.features.read(self.views[view][low:high])

    def blocks(self) -> Iterator[tuple[Floats, Numbers]]:
        for low, high in self.spans():
            rows = np.concatenate([self.read(low, high, view) for view in range(len(self.views))])
            yield rows, np.tile(self.products[low:high], len(self.views))


def encode_texts(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float16]:
    """Returns text features float16 (n, width)."""
    features = np.zeros((len(texts), text_width(encoder)), np.float16)
    for start in range(0, len(texts), _ENCODED):
        block = texts[start : start + _ENCODED]
        features[start : start + len(block)] = text_features(encoder, block)
    return features


def _bank(encoder: Encoder, pairs: Pairs, keys: Numbers) -> TextBank:
    products, present = _numbers(pairs.products, keys)
    of_text = (pairs.queries < len(pairs.texts)) & present
    return TextBank(
        features=encode_texts(encoder, pairs.texts),
        texts=pairs.queries[of_text],
        products=products[of_text],
        weights=pairs.weights[of_text],
    )


def _numbers(product_keys: Numbers, keys: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
    at = np.minimum(np.searchsorted(keys, product_keys), len(keys) - 1)
    return at.astype(np.int64), keys[at] == product_keys


def known_photos(context: TrainingContext, pairs: Pairs, keys: Numbers) -> tuple[list[str], Numbers]:
    """Returns the keys of shoppers' stored photos, and the chosen products as places in `keys`, int64 (n,).

    A photo that was never embedded cannot be learned from.
    """
    products, present = _numbers(pairs.products, keys)
    chosen = np.flatnonzero((pairs.sources == SOURCES.index("photo")) & present)
    names = [pairs.photos[number] for number in pairs.queries[chosen] - len(pairs.texts)]
    missing = set(context.features.missing(names)) if names else set()
    known = [place for place, name in enumerate(names) if name not in missing]
    return [names[place] for place in known], products[chosen[known]]


def _query_photos(
    context: TrainingContext, start: Projection, pairs: Pairs, keys: Numbers
) -> tuple[NDArray[np.float16], Numbers]:
    names, products = known_photos(context, pairs, keys)
    if not names:
        return np.zeros((0, start.space_dim), np.float16), products
    return reduce_rows(start, context.features.read(names)), products


def _classes(photos: Photos, spec: BackboneSpec) -> Classes | None:
    """Returns the classes of the backbone's classifier, each with a made-up photo: the mean photo plus the class's row.

    A class's score is the inner product of its row and the features, so its photos lie in the direction of the row from
    the mean photo. How far they lie is taken from the catalogue's own photos.
    """
    try:
        found = classifier_rows(spec)
    except BackboneUnavailable:
        return None
    return Classes(names=found.names, rows=reduce_rows(photos.start, _class_photos(photos.start, found.rows)))


def _add_classifier(material: Material, encoder: Encoder) -> Material:
    """Adds the classes of the backbone's classifier as products of one photo each, to be learned from."""
    classes = material.classes
    if classes is None:
        return material
    photos, rows = material.photos, classes.rows
    features = text_features(encoder, classes.names).astype(np.float16)
    first_product, first_text, count = len(material.keys), len(material.texts), len(rows)
    weight = _CLASSIFIER_SHARE / (1 - _CLASSIFIER_SHARE) * float(material.bank.weights.sum()) / count
    grown = Photos(
        start=photos.start,
        views=np.concatenate([photos.views, np.tile(rows, (len(photos.views), 1, 1))], axis=1),
        products=np.concatenate([photos.products, first_product + np.arange(count)]),
        copies=np.concatenate([photos.copies, photos.copies.max() + 1 + np.arange(count)]),
        held=np.concatenate([photos.held, np.zeros(count, np.bool_)]),
    )
    bank = TextBank(
        features=np.concatenate([material.bank.features, features]),
        texts=np.concatenate([material.bank.texts, first_text + np.arange(count)]),
        products=np.concatenate([material.bank.products, first_product + np.arange(count)]),
        weights=np.concatenate([material.bank.weights, np.full(count, max(weight, 1e-6), np.float32)]),
    )
    return replace(material, photos=grown, bank=bank, texts=(*material.texts, *classes.names))


def _class_photos(start: Projection, class_rows: Floats) -> Floats:
    """Returns made-up pool_3 rows float32 (c, dim), never negative, as pooled activations are."""
    # the mean of square-rooted features, squared, is close enough to the mean of the features up to its size
    middle = np.square(np.maximum(start.mean, 0))
    away = class_rows - class_rows.mean(axis=0)
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    return np.asarray(np.maximum(middle + np.linalg.norm(middle) * away, 0), np.float32)
