"""Writes feeds for tests, and reads them back as rows."""

from collections.abc import Iterable
from pathlib import Path

from data.readers import FeedOptions, detect_format, open_feed, open_source
from data.readers.records import BadRow
from data.readers.rows import Row


def rows(path: Path, format: str = "auto") -> list[Row | BadRow]:
    with open_feed(path, FeedOptions(format=format)) as feed:
        return list(feed.rows)


def format_of(path: Path) -> str:
    with open_source(path) as source:
        return detect_format(source)


def codes(found: Iterable[Row | BadRow]) -> list[tuple[int, str]]:
    """Returns each row's line and the code of its problem, "" if it has none."""
    return [(row.line, row.code if isinstance(row, BadRow) else "") for row in found]


def feed(folder: Path, content: str | bytes, name: str = "feed.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def parquet(folder: Path, columns: dict[str, object], **options: object) -> Path:
    """Writes `feed.parquet`; the options are those of `pyarrow.parquet.write_table`."""
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(columns), folder / "feed.parquet", **options)
    return folder / "feed.parquet"
