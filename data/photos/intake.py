"""Takes in photos one by one: checks and decodes the bytes, writes the thumbnail, returns the `PhotoRecord`."""

import dataclasses
import hashlib
import io
import os
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from data.catalogue import Catalogue, PhotoRecord
from data.errors import InvalidImage
from data.photos.colours import dominant_colours
from data.photos.content import check_bytes, read_photo
from data.photos.images import Pixels, decode_photo
from data.settings import Settings
from data.storage import write_bytes

THUMBNAIL_SIDE = 320


def thumbnail_path(home: Path, sha256: str) -> Path:
    """Returns the path of a photo's thumbnail; no other image bytes are ever served."""
    return home / "thumbs" / sha256[:2] / f"{sha256}.webp"


def upload_path(home: Path, sha256: str) -> Path:
    """Returns the path of the original of an uploaded photo."""
    return home / "uploads" / sha256[:2] / sha256


class Intake:
    """Takes photos in, for the import and for the API alike; safe to use from several threads.

    A photo is identified by the sha256 of its bytes. A photo that the catalogue knows and that has its thumbnail is
    not decoded again.
    """

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self._settings, self._catalogue = settings, catalogue

    def accept_bytes(self, content: bytes) -> PhotoRecord:
        """Returns the record of an uploaded photo; its original is stored, and durable when this returns.

        Raises:
            InvalidImage: the bytes are not a photo that the project accepts; nothing is stored.
        """
        check_bytes(len(content), self._settings)
        sha256 = hashlib.sha256(content).hexdigest()
        kept = upload_path(self._settings.home, sha256).absolute()
        record = self._record(content, sha256, str(kept))
        if not kept.exists():
            write_bytes(kept, content)
        return dataclasses.replace(record, source=str(kept))

    def accept_path(self, path: Path) -> PhotoRecord:
        """Returns the record of a photo file; the original stays where it is.

        Raises:
            InvalidImage: the file is not a photo that the project accepts, or is missing (code `missing_image`).
        """
        source = path.absolute()
        content = read_photo(source, self._settings, missing="missing_image")
        sha256 = hashlib.sha256(content).hexdigest()
        record = self._record(content, sha256, str(source))
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
        content = read_photo(Path(record.source), self._settings, missing="source_gone")
        if hashlib.sha256(content).hexdigest() != record.sha256:
            raise InvalidImage(
                f"{record.source} must still be the photo that was imported; got other bytes. Import it again.",
                code="source_changed",
            )
        return content

    def _is_whole(self, record: PhotoRecord) -> bool:
        try:
            self.read(record)
        except InvalidImage:
            return False
        return True

    def _record(self, content: bytes, sha256: str, source: str) -> PhotoRecord:
        thumbnail = thumbnail_path(self._settings.home, sha256)
        known = self._catalogue.photo(sha256)
        if known is not None and _holds_bytes(thumbnail):
            return known
        photo = decode_photo(content, self._settings, target=THUMBNAIL_SIDE)
        small = _shrink(photo.pixels)
        _write_thumbnail(thumbnail, small)
        return PhotoRecord(
            sha256=sha256,
            source=source,
            size_bytes=len(content),
            width=photo.width,
            height=photo.height,
            colours=dominant_colours(np.asarray(small)),
        )


def _holds_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _shrink(pixels: Pixels) -> Image.Image:
    image = Image.fromarray(pixels)
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.HAMMING)
    return image


def _write_thumbnail(path: Path, image: Image.Image) -> None:
    """Writes the pixels without metadata. Not flushed to disk: a thumbnail lost in a power cut is made again."""
    encoded = io.BytesIO()
    image.save(encoded, "WEBP", quality=80, method=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".thumb.")
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(encoded.getbuffer())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
