"""The products of a feed, as rows that are not checked yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data.catalogue import readable_id
from data.readers.records import BadRow, RowWarning

IMAGES_PER_PRODUCT = 1_000


@dataclass(frozen=True)
class Row:
    """One product as the feed gives it, not yet checked.

    Attributes:
        line: 1-based line (CSV, JSONL), row (Parquet) or file (folders) of the feed.
        fields: names of facts to raw values, for `parse_product`.
        images: references as written (path or URL); None: the feed says nothing about images.
        only_image: True: the row consists only of its photo; without a usable one there is no product.
        warnings: what the row loses, though it is imported.
    """

    line: int
    fields: Mapping[str, Any]
    images: tuple[str, ...] | None
    only_image: bool = False
    warnings: tuple[RowWarning, ...] = ()


def row_from(line: int, fields: dict[str, Any], *, separator: str = "") -> Row | BadRow:
    """Returns the row of `fields`, with the image references moved to `images`.

    Args:
        separator: text between several references in one value; "": a value is one reference.
    """
    given = [fields.pop(name) for name in ("image", "images") if name in fields]
    if not given:
        return Row(line, fields, None)
    references: list[str] = []
    for value in given:
        if value is None:
            continue
        parts = (value.split(separator) if separator else [value]) if isinstance(value, str) else value
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            message = f"images must be a list of paths or URLs; got {str(value)[:80]!r}."
            return BadRow(line, "bad_images", message, readable_id(fields))
        references += [part.strip() for part in parts if part.strip()]
    unique = tuple(dict.fromkeys(references))
    if len(unique) > IMAGES_PER_PRODUCT:
        message = f"a product must have at most {IMAGES_PER_PRODUCT:,} images; got {len(unique):,}. Leave some out."
        return BadRow(line, "too_many_images", message, readable_id(fields))
    return Row(line, fields, unique)
