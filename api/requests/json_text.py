"""Reads JSON from strangers: one set of rules for bodies, for lines of a batch and for fields that hold JSON."""

import json
import math
from typing import Any

from api.errors import BadRequest

MAX_DEPTH = 32
_LEAST, _MOST = -(2**63), 2**63 - 1
_KINDS = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}


def read_json(text: bytes | str, field: str = "") -> Any:
    """Returns the value of a JSON text in UTF-8; a byte order mark at its start is skipped.

    Some JSON is refused because another program, or this one's database, would read it differently or not at all:
    names given twice, lone surrogates, numbers beyond 64 bits or a float's range, NaN and Infinity, and values nested
    more than 32 levels deep.

    Args:
        field: the field of the request that holds the text; empty: it is the body, or a line of it.

    Raises:
        BadRequest: the text is no such JSON; the message says why, and names the field of an object if it can.
    """
    what = field or "the body"
    try:
        text = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
        value = json.loads(
            text, parse_constant=_no_constant, parse_float=_float, parse_int=_whole, object_pairs_hook=_object
        )
    except UnicodeDecodeError as error:
        raise BadRequest(f"{what} must be JSON in UTF-8; byte {error.start + 1} is not UTF-8.", field=field) from error
    except RecursionError as error:
        raise BadRequest(f"{what} must be nested at most {MAX_DEPTH} levels deep; got more.", field=field) from error
    except ValueError as error:
        raise BadRequest(f"{what} must be JSON in UTF-8; {error}.", field=field) from error
    fields = value if isinstance(value, dict) and not field else {field: value}
    for name, item in fields.items():
        if fault := _fault(name, 1) or _fault(item, 2):
            name = name[:100].encode("ascii", "backslashreplace").decode() if _fault(name, 1) else name[:100]
            raise BadRequest(f"{name or what} must be {fault}.", field=name)
    return value


def kind_of(value: Any) -> str:
    """Returns what a JSON value is, in words."""
    return _KINDS.get(type(value), "a number")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"a number must be from -1.7e308 to 1.7e308; got {text:.40}")
    return number


def _whole(text: str) -> int:
    # the length first, because turning a long text into a number takes long
    if len(text) > 20 or not _LEAST <= int(text) <= _MOST:
        raise ValueError(f"a whole number must fit into 64 bits; got {text:.40}")
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in fields if names.count(name) > 1)
        raise ValueError(f"each name of an object must come once; {twice[:100]!r} comes twice")
    return fields


def _fault(value: Any, depth: int) -> str:
    """Returns the rule that a value breaks: text that UTF-8 can hold, and at most `MAX_DEPTH` levels; "" if none."""
    if isinstance(value, str):
        surrogate = not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value)
        return "valid Unicode; got a lone surrogate" if surrogate else ""
    if not isinstance(value, dict | list):
        return ""
    if depth > MAX_DEPTH:
        return f"nested at most {MAX_DEPTH} levels deep; got more"
    items = (*value, *value.values()) if isinstance(value, dict) else value
    return next((fault for item in items if (fault := _fault(item, depth + 1))), "")
