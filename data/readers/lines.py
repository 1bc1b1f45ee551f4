"""The lines of a text file, decoded and bounded, and what is said of those that cannot be read."""

import re
from collections.abc import Iterator
from pathlib import Path

from data.errors import InvalidFeed
from data.readers.records import BadRow

LINE_LIMIT = 1_000_000
BOM = b"\xef\xbb\xbf"
_BAD_BYTES = re.compile("[\udc80-\udcff]")


class Lines:
    """The decoded lines of a file, each cut after `LINE_LIMIT` bytes.

    Bytes that are not UTF-8 become lone surrogates, which `has_bad_bytes` finds, so that one bad row does not stop
    the reading of the file.

    Attributes:
        cut: True if a line was cut since the last `take_cut()`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.cut = False

    def __iter__(self) -> Iterator[str]:
        with self._path.open("rb") as source:
            first = True
            while raw := source.readline(LINE_LIMIT + 1):
                if first and raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
                    raise InvalidFeed(f"a feed must be UTF-8; got UTF-16 in {self._path}. Save it as UTF-8.")
                text = raw.removeprefix(BOM) if first else raw
                first = False
                if len(raw) > LINE_LIMIT:
                    self.cut = True
                    while raw and not raw.endswith(b"\n"):
                        raw = source.readline(LINE_LIMIT)
                yield text.decode("utf-8", "surrogateescape")

    def take_cut(self) -> bool:
        """Returns `cut` and clears it."""
        was, self.cut = self.cut, False
        return was


def has_bad_bytes(text: str) -> bool:
    """Returns whether `text` was decoded from bytes that are not UTF-8."""
    return bool(_BAD_BYTES.search(text))


def too_long(line: int) -> BadRow:
    """Returns the report on a line over `LINE_LIMIT`."""
    return BadRow(line, "line_too_long", f"a line must have at most {LINE_LIMIT:,} bytes; got more. Shorten it.")


def bad_encoding(line: int) -> BadRow:
    """Returns the report on a line that is not UTF-8."""
    return BadRow(line, "bad_encoding", "a row must be UTF-8; got other bytes. Save the file as UTF-8.")
