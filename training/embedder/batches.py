"""Holds the photos and texts that the query embedder is trained on, and draws batches of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from data.features import FeatureStore
from engine.protocols import Floats
from engine.space import Projection, fit_pca
from training.embedder.options import EmbedderOptions
from training.photos import copy_key, look_key

NO_TEXT = -1
_WIDTH = 512  # directions that are trained on; the other directions of the photos hold next to nothing
_WHITENING = 0.5
_SHRINKAGE = 0.3
_MOST_COPIES = 4
_MOST_MISSING = 0.5
_BLOCK_ROWS = 8192
_NEIGHBOURS = 10
_MOST_COMPARED = 20_000
_COMPARED_PHOTOS = 256
_TEXT_DROPOUT = 1 / 3  # of the dropout of photos
Numbers = NDArray[np.int64]
Table = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Photos:
    """Photos, reduced to the directions that are trained on.

    Attributes:
        start: the projection (dim, width) to these directions.
        views: float16 (v, n, width): each photo, then its close-up and copies where they are stored.
        products: int64 (n,), number of the product that each shows, from 0; ascending.
        copies: int64 (n,), equal for photos of equal bytes.
        held: bool (n,), photos that are kept out of training, to measure with.
    """

    start: Projection
    views: NDArray[np.float16]
    products: Numbers
    copies: Numbers
    held: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class TextBank:
    """The texts that are learned, and the products that each belongs to.

    Attributes:
        features: float16 (t, text width).
        texts, products: int64 (n,), the pairs; products are numbered as in `Photos`.
        weights: float32 (n,), how much each pair counts.
    """

    features: NDArray[np.float16]
    texts: Numbers
    products: Numbers
    weights: Floats


def view_keys(store: FeatureStore, photos: list[str], most: int) -> list[list[str]]:
    """Returns the feature-store keys of each view, one list per view, original photos first.

    A view is used if more than half of the photos have it; a photo without it is replaced by the original.

    Args:
        most: largest number of views.
    """
    copies = (partial(copy_key, number=at) for at in range(_MOST_COPIES))
    names: list[Callable[[str], str]] = [partial(look_key, look="close"), *copies]
    views = [photos]
    for name in names:
        keys = [name(sha256) for sha256 in photos]
        missing = set(store.missing(keys))
        if len(missing) < _MOST_MISSING * len(keys):
            views.append([key.partition("+")[0] if key in missing else key for key in keys])
    return views[:most]


def fit_start(blocks: Callable[[], Iterator[tuple[Floats, Numbers]]], *, whitened: bool) -> Projection:
    """Returns the projection to the directions that training starts from.

    PCA, then whitening of the differences between photos of one product (see `training.voters.feature_map`), with the
    directions ordered by how far they spread all photos. If no product has two photos, PCA alone.

    Args:
        blocks: returns an iterator over blocks of pool_3 rows float32 (n, dim) and their products int64 (n,), each time
            it is called.
        whitened: False: PCA alone.
    """
    pca = fit_pca((rows for rows, _ in blocks()), _WIDTH, _WHITENING)
    within, total = _scatters(pca, blocks()) if whitened else (np.zeros((1, 1)), np.zeros((1, 1)))
    level = float(np.trace(within)) / len(within)
    if level <= 1e-9:
        turn = np.eye(pca.space_dim)
    else:
        values, vectors = np.linalg.eigh((1 - _SHRINKAGE) * within + _SHRINKAGE * level * np.eye(len(within)))
        turn = vectors / np.sqrt(values)
        turn = turn @ np.linalg.eigh(turn.T @ total @ turn)[1][:, ::-1]
    matrix = pca.matrix @ turn
    size = max(float(np.mean([np.square(_linear(pca, rows) @ turn).mean() for rows, _ in blocks()])) ** 0.5, 1e-9)
    scale = (256 / pca.space_dim) ** 0.5 / size
    return Projection(transform=pca.transform, mean=pca.mean, matrix=(matrix * scale).astype(np.float32))


def _linear(projection: Projection, rows: Floats) -> Floats:
    return projection.centred(rows) @ projection.matrix


def _scatters(pca: Projection, blocks: Iterator[tuple[Floats, Numbers]]) -> tuple[NDArray[np.float64], ...]:
    """Returns the covariance within products and over all photos, both (width, width); blocks hold whole products."""
    width, count = pca.space_dim, 0
    within, total = np.zeros((width, width)), np.zeros((width, width))
    for rows, products in blocks:
        points = _linear(pca, rows).astype(np.float64)
        _, inverse, counts = np.unique(products, return_inverse=True, return_counts=True)
        sums = np.zeros((len(counts), width))
        np.add.at(sums, inverse, points)
        residual = points - (sums / counts[:, None])[inverse]
        within += residual.T @ residual
        total += points.T @ points
        count += len(points)
    return within / max(count, 1), total / max(count, 1)


def reduce_rows(start: Projection, rows: Floats) -> NDArray[np.float16]:
    """Returns pool_3 rows float32 (n, dim) in the directions of `start`, float16 (n, width)."""
    return _linear(start, rows).astype(np.float16)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The rows of one step: B pairs and R random photos.

    Attributes:
        first: float32 (B, width), a photo (or view) of each pair's product.
        second: float32 (S, width), another photo (or view) of each of the first S products, S = min(B, 256): comparing
            more photos with each other would cost more than all else.
        randoms: float32 (R, width), the random photos.
        texts: float32 (B, text width); zeros where the row has no text.
        right: bool (B, B + R), whether the photo is a right answer to the text.
        compared: bool (B, B + R), whether the photo counts as right or wrong; False: it is left out.
        same: bool (2S, 2S), whether two photos show one product: S photos of `first`, then those of `second`.
        photos_compared: bool (2S, 2S), whether two photos are compared.
        has_text: float32 (B,), 1 where the row has a text; is_pair: float32 (B + R,), 0 for the random photos.
        inverse_q_photos: float32 (B + R,), 1 / how often each is drawn for a batch; inverse_q_texts: float32 (B,), the
            same for texts, 0 where the row has no text.
    """

    first: Floats
    second: Floats
    randoms: Floats
    texts: Floats
    right: Table
    compared: Table
    same: Table
    photos_compared: Table
    has_text: Floats
    is_pair: Floats
    inverse_q_photos: Floats
    inverse_q_texts: Floats


