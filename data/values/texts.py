"""Reads texts and web addresses, and tells which values mean that nothing was given."""

import math
import re
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from data.errors import InvalidProduct

ADDRESS_LIMIT = 2_000
_LONG = 30
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WHOLE = re.compile(r"-?\d{1,18}")
_NOT_IN_ADDRESS = re.compile(r"[\x00-\x20\x7f\"<>\\^`{|}]")
# "None" and "null" are words that a title can be; as a number, a date or a stock word they can only mean nothing.
_NOTHING = {"", "-", "nan", "none", "null", "#n/a", "n/a", "<na>", "nat"}


def is_nothing(value: Any) -> bool:
    """Returns whether a number, date, stock word or address is missing: None, "", "-", NaN, "null", "#N/A", ..."""
    if isinstance(value, str):
        return value.strip().lower() in _NOTHING if len(value) < _LONG else value.isspace()
    return value is None or (isinstance(value, float | Decimal) and math.isnan(value))


def read_text(name: str, value: Any) -> str:
    """Returns a value as `clean_text` does, but "" for the word "nan", which pandas writes for nothing."""
    text = clean_text(name, value)
    return "" if text in ("nan", "NaN") else text


def clean_text(name: str, value: Any) -> str:
    """Returns a value as text without control characters and spaces at its ends; "" if it is None or NaN.

    A whole number loses its ".0": numbers that name something come as floats from spreadsheets.

    Raises:
        InvalidProduct: it is no text and no number (code `bad_text`).
    """
    if isinstance(value, str) and value.isprintable():  # most texts; neither controls nor surrogates are printable
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise InvalidProduct(f"{name} must be text; got {type(value).__name__}.", code="bad_text")
    if isinstance(value, float | Decimal):
        value = "" if math.isnan(value) else _number_text(value)
    text = _CONTROL.sub(" ", str(value)).strip()
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidProduct(f"{name} must be valid Unicode; got a lone surrogate.", code="bad_text") from error
    return text


def _number_text(value: float | Decimal) -> str:
    whole = math.isfinite(value) and -1e18 < value < 1e18 and value == int(value)
    return str(int(value)) if whole else str(value)


def read_whole(text: str) -> int | None:
    """Returns a whole number of at most 18 digits; None if a text is something else, such as `12.5` or `²`."""
    return int(text) if _WHOLE.fullmatch(text) else None


def read_address(name: str, value: Any) -> str:
    """Returns an http or https address; "" if none is given.

    Raises:
        InvalidProduct: it is anything else, for example `javascript:` or a path (code `bad_url`).
    """
    if is_nothing(value):
        return ""
    text = value.strip() if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        good = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
        text.encode("utf-8")
    except ValueError:
        good = False
    if not good or len(text) > ADDRESS_LIMIT or _NOT_IN_ADDRESS.search(text):
        raise InvalidProduct(
            f"{name} must be an http or https address of at most {ADDRESS_LIMIT:,} characters; got {value!r:.100}. "
            "Write it whole and percent-encoded, such as https://shop.example/mug.",
            code="bad_url",
        )
    return text
