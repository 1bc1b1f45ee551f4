"""Reads XML product feeds (RSS, Atom and plain lists): one record an item, entry, product or offer."""

from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

from data.errors import InvalidFeed
from data.readers.records import BadRow, Record, Records, RowWarning
from data.readers.sources.encodings import BAD_BYTES
from data.readers.sources.source import Source

ITEMS = frozenset(("item", "entry", "product", "offer", "shopitem"))
ITEM_LIMIT = 1_000_000
_DEPTH = 30
_BAD_ENCODING = "an item must be in the encoding of its file; got other bytes, shown as \ufffd. Save it as UTF-8."
_BLOCK = 65_536
_LOST = "\ufffd"


def read_xml(source: Source) -> Records:
    """Returns one record per item; an element that comes several times in it is a list.

    Names lose their prefix, but for attributes: a link's `href` and an offer's `id` are read like elements. Entities of
    the file's own are refused: they can stand for other files, or grow without bounds.
    """
    return Records((), _records(source))


def _records(source: Source) -> Iterator[Record | BadRow]:
    reader = _Reader()
    with source.open_text() as file:
        while not reader.stopped:
            text = file.read(_BLOCK)
            reader.feed(text, last=not text)
            yield from reader.take()
            if not text:
                break
    if not reader.items and not reader.stopped:
        raise InvalidFeed(
            f"an XML feed must hold elements named {', '.join(sorted(ITEMS))}; got none in {source.name}."
        )


class _Reader:
    """Collects one item at a time from the parser's events.

    Attributes:
        items: how many items were found.
        stopped: True: the rest cannot be read.
    """

    def __init__(self) -> None:
        self._parser = expat.ParserCreate("utf-8")  # the file is decoded already, whatever its first line declares
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.EntityDeclHandler = self._refuse_entity
        self._done: list[Record | BadRow] = []
        self._values: dict[str, Any] | None = None
        self._line, self._depth, self._size = 0, 0, 0
        self._path: list[str] = []
        self._texts: list[str] = []
        self.items, self.stopped = 0, False

    def feed(self, text: str, *, last: bool = False) -> None:
        try:
            self._parser.Parse(text.replace(BAD_BYTES, _LOST).encode("utf-8", "replace"), last)
        except expat.ExpatError as error:
            message = f"XML must be well-formed; got {error}. The rest of the file was not read. Export it again."
            self._stop("bad_xml", message)
        except _EntityFound as error:
            raise InvalidFeed(
                f"an XML feed must declare no entities of its own; got {error}. Leave them out."
            ) from error

    def take(self) -> list[Record | BadRow]:
        """Returns the items that are complete."""
        done, self._done = self._done, []
        return done

    def _stop(self, code: str, message: str) -> None:
        self.stopped = True
        self._done.append(BadRow(self._parser.CurrentLineNumber, code, message))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = _local(name)
        if self._values is None:
            if local.lower() in ITEMS:
                self._values, self._line, self._size = {}, self._parser.CurrentLineNumber, 0
                self._path = []
                for key, value in attributes.items():
                    self._put(_local(key), value)
            return
        self._path.append(local)
        self._texts = []
        if local == "link" and attributes.get("href") and attributes.get("rel", "alternate") == "alternate":
            self._put("link", attributes["href"])
        if len(self._path) > _DEPTH:
            raise expat.ExpatError(f"elements inside each other deeper than {_DEPTH}")

    def _end(self, name: str) -> None:
        if self._values is None:
            return
        if not self._path:
            warnings = (RowWarning("bad_encoding", _BAD_ENCODING),) if _LOST in str(self._values) else ()
            self._done.append(Record(self._line, self._values, warnings))
            self.items += 1
            self._values = None
            return
        text = "".join(self._texts).strip()
        if text and len(self._path) == 1:
            self._put(self._path[0], text)
        elif text and len(self._path) == 2 and self._path[0] not in self._values:
            self._put(self._path[0] if self._path[1] == "name" else "_".join(self._path), text)
        self._path.pop()
        self._texts = []

    def _text(self, text: str) -> None:
        if self._values is not None and self._path:
            self._size += len(text)
            if self._size > ITEM_LIMIT:
                raise expat.ExpatError(f"an item of more than {ITEM_LIMIT:,} characters")
            self._texts.append(text)

    def _put(self, name: str, text: str) -> None:
        values = self._values if self._values is not None else {}
        if name not in values:
            values[name] = text
        elif isinstance(values[name], list):
            values[name].append(text)
        else:
            values[name] = [values[name], text]

    def _refuse_entity(self, name: str, *_: object) -> None:
        raise _EntityFound(name)


class _EntityFound(Exception):
    """The file declares an entity."""


def _local(name: str) -> str:
    return name.rpartition(":")[2]
