"""What can be found right now: the live generation plus the delta of changed products, minus deleted products."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue, Change
from data.columns import within
from data.errors import LookalikeError, NoGeneration
from data.features import FeatureStore
from data.generations import GenerationStore
from data.settings import Settings
from engine.generation import Generation, Models, load_generation
from engine.protocols import Backbone, Floats, Hits, Mask
from engine.space import normalise

_log = logging.getLogger("lookalike.live")
_RETRY_PENDING_S = 1.0
_RETRY_SHARE = 0.05  # largest share of the time spent on retries, however much is pending
_RETRY_FAILED_SWAP_S = 30.0
ProductKeys = NDArray[np.int64]
NO_ROW = -1  # stands for the row of a product that has none


@dataclass(frozen=True, kw_only=True)
class LiveView:
    """An immutable view of what can be found. Row numbers count the generation's rows first, then the delta's.

    Attributes:
        generation: the build that is served.
        seq: the catalogue state that the view shows.
        alive: bool (n,), the generation's rows whose product was neither changed nor deleted since.
        product_keys: int64 (n + m,), the product of every row.
        delta: float32 (m, d), points of the changed products' images.
        delta_image_keys, delta_sha256: int64 (m,) and bytes (m,), the image of each delta row.
        pending: changed products with photos that are not embedded yet.
    """

    generation: Generation
    seq: int
    alive: Mask
    product_keys: ProductKeys
    delta: Floats
    delta_image_keys: NDArray[np.int64]
    delta_sha256: NDArray[np.bytes_]
    pending: int

    @classmethod
    def of(cls, generation: Generation) -> "LiveView":
        """Returns the view of a generation alone, as if the catalogue had not changed since it was built."""
        return cls(
            generation=generation,
            seq=generation.seq,
            alive=np.ones(generation.index.count, np.bool_),
            product_keys=generation.rows.product_keys,
            delta=np.zeros((0, generation.index.dim), np.float32),
            delta_image_keys=np.zeros(0, np.int64),
            delta_sha256=np.zeros(0, "S64"),
            pending=0,
        )

    @property
    def count(self) -> int:
        return len(self.product_keys)

    @cached_property
    def findable(self) -> Mask:
        """Which products have a row that can be found, bool, by product_key."""
        found = np.zeros(int(self.product_keys.max(initial=0)) + 1, np.bool_)
        found[self.product_keys[self.mask(None)]] = True
        return found

    @cached_property
    def delta_products(self) -> ProductKeys:
        """The products that were put since the generation was built and have a row, int64 (p,), ascending."""
        return np.unique(self.product_keys[self.generation.index.count :])

    def mask(self, passing: Mask | None) -> Mask:
        """Returns which rows may be found, bool (n + m,).

        Args:
            passing: bool, by product_key, which products a filter lets through; None: all.
        """
        living = np.concatenate([self.alive, np.ones(len(self.delta), np.bool_)])
        if passing is not None:
            living &= within(passing, self.product_keys)
        return living

    def search(self, query: Floats, k: int, allowed: Mask) -> Hits:
        """Finds the k best allowed rows, exactly; ties ordered by row.

        Args:
            query: float32 (d,).
            allowed: bool (n + m,), from `mask`.
        """
        built = self.generation.index.count
        part = allowed[:built]
        old = self.generation.index.search(query[None], k, None if part.all() else part)[0]
        rows = np.flatnonzero(allowed[built:])
        near = self.delta if len(rows) == len(self.delta) else self.delta[rows]
        scores = np.einsum("ij,j->i", near, query)
        all_rows = np.concatenate([old.rows, rows + built])
        all_scores = np.concatenate([old.scores, scores])
        order = np.lexsort((all_rows, -all_scores))[:k]
        return Hits(all_rows[order], all_scores[order])

    def vectors(self, rows: NDArray[np.int64]) -> Floats:
        """Returns the points of `rows`, float32 (r, d); zeros for `NO_ROW`."""
        built = self.generation.index.count
        found = np.zeros((len(rows), self.generation.index.dim), np.float32)
        old, new = (rows >= 0) & (rows < built), rows >= built
        found[old] = self.generation.index.vectors(rows[old])
        found[new] = self.delta[rows[new] - built]
        return found

    def best_rows(self, product_keys: ProductKeys, query: Floats, allowed: Mask) -> Hits:
        """Returns each product's allowed row nearest to the query, and its score; `NO_ROW` and 0 if it has none.

        Args:
            product_keys: int64 (p,), each once.
            query: float32 (d,).
            allowed: bool (n + m,), from `mask`.
        """
        rows = self._rows_of_any(product_keys)
        rows = rows[allowed[rows]]
        scores = self.vectors(rows) @ query
        best, found = np.full(len(product_keys), NO_ROW), np.zeros(len(product_keys), np.float32)
        order = np.lexsort((rows, -scores, self.product_keys[rows]))
        keys, first = np.unique(self.product_keys[rows[order]], return_index=True)
        at = np.argsort(product_keys)
        places = at[np.searchsorted(product_keys, keys, sorter=at)]
        best[places], found[places] = rows[order][first], scores[order][first]
        return Hits(best, found)

    def _rows_of_any(self, product_keys: ProductKeys) -> NDArray[np.int64]:
        """Returns the rows of the given products, int64 (r,), without looking at all rows of the generation."""
        built = self.generation.rows.product_keys
        keys = np.sort(product_keys)
        firsts, ends = np.searchsorted(built, keys), np.searchsorted(built, keys, side="right")
        counts = ends - firsts
        old = np.arange(counts.sum()) + np.repeat(firsts - (np.cumsum(counts) - counts), counts)
        new = np.flatnonzero(np.isin(self.product_keys[len(built) :], product_keys))
        return np.concatenate([old, new + len(built)])

    def image_sha256(self, rows: NDArray[np.int64]) -> list[str]:
        """Returns the sha256, in hex, of the photo that each row shows; "" for `NO_ROW`."""
        built = self.generation.index.count
        found = np.full(len(rows), b"", "S64")
        old, new = (rows >= 0) & (rows < built), rows >= built
        found[old] = self.generation.rows.image_sha256[rows[old]]
        found[new] = self.delta_sha256[rows[new] - built]
        return found.astype(str).tolist()

    def centroids(self, product_keys: ProductKeys) -> Floats:
        """Returns the mean point of each product's photos, float32 (p, d), L2 norm 1, without products that have none.

        Args:
            product_keys: int64, each once.
        """
        rows = np.flatnonzero(np.isin(self.product_keys, product_keys) & self.mask(None))
        products, places = np.unique(self.product_keys[rows], return_inverse=True)
        sums = np.zeros((len(products), self.generation.index.dim), np.float32)
        np.add.at(sums, places, self.vectors(rows))
        return normalise(sums)

    def rows_of(self, product_key: int) -> NDArray[np.int64]:
        """Returns the rows of one product that can be found, int64 (r,)."""
        built = self.generation.index.count
        old = self.generation.rows.rows_of(product_key)
        alive = np.arange(old.start, old.stop)[self.alive[old]]
        return np.concatenate([alive, built + np.flatnonzero(self.product_keys[built:] == product_key)])


@dataclass(frozen=True)
class _Points:
    """A changed product's images in the product space."""

    image_keys: tuple[int, ...]
    sha256: tuple[str, ...]
    vectors: Floats


