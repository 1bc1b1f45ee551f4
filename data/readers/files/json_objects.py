"""Turns the text of one JSON object into a record; forgives what people and programs often get wrong."""

import json
import re
from typing import Any

from data.readers.records import BadRow, Record, RowWarning
from data.readers.sources.lines import bad_encoding, has_bad_bytes

_IDS = {"product_id", "id", "sku", "handle"}
_DIGITS = 300
_COMMA_BEFORE_END = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")|,(?=\s*[}\]])', re.DOTALL)


def parse_object(line: int, text: str) -> Record | BadRow:
    """Returns the record of a JSON object.

    A comma before a closing bracket is left out, a number of more than 300 digits stays text, and of a name that is
    given twice the last value counts, with a warning; an id that is given twice is not readable.

    Args:
        line: where the object begins.
    """
    if has_bad_bytes(text):
        return bad_encoding(line)
    try:
        value, repeated = _load(text)
    except RecursionError:
        return BadRow(line, "bad_json", "a row must be one JSON object; got brackets nested too deeply.")
    except ValueError as error:
        return BadRow(line, "bad_json", f"a row must be one JSON object; got {text[:40]!r} ({error}).")
    if not isinstance(value, dict):
        return BadRow(line, "bad_json", f"a row must be one JSON object; got {text[:40]!r}.")
    if not repeated:
        return Record(line, value)
    message = f"a row must give each name once; got {', '.join(repeated)[:80]} more than once. Leave one out."
    if _IDS & set(repeated):
        return BadRow(line, "repeated_name", message)
    return Record(line, value, (RowWarning("repeated_name", message),))


def _load(text: str) -> tuple[Any, list[str]]:
    """Returns the value of a JSON text, and the names that one of its objects gives twice, with different values."""
    try:
        return _DECODER.decode(text), []
    except _Repeated as repeated:
        return json.loads(text, parse_int=_number), repeated.names
    except ValueError:
        forgiving = _COMMA_BEFORE_END.sub(lambda match: match[1] or "", text)
        return json.loads(forgiving, parse_int=_number), []


class _Repeated(Exception):
    def __init__(self, names: list[str]) -> None:
        super().__init__(names)
        self.names = names


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs) and (names := [name for name, value in pairs if found[name] != value]):
        raise _Repeated(names)
    return found


def _number(digits: str) -> int | str:
    return int(digits) if len(digits) <= _DIGITS else digits


_DECODER = json.JSONDecoder(object_pairs_hook=_object)