class Sampler:
    """Draws batches; batch number n of one seed is always the same.

    Products without a pair are drawn without a text.

    Args:
        photos, bank: what to draw from; held photos are left out.
        query_photos: shoppers' photos float16 (q, width), and the product of each int64 (q,).
    """

    def __init__(
        self,
        photos: Photos,
        bank: TextBank,
        options: EmbedderOptions,
        batch: int,
        query_photos: tuple[NDArray[np.float16], Numbers] | None = None,
    ) -> None:
        self._photos, self._options, self._size = photos, options, batch
        # one row even where there is no text, because NO_TEXT is looked up like any other
        self._features = bank.features if len(bank.features) else np.zeros((1, bank.features.shape[1]), np.float16)
        self._rows = np.flatnonzero(~photos.held)
        shown, self._firsts, self._counts = np.unique(
            photos.products[self._rows], return_index=True, return_counts=True
        )
        self._place = np.full(int(photos.products.max(initial=0)) + 1, -1, np.int64)
        self._place[shown] = np.arange(len(shown))
        usable = self._place[bank.products] >= 0
        texts, products, weights = bank.texts[usable], self._place[bank.products[usable]], bank.weights[usable]
        bare = np.setdiff1d(np.arange(len(shown)), products)
        self._texts = np.concatenate([texts, np.full(len(bare), NO_TEXT)])
        self._products = np.concatenate([products, bare])
        self._shares = np.concatenate([weights, np.ones(len(bare), np.float32)]).astype(np.float64)
        self._shares /= self._shares.sum()
        self._ends = np.cumsum(self._shares)
        known = np.lexsort((texts, products))
        self._known_texts = texts[known]
        self._known_firsts = np.searchsorted(products[known], np.arange(len(shown) + 1))
        self._by_product = np.argsort(self._products, kind="stable")
        self._pair_firsts = np.searchsorted(self._products[self._by_product], np.arange(len(shown) + 1))
        self._popularity = np.bincount(self._products, weights=self._shares, minlength=len(shown))
        texts_shares = np.bincount(texts, weights=self._shares[: len(texts)], minlength=len(bank.features) or 1)
        self._text_popularity = np.maximum(texts_shares, 1e-12)
        self._neighbours: Numbers | None = None
        self._query_photos = self._order_query_photos(query_photos)

    def __len__(self) -> int:
        """Returns the larger of the number of pairs and the number of photos."""
        return max(len(self._texts), len(self._rows))

    def _order_query_photos(
        self, query_photos: tuple[NDArray[np.float16], Numbers] | None
    ) -> tuple[NDArray[np.float16], Numbers] | None:
        if query_photos is None or not len(query_photos[1]):
            return None
        rows, products = query_photos
        kept = np.flatnonzero(self._place[products] >= 0)
        kept = kept[np.argsort(self._place[products[kept]], kind="stable")]
        bounds = np.searchsorted(self._place[products[kept]], np.arange(len(self._counts) + 1))
        return rows[kept], bounds

    def find_neighbours(self, matrix: Floats) -> None:
        """Finds the nearest products of each product in the current space, for hard negatives.

        Args:
            matrix: float32 (width, d).
        """
        count = len(self._counts)
        if count > _MOST_COMPARED or count < 3:
            return
        points = np.asarray(self._photos.views[0][self._rows], np.float32) @ matrix
        points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
        centres = np.add.reduceat(points, self._firsts, axis=0)
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-9)
        near = min(_NEIGHBOURS, count - 1)
        self._neighbours = np.empty((count, near), np.int64)
        for start in range(0, count, 1024):
            scores = centres[start : start + 1024] @ centres.T
            scores[np.arange(len(scores)), np.arange(start, start + len(scores))] = -np.inf
            self._neighbours[start : start + 1024] = np.argpartition(-scores, near - 1, axis=1)[:, :near]

    def draw(self, number: int) -> Batch:
        """Returns batch `number`."""
        random = np.random.default_rng([self._options.seed, number])
        pairs = self._draw_pairs(random)
        texts, products = self._texts[pairs], self._products[pairs]
        rows = [self._draw_photos(random, products) for _ in range(2)]
        random_rows = random.integers(len(self._rows), size=self._options.randoms)
        others = np.searchsorted(self._firsts, random_rows, side="right") - 1
        few = slice(0, min(self._size, _COMPARED_PHOTOS))
        first, second = self._view(random, rows[0]), self._view(random, rows[1][few])
        randoms = self._view(random, random_rows)
        self._put_query_photos(random, second, products[few])
        items = np.concatenate([products, others])
        copies = self._photos.copies[self._rows[np.concatenate([rows[0], random_rows])]]
        right, compared = self._judge(texts, items, copies)
        both = np.concatenate([products[few], products[few]])
        both_copies = np.concatenate([copies[few], self._photos.copies[self._rows[rows[1][few]]]])
        same = both[:, None] == both[None, :]
        photos_compared = self._compared(same, both_copies, both_copies)
        np.fill_diagonal(same, False)
        np.fill_diagonal(photos_compared, False)
        has_text = texts != NO_TEXT
        words = np.where(has_text[:, None], self._features[texts], 0).astype(np.float32)
        for seen in (first, second, randoms):
            _drop(random, seen, self._options.dropout)
        _drop(random, words, self._options.dropout * _TEXT_DROPOUT)
        return Batch(
            first=first,
            second=second,
            randoms=randoms,
            texts=words,
            right=right,
            compared=compared,
            same=same,
            photos_compared=photos_compared,
            has_text=has_text.astype(np.float32),
            is_pair=(np.arange(len(items)) < self._size).astype(np.float32),
            inverse_q_photos=self._inverse_q_photos(items),
            inverse_q_texts=self._inverse_q_texts(texts),
        )

    def _draw_pairs(self, random: np.random.Generator) -> Numbers:
        drawn = np.minimum(np.searchsorted(self._ends, random.random(self._size)), len(self._ends) - 1)
        if self._neighbours is not None:
            half = self._size // 2
            around = self._neighbours[
                self._products[drawn[:half]], random.integers(self._neighbours.shape[1], size=half)
            ]
            low, high = self._pair_firsts[around], self._pair_firsts[around + 1]
            drawn[half : 2 * half] = self._by_product[random.integers(low, high)]
        return np.asarray(drawn, np.int64)

    def _draw_photos(self, random: np.random.Generator, products: Numbers) -> Numbers:
        return np.asarray(self._firsts[products] + random.integers(self._counts[products]), np.int64)

    def _view(self, random: np.random.Generator, places: Numbers) -> Floats:
        views = random.integers(len(self._photos.views), size=len(places))
        return self._photos.views[views, self._rows[places]].astype(np.float32)

    def _put_query_photos(self, random: np.random.Generator, second: Floats, products: Numbers) -> None:
        """Replaces about half of the rows whose product shoppers found by photo with such a photo."""
        if self._query_photos is None:
            return
        photos, bounds = self._query_photos
        low, high = bounds[products], bounds[products + 1]
        chosen = np.flatnonzero((high > low) & (random.random(len(products)) < 0.5))
        if len(chosen):
            second[chosen] = photos[random.integers(low[chosen], high[chosen])].astype(np.float32)

    def _judge(self, texts: Numbers, items: Numbers, copies: Numbers) -> tuple[Table, Table]:
        """Returns which photos are right for which text, and which count as right or wrong, both (texts, items)."""
        if not self._options.mask:
            right = np.zeros((len(texts), len(items)), np.bool_)
            np.fill_diagonal(right, texts != NO_TEXT)
            return right, np.ones_like(right)
        asked, rows = np.unique(texts, return_inverse=True)
        distinct, columns = np.unique(items, return_inverse=True)
        right = self._known(asked, distinct)[rows][:, columns]
        return right, self._compared(right, copies[: len(texts)], copies)

    def _compared(self, right: Table, rows: Numbers, columns: Numbers) -> Table:
        """Returns which cells count: right ones, and those that are no copy of the row's photo; all without a mask."""
        return right | (rows[:, None] != columns[None, :]) if self._options.mask else np.ones_like(right)

    def _known(self, texts: Numbers, products: Numbers) -> Table:
        """Returns which of the ascending `texts` belong to which of `products`, (texts, products)."""
        known = np.zeros((len(texts), len(products)), np.bool_)
        lows, highs = self._known_firsts[products], self._known_firsts[products + 1]
        counts = highs - lows
        columns = np.repeat(np.arange(len(products)), counts)
        places = np.repeat(lows - np.cumsum(counts) + counts, counts) + np.arange(len(columns))
        theirs = self._known_texts[places]
        rows = np.minimum(np.searchsorted(texts, theirs), len(texts) - 1)
        found = texts[rows] == theirs
        known[rows[found], columns[found]] = True
        return known

    def _inverse_q_photos(self, items: Numbers) -> Floats:
        if not self._options.log_q:
            return np.ones(len(items), np.float32)
        expected = self._size * self._popularity[items] / self._counts[items] + self._options.randoms / len(self._rows)
        return (1 / np.maximum(expected, 1e-12)).astype(np.float32)

    def _inverse_q_texts(self, texts: Numbers) -> Floats:
        expected = self._size * self._text_popularity[texts] if self._options.log_q else np.ones(len(texts))
        return np.where(texts == NO_TEXT, 0, 1 / np.maximum(expected, 1e-12)).astype(np.float32)


def _drop(random: np.random.Generator, rows: Floats, share: float) -> None:
    """Sets about `share` (in steps of 1/256) of the values to 0, and scales the others up to make up for it."""
    level = round(share * 256)
    if level:
        kept = np.frombuffer(random.bytes(rows.size), np.uint8).reshape(rows.shape) >= level
        rows *= kept
        rows *= np.float32(256 / (256 - level))
