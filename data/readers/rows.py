"""The rows that every catalogue reader yields, and the rules for lines and images that the readers share."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.catalogue import readable_id
from data.errors import InvalidFeed

LINE_LIMIT = 1_000_000
IMAGES_PER_PRODUCT = 1_000
BOM = b"\xef\xbb\xbf"
_BAD_BYTES = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class Row:
    """One product as the feed gives it, not yet checked.

    Attributes:
        line: 1-based line (CSV, JSONL), row (Parquet) or file (folders) of the feed.
        fields: names of facts to raw values, for `parse_product`.
        images: references as written (path or URL); None: the feed says nothing about images.
        only_image: True: the row consists only of its photo; without a usable one there is no product.
    """

    line: int
    fields: Mapping[str, Any]
    images: tuple[str, ...] | None
    only_image: bool = False


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read.

    Attributes:
        code: short and stable.
        product_id: the id that the row names; "" if it cannot be read either.
        lines: how many lines of the feed it stands for.
    """

    line: int
    code: str
    message: str
    product_id: str = ""
    lines: int = 1


def row_from(line: int, fields: dict[str, Any], *, separator: str = "") -> Row | BadRow:
    """Returns the row of `fields`, with the image references moved to `images`.

    Args:
        separator: text between several references in one value; "": a value is one reference.
    """
    given = [fields.pop(name) for name in ("image", "images") if name in fields]
    if not given:
        return Row(line, fields, None)
    references: list[str] = []
    for value in given:
        if value is None:
            continue
        parts = (value.split(separator) if separator else [value]) if isinstance(value, str) else value
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            message = f"images must be a list of paths or URLs; got {str(value)[:80]!r}."
            return BadRow(line, "bad_images", message, readable_id(fields))
        references += [part.strip() for part in parts if part.strip()]
    unique = tuple(dict.fromkeys(references))
    if len(unique) > IMAGES_PER_PRODUCT:
        message = f"a product must have at most {IMAGES_PER_PRODUCT:,} images; got {len(unique):,}. Leave some out."
        return BadRow(line, "too_many_images", message, readable_id(fields))
    return Row(line, fields, unique)


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