class _Tracker:
    """Follows the catalogue's changes since one generation was built: outdated rows, new points, pending photos."""

    def __init__(self, settings: Settings, generation: Generation) -> None:
        self.generation = generation
        self._features = FeatureStore(settings.home, generation.spec.fingerprint, generation.spec.dim)
        self._alive = np.ones(generation.index.count, np.bool_)
        self._points: dict[int, _Points] = {}
        self._pending: dict[int, Change] = {}
        self._retry_at = 0.0
        self.seq = generation.seq

    def follow(self, catalogue: Catalogue, seq: int) -> LiveView:
        changes = catalogue.changes(self.seq)
        for change in changes:
            self._alive[self.generation.rows.rows_of(change.product_key)] = False
            self._points.pop(change.product_key, None)
            self._pending.pop(change.product_key, None)
        self._embed([change for change in changes if not change.deleted])
        self.seq = max([seq, *(change.seq for change in changes)])
        return self._view()

    def retry_pending(self) -> LiveView | None:
        """Looks again for photos that were not embedded; returns a new view if some are by now, else None."""
        started = time.monotonic()
        if not self._pending or started < self._retry_at:
            return None
        before = self._embedded
        self._embed(list(self._pending.values()))
        ended = time.monotonic()
        self._retry_at = ended + max(_RETRY_PENDING_S, (ended - started) / _RETRY_SHARE)
        return self._view() if self._embedded != before else None

    @property
    def _embedded(self) -> int:
        return sum(len(point.sha256) for point in self._points.values())

    def _embed(self, changes: Sequence[Change]) -> None:
        """Projects those photos of the changed products that have features; the other photos stay pending."""
        wanted = [sha for change in changes for sha in change.image_sha256]
        missing = set(self._features.missing(wanted))
        stored = [sha for sha in wanted if sha not in missing]
        vectors = self.generation.projection.apply(self._features.read(stored)) if stored else None
        start = 0
        for change in changes:
            listed = zip(change.image_keys, change.image_sha256, strict=True)
            images = [(key, sha) for key, sha in listed if sha not in missing]
            self._pending.pop(change.product_key, None)
            if len(images) < len(change.image_sha256):
                self._pending[change.product_key] = change
            if vectors is not None and images:
                keys, sha256 = zip(*images, strict=True)
                self._points[change.product_key] = _Points(keys, sha256, vectors[start : start + len(images)])
                start += len(images)

    def _view(self) -> LiveView:
        dim = self.generation.index.dim
        points = sorted(self._points.items())
        keys = np.array([key for key, point in points for _ in point.sha256], np.int64)
        return LiveView(
            generation=self.generation,
            seq=self.seq,
            alive=self._alive.copy(),
            product_keys=np.concatenate([self.generation.rows.product_keys, keys]),
            delta=np.concatenate([np.zeros((0, dim), np.float32), *(point.vectors for _, point in points)]),
            delta_image_keys=np.array([image for _, point in points for image in point.image_keys], np.int64),
            delta_sha256=np.array([sha for _, point in points for sha in point.sha256], "S64"),
            pending=len(self._pending),
        )


