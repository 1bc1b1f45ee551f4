"""Reads a feed that is a folder per category, `root/<category>/<photo>`: every photo is a product.

Photos whose names differ only in the suffix are photos of one product: phones and cameras save one shot in two formats.
"""

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from data.errors import InvalidFeed
from data.readers.rows import Row

# Formats that are not accepted are listed too, so that such a photo is reported, not skipped.
_PHOTO_SUFFIXES = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif",
    ".svg",
}  # fmt: skip


def read_folder(root: Path) -> Iterator[Row]:
    """Yields a row for every photo under `root`, in the order of their paths; photos of one name share a row.

    The category is the name of the folder that holds the photo; the product_id is its path without the suffix, `~` in
    place of `/`; the title is the photo's name if that consists of words, else the category.

    Raises:
        InvalidFeed: `root` cannot be listed.
    """

    def refuse(error: OSError) -> None:
        raise InvalidFeed(f"a feed folder must be readable; got {error.filename} ({error.strerror}).") from error

    line = 0
    for folder, folders, names in os.walk(root, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        by_name: dict[Path, list[Path]] = {}
        for name in sorted(names):
            path = Path(folder) / name
            if path.suffix.lower() in _PHOTO_SUFFIXES and not name.startswith("."):
                # A Mac's disk stores Hangul syllables decomposed (NFD); the shop's own texts have them composed (NFC).
                inside = Path(unicodedata.normalize("NFC", str(path.relative_to(root).with_suffix(""))))
                by_name.setdefault(inside, []).append(path)
        for inside, paths in by_name.items():
            yield _row(line + 1, paths, inside)
            line += len(paths)


def _row(line: int, paths: list[Path], inside: Path) -> Row:
    *folders, stem = inside.parts
    category = folders[-1] if folders else ""
    words = [word for word in re.split(r"[\s_.-]+", stem) if word]
    title = " ".join(words) if all(word.isalpha() for word in words) or not category else category
    fields = {"product_id": "~".join((*folders, stem)), "title": title, "category": category}
    return Row(line, fields, tuple(str(path.absolute()) for path in paths), only_image=True)
