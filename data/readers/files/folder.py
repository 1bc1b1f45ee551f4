"""Reads a feed that is a folder per category, `root/<category>/<photo>`: every photo is a product.

Photos whose names differ only in the suffix are photos of one product: phones and cameras save one shot in two formats.
"""

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path, PurePath

from data.catalogue import ID_LIMIT
from data.database import FILE_NAME
from data.errors import InvalidFeed
from data.readers.image_cells import PHOTO_SUFFIXES
from data.readers.rows import Row
from data.readers.skipping import skip_reason
from data.readers.sources.archive import Archive
from data.readers.sources.encodings import decode_name

_NOT_IN_ID = re.compile(r"[\\\x00-\x1f\x7f]")
_DIGEST = 8
_HEAD_BYTES = 12
_FTYP = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")


def read_folder(root: Path, skipped: Counter[str]) -> Iterator[Row]:
    """Yields a row for every photo under `root`, in the order of their paths; photos of one name share a row.

    A photo is told by its name or its content.

    The category is the name of the folder that holds the photo; the product_id is its path without the suffix, `~` in
    place of `/`; the title is the photo's name if that consists of words, else the category.

    Links to files and folders inside `root` are followed, those to a folder outside are not.

    Args:
        skipped: gets the number of files and links that are left out, by reason.

    Raises:
        InvalidFeed: `root` or a folder in it cannot be listed.
    """
    found = ((str(path.absolute()), path.relative_to(root)) for path in _photos(root, skipped))
    return _rows(found)  # absolute, since it may lie under the current folder


def read_zipped_folder(archive: Archive, skipped: Counter[str]) -> Iterator[Row]:
    """Yields a row for every photo in a zip, as `read_folder` does."""
    photos = [name for name in archive.names if _is_named(name) or _is_photo(archive.read(name, _HEAD_BYTES))]
    skipped.update({"no photo": len(archive.names) - len(photos)})
    return _rows((name, PurePath(name)) for name in sorted(photos, key=lambda name: _parts(PurePath(name))))


def _rows(photos: Iterable[tuple[str, PurePath]]) -> Iterator[Row]:
    line = 1
    for (*folders, stem), group in groupby(photos, key=lambda photo: _parts(photo[1])):
        references = tuple(reference for reference, _ in group)
        category = folders[-1] if folders else ""
        words = [word for word in re.split(r"[\s_.-]+", stem) if word]
        title = " ".join(words) if all(word.isalpha() for word in words) or not category else category
        fields = {"product_id": _product_id("~".join((*folders, stem))), "title": title, "category": category}
        yield Row(line, fields, references, only_image=True)
        line += len(references)


def _parts(inside: PurePath) -> tuple[str, ...]:
    """Returns the folders and the name without its suffix; `m7.jpg_large` has one, `Nr. 5` has none.

    A Mac's disk stores Hangul syllables decomposed (NFD); the shop's own texts have them composed (NFC).
    """
    plain = inside.with_suffix("") if _is_named(inside.name) else inside
    return tuple(unicodedata.normalize("NFC", decode_name(os.fsencode(part))) for part in plain.parts)


def _is_named(name: str) -> bool:
    """Returns whether a file is called like a photo."""
    return PurePath(name).suffix.lower().startswith(PHOTO_SUFFIXES)


def _product_id(path: str) -> str:
    """Returns a path as an id: shortened where it is too long, by a digest in place of its end."""
    plain = _NOT_IN_ID.sub("_", path)
    if len(plain) <= ID_LIMIT:
        return plain
    digest = hashlib.sha256(plain.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGEST]
    return f"{plain[: ID_LIMIT - _DIGEST - 1]}~{digest}"


def _photos(root: Path, skipped: Counter[str]) -> Iterator[Path]:
    real = root.resolve()
    for path in _files(root, (real,), skipped):
        if reason := skip_reason(path.relative_to(root)) or _other_file(path):
            skipped[reason] += 1
        else:
            yield path


def _files(folder: Path, above: tuple[Path, ...], skipped: Counter[str], *, linked: bool = False) -> Iterator[Path]:
    """Yields the files under `folder`, by name.

    Args:
        above: the feed's folder and those down to this one, resolved.
        linked: whether a link led here; no further link is followed then, so that links cannot multiply.
    """
    try:
        entries = sorted(folder.iterdir(), key=lambda path: (path.is_dir(), _parts(PurePath(path.name)), path.name))
    except OSError as error:
        raise InvalidFeed(f"a feed folder must be readable; got {folder} ({error.strerror}).") from error
    for path in entries:
        if not path.is_dir():
            yield path
        elif reason := _unfollowed(path, above, linked=linked):
            skipped[reason] += 1
        else:
            yield from _files(path, (*above, path.resolve()), skipped, linked=linked or path.is_symlink())


def _unfollowed(folder: Path, above: tuple[Path, ...], *, linked: bool) -> str:
    """Returns why a folder is not entered; empty if it is."""
    if (folder / FILE_NAME).is_file():  # ./var, unless it is named; its thumbnails would become products
        return "a home of Lookalike"
    if not folder.is_symlink():
        return ""
    target = folder.resolve()
    if not target.is_relative_to(above[0]):
        return "a link out of the feed"
    return "a link in a circle" if linked or target in above else ""


def _other_file(path: Path) -> str:
    """Returns why a file is not read; empty if it is called or looks like a photo."""
    if _is_named(path.name):
        return ""
    if not path.is_file():
        return "a broken link" if path.is_symlink() else "no plain file"
    try:
        with path.open("rb") as file:
            return "" if _is_photo(file.read(_HEAD_BYTES)) else "no photo"
    except OSError:
        return "not readable"


def _is_photo(head: bytes) -> bool:
    return (
        head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8"))
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[4:8] == b"ftyp" and head[8:12] in _FTYP)
    )
