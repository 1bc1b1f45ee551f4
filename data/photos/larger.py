"""Makes larger copies of product photos than thumbnails, when a browser first asks for one, and keeps them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from PIL import Image

from data.errors import InvalidImage
from data.photos.intake import Intake, deletions_held, holds_bytes, larger_path
from data.photos.thumbnail_file import encode_thumbnail, is_whole
from data.storage import write_bytes


def larger_copy(
    intake: Intake, sha256: str, side: int, decoding: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Path:
    """Returns the path of a copy of a product's photo as WebP, upright and without metadata; makes it if need be.

    At most two copies are kept of each photo of the catalogue, and they go when the photo goes.

    Args:
        sha256: of the photo's original.
        side: pixels on the longer side, one of `LARGER_SIDES`; a smaller photo keeps its size.
        decoding: context that is held while the photo is decoded.

    Raises:
        InvalidImage: the catalogue has no such photo, or its original is gone or cannot be read any more.
    """
    path = larger_path(intake.home, sha256, side)
    if holds_bytes(path):
        return path
    with decoding():
        webp = encode_thumbnail(Image.fromarray(intake.shrunk(intake.original(sha256), side).pixels))
    with deletions_held(intake.home):
        if not intake.knows(sha256):  # erased while the copy was made
            raise InvalidImage(f"photo {sha256} must be in the catalogue; it was removed meanwhile.", code="photo_gone")
        write_bytes(path, webp, durable=False)
    return path


def damaged_copies(home: Path) -> Iterator[Path]:
    """Yields the larger copies that are not as they were written; who deletes them has them made anew."""
    return (path for path in home.glob("thumbs/*/*-*.webp") if not is_whole(path))
