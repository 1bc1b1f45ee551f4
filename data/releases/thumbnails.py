"""Thumbnails in storage that searchers read: a copy of the writer's folder `thumbs`, or that folder itself."""

import threading
import time

from data.errors import ReleaseUnavailable
from data.releases.stored_files import StoredFiles

_MOST_BYTES = 2_000_000
_WEBP = (b"RIFF", b"WEBP")  # the first four bytes, and those from the eighth on
_MOST_AT_ONCE = 32  # threads that may hang where the storage does not answer, which takes minutes to be given up
_PAUSE_S = 30.0


class StoredThumbnails:
    """The thumbnails at one address. A storage that fails is left alone for 30 seconds. Safe to use from threads.

    Args:
        address: an fsspec address, such as a folder or s3://bucket/thumbs.

    Raises:
        SettingsError: there is no file system for this address.
    """

    def __init__(self, address: str) -> None:
        self._stored = StoredFiles("thumbs_url", address)
        self._asking = threading.BoundedSemaphore(_MOST_AT_ONCE)
        self._problem, self._again_at = "", 0.0

    def read(self, sha256: str, side: str = "") -> bytes | None:
        """Returns the thumbnail of a photo, WebP; None: there is none.

        Args:
            side: of a larger copy in pixels, "": the thumbnail itself.

        Raises:
            ReleaseUnavailable: the storage fails or is busy, or holds something else there.
        """
        name = f"{sha256[:2]}/{sha256}{f'-{side}' if side else ''}.webp"
        content = self._read(name)
        if content is not None and (len(content) > _MOST_BYTES or (content[:4], content[8:12]) != _WEBP):
            raise ReleaseUnavailable(
                f"{name} in thumbs_url must be a WebP of at most {_MOST_BYTES:,} bytes; it is not. Copy it anew."
            )
        return content

    def _read(self, name: str) -> bytes | None:
        if time.monotonic() < self._again_at:
            raise ReleaseUnavailable(self._problem)
        if not self._asking.acquire(blocking=False):
            raise ReleaseUnavailable(f"thumbs_url must answer in time; {_MOST_AT_ONCE} requests wait for it already.")
        try:
            return self._stored.read(name, _MOST_BYTES + 1)
        except ReleaseUnavailable as error:
            self._problem, self._again_at = str(error), time.monotonic() + _PAUSE_S
            raise
        finally:
            self._asking.release()
