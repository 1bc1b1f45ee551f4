"""Takes in photos one by one: checks and decodes the bytes, writes the thumbnail, returns the `PhotoRecord`."""

import dataclasses
import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from data.catalogue import Catalogue, PhotoRecord, Product
from data.errors import InvalidImage
from data.photos.content import check_bytes, read_original, read_photo
from data.photos.decoders import decode_photo
from data.photos.images import Photo, Pixels
from data.photos.thumbnail_file import encode_thumbnail
from data.settings import Settings
from data.storage import waiting, write_bytes

THUMBNAIL_SIDE = 320
LARGER_SIDES = (640, 1280)  # of the copies for sharp screens, and for a product's own page
_LOCK = "photos.lock"


def thumbnail_path(home: Path, sha256: str) -> Path:
    """Returns the path of a photo's thumbnail; nothing but it and its larger copies is ever served of a photo."""
    return home / "thumbs" / sha256[:2] / f"{sha256}.webp"


def larger_path(home: Path, sha256: str, side: int) -> Path:
    """Returns the path of the copy of a photo that has `side` pixels on its longer side."""
    return home / "thumbs" / sha256[:2] / f"{sha256}-{side}.webp"


def upload_path(home: Path, sha256: str) -> Path:
    """Returns the path of the original of an uploaded photo."""
    return home / "uploads" / sha256[:2] / sha256


def deletions_held(home: Path) -> AbstractContextManager[None]:
    """Holds back everybody else's deletion of photos in this home while the block runs.

    Who writes products checks within it that their photos' files are there; who deletes files checks within it that no
    product needs them. So no product is ever left without a file that it was acknowledged with.
    """
    return waiting(home / _LOCK)


def note_deletion(home: Path) -> None:
    """Notes that files are about to be deleted; the caller holds `deletions_held`."""
    with (home / _LOCK).open("ab") as file:
        file.write(b".")


def deletions(home: Path) -> int:
    """Returns a number that is greater after each deletion: the size of the lock file."""
    try:
        return (home / _LOCK).stat().st_size
    except FileNotFoundError:
        return 0


@dataclass(frozen=True)
class Examined:
    """An uploaded photo that was checked and decoded; nothing of it is stored yet.

    Attributes:
        thumbnail: its pixels, uint8 (h, w, 3); None where the home has it already.
    """

    content: bytes
    record: PhotoRecord
    thumbnail: Pixels | None


