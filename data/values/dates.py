"""Reads dates and times as people and programs write them; what can mean two days is not guessed."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from dateutil import parser

from data.errors import InvalidProduct
from data.values.texts import is_nothing

DATE_ORDERS = ("dmy", "mdy")
_LENGTH = 60
_ISO = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z)?)?$")
_KOREAN = re.compile(r"(\d{4})\s*년\s*(\d{1,2})\s*월\s*(\d{1,2})\s*일")
_HALF_DAYS = (("오전", "AM"), ("오후", "PM"))
_KOREAN_TIME = re.compile(r"(AM|PM)?\s*(\d{1,2})\s*시(?:\s*(\d{1,2})\s*분)?(?:\s*(\d{1,2})\s*초)?")
_YEAR_FIRST = re.compile(r"(\d{4})\s*([-./])\s*(\d{1,2})\s*\2\s*(\d{1,2})\.?(?!\d)(.*)", re.DOTALL)
_YEAR_LAST = re.compile(r"(\d{1,2})\s*([-./])\s*(\d{1,2})\s*\2\s*(\d{4})(?!\d)(.*)", re.DOTALL)
_NAMED = re.compile(r"(?=.*\b\d{4}\b)(?=.*\b\d{1,2}(st|nd|rd|th)?\b)(?=.*[a-z]{3})", re.IGNORECASE | re.DOTALL)
_SECONDS, _MILLISECONDS = (1e8, 1e10), (1e11, 1e13)
_ZONES_H = {
    "UTC": 0, "GMT": 0, "Z": 0, "KST": 9, "JST": 9, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6,
    "PST": -8, "PDT": -7, "CET": 1, "CEST": 2,
}  # fmt: skip


def read_moment(value: Any, order: str = "") -> datetime | None:
    """Returns a moment in UTC; None if nothing is given. A day without a time begins at midnight UTC.

    Read are ISO 8601, `2026.11.05`, `20261105`, `5 Nov 2026`, `Thu, 05 Nov 2026 09:30:00 GMT`, `25/11/2026`,
    `2026년 11월 5일`, and seconds or milliseconds since 1970.

    Args:
        order: `dmy` or `mdy`, for a date such as `05/11/2026`; "": such a date is refused.

    Raises:
        InvalidProduct: it is no date, or can mean two (code `bad_date`).
    """
    if is_nothing(value):
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) and _ISO.match(value) else _parse(value, order)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        reason = "which can be two days: say which with --dates dmy or --dates mdy" if error.args == (_TWO,) else ""
        raise InvalidProduct(
            f"created_at must be a date such as 2026-11-05 or 2026-11-05T09:30:00Z; got {value!r:.100}"
            f"{', ' + reason if reason else ''}.",
            code="bad_date",
        ) from error


_TWO = "two days"


def _parse(value: Any, order: str) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _counted(float(value), str(int(value)))
    if not isinstance(value, str) or len(value) > _LENGTH:
        raise ValueError("no date")
    text = value.strip()
    if re.fullmatch(r"\d{8,}(\.\d+)?", text):
        return _counted(float(text), text.partition(".")[0])
    if not re.match(r"\d{4}[-./년 ]|\d{4}-?W", text) and not re.search(r"[-./a-zA-Z년]", text):
        raise ValueError("no date")
    return _written(_from_korean(text), order)


def _counted(value: float, digits: str) -> datetime:
    """Returns the moment of 20261105, 20261105093000, or seconds or milliseconds since 1970."""
    if len(digits) == 8:
        return datetime.strptime(digits, "%Y%m%d")
    if len(digits) == 14:
        return datetime.strptime(digits, "%Y%m%d%H%M%S")
    if _SECONDS[0] <= value < _SECONDS[1]:
        return datetime.fromtimestamp(value, UTC)
    if _MILLISECONDS[0] <= value < _MILLISECONDS[1]:
        return datetime.fromtimestamp(value / 1000, UTC)
    raise ValueError("no date")


def _from_korean(text: str) -> str:
    for korean, english in _HALF_DAYS:
        text = text.replace(korean, english)
    text = _KOREAN.sub(r"\1-\2-\3", text)
    return _KOREAN_TIME.sub(lambda m: f"{m[2]}:{m[3] or '00'}:{m[4] or '00'} {m[1] or ''}", text).strip()


def _written(text: str, order: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    if found := _YEAR_FIRST.fullmatch(text):
        year, _, month, day, rest = found.groups()
    elif found := _YEAR_LAST.fullmatch(text):
        first, _, second, year, rest = found.groups()
        day, month = _day_and_month(int(first), int(second), order)
    elif _NAMED.match(text):
        return _by_dateutil(text)
    else:
        raise ValueError("no date")
    return _by_dateutil(f"{year}-{int(month):02}-{int(day):02} {rest.strip().lstrip('T,')}")


def _day_and_month(first: int, second: int, order: str) -> tuple[int, int]:
    if first <= 12 and second <= 12 and first != second:
        if order not in DATE_ORDERS:
            raise ValueError(_TWO)
        return (first, second) if order == "dmy" else (second, first)
    return (second, first) if second > 12 else (first, second)


def _by_dateutil(text: str) -> datetime:
    found: list[datetime] = [
        parser.parse(text, default=datetime(*day), tzinfos=_zone) for day in ((2001, 1, 1), (2004, 2, 2))
    ]
    if found[0] != found[1]:  # a part of the date came from the default
        raise ValueError("no date")
    return found[0]


def _zone(name: str | None, offset_s: int | None) -> timezone | None:
    if offset_s is None and name is not None:
        if name not in _ZONES_H:
            raise ValueError("no date")
        offset_s = 3600 * _ZONES_H[name]
    return None if offset_s is None else timezone(timedelta(seconds=offset_s))
