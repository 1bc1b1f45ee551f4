"""A photo's encoded bytes: read from a file, or made from what a program holds."""

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.errors import ImageTooLarge, InvalidImage, UnsupportedImage
from data.photos.images import encode_png
from data.settings import Settings

PhotoInput = str | Path | bytes | Image.Image | NDArray[np.uint8]


def photo_bytes(photo: PhotoInput, settings: Settings) -> bytes:
    """Returns a photo as the bytes of an image file, for `decode`.

    Args:
        photo: the path of an image file, its bytes, a PIL image, or RGB pixels uint8 (h, w, 3). PIL images and pixels
            are encoded as PNG, without loss.

    Raises:
        UnsupportedImage: it is none of these.
        ImageTooLarge: over `max_pixels`, or over `max_image_bytes`.
        InvalidImage: there is no such file, or the PIL image cannot be read.
    """
    if isinstance(photo, bytes):
        return photo
    if isinstance(photo, str | Path):
        return read_photo(Path(photo), settings, missing="missing_image")
    if isinstance(photo, Image.Image):
        return _checked_png(photo, settings)
    if not isinstance(photo, np.ndarray):
        got = f"{type(photo).__module__}.{type(photo).__name__}"
    elif photo.dtype == np.uint8 and photo.ndim == 3 and photo.shape[2] == 3 and photo.size:
        return _checked_png(Image.fromarray(photo), settings)
    else:
        got = f"an array {photo.dtype} {photo.shape}"
    raise UnsupportedImage(
        "photo must be a path, an image file's bytes, a PIL image or an array uint8 (height, width, 3) in RGB; "
        f"got {got}. Convert it."
    )


def photo_list(photos: Iterable[PhotoInput]) -> list[PhotoInput]:
    """Returns several photos as a list; raises UnsupportedImage where one was given in their place."""
    if isinstance(photos, str | bytes) or not isinstance(photos, Iterable):
        raise UnsupportedImage(f"photos must be a list of photos; got one {type(photos).__name__}. Write [photo].")
    return list(photos)


def read_photo(path: Path, settings: Settings, *, missing: str) -> bytes:
    """Returns a file's bytes; reads one past the cap at most. A pipe or a device would block or never end.

    Args:
        missing: code of the error where there is no such plain file.

    Raises:
        InvalidImage: the file cannot be read.
        ImageTooLarge: it is over `max_image_bytes`.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as source:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InvalidImage(f"image must be a plain file; got {path}.", code=missing)
            content = source.read(settings.max_image_bytes + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidImage(
            f"image must be a file that can be read; got {path} ({reason}). Check the path.", code=missing
        ) from error
    check_bytes(len(content), settings)
    return content


def read_original(source: str, sha256: str, settings: Settings, *, address: str = "") -> bytes:
    """Returns the bytes of a photo's original.

    Args:
        source: its path, as the catalogue has it.
        address: the fsspec address at which it is read instead, such as s3://shop/photos/1.jpg; "": none.

    Raises:
        InvalidImage: the original is gone (code `source_gone`) or holds other bytes now (`source_changed`).
        ImageTooLarge: it is over `max_image_bytes`.
    """
    content = _read_address(address, settings) if address else read_photo(Path(source), settings, missing="source_gone")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise InvalidImage(
            f"{source} must still be the photo that was imported; got other bytes. Import it again.",
            code="source_changed",
        )
    return content


def _read_address(address: str, settings: Settings) -> bytes:
    import fsspec

    try:
        with fsspec.open(address, "rb") as file:
            content: bytes = file.read(settings.max_image_bytes + 1)
    except Exception as error:  # each of fsspec's file systems raises errors of its own
        raise InvalidImage(
            f"image must be a file that can be read; got {address} ({error}). Check the address.", code="source_gone"
        ) from error
    check_bytes(len(content), settings)
    return content


def check_bytes(size_bytes: int, settings: Settings) -> None:
    """Raises ImageTooLarge where a file is over `max_image_bytes`."""
    if size_bytes > settings.max_image_bytes:
        raise ImageTooLarge(
            f"image must be at most {settings.max_image_bytes:,} bytes; got more. "
            "Resize it or raise LOOKALIKE_MAX_IMAGE_BYTES."
        )


def _checked_png(image: Image.Image, settings: Settings) -> bytes:
    content = encode_png(image, settings)
    if len(content) > settings.max_image_bytes:
        raise ImageTooLarge(
            f"a photo in memory must be at most {settings.max_image_bytes:,} bytes as PNG; got {len(content):,}. "
            "Give its path or its file's bytes, resize it, or raise max_image_bytes."
        )
    return content
