"""Readers of catalogue feeds: one module per format, all yielding the same rows."""

from data.readers.cells import read_cells
from data.readers.csv_rows import column_names, header_delimiter
from data.readers.feed import Row, read_feed
from data.readers.images import is_url, resolve_image
from data.readers.jsonl import read_jsonl
from data.readers.rows import BOM, BadRow

__all__ = [
    "BOM",
    "BadRow",
    "Row",
    "column_names",
    "header_delimiter",
    "is_url",
    "read_cells",
    "read_feed",
    "read_jsonl",
    "resolve_image",
]
