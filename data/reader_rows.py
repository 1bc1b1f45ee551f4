"""What every catalogue reader yields, and what they share about columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LINE_LIMIT = 1_000_000
IMAGES_PER_PRODUCT = 1_000


@dataclass(frozen=True)
class Row:
    """One product as the feed gives it, not yet checked.

    Attributes:
        line: 1-based line (CSV, JSONL), row (Parquet) or entry (folders) in the feed.
        fields: DESIGN names to raw values, for `parse_product`.
        images: references as written (path or URL); None: the feed says nothing about images.
    """

    line: int
    fields: Mapping[str, Any]
    images: tuple[str, ...] | None


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read; `code` is short and stable."""

    line: int
    code: str
    message: str


def row_from(line: int, fields: dict[str, Any], *, separator: str = "") -> Row | BadRow:
    """Splits the image references off `fields`.

    Args:
        separator: what stands between several references in one text, "" where a text is one reference.
    """
    given = [fields.pop(name) for name in ("image", "images") if name in fields]
    if not given:
        return Row(line, fields, None)
    references: list[str] = []
    for value in given:
        if isinstance(value, str):
            value = value.split(separator) if separator else [value]
        elif value is None:
            value = []
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            return BadRow(line, "bad_images", f"images must be a list of paths or URLs; got {str(given[0])[:80]!r}.")
        references += [item.strip() for item in value if item.strip()]
    unique = tuple(dict.fromkeys(references))
    if len(unique) > IMAGES_PER_PRODUCT:
        return BadRow(
            line, "too_many_images", f"a product must have at most {IMAGES_PER_PRODUCT} images; got {len(unique)}."
        )
    return Row(line, fields, unique)
