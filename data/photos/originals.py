"""Finds the photos whose originals are gone, and those that now lie elsewhere in the home."""

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data.catalogue import Catalogue, PhotoRecord
from data.photos.intake import upload_path
from data.progress import track
from data.storage import sha256_file

_BLOCK = 1000
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Lost:
    """A photo whose original is not where the catalogue says.

    Attributes:
        found: where the home holds the same bytes; None: nowhere.
    """

    record: PhotoRecord
    found: Path | None


def lost_originals(catalogue: Catalogue) -> list[Lost]:
    """Returns the photos of live products whose original is gone; every photo is looked for, none is decoded."""
    photos = sorted(set(catalogue.snapshot().image_sha256))
    blocks = (photos[start : start + _BLOCK] for start in range(0, len(photos), _BLOCK))
    records = (record for block in blocks for record in catalogue.photos(block).values())
    return [Lost(record, _found(catalogue.home, record)) for record in records if not Path(record.source).is_file()]


def damaged_uploads(home: Path) -> list[Path]:
    """Returns the uploaded originals that hold other bytes than were uploaded; every one is read."""
    uploads = sorted((home / "uploads").glob("??/*"))
    files = (path for path in track(uploads, "uploads", len(uploads)) if _SHA256.fullmatch(path.name))
    return [path for path in files if sha256_file(path) != path.name]


def mend_sources(catalogue: Catalogue, lost: list[Lost]) -> None:
    """Lets the catalogue point to the originals that were found; durable when it returns."""
    catalogue.update_photos(
        [dataclasses.replace(item.record, source=str(item.found.absolute())) for item in lost if item.found]
    )


def _found(home: Path, record: PhotoRecord) -> Path | None:
    for path in _places(home, record):
        try:
            if path.is_file() and sha256_file(path) == record.sha256:
                return path
        except OSError:  # not readable, so not a place to read it from
            continue
    return None


def _places(home: Path, record: PhotoRecord) -> Iterator[Path]:
    """Yields where the original of a home that was moved may be: `/old/home/sample/a.png` is now `sample/a.png`."""
    yield upload_path(home, record.sha256)
    parts = Path(record.source).parts
    for start in range(1, len(parts)):
        yield home.joinpath(*parts[start:])
