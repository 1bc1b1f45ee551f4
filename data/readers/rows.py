"""The products of a feed, as rows that are not checked yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data.catalogue import readable_id
from data.readers.records import BadRow, RowWarning


@dataclass(frozen=True)
class Row:
    """One product as the feed gives it, not yet checked.

    Attributes:
        line: 1-based line (CSV, JSONL), row (Parquet) or file (folders) of the feed.
        fields: names of facts to raw values, for `parse_product`.
        images: references (path or URL), or the bytes of photos; None: the feed says nothing about images.
        only_image: True: the row consists only of its photo; without a usable one there is no product.
        warnings: what the row loses, though it is imported.
    """

    line: int
    fields: Mapping[str, Any]
    images: tuple[str | bytes, ...] | None
    only_image: bool = False
    warnings: tuple[RowWarning, ...] = ()


def row_from(line: int, fields: dict[str, Any], *, warnings: tuple[RowWarning, ...] = ()) -> Row | BadRow:
    """Returns the row of `fields`, with the image references moved to `images`, as they are written there."""
    given = [fields.pop(name) for name in ("image", "images") if name in fields]
    if not given:
        return Row(line, fields, None, warnings=warnings)
    references: list[str | bytes] = []
    for value in given:
        parts = [part for part in (value if isinstance(value, list) else [value]) if part is not None]
        if not all(isinstance(part, str | bytes) for part in parts):
            message = f"images must be a list of paths or URLs; got {str(value)[:80]!r}."
            return BadRow(line, "bad_images", message, readable_id(fields))
        references += parts
    return Row(line, fields, tuple(references), warnings=warnings)
