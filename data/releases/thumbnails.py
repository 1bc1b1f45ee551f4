"""Thumbnails in storage that searchers read: a copy of the writer's folder `thumbs`, or that folder itself."""

from data.errors import ReleaseUnavailable
from data.releases.storage import require_storage

_MOST_BYTES = 2_000_000
_WEBP = (b"RIFF", b"WEBP")  # the first four bytes, and those from the eighth on


class StoredThumbnails:
    """The thumbnails at one address.

    Args:
        address: an fsspec address, such as a folder or s3://bucket/thumbs.

    Raises:
        SettingsError: there is no file system for this address.
    """

    def __init__(self, address: str) -> None:
        require_storage("thumbs_url", address)
        from fsspec.core import url_to_fs

        self._files, root = url_to_fs(address)
        self._root = root.rstrip("/")

    def read(self, sha256: str, side: str = "") -> bytes | None:
        """Returns the thumbnail of a photo, WebP; None: there is none.

        Args:
            side: of a larger copy in pixels, "": the thumbnail itself.

        Raises:
            ReleaseUnavailable: the storage fails, or holds something else there.
        """
        path = f"{self._root}/{sha256[:2]}/{sha256}{f'-{side}' if side else ''}.webp"
        try:
            content: bytes = self._files.cat_file(path, start=0, end=_MOST_BYTES + 1)
        except FileNotFoundError:
            return None
        except Exception as error:  # each of fsspec's file systems raises errors of its own
            raise ReleaseUnavailable(f"{path} must be readable; got: {error!r:.300}. Look at the storage.") from error
        if len(content) > _MOST_BYTES or (content[:4], content[8:12]) != _WEBP:
            raise ReleaseUnavailable(f"{path} must be a WebP of at most {_MOST_BYTES:,} bytes; it is not.")
        return content
