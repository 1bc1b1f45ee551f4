"""Reads prices as people write them: with a currency before or behind, a decimal comma, marks between thousands."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision, list_currencies

from data.errors import InvalidProduct
from data.values.texts import is_nothing

PRICE_LIMIT = 1e12
_SYMBOLS = {
    "₩": "KRW", "원": "KRW", "￦": "KRW", "€": "EUR", "£": "GBP", "$": "USD", "us$": "USD", "a$": "AUD", "au$": "AUD",
    "c$": "CAD", "ca$": "CAD", "hk$": "HKD", "nt$": "TWD", "nz$": "NZD", "s$": "SGD", "r$": "BRL", "mx$": "MXN",
    "¥": "JPY", "￥": "JPY", "円": "JPY", "元": "CNY", "₹": "INR", "rs.": "INR", "₽": "RUB", "руб.": "RUB", "₺": "TRY",
    "₫": "VND", "đ": "VND", "฿": "THB", "₪": "ILS", "₴": "UAH", "zł": "PLN", "kč": "CZK", "ft": "HUF", "fr.": "CHF",
    "sfr.": "CHF", "rs": "INR", "руб": "RUB", "р.": "RUB", "грн": "UAH", "₸": "KZT", "₱": "PHP", "₦": "NGN",
    "rp": "IDR", "rm": "MYR", "lei": "RON", "лв": "BGN", "лв.": "BGN", "tl": "TRY", "r": "ZAR", "د.إ": "AED",
}  # fmt: skip
_OF_SEVERAL = ("kr", "kr.")  # crowns are those of Denmark, Iceland, Norway and Sweden
_CODES = frozenset(list_currencies())
_SPACES = " \u00a0\u202f\u2009"
_GROUP = _SPACES + ".,'’"
# sign, currency, sign, digits with marks, currency
_WRITTEN = re.compile(
    rf"(?P<sign>[-+−]?)[{_SPACES}]*(?P<before>[^\d{_GROUP}+−-][^\d+−-]{{0,7}}?)?[{_SPACES}]*(?P<sign2>[-+−]?)"
    rf"(?P<number>\d[\d{_GROUP}]*\d|\d|[.,]\d+)(?P<dash>[.,/][-–—]{{1,2}})?[{_SPACES}]*(?P<behind>[^\d{_GROUP}][^\d]{{0,7}})?",
)
_GROUPED = re.compile(rf"\d{{1,3}}(?:([{_GROUP}])\d{{3}})(?:\1\d{{3}})*|\d{{1,2}}(?:,\d{{2}})+,\d{{3}}|\d+")
_PLAIN = re.compile(r"\d{1,11}(\.\d{1,2})?", re.ASCII)
_SCIENTIFIC = re.compile(r"\d+(\.\d+)?[eE][+-]?\d{1,3}")
_LENGTH = 60
# what a price may be followed by: a footnote's mark, and that it holds the tax or the like
_REMARK = re.compile(r"\s*(?:\*+|\([^()\d]*\)|(?:inc|incl|inkl)\b[^\d]*|(?:부가세|세금) ?포함)", re.IGNORECASE)
_UNITS = {"억": 10**8, "천만": 10**7, "백만": 10**6, "십만": 10**5, "만": 10**4, "천": 1000, "백": 100, "": 1}
_IN_UNITS = re.compile(r"(?:\d+(?:\.\d+)?\s*(?:억|[천백십]?만|천|백)\s*)+(?:\d+\s*)?원?", re.ASCII)
_UNIT = re.compile(r"(\d+(?:\.\d+)?)\s*(억|[천백십]?만|천|백|)", re.ASCII)
_WIDE = {code + 0xFEE0: code for code in b"+,-.0123456789"}  # ０ to ９ and their marks


@dataclass(frozen=True)
class Price:
    """An amount and its currency.

    Attributes:
        currency: ISO 4217 code; "" if the price names none.
    """

    amount: float
    currency: str = ""


def read_price(value: Any) -> Price | None:
    """Returns a price; None if nothing is given.

    The last of two different marks is the decimal one (`1.299,00`), and a mark that comes twice is a thousands mark
    (`1.299.000`). A single comma before exactly three digits is a thousands mark (`12,900`), a single dot a decimal
    point, as programs write it, except where the currency has no decimals (`12.900원`). A column of a feed knows more:
    see `price_mark` and `settled_price`.

    Args:
        value: a number, or a text such as `12,900원`, `US$ 5` or `1.299,00 €`.

    Raises:
        InvalidProduct: it is not a price from 0 to 1e12 (code `bad_price`).
    """
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return Price(float(value))
    if is_nothing(value):
        return None
    amount, currency = math.nan, ""
    if isinstance(value, str):
        if _SCIENTIFIC.fullmatch(value.strip()):
            amount = float(value)
        elif found := _split(value):
            number, currency = found
            amount = _amount(number, {0: "", 3: ".,"}.get(_precision(currency), "."))
    elif isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        try:
            amount = float(value)
        except OverflowError:
            amount = math.inf
    if not 0 <= amount < PRICE_LIMIT:
        raise InvalidProduct(
            f"price must be a number from 0 to 1e12, perhaps with a currency, such as 12.50 or 12,900원; "
            f"got {value!r:.100}.",
            code="bad_price",
        )
    return Price(amount, currency)


def price_mark(value: Any) -> str | None:
    """Returns what a price tells about the marks of its column: the decimal mark, "" if nothing, None if it needs help.

    It needs help if it holds one comma or dot before exactly three digits.
    """
    if not isinstance(value, str):
        return ""
    if _PLAIN.fullmatch(value):
        return "." if "." in value else ""
    if (found := _split(value)) is None:
        return ""
    number, currency = found
    marks = [mark for mark in number if mark in ".,"]
    if not marks:
        return ""
    last = marks[-1]
    behind = number.rpartition(last)[2]
    if len(set(marks)) == 2:
        return last if marks.count(last) == 1 else ""
    if len(marks) > 1:
        return {",": ".", ".": ","}[last]
    if len(behind) != 3 or number[0] == "0" or number[0] == last:
        return last
    if (decimals := _precision(currency)) in (0, 3):
        return last if decimals else {",": ".", ".": ","}[last]
    return None


def settled_price(text: str, decimal_mark: str) -> str:
    """Returns a price for which `price_mark` needed help as `read_price` reads it rightly.

    Args:
        decimal_mark: what the other prices of the column tell; "": nothing, so that its mark is a thousands mark.
    """
    mark = "," if "," in text else "."
    return text.replace(mark, "." if mark == decimal_mark else "")


def known_currency(text: str) -> str:
    """Returns the ISO 4217 code that a code, symbol or word such as `usd`, `₩` or `원` stands for; "" if unknown."""
    word = text.strip().casefold()
    return _SYMBOLS.get(word) or (word.upper() if word.upper() in _CODES else "")


def _split(text: str) -> tuple[str, str] | None:
    """Returns the number and the currency of a price; None if it is none."""
    text = _in_digits(text.translate(_WIDE).strip())
    if (remark := _REMARK.search(text)) and remark.end() == len(text):
        text = text[: remark.start()]
    match = _WRITTEN.fullmatch(text) if len(text) <= _LENGTH else None
    if match is None or "-" in (signs := match["sign"] + match["sign2"]) or "−" in signs:
        return None
    named = [word for word in (match["before"], match["behind"]) if word and word.strip()]
    currencies = {known_currency(word) for word in named if word.strip().casefold() not in _OF_SEVERAL}
    if len(currencies) == 2 and "$" in (word.strip() for word in named):
        currencies.discard("USD")  # "$12.50 CAD"
    if "" in currencies or len(currencies) > 1:
        return None
    return match["number"], next(iter(currencies), "")


def _in_digits(text: str) -> str:
    """Returns a price such as `3만 5천원` as `35000원`; other texts as they are."""
    if len(text) > _LENGTH or not _IN_UNITS.fullmatch(text):
        return text
    amount = sum(float(number) * _UNITS[unit] for number, unit in _UNIT.findall(text))
    return f"{amount:.0f}{'원' if text.endswith('원') else ''}"


def _precision(currency: str) -> int:
    return get_currency_precision(currency) if currency else 2


def _amount(number: str, decimal_marks: str) -> float:
    """Returns the value of digits with marks; NaN if the marks make no sense.

    Args:
        decimal_marks: the marks that are decimal ones even before exactly three digits.
    """
    marks = [mark for mark in number if mark in ".,"]
    if len(set(marks)) == 2:
        decimal = marks[-1]
    elif len(marks) == 1 and (len(number.rpartition(marks[0])[2]) != 3 or number[0] in f"0{marks[0]}"):
        decimal = marks[0]
    else:
        decimal = marks[0] if len(marks) == 1 and marks[0] in decimal_marks else ""
    whole, _, fraction = number.rpartition(decimal) if decimal and decimal in number else (number, "", "")
    if not _GROUPED.fullmatch(whole or "0") or not (fraction or "0").isdigit():
        return math.nan
    digits = re.sub(r"\D", "", whole) or "0"
    return float(f"{digits}.{fraction or 0}")
