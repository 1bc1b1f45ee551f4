"""Reads amounts of money in a text: digits with marks, words for thousands, and a currency before or behind."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from data.errors import InvalidProduct
from data.values import known_currency, read_price
from engine.understanding.languages import LANGUAGES, Language

_SYMBOLS = {"$": ("USD", "AUD", "CAD", "NZD", "SGD", "HKD"), "¥": ("JPY", "CNY"), "￥": ("JPY", "CNY")}
_SIGNS = ("€", "$", "£", "₩", "￦", "¥", "￥")
_CURRENCIES = {word: codes for language in LANGUAGES for word, codes in language.currencies.items()}
_PLAIN = r"\d(?:[\d.,]{0,12}\d)?"


@dataclass(frozen=True)
class Amount:
    """A number that may be an amount of money.

    Attributes:
        currencies: ISO 4217 codes of which one is meant; empty if none is named.
        scale: what its last digits count: 10,000 in `3만`, 1 in `30000`.
    """

    value: float
    currencies: frozenset[str]
    scale: float


def amount_pattern(name: str) -> str:
    """Returns the pattern of an amount; `read_amount` reads its groups, which carry the name."""
    words = "|".join(sorted(map(_word_pattern, _CURRENCIES), key=len, reverse=True))
    signs = "|".join(map(re.escape, _SIGNS))
    numbers = "|".join([*filter(None, map(_counted, LANGUAGES)), _PLAIN])
    return (
        rf"(?:(?P<{name}before>{signs}|{words})\s?)?(?<![\d.,])(?P<{name}>{numbers})"
        rf"(?:\s?(?P<{name}behind>{signs}|{words}))?"
    )


def read_amount(match: "re.Match[str]", name: str) -> Amount | None:
    """Returns the amount in the groups of this name; None if it is none, or names two currencies."""
    number = match[name]
    named = {codes for word in (match[f"{name}before"], match[f"{name}behind"]) if word for codes in [_codes(word)]}
    if len(named) > 1:
        return None
    currencies = frozenset(next(iter(named), ()))
    for language in LANGUAGES:
        if {language.ten_thousand, language.thousand, *language.numerals} & set(number):
            return _counted_amount(number, language, currencies)
    code = next(iter(sorted(currencies)), "")
    try:
        price = read_price(f"{number} {code}".strip())
    except InvalidProduct:
        return None
    return Amount(price.amount, currencies, 1.0) if price else None


def _word_pattern(word: str) -> str:
    # `20 원피스` and `20 eurotunnel` name no currency
    return rf"{word}(?![a-z])" if word.isascii() else rf"{word}(?!피스|목|형|단)"


def _codes(word: str) -> tuple[str, ...]:
    folded = word.casefold()
    return _CURRENCIES.get(folded) or _SYMBOLS.get(folded) or (known_currency(folded),)


def _counted(language: Language) -> str:
    """Returns the pattern of numbers such as `2만5천` and `1.5만`; "" if the language writes none."""
    if not language.ten_thousand:
        return ""
    numerals = f"[{''.join(language.numerals)}]{{1,4}}"
    many, thousand = language.ten_thousand, language.thousand
    thousands = rf"(?:\d|{numerals})?\s?{thousand}"
    tens = rf"(?:{_PLAIN}|{numerals})?\s?{many}(?:\s?{thousands})?(?:\s?\d{{1,4}})?"
    return rf"{tens}|{thousands}(?:\s?\d{{1,3}})?|{numerals}"


def _counted_amount(number: str, language: Language, currencies: frozenset[str]) -> Amount | None:
    number = re.sub(r"\s", "", number)
    many, _, rest = number.partition(language.ten_thousand) if language.ten_thousand in number else ("0", "", number)
    thousands, _, ones = rest.partition(language.thousand) if language.thousand in rest else ("0", "", rest)
    if not currencies and not re.search(r"\d", number):
        return None  # `천` alone is cloth, and `이` is "this"
    parts = [_count(part, language) for part in (many or "1", thousands or "1", ones or "0")]
    if None in parts:
        return None
    value = sum(scale * (part or 0) for scale, part in zip((10_000, 1_000, 1), parts, strict=True))
    scales = {language.ten_thousand: 10_000.0, language.thousand: 1_000.0}
    return Amount(round(value, 2), currencies, max((scales.get(sign, 1.0) for sign in number), default=1.0))


def _count(text: str, language: Language) -> float | None:
    """Returns the value of digits, or of numerals such as `이십오`."""
    if text[0].isdigit():
        try:
            price = read_price(text)
        except InvalidProduct:
            return None
        return price.amount if price else None
    return _numeral(text, language.numerals)


def _numeral(text: str, numerals: Mapping[str, int]) -> float | None:
    total = pending = 0
    for sign in text:
        if (value := numerals.get(sign)) is None:
            return None
        total, pending = (total + (pending or 1) * value, 0) if value >= 10 else (total, value)
    return float(total + pending)
