"""Records of photos that were never taken, for tests of the catalogue alone."""

from collections.abc import Sequence

from data.catalogue import PhotoRecord


def photo(name: str, colours: Sequence[str] = (), source: str = "") -> PhotoRecord:
    """Returns the record of a photo whose sha256 is `name`, a hex digit, 64 times."""
    return PhotoRecord(
        sha256=name * 64, source=source or f"/photos/{name}", size_bytes=9, width=4, height=3, colours=tuple(colours)
    )
