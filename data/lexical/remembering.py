"""Remembers what was computed of short texts, so that what is kept has a bound in bytes too."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

Result = TypeVar("Result")


def remembered(texts: int, longest: int) -> Callable[[Callable[[str], Result]], Callable[[str], Result]]:
    """Returns a decorator of functions of one text; results are shared, so they must not change.

    Args:
        texts: how many texts are remembered, those asked for last.
        longest: characters; of a longer text, which a hostile feed may hold, nothing is kept.

    >>> calls = []
    >>> size = remembered(10, longest=3)(lambda text: calls.append(text) or len(text))
    >>> [size(text) for text in ("abc", "abc", "abcd", "abcd")], calls
    ([3, 3, 4, 4], ['abc', 'abcd', 'abcd'])
    """

    def decorate(compute: Callable[[str], Result]) -> Callable[[str], Result]:
        short = lru_cache(texts)(compute)

        @wraps(compute)
        def of(text: str) -> Result:
            return short(text) if len(text) <= longest else compute(text)

        return of

    return decorate
