"""Keeps the photos that shoppers search with for a while, in memory, so that the next request need only name one."""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from api.errors import UnknownPhoto

MOST_PHOTOS = 1_000
MOST_BYTES = 100_000_000


@dataclass(frozen=True)
class _Kept:
    content: bytes
    may_be_shown: bool
    used_at: float


class QueryPhotos:
    """Photos by their `photo_id`, the sha256 of their bytes; those used longest ago go first. Nothing lists them.

    Args:
        minutes: how long after its last use a photo is kept; 0: none is kept.
        clock: the time in seconds.
    """

    def __init__(self, minutes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._age_s, self._clock = minutes * 60, clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    def keep(self, content: bytes, *, may_be_shown: bool = False) -> str | None:
        """Keeps a photo and returns its `photo_id`; None if photos are not kept.

        Args:
            may_be_shown: whether `shown` may give the bytes to a browser.
        """
        if not self._age_s or len(content) > MOST_BYTES:
            return None
        photo_id = hashlib.sha256(content).hexdigest()
        with self._lock:
            before = self._take(photo_id)
            shown = may_be_shown or (before is not None and before.may_be_shown)
            self._put(photo_id, _Kept(content, shown, self._clock()))
            self._drop_old()
        return photo_id

    def get(self, photo_id: str) -> bytes:
        """Returns the bytes of a photo, which is then kept for longer.

        Raises:
            UnknownPhoto: no photo of this id is kept.
        """
        return self._used(photo_id).content

    def shown(self, photo_id: str) -> bytes:
        """Returns the bytes of a photo that may be shown.

        Raises:
            UnknownPhoto: no such photo is kept.
        """
        kept = self._used(photo_id)
        if not kept.may_be_shown:
            raise _unknown()
        return kept.content

    def _used(self, photo_id: str) -> _Kept:
        with self._lock:
            self._drop_old()
            kept = self._take(photo_id)
            if kept is None:
                raise _unknown()
            self._put(photo_id, _Kept(kept.content, kept.may_be_shown, self._clock()))
            return kept

    def _put(self, photo_id: str, kept: _Kept) -> None:
        self._kept[photo_id] = kept
        self._bytes += len(kept.content)

    def _take(self, photo_id: str) -> _Kept | None:
        kept = self._kept.pop(photo_id, None)
        self._bytes -= len(kept.content) if kept else 0
        return kept

    def _drop_old(self) -> None:
        oldest = self._clock() - self._age_s
        while self._kept:
            photo_id, kept = next(iter(self._kept.items()))
            if len(self._kept) <= MOST_PHOTOS and self._bytes <= MOST_BYTES and kept.used_at >= oldest:
                return
            self._take(photo_id)


def _unknown() -> UnknownPhoto:
    return UnknownPhoto(
        "photo_id must be of a photo that was searched for lately; this one is not kept here, or no longer. "
        "Send the photo as `file`."
    )
