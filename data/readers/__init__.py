"""Readers of catalogue feeds, in whatever file or export of a platform: all end in the same records and rows."""

from data.readers.columns import column_names
from data.readers.feed import Feed, FeedOptions, open_feed
from data.readers.files.csv_records import read_csv
from data.readers.files.jsonl import read_jsonl
from data.readers.formats import detect_format
from data.readers.images import PhotoFiles, is_url, resolve_image
from data.readers.records import BadRow, Record, RowWarning
from data.readers.rows import Row
from data.readers.sources.containers import open_source

__all__ = [
    "BadRow",
    "Feed",
    "FeedOptions",
    "PhotoFiles",
    "Record",
    "Row",
    "RowWarning",
    "column_names",
    "detect_format",
    "is_url",
    "open_feed",
    "open_source",
    "read_csv",
    "read_jsonl",
    "resolve_image",
]