class Intake:
    """Takes photos in, for the import and for the API alike; safe to use from several threads.

    A photo is identified by the sha256 of its bytes. A photo that the catalogue knows and that has its thumbnail is
    not decoded again.
    """

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self._settings, self._catalogue = settings, catalogue
        self._deletions = deletions(settings.home)

    @property
    def home(self) -> Path:
        """The folder that holds the photos' files."""
        return self._settings.home

    def accept_bytes(self, content: bytes) -> PhotoRecord:
        """Returns the record of an uploaded photo; its original is stored, and durable when this returns.

        Raises:
            InvalidImage: the bytes are not a photo that the project accepts; nothing is stored.
        """
        return self.store(self.examine(content))

    def examine(self, content: bytes) -> Examined:
        """Checks and decodes an uploaded photo, and stores nothing.

        Raises:
            InvalidImage: the bytes are not a photo that the project accepts.
        """
        check_bytes(len(content), self._settings)
        sha256 = hashlib.sha256(content).hexdigest()
        kept = str(upload_path(self._settings.home, sha256).absolute())
        examined = self._examine(content, sha256, kept)
        return dataclasses.replace(examined, record=dataclasses.replace(examined.record, source=kept))

    def store(self, examined: Examined) -> PhotoRecord:
        """Stores the original, durably, and the thumbnail of an examined photo, and returns its record."""
        self._store_thumbnail(examined)
        path = Path(examined.record.source)
        try:
            os.utime(path)  # it is in use again: its time holds a sweep off until a product shows it
        except FileNotFoundError:
            write_bytes(path, examined.content)
        except PermissionError:  # another user's file, which this one may only read
            pass
        return examined.record

    def accept_path(self, path: Path) -> PhotoRecord:
        """Returns the record of a photo file; the original stays where it is.

        Raises:
            InvalidImage: the file is not a photo that the project accepts, or is missing (code `missing_image`).
        """
        source = path.absolute()
        content = read_photo(source, self._settings, missing="missing_image")
        sha256 = hashlib.sha256(content).hexdigest()
        examined = self._examine(content, sha256, str(source))
        if examined.thumbnail is not None:
            self._store_thumbnail(examined)
        record = examined.record
        found = record.source == str(source) or self._is_whole(record)
        return record if found else dataclasses.replace(record, source=str(source))

    def original(self, sha256: str) -> bytes:
        """Returns the original's bytes of a photo of the catalogue.

        Raises:
            InvalidImage: the catalogue has no such photo (code `photo_gone`), or as `read` says.
        """
        record = self._catalogue.photo(sha256)
        if record is None:
            raise InvalidImage(f"photo {sha256} must be in the catalogue; it was removed meanwhile.", code="photo_gone")
        return self.read(record)

    def read(self, record: PhotoRecord) -> bytes:
        """Returns the original's bytes.

        Raises:
            InvalidImage: the original is gone (code `source_gone`) or holds other bytes now (`source_changed`).
        """
        return read_original(record.source, record.sha256, self._settings)

    def knows(self, sha256: str) -> bool:
        """Returns whether the catalogue has this photo."""
        return self._catalogue.photo(sha256) is not None

    def shrunk(self, content: bytes, side: int = THUMBNAIL_SIDE, *, colours: bool = False) -> Photo:
        """Returns the photo with pixels of a copy's size, which is all that is sent between the processes."""
        return decode_photo(content, self._settings, target=side, fit=side, colours=colours)

    def remake_thumbnail(self, sha256: str) -> None:
        """Makes the thumbnail of a photo of the catalogue anew from its original.

        Raises:
            InvalidImage: as `original` says.
        """
        _write_thumbnail(thumbnail_path(self._settings.home, sha256), self.shrunk(self.original(sha256)).pixels)

    def write(self, items: Iterable[tuple[Product, Sequence[PhotoRecord] | None]]) -> list[str]:
        """Adds or replaces products with photos that were taken in, as `Catalogue.upsert_many` does.

        Files that were deleted since the photos were taken in are made again first.

        Raises:
            InvalidImage: such a photo's original is gone, too; nothing is written.
        """
        given = list(items)
        with deletions_held(self._settings.home):
            if deletions(self._settings.home) != self._deletions:
                for record in (photo for _, photos in given for photo in photos or ()):
                    self._restore(record)
            return self._catalogue.upsert_many(given)

    def _restore(self, record: PhotoRecord) -> None:
        upload = upload_path(self._settings.home, record.sha256).absolute()
        lost_upload = record.source == str(upload) and not upload.is_file()
        if lost_upload or not holds_bytes(thumbnail_path(self._settings.home, record.sha256)):
            self._store_thumbnail(self._examine(self.read(record), record.sha256, record.source))

    def _is_whole(self, record: PhotoRecord) -> bool:
        try:
            self.read(record)
        except InvalidImage:
            return False
        return True

    def _examine(self, content: bytes, sha256: str, source: str) -> Examined:
        if holds_bytes(thumbnail_path(self._settings.home, sha256)) and (known := self._catalogue.photo(sha256)):
            return Examined(content, known, None)
        photo = self.shrunk(content, colours=True)
        record = PhotoRecord(
            sha256=sha256,
            source=source,
            size_bytes=len(content),
            width=photo.width,
            height=photo.height,
            colours=photo.colours,
            remark=_remark(photo, source),
        )
        return Examined(content, record, photo.pixels)

    def _store_thumbnail(self, examined: Examined) -> None:
        path = thumbnail_path(self._settings.home, examined.record.sha256)
        if holds_bytes(path):
            return
        small = examined.thumbnail
        if small is None:  # deleted since it was examined
            small = self.shrunk(examined.content).pixels
        _write_thumbnail(path, small)


def _remark(photo: Photo, source: str) -> str:
    if not photo.is_truncated:
        return ""
    lacks = f"the last {photo.missing_lines:,} of its lines" if photo.missing_lines else "its end mark"
    return f"image should be whole; got {source}, which lacks {lacks}. It was read as it is. Copy the file again."


def holds_bytes(path: Path) -> bool:
    """Returns whether a file is there and not empty, as a power cut may leave it."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _write_thumbnail(path: Path, pixels: Pixels) -> None:
    """Writes the pixels without metadata. Not flushed to disk: a thumbnail lost in a power cut is made again."""
    write_bytes(path, encode_thumbnail(Image.fromarray(pixels)), durable=False)
