"""Features of the photos searched with last, kept in memory until a click shows that they teach something."""

import threading
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from engine.protocols import BackboneSpec, Floats

MOST = 1000  # photos; at 2,048 features 8 MB


@dataclass(frozen=True)
class SeenPhoto:
    """A photo that was searched with, whole: its features float32 (dim,), and the backbone they are of."""

    sha256: str
    features: Floats
    spec: BackboneSpec


class SeenPhotos:
    """The last photos, by the search's `query_id` and by their own sha256. Safe to use from several threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._photos: OrderedDict[str, SeenPhoto] = OrderedDict()
        self._searches: OrderedDict[str, str] = OrderedDict()

    def put(self, query_id: str, photo: SeenPhoto) -> None:
        with self._lock:
            self._photos[photo.sha256] = photo
            self._photos.move_to_end(photo.sha256)
            self._searches[query_id] = photo.sha256
            if len(self._photos) > self._most:
                self._photos.popitem(last=False)
            if len(self._searches) > self._most:
                self._searches.popitem(last=False)

    def of(self, names: Collection[str]) -> list[SeenPhoto]:
        """Returns the photos among `names`, query ids or sha256, that are still known, each once."""
        with self._lock:
            wanted = {self._searches.get(name, name) for name in names}
            return [self._photos[sha256] for sha256 in sorted(wanted) if sha256 in self._photos]
