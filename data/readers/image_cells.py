"""Splits a text that may name several photos: `a.jpg, b.jpg`, `a.jpg|b.jpg` or `["a.jpg", "b.jpg"]`."""

import dataclasses
import json
import re
from collections.abc import Container

from data.catalogue import readable_id
from data.readers.images import is_url
from data.readers.records import BadRow
from data.readers.rows import Row

IMAGES_PER_PRODUCT = 1_000

# Formats that are not accepted are listed too, so that such a photo is reported, not skipped.
PHOTO_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif",
    ".svg",
)  # fmt: skip
_SEVERAL = re.compile(r"[;|,\s\[]|^$")
_SEPARATORS = (";", r"\|", r"[\r\n]+", ",", r"\s+")


def split_images(row: Row | BadRow, photos: Container[str], separator: str) -> Row | BadRow:
    """Returns the row with each of its photos once, as `split_references` finds them in its texts."""
    if isinstance(row, BadRow) or row.images is None:
        return row
    if len(row.images) == 1 and isinstance(row.images[0], str) and not _SEVERAL.search(row.images[0]):
        return row
    references: dict[str | bytes, None] = {}
    for image in row.images:
        parts = [image] if isinstance(image, bytes) else split_references(image, photos, separator=separator)
        references.update(dict.fromkeys(parts))
    if len(references) > IMAGES_PER_PRODUCT:
        message = f"a product must have at most {IMAGES_PER_PRODUCT:,} images; got {len(references):,}. Leave some out."
        return BadRow(row.line, "too_many_images", message, readable_id(row.fields))
    return dataclasses.replace(row, images=tuple(references))


def split_references(text: str, photos: Container[str], *, separator: str = "") -> list[str]:
    """Returns the photos that a text names, in order.

    A text that is the path of a file stays one photo. Else it is split at semicolons, bars, line ends, commas or white
    space: the first of them at which every part is a URL, ends like a photo's name, or is a file that is there. A URL
    is split only where the next one begins, because it may hold any of these.

    Args:
        photos: tells which paths are files.
        separator: text at which it is split anyway, unless it is the path of a file; "": there is none.
    """
    text = text.strip()
    if listed := _json_list(text):
        return listed
    if is_url(text):
        return re.split(r"[;|,\s]+(?=https?://)", text, flags=re.IGNORECASE)
    if not re.search(r"[;|,\s]", text) or text in photos:
        return [text] if text else []
    for pattern in _SEPARATORS:
        parts = [part for piece in re.split(pattern, text) if (part := piece.strip())]
        if len(parts) > 1 and all(_is_photo(part, photos) for part in parts):
            return [reference for part in parts for reference in split_references(part, photos)]
    parts = [piece.strip() for piece in text.split(separator)] if separator else [text]
    return [part for part in parts if part]


def _is_photo(part: str, photos: Container[str]) -> bool:
    return is_url(part) or part.lower().endswith(PHOTO_SUFFIXES) or part in photos


def _json_list(text: str) -> list[str]:
    """Returns the texts of a JSON list; nothing if `text` is none."""
    if not text.startswith("["):
        return []
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [value.strip() for value in values if value.strip()] if all(isinstance(v, str) for v in values) else []
