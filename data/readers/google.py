"""Reads Google Product Search CSV: one line per image, with or without a header line.

Columns (Cloud Vision API, "Create a catalog with bulk import"): image-uri, image-id, product-set-id, product-id,
product-category, product-display-name, labels, bounding-poly.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from typing import Any

from data.catalogue import readable_id
from data.readers.cells import read_cells
from data.readers.records import BadRow
from data.readers.rows import Row, row_from
from data.readers.sources.source import Source

COLUMNS = (
    "image-uri", "image-id", "product-set-id", "product-id", "product-category", "product-display-name", "labels",
    "bounding-poly",
)  # fmt: skip
_NEEDED = 4  # columns up to product-id


def read_google_csv(source: Source) -> Iterator[Row | BadRow]:
    """Yields one row per product, in the order of their first lines, with the images of all its lines.

    A product's lines may be anywhere in the file, so they are collected in a temporary database on disk first:
    memory does not grow with the file. Of differing facts, the first line's wins. Bounding boxes are not used.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as lines:
        lines.execute("CREATE TABLE products (product_id TEXT PRIMARY KEY, first INTEGER NOT NULL)")
        lines.execute("CREATE TABLE lines (first INTEGER NOT NULL, line INTEGER NOT NULL, record TEXT NOT NULL)")
        lines.execute("BEGIN")
        for line, cells in read_cells(source, ","):
            record = cells if isinstance(cells, BadRow) else _record(line, cells)
            if isinstance(record, BadRow):
                yield record
            elif record is not None:
                lines.execute("INSERT OR IGNORE INTO products VALUES (?, ?)", (record["product_id"], line))
                lines.execute(
                    "INSERT INTO lines SELECT first, ?, ? FROM products WHERE product_id = ?",
                    (line, json.dumps(record), record["product_id"]),
                )
        rows = lines.execute("SELECT first, record FROM lines ORDER BY first, line")
        for first, group in groupby(rows, key=lambda row: int(row[0])):
            yield _merge(first, (json.loads(record) for _, record in group))


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
