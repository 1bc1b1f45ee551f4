"""Follows the catalogue's changes since one generation was built: outdated rows, new points, pending photos."""

import time
from collections.abc import Sequence

import numpy as np

from data.catalogue import Catalogue, Change
from data.features import FeatureStore
from data.settings import Settings
from engine.generation import Generation
from engine.live.allowed import Rows, joined
from engine.live.delta import GrowingDelta
from engine.live.view import LiveView
from engine.protocols import Floats

_RETRY_PENDING_S = 1.0
_ROWS_AT_ONCE = 4096  # of features; the points of the product space that they become are much shorter
_RETRY_SHARE = 0.05  # largest share of the time spent on retries, however much is pending


class Tracker:
    """Makes a new view after each change. The caller lets one thread in at a time."""

    def __init__(self, settings: Settings, generation: Generation) -> None:
        self.generation = generation
        self._features = FeatureStore(settings.home, generation.spec.fingerprint, generation.spec.dim)
        self._dead: Rows = np.zeros(0, np.int64)
        self._edited: Rows = np.zeros(0, np.int64)
        self._delta = GrowingDelta(generation.index.dim)
        self._outdated: set[int] = set()  # products of the generation that changed
        self._pending: dict[int, Change] = {}
        self._retry_at = 0.0
        self.seq = generation.seq

    def follow(self, catalogue: Catalogue, seq: int) -> LiveView:
        """Returns a view of the catalogue's state `seq`, or of a newer one."""
        changes = catalogue.changes(self.seq)
        keys = np.array([change.product_key for change in changes], np.int64)
        self._dead = joined(self._dead, self.generation.rows.rows_of_any(keys))
        edited = self.generation.rows.rows_of_any(catalogue.refiltered_since(self.seq))
        self._edited = joined(self._edited, edited)
        self._outdated.update(keys[self.generation.rows.has(keys)].tolist())
        for key in keys.tolist():
            self._delta.remove(key)
            self._pending.pop(key, None)
        self._embed([change for change in changes if not change.deleted])
        self.seq = max([seq, *(change.seq for change in changes)])
        return self._view()

    def retry_pending(self) -> LiveView | None:
        """Looks again for photos that were not embedded; returns a new view if some are by now, else None."""
        started = time.monotonic()
        if not self._pending or started < self._retry_at:
            return None
        before = self._delta.count
        self._embed(list(self._pending.values()))
        ended = time.monotonic()
        self._retry_at = ended + max(_RETRY_PENDING_S, (ended - started) / _RETRY_SHARE)
        return self._view() if self._delta.count != before else None

    def _embed(self, changes: Sequence[Change]) -> None:
        """Projects those photos of the changed products that have features; the other photos stay pending."""
        wanted = [sha for change in changes for sha in change.image_sha256]
        missing = set(self._features.missing(wanted))
        stored = [sha for sha in wanted if sha not in missing]
        vectors = self._points(stored)
        start = 0
        for change in changes:
            listed = zip(change.image_keys, change.image_sha256, strict=True)
            images = [(key, sha) for key, sha in listed if sha not in missing]
            self._pending.pop(change.product_key, None)
            if len(images) < len(change.image_sha256):
                self._pending[change.product_key] = change
            if images:
                keys, sha256 = zip(*images, strict=True)
                self._delta.remove(change.product_key)
                self._delta.add(change.product_key, keys, sha256, vectors[start : start + len(images)])
                start += len(images)

    def _points(self, photos: Sequence[str]) -> Floats:
        """Returns the points of photos that have features, float32 (n, d)."""
        points = np.empty((len(photos), self.generation.index.dim), np.float32)
        for start in range(0, len(photos), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            points[part] = self.generation.projection.apply(self._features.read(photos[part]))
        return points

    def _view(self) -> LiveView:
        return LiveView(
            generation=self.generation,
            seq=self.seq,
            dead=self._dead,
            delta=self._delta.now(),
            findable_count=self.generation.rows.product_count - len(self._outdated) + self._delta.product_count,
            pending=len(self._pending),
            edited=self._edited,
        )
