"""The lines of a text file, decoded and bounded, and what is said of those that cannot be read."""

from collections.abc import Iterator

from data.readers.records import BadRow
from data.readers.sources.encodings import BAD_BYTES
from data.readers.sources.source import Source

LINE_LIMIT = 1_000_000


class Lines:
    """The decoded lines of a file, each cut after `LINE_LIMIT` characters.

    Bytes that are not in the file's encoding become lone surrogates, which `has_bad_bytes` finds, so that one bad row
    does not stop the reading of the file.

    Attributes:
        cut: True if a line was cut since the last `take_cut()`.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.cut = False

    def __iter__(self) -> Iterator[str]:
        with self._source.open_text() as file:
            while text := file.readline(LINE_LIMIT + 1):
                rest = text
                self.cut = self.cut or len(text) > LINE_LIMIT
                while len(rest) >= LINE_LIMIT and not rest.endswith(self._source.form.newline):
                    rest = file.readline(LINE_LIMIT)
                yield text

    def take_cut(self) -> bool:
        """Returns `cut` and clears it."""
        was, self.cut = self.cut, False
        return was


def has_bad_bytes(text: str) -> bool:
    """Returns whether `text` was decoded from bytes that are not in the file's encoding."""
    return BAD_BYTES in text


def too_long(line: int) -> BadRow:
    """Returns the report on a line over `LINE_LIMIT`."""
    return BadRow(line, "line_too_long", f"a line must have at most {LINE_LIMIT:,} characters; got more. Shorten it.")


def bad_encoding(line: int) -> BadRow:
    """Returns the report on a line that is not in its file's encoding."""
    message = (
        "a row must be in the encoding of its file; got other bytes. Save the file as UTF-8, or name its encoding with "
        "--encoding."
    )
    return BadRow(line, "bad_encoding", message)