class LiveIndex:
    """Hands out the newest `LiveView`. Safe to use from several threads.

    A generation that another process publishes is loaded in a background thread while the old one keeps serving; one
    that fails verification is never served, and `swap_error` says why.
    """

    def __init__(self, settings: Settings, catalogue: Catalogue, backbone: Backbone | None = None) -> None:
        self._settings, self._catalogue = settings, catalogue
        self._store = GenerationStore(settings.home)
        self._models = Models(settings, backbone)
        self._lock = threading.Lock()
        self._tracker: _Tracker | None = None
        self._view: LiveView | None = None
        self._loading: threading.Thread | None = None
        self._failed: tuple[str, float] = ("", 0.0)
        self.swap_error = ""

    def view(self) -> LiveView:
        """Returns a view that holds every change acknowledged before this call.

        Raises:
            NoGeneration: nothing has been published.
            CorruptGeneration: the only generation there is fails verification.
        """
        current, seq = self._store.current_id(), self._catalogue.seq()
        with self._lock:
            if self._tracker is None or self._view is None:
                if current is None:
                    raise NoGeneration("a generation must be live to search; none is. Run `lookalike rebuild`.")
                return self._serve(self._load(current))
            if current is not None and current != self._view.generation.id:
                self._load_behind(current)
            if seq > self._view.seq:
                self._view = self._tracker.follow(self._catalogue, seq)
            elif seq < self._view.seq and self._catalogue.seq() < self._view.seq:
                return self._serve(self._tracker.generation)  # the catalogue was restored from a backup
            if (newer := self._tracker.retry_pending()) is not None:
                self._view = newer
            return self._view

    def wait(self, timeout_s: float | None = None) -> None:
        """Waits, at most `timeout_s` seconds, until no generation is being loaded in the background."""
        thread = self._loading
        if thread is not None:
            thread.join(timeout_s)

    def _load(self, generation: str) -> Generation:
        return load_generation(self._settings, self._store.open(generation), models=self._models)

    def _serve(self, generation: Generation) -> LiveView:
        """Starts to follow the catalogue from `generation`; the caller holds the lock."""
        tracker = _Tracker(self._settings, generation)
        view = tracker.follow(self._catalogue, self._catalogue.seq())
        self._tracker, self._view = tracker, view
        return view

    def _load_behind(self, generation: str) -> None:
        failed, when = self._failed
        recently = failed == generation and time.monotonic() - when < _RETRY_FAILED_SWAP_S
        if recently or (self._loading is not None and self._loading.is_alive()):
            return
        self._loading = threading.Thread(target=self._swap, args=(generation,), name="generation-swap", daemon=True)
        self._loading.start()

    def _swap(self, name: str) -> None:
        try:
            generation = self._load(name)
            generation.backbone()
            generation.text_tower()
            with self._lock:
                self._serve(generation)
                self._failed, self.swap_error = ("", 0.0), ""
            self._models.keep_only(generation.spec.fingerprint, generation.encoder_name)
            _log.info("generation %s is live", name)
        except (LookalikeError, OSError) as error:
            self._failed, self.swap_error = (name, time.monotonic()), str(error)
            _log.error("generation %s cannot be served, the old one stays: %s", name, error)
