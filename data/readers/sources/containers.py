"""Opens what a feed came in: a plain file, a folder, standard input, gzip or a zip."""

import gzip
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from data.errors import InvalidFeed
from data.readers.sources.archive import Archive
from data.readers.sources.encodings import detect_form
from data.readers.sources.source import Source

STANDARD_INPUT = Path("-")
_UNPACKED_BYTES = 20_000_000_000
_RATIO, _RATIO_FROM_BYTES = 200, 1_000_000_000
_BLOCK_BYTES = 1 << 20
_MOST_WRAPPINGS = 3
_GZIP, _ZIP = b"\x1f\x8b", b"PK\3\4"
_OTHERS = {
    b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd", b"7z\xbc\xaf": "7-Zip", b"Rar!": "RAR",
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls), or one with a password", b"%PDF": "PDF",
    b"\xff\xd8\xff": "a photo", b"\x89PNG": "a photo", b"GIF8": "a photo", b"RIFF": "a photo",
    b"SQLite format 3": "a database",
}  # fmt: skip


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Opened:
    """What a path led to.

    Attributes:
        source: the file to read the feed from; None: it is a folder, or a zip of photos alone.
        archive: the zip that the feed came in, which may hold its photos; None: there is none.
        folder: of the feed within the zip.
    """

    source: Source | None
    archive: Archive | None = None
    folder: str = ""


def open_containers(path: Path, stack: ExitStack, *, encoding: str, scratch: Path | None) -> Opened:
    """Returns what is in the containers at `path`; what has to be unpacked is gone when `stack` is closed.

    Args:
        path: a file, a folder, or `-` for standard input.
        encoding: of the text in it; empty: it is detected.
        scratch: folder on the disk that may fill up for a while; None: the system's own.

    Raises:
        InvalidFeed: a container cannot be read or is over a limit, or it is one that the project does not know.
    """
    if path.is_dir():
        return Opened(None)
    source, archive, folder = Source(path, str(path)), None, ""
    if path == STANDARD_INPUT:
        source = _spooled(sys.stdin.buffer, "standard input", stack, scratch)
    elif not path.is_file():  # a pipe can be read only once
        source = _spooled(stack.enter_context(path.open("rb")), str(path), stack, scratch)
    for _ in range(_MOST_WRAPPINGS):
        kind = _kind(source)
        if kind == "gzip":
            source = _ungzipped(source, stack, scratch)
        elif kind == "zip" and archive is None:
            archive = Archive(source.path, source.name)
            stack.callback(archive.close)
            if not (name := archive.feed()):
                return Opened(None, archive)
            folder = PurePosixPath(name).parent.as_posix()
            with archive.open(name) as member:
                source = _spooled(member, f"{Path(name).name} in {source.name}", stack, scratch)
        elif kind:
            raise InvalidFeed(f"a feed must not be packed more than once; got {source.name}. Unpack it.")
        else:
            break
    with source.open() as file:
        return Opened(replace(source, form=detect_form(file, encoding)), archive, folder)


@contextmanager
def open_source(path: Path, *, encoding: str = "", scratch: Path | None = None) -> Iterator[Source]:
    """Opens the one file in the containers at `path` while the block runs; the rest is as `open_containers` says."""
    with ExitStack() as stack:
        source = open_containers(path, stack, encoding=encoding, scratch=scratch).source
        if source is None:
            raise InvalidFeed(f"a file must be given; got a folder, or a zip without such a file, {path}.")
        yield source


def _kind(source: Source) -> str:
    """Returns the kind of container that a file is; empty if it is none.

    Raises:
        InvalidFeed: it is one of a kind that is not read.
    """
    with source.open() as file:
        head = file.read(300)
    for mark, name in _OTHERS.items():
        if head.startswith(mark):
            raise InvalidFeed(
                "a feed must be CSV, TSV, JSON, XML, Parquet or .xlsx, plain or in gzip or zip; "
                f"got {name}, {source.name}. Unpack it or save it as one of these."
            )
    if head[257:262] == b"ustar":
        raise InvalidFeed(f"a feed must be one file or a zip; got a tar archive, {source.name}. Unpack it.")
    if head.startswith(_GZIP):
        return "gzip"
    return "zip" if head.startswith(_ZIP) and not is_workbook(source) else ""


def is_workbook(source: Source) -> bool:
    """Returns whether a file is an Excel workbook, which is a zip."""
    with source.open() as file:
        if file.read(len(_ZIP)) != _ZIP:
            return False
    archive = Archive(source.path, source.name)
    try:
        return "xl/workbook.xml" in archive
    finally:
        archive.close()


def _ungzipped(source: Source, stack: ExitStack, scratch: Path | None) -> Source:
    name = Path(source.name)
    inner = name.with_suffix("").name if name.suffix.lower() in (".gz", ".gzip") else name.name
    packed_bytes = source.path.stat().st_size
    with gzip.open(source.path) as stream:
        return _spooled(stream, f"{inner} in {source.name}", stack, scratch, packed_bytes)


def _spooled(
    stream: _Readable, name: str, stack: ExitStack, scratch: Path | None, packed_bytes: int | None = None
) -> Source:
    """Copies a stream to a file without a name, which is gone with its process, however that ends."""
    most = _UNPACKED_BYTES
    if packed_bytes is not None:
        most = min(most, max(_RATIO_FROM_BYTES, _RATIO * packed_bytes))
    file = stack.enter_context(tempfile.TemporaryFile(dir=scratch))  # noqa: SIM115 - the stack closes it
    total = 0
    try:
        while block := stream.read(_BLOCK_BYTES):
            total += len(block)
            if total > most:
                raise InvalidFeed(f"a feed must unpack to at most {most:,} bytes; got more in {name}. Split it.")
            file.write(block)
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise InvalidFeed(f"a packed feed must be whole; got {name} ({error}). Download or pack it again.") from error
    file.flush()
    return Source(Path(f"/proc/self/fd/{file.fileno()}"), name)
