"""Where the workers read photos and write shards: the same paths everywhere, or fsspec addresses."""

from pathlib import Path

from data.errors import SettingsError
from data.settings import Settings


def shards_address(settings: Settings) -> str:
    """Returns the fsspec address of the shards; by default a folder of the home."""
    return settings.ray_shards or str(settings.home.absolute() / "shards")


class PhotoAddresses:
    """Says at which address workers read a photo.

    Example: `/srv/photos=s3://shop/photos` reads /srv/photos/mugs/1.jpg at s3://shop/photos/mugs/1.jpg.

    Args:
        text: pairs `FOLDER=ADDRESS`, separated by commas.

    Raises:
        SettingsError: a pair is none, or there is no file system for its address.
    """

    def __init__(self, text: str) -> None:
        self._pairs: list[tuple[Path, str]] = []
        for pair in filter(None, (part.strip() for part in text.split(","))):
            folder, _, address = pair.partition("=")
            if not folder.startswith("/") or "://" not in address:
                raise SettingsError(
                    f"ray_photos must be pairs such as /srv/photos=s3://shop/photos, separated by commas; got {pair!r}."
                )
            require_file_system("ray_photos", address)
            self._pairs.append((Path(folder), address.rstrip("/")))

    def of(self, source: str) -> str:
        """Returns the address of a photo; "" where workers read it at its own path."""
        path = Path(source)
        for folder, address in self._pairs:
            if path.is_relative_to(folder):
                return f"{address}/{path.relative_to(folder).as_posix()}"
        return ""


def require_file_system(setting: str, address: str) -> None:
    """Refuses an address that nothing installed can read.

    Raises:
        SettingsError: fsspec does not know the scheme, or what it needs for it is not installed.
    """
    from fsspec.core import url_to_fs

    try:
        url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise SettingsError(
            f"{setting} must be an address that fsspec can read here and on every worker; got {address!r}: {error}"
        ) from error
