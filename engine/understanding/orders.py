"""Reads in which order things are wanted: `cheapest lamp`, `제일 싼 조명`, `newest backpacks`, `최신순`."""

import re
from functools import cache

from engine.understanding.languages import LANGUAGES
from engine.understanding.reading import Reading


def read_order(text: str, *, is_dated: bool) -> list[Reading]:
    """Returns the first place where the words ask for an order of the hits; none if nothing does.

    Args:
        is_dated: whether it is known of some product when it was created; else no order by it is read.
    """
    found = [
        Reading(start=match.start(), end=match.end(), sort=sort)
        for sort, pattern in _patterns()
        if is_dated or sort != "-created_at"
        for match in pattern.finditer(text)
    ]
    return sorted(found, key=lambda each: each.start)[:1]


@cache
def _patterns() -> tuple[tuple[str, "re.Pattern[str]"], ...]:
    return tuple(
        (sort, re.compile(rf"(?<![\w-])(?:{words.replace(' ', '[ ]*')})(?![\w-])", re.IGNORECASE))
        for language in LANGUAGES
        for sort, several in language.sorts.items()
        for words in several
    )
