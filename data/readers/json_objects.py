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
    repeated: dict[str, None] = {}

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if found.setdefault(name, value) is not value:
                repeated[name] = None
                found[name] = value
        return found

    try:
        value = _load(text, collect)
    except RecursionError:
        return BadRow(line, "bad_json", "a row must be one JSON object; got brackets nested too deeply.")
    except ValueError as error:
        return BadRow(line, "bad_json", f"a row must be one JSON object; got {text[:40]!r} ({error}).")
    if not isinstance(value, dict):
        return BadRow(line, "bad_json", f"a row must be one JSON object; got {text[:40]!r}.")
    names = ", ".join(repeated)[:80]
    message = f"a row must give each name once; got {names} more than once. Leave one out."
    if repeated.keys() & _IDS:
        return BadRow(line, "repeated_name", message)
    return Record(line, value, (RowWarning("repeated_name", message),) if repeated else ())


def _load(text: str, collect: Any) -> Any:
    try:
        return json.loads(text, object_pairs_hook=collect)
    except ValueError:
        forgiving = _COMMA_BEFORE_END.sub(lambda match: match[1] or "", text)
        return json.loads(forgiving, object_pairs_hook=collect, parse_int=_number)


def _number(digits: str) -> int | str:
    return int(digits) if len(digits) <= _DIGITS else digits
