"""Reads JSON that is not one object a line: an array, objects printed over several lines, or `{"products": [...]}`.

The text is cut into its objects, and each is parsed alone: memory does not grow with the file, and a bad one costs only
itself.
"""

import re
from collections.abc import Iterator
from typing import TextIO

from data.readers.files.json_objects import parse_object
from data.readers.records import BadRow, Record, Records
from data.readers.sources.lines import LINE_LIMIT, too_long
from data.readers.sources.source import Source

_BLOCK = 65_536
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
# a string, a bracket, or the quote of a string whose end is not there yet
_TOKEN = re.compile(rf'{_STRING}|[\[\]{{}}"]', re.DOTALL)
_BETWEEN = re.compile(r"[\s,]*")
_PLAIN = re.compile(rf"{_STRING}|[^\s,\[\]{{}}]+", re.DOTALL)
_LIST_OF_OBJECTS = re.compile(r"\s*:\s*\[\s*\{")
_WRAPPERS = {
    "products", "product", "items", "item", "data", "rows", "records", "results", "entries", "entry", "nodes", "goods",
    "resources", "catalog", "catalogue", "feed", "@graph", "itemListElement",
}  # fmt: skip
_IDS = {'"product_id"', '"id"', '"sku"', '"handle"'}


def read_json(source: Source) -> Records:
    """Returns a record for every object of the array, of the list in a wrapping object, or of a row of objects."""
    return Records((), _records(source))


def _records(source: Source) -> Iterator[Record | BadRow]:
    with source.open_text() as file:
        text = _Text(file)
        in_list = wrapped = text.enter_wrapper()
        while character := text.next_character():
            line = text.line
            if character == ("]" if in_list else "["):
                if wrapped:  # what follows in the object around the list is no product
                    return
                text.skip()
                in_list = not in_list
            elif character in "{[":
                value = text.take_value()
                if value is None:
                    yield _cut(line)
                    return
                yield parse_object(line, value) if value else too_long(line)
            else:
                yield BadRow(line, "bad_json", f"a row must be one JSON object; got {text.take_plain()!r}.")
        if in_list:
            yield _cut(text.line)


def _cut(line: int) -> BadRow:
    return BadRow(line, "cut", "a JSON feed must be whole; its end is missing. Export the file again.")


class _Text:
    """A text that is read block by block, and where in it the reading is.

    Attributes:
        line: number of the line that comes next.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._buffer, self._at = "", 0
        self.line = 1

    def enter_wrapper(self) -> bool:
        """Goes to the first object of the list that an object around it holds; returns whether there is such a list."""
        if self.next_character() != "{":
            return False
        depth = 0
        for token in _TOKEN.finditer(self._buffer, self._at):
            depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
            if depth == 0 or (depth == 1 and token[0] in _IDS):  # an object by itself
                break
            if token[0][1:-1] in _WRAPPERS and (opening := _LIST_OF_OBJECTS.match(self._buffer, token.end())):
                self._move(opening.end() - 1)
                return True
        return False

    def skip(self) -> None:
        """Goes past one character."""
        self._move(self._at + 1)

    def next_character(self) -> str:
        """Returns the next character that is no white space and no comma, and goes to it; empty at the end."""
        while True:
            if between := _BETWEEN.match(self._buffer, self._at):
                self._move(between.end())
            if self._at < len(self._buffer) or not self._fill():
                return self._buffer[self._at : self._at + 1]

    def take_value(self) -> str | None:
        """Returns the object or array that begins here, and goes past it; empty if too long, None if cut."""
        depth, scanned, length = 0, self._at, 0
        while True:
            for token in _TOKEN.finditer(self._buffer, scanned):
                if token[0] == '"':
                    break
                scanned = token.end()
                depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
                if depth == 0:
                    text = self._buffer[self._at : scanned]
                    self._move(scanned)
                    return text if length + len(text) <= LINE_LIMIT else ""
            if scanned - self._at > LINE_LIMIT:  # read on only to find its end
                length += scanned - self._at
                self._move(scanned)
            scanned -= self._at
            if len(self._buffer) - self._at > 2 * LINE_LIMIT or not self._fill():
                return None

    def take_plain(self) -> str:
        """Returns the first characters of a text, number or word that begins here, and goes past it."""
        found = _PLAIN.match(self._buffer, self._at)
        end = found.end() if found else self._at + 1
        text = self._buffer[self._at : min(end, self._at + 40)]
        self._move(end)
        return text

    def _move(self, to: int) -> None:
        self.line += self._buffer.count("\n", self._at, to)
        self._at = to

    def _fill(self) -> bool:
        """Reads a block more; the position is at the start of the buffer then."""
        block = self._file.read(_BLOCK)
        self._buffer, self._at = self._buffer[self._at :] + block, 0
        return bool(block)
