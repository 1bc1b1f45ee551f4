"""Reads that something cheaper than what is shown is wanted: `like this, cheaper`, `이거보다 더 싼 걸로`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from data.filters import quoted
from engine.understanding.languages import LANGUAGES
from engine.understanding.prices import written
from engine.understanding.reading import Reading


@dataclass(frozen=True)
class ShownPrice:
    """What the thing costs that a shopper shows, or the product that looks most like it."""

    amount: float
    currency: str


Shown = Callable[[], ShownPrice | None]


def read_cheaper(text: str, shown: Shown) -> list[Reading]:
    """Returns where something cheaper is asked for; none if nothing with a price is shown.

    Args:
        shown: returns the price to compare with; it is only called for such words.
    """
    found = [match.span() for pattern in _patterns() for match in pattern.finditer(text)][:1]
    price = shown() if found else None
    if price is None:
        return []
    condition = f"price < {written(price.amount)}"
    if price.currency:
        condition += f" AND currency = {quoted(price.currency)}"
    return [Reading(start=start, end=end, condition=condition) for start, end in found]


@cache
def _patterns() -> tuple["re.Pattern[str]", ...]:
    return tuple(
        re.compile(rf"(?<![\w-])(?:{words.replace(' ', '[ ]*')})(?![\w-])", re.IGNORECASE)
        for language in LANGUAGES
        for words in language.cheaper
    )
