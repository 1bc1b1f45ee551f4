"""Opens a catalogue feed in any format the project knows: from a path to rows."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from data.errors import InvalidFeed, InvalidImport
from data.progress import track
from data.readers.files.csv_records import read_csv
from data.readers.files.folder import read_folder, read_zipped_folder
from data.readers.files.google import read_google_csv
from data.readers.files.json_document import read_json
from data.readers.files.jsonl import read_jsonl
from data.readers.files.parquet import read_parquet
from data.readers.files.xlsx import read_xlsx
from data.readers.files.xml import read_xml
from data.readers.formats import detect_format
from data.readers.image_cells import split_images
from data.readers.images import PhotoFiles
from data.readers.product_rows import product_rows
from data.readers.records import BadRow, Records
from data.readers.rows import Row
from data.readers.sources.containers import Opened, open_containers
from data.readers.sources.source import Source

# readers that end in records, which `product_rows` turns into rows, and those that know their rows themselves
_RECORDS: dict[str, Callable[[Source], Records]] = {
    "csv": read_csv, "json": read_json, "jsonl": read_jsonl, "parquet": read_parquet, "xlsx": read_xlsx,
    "xml": read_xml,
}  # fmt: skip
_ROWS: dict[str, Callable[[Source], Iterator[Row | BadRow]]] = {"google-csv": read_google_csv}
FORMATS = ("auto", *_RECORDS, *_ROWS, "folder")
_BINARY = ("parquet", "xlsx", "folder")


@dataclass(frozen=True, kw_only=True)
class FeedOptions:
    """How a feed is to be read, where that is not left to it.

    Attributes:
        format: one of `FORMATS`; `auto` detects it from the content and the suffix.
        encoding: of its text, for example `cp949`; empty: it is detected.
        images: folder that image paths are relative to, tried before the feed's own; None: there is none.
        scratch: folder on the disk that may fill up while a packed feed is read; None: the system's own.
        mapping: column of the feed -> the fact that it holds, where its own name does not say so.
    """

    format: str = "auto"
    encoding: str = ""
    images: Path | None = None
    scratch: Path | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Feed:
    """A feed that is being read.

    Attributes:
        rows: the products and the rows that cannot be read; memory does not grow with the feed.
        photos: where the photos are that the rows name.
        count: reads the feed once more, without its photos, and returns how many rows it has.
        notes: sentences about the feed as a whole for the report; complete when the rows are read.
        skipped: how many files of a folder or zip were left out, by reason; complete when the rows are read.
    """

    rows: Iterator[Row | BadRow]
    photos: PhotoFiles
    count: Callable[[], int] = int
    notes: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


@contextmanager
def open_feed(path: Path, options: FeedOptions | None = None) -> Iterator[Feed]:
    """Opens the feed at `path`, `-` for standard input, while the block runs; what was unpacked is gone afterwards.

    Raises:
        InvalidFeed: the feed as a whole cannot be read, or is in no format the project knows. That may show only when
            its rows are read.
    """
    options = options or FeedOptions()
    if options.format not in FORMATS:
        raise InvalidFeed(f"format must be one of {', '.join(FORMATS)}; got {options.format!r}.")
    with ExitStack() as stack:
        try:
            opened = open_containers(path, stack, encoding=options.encoding, scratch=options.scratch)
            feed = _feed(path, opened, options)
        except OSError as error:
            raise _unreadable(path, error) from error
        yield feed


def _feed(path: Path, opened: Opened, options: FeedOptions) -> Feed:
    chosen = _format(opened, options.format)
    own = path if path.is_dir() else path.parent if path.is_file() else Path()  # for a pipe, the current folder
    roots = [root for root in (options.images, own) if root is not None]
    photos = PhotoFiles(roots, opened.archive, opened.folder)
    feed = Feed(iter(()), photos, skipped=Counter(opened.archive.skipped if opened.archive else ()))
    if opened.source and chosen not in _BINARY and (title := opened.source.form.title):
        detected = "" if options.encoding else "; if that is wrong, name it with --encoding"
        feed.notes.append(f"read as {title}{detected}")

    def count() -> int:
        unread = Feed(iter(()), photos)  # its notes and what it skips are those of `feed`, so they are told once
        return sum(1 for _ in track(_rows(path, opened, chosen, unread, options), "count", unit="products"))

    return dataclasses.replace(feed, rows=_rows(path, opened, chosen, feed, options), count=count)


def _format(opened: Opened, format: str) -> str:
    if format not in ("auto", "folder") and opened.source is None:
        raise InvalidImport(f"--format {format} must fit what it reads; got a folder. Leave --format out.")
    if format == "folder" and opened.source is not None:
        raise InvalidImport(f"--format folder must fit what it reads; got a file, {opened.source.name}. Leave it out.")
    if opened.source is None:
        return "folder"
    return detect_format(opened.source) if format == "auto" else format


def _rows(path: Path, opened: Opened, chosen: str, feed: Feed, options: FeedOptions) -> Iterator[Row | BadRow]:
    try:
        if opened.source is None:
            archive = opened.archive
            yield from read_zipped_folder(archive, feed.skipped) if archive else read_folder(path, feed.skipped)
        elif chosen in _RECORDS:
            yield from _product_rows(_RECORDS[chosen](opened.source), feed, options.mapping)
        else:
            yield from _ROWS[chosen](opened.source)
    except OSError as error:
        raise _unreadable(path, error) from error


def _product_rows(records: Records, feed: Feed, mapping: Mapping[str, str]) -> Iterator[Row | BadRow]:
    feed.notes.extend(records.notes)
    rows, with_images = 0, 0
    for row in product_rows(records, feed.notes, mapping):
        if isinstance(row, Row):
            rows, with_images = rows + 1, with_images + (row.images is not None)
        yield split_images(row, feed.photos, records.separator)
    if rows and not with_images:
        feed.notes.append("no column of photos; a product without any is found by words and filters. Call one `image`.")


def _unreadable(path: Path, error: OSError) -> InvalidFeed:
    return InvalidFeed(f"a feed must be readable; got {path} ({error.strerror or error}). Check the path.")
