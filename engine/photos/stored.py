"""Stores features between two rebuilds: those of new products' photos and of photos that shoppers searched with."""

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from data.catalogue import PhotoRecord
from data.features import FeatureStore
from data.photos import Intake
from data.settings import Settings
from engine.backbones import load_input
from engine.generation import Generation
from engine.protocols import BackboneSpec, Decoding, Floats

_BATCH = 16
MOST_SEEN = 1000  # photos; 8 MB at 2,048 features each


class StoredPhotos:
    """Adds photos to the feature store. Safe to use from several threads."""

    def __init__(self, settings: Settings, intake: Intake, decoding: Decoding = nullcontext) -> None:
        self._settings, self._intake, self._decoding = settings, intake, decoding
        self._seen = SearchedPhotos()
        self._lock = threading.Lock()

    def embed(self, generation: Generation, photos: Sequence[PhotoRecord]) -> None:
        """Embeds the photos that have no stored features, and stores the result.

        Products that an import brought with these photos, for the next rebuild to embed, are found from then on.

        Raises:
            InvalidImage: a photo cannot be read or decoded.
        """
        spec = generation.spec
        missing = set(self._store(spec).missing([photo.sha256 for photo in photos]))
        left = list({photo.sha256: photo for photo in photos if photo.sha256 in missing}.values())
        for start in range(0, len(left), _BATCH):
            batch = left[start : start + _BATCH]
            with self._decoding():
                inputs = [
                    load_input(self._intake.read(photo), spec.input_size, self._settings, spec.preprocessing)
                    for photo in batch
                ]
            self._append(spec, [photo.sha256 for photo in batch], generation.backbone().embed(np.stack(inputs)))

    def searched(self, query_id: str, sha256: str, features: Floats, spec: BackboneSpec) -> None:
        """Remembers the features float32 (dim,) of an uncropped query photo."""
        self._seen.put(query_id, SearchedPhoto(sha256, features, spec))

    def features_of(self, sha256: str, spec: BackboneSpec) -> Floats | None:
        """Returns the remembered features of an uncropped query photo; None if this backbone has computed none."""
        return next((photo.features for photo in self._seen.of([sha256]) if photo.spec == spec), None)

    def keep(self, names: Collection[str]) -> None:
        """Stores the remembered features of photos, named by query id or by sha256; skips unknown names."""
        for photo in self._seen.of(names):
            self._append(photo.spec, [photo.sha256], photo.features[None])

    def _append(self, spec: BackboneSpec, keys: list[str], rows: Floats) -> None:
        with self._lock:
            self._store(spec).append(keys, rows, announce=True)

    def _store(self, spec: BackboneSpec) -> FeatureStore:
        return FeatureStore(self._settings.home, spec.fingerprint, spec.dim)


@dataclass(frozen=True)
class SearchedPhoto:
    """An uncropped query photo: its features float32 (dim,), and the backbone that computed them."""

    sha256: str
    features: Floats
    spec: BackboneSpec


class SearchedPhotos:
    """The latest query photos, by the search's `query_id` and by their own sha256. Safe to use from several threads."""

    def __init__(self, most: int = MOST_SEEN) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._photos: OrderedDict[str, SearchedPhoto] = OrderedDict()
        self._searches: OrderedDict[str, str] = OrderedDict()

    def put(self, query_id: str, photo: SearchedPhoto) -> None:
        with self._lock:
            self._photos[photo.sha256] = photo
            self._photos.move_to_end(photo.sha256)
            self._searches[query_id] = photo.sha256
            if len(self._photos) > self._most:
                self._photos.popitem(last=False)
            if len(self._searches) > self._most:
                self._searches.popitem(last=False)

    def of(self, names: Collection[str]) -> list[SearchedPhoto]:
        """Returns the photos, named by query id or by sha256, that are still remembered, each once."""
        with self._lock:
            wanted = {self._searches.get(name, name) for name in names}
            return [self._photos[sha256] for sha256 in sorted(wanted) if sha256 in self._photos]
