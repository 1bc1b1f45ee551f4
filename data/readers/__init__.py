"""Readers of catalogue feeds: one module per format, all ending in the same records and rows."""

from data.readers.columns import column_names
from data.readers.csv_records import read_csv
from data.readers.feed import Feed, FeedOptions, open_feed
from data.readers.images import is_url, resolve_image
from data.readers.jsonl import read_jsonl
from data.readers.lines import BOM
from data.readers.records import BadRow, Record, RowWarning
from data.readers.rows import Row

__all__ = [
    "BOM",
    "BadRow",
    "Feed",
    "FeedOptions",
    "Record",
    "Row",
    "RowWarning",
    "column_names",
    "is_url",
    "open_feed",
    "read_csv",
    "read_jsonl",
    "resolve_image",
]
