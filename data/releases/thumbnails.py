"""Thumbnails in storage that searchers read: a copy of the writer's folder `thumbs`, or that folder itself."""

from data.errors import ReleaseUnavailable
from data.releases.address import open_address, read_up_to

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
        self._files, self._root = open_address("thumbs_url", address)

    def read(self, sha256: str, side: str = "") -> bytes | None:
        """Returns the thumbnail of a photo, WebP; None: there is none.

        Args:
            side: of a larger copy in pixels, "": the thumbnail itself.

        Raises:
            ReleaseUnavailable: the storage fails, or holds something else there.
        """
        path = f"{self._root}/{sha256[:2]}/{sha256}{f'-{side}' if side else ''}.webp"
        try:
            content = read_up_to(self._files, path, _MOST_BYTES)
            if (content[:4], content[8:12]) != _WEBP:
                raise ValueError("it must be a WebP; it is not")
        except FileNotFoundError:
            return None
        except Exception as error:  # each of fsspec's file systems raises errors of its own
            raise ReleaseUnavailable(
                f"{path} must be a thumbnail; got: {error!r:.300}. Look at the storage."
            ) from error
        return content
