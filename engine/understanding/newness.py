"""Reads that new products are wanted: `new arrivals`, `신상`."""

import re
from collections.abc import Sequence
from datetime import date
from functools import cache

from data.vocabulary import Wording
from engine.understanding.languages import FILLERS, LANGUAGES
from engine.understanding.reading import Reading
from engine.understanding.tokens import Token

DATED_AHEAD_DAYS = 1  # a date to come is not new, but a shop's day may begin before that of UTC
_NEW = frozenset(word for language in LANGUAGES for word in language.new_before)


def read_new(
    text: str, tokens: Sequence[Token], wording: Wording, oldest: str, since: date, until: date
) -> list[Reading]:
    """Returns where new products are asked for; none where all products are new, or no date is known.

    `new` alone is only read before a word that products are described with, and with which it makes no name.

    Args:
        oldest: when the first product was created, as ISO 8601; "" if no product has a date.
        since: the day from which on a product is new.
        until: the last day on which products can have been created.
    """
    if not oldest or oldest >= str(since):
        return []
    condition = f"created_at >= {since} AND created_at <= {until}"
    spans = [match.span() for pattern in _patterns() for match in pattern.finditer(text)]
    spans += [(token.start, token.end) for at, token in enumerate(tokens) if _asks(tokens, at, wording)]
    return [Reading(start=start, end=end, condition=condition) for start, end in spans]


def _asks(tokens: Sequence[Token], at: int, wording: Wording) -> bool:
    if tokens[at].word not in _NEW or at + 1 == len(tokens):
        return False
    word, behind = tokens[at].word, tokens[at + 1].word
    if behind in FILLERS or not wording.holding([behind], 1):
        return False
    return not wording.holding([f"{word} {behind}"], 1)


@cache
def _patterns() -> tuple["re.Pattern[str]", ...]:
    return tuple(
        re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE) for each in LANGUAGES for words in each.new
    )
