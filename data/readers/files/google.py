"""Reads Google Product Search CSV: one line per image, with or without a header line.

Columns (Cloud Vision API, "Create a catalog with bulk import"): image-uri, image-id, product-set-id, product-id,
product-category, product-display-name, labels, bounding-poly.
"""

from collections.abc import Iterator
from typing import Any

from data.catalogue import readable_id
from data.readers.files.cells import read_cells
from data.readers.grouping import Groups
from data.readers.records import BadRow, Record
from data.readers.rows import Row, row_from
from data.readers.sources.source import Source

COLUMNS = (
    "image-uri", "image-id", "product-set-id", "product-id", "product-category", "product-display-name", "labels",
    "bounding-poly",
)  # fmt: skip
_NEEDED = 4  # columns up to product-id


def read_google_csv(source: Source) -> Iterator[Row | BadRow]:
    """Yields one row per product, in the order of their first lines, with the images of all its lines.

    A product's lines may be anywhere in the file; they are collected on disk, so that memory does not grow with it. Of
    differing facts, the first line's wins. Bounding boxes are not used.
    """
    with Groups() as groups:
        for line, cells in read_cells(source, ","):
            record = cells if isinstance(cells, BadRow) else _record(line, cells)
            if isinstance(record, BadRow):
                yield record
            elif record is not None:
                groups.add(record["product_id"], Record(line, record))
        for _, members in groups:
            yield _merge(members[0].line, (member.values for member in members))


def _record(line: int, cells: list[str]) -> dict[str, Any] | BadRow | None:
    """Returns one line's facts; None for the header."""
    values = dict(zip(COLUMNS, (cell.strip() for cell in cells), strict=False))
    if line == 1 and values["image-uri"].lower() == "image-uri":
        return None
    if not _NEEDED <= len(cells) <= len(COLUMNS):
        message = f"a line must have {_NEEDED} to {len(COLUMNS)} columns; got {len(cells)}. Quote cells with commas."
        return BadRow(line, "wrong_columns", message)
    if not values["product-id"]:
        return BadRow(line, "missing_product_id", "product-id must be given; got nothing. Add it to the line.")
    attributes = _labels(values.get("labels", ""))
    if attributes is None:
        message = f"labels must read key=value,key=value; got {values['labels'][:80]!r}."
        return BadRow(line, "bad_attributes", message, readable_id({"product_id": values["product-id"]}))
    return {
        "product_id": values["product-id"],
        "title": values.get("product-display-name", ""),
        "category": values.get("product-category", ""),
        "attributes": attributes,
        "images": [values["image-uri"]] if values["image-uri"] else [],
    }


def _labels(text: str) -> dict[str, str] | None:
    """Returns the attributes in `k=v,k2=v2`, joining the values of a repeated key; None if `text` has another form."""
    attributes: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key:
            return None
        attributes[key] = f"{attributes[key]}, {value}" if key in attributes else value
    return attributes


def _merge(first: int, records: Iterator[dict[str, Any]]) -> Row | BadRow:
    merged = next(records)
    for record in records:
        merged["images"] += record["images"]
        merged["attributes"] = {**record["attributes"], **merged["attributes"]}
        merged.update({name: merged[name] or record[name] for name in ("title", "category")})
    return row_from(first, merged)
