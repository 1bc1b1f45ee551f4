"""Reads all that a text says must hold, and leaves out what is rather a name."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from data.lexical import key_of, words_of
from data.vocabulary import Wording
from engine.understanding.by_ear import with_brands_heard
from engine.understanding.comparing import Shown, read_cheaper
from engine.understanding.languages import FILLERS, FIXED
from engine.understanding.lexicon import Lexicon
from engine.understanding.naming import read_brands, read_colours, read_sizes
from engine.understanding.needless import read_needless
from engine.understanding.newness import DATED_AHEAD_DAYS, read_new
from engine.understanding.orders import read_order
from engine.understanding.prices import read_prices
from engine.understanding.reading import Reading, apart
from engine.understanding.tokens import Token, tokens_of
from engine.understanding.unwanted import read_unwanted

_NAME_WORDS = 8


def read(text: str, lexicon: Lexicon, wording: Wording, fresh_days: int, shown: Shown) -> list[Reading]:
    """Returns what a text says must hold, and what is left out of it, in the order of the text.

    Args:
        shown: returns the price of what is shown beside the text.
    """
    tokens = with_brands_heard(tokens_of(text), lexicon, wording)
    today = datetime.now(UTC).date()
    since = today - timedelta(days=min(fresh_days, today.toordinal() - 1))
    found = apart(
        [
            *read_unwanted(tokens, lexicon, wording),
            *read_prices(text, lexicon.vocabulary, wording),
            *read_order(text, is_dated=bool(lexicon.vocabulary.oldest)),
            *read_cheaper(text, shown),
            *read_sizes(text, tokens, lexicon),
            *read_new(
                text, tokens, wording, lexicon.vocabulary.oldest, since, today + timedelta(days=DATED_AHEAD_DAYS)
            ),
        ]
    )
    found = apart([*found, *read_needless(text, wording, found)])
    found = apart([*found, *read_brands(tokens, lexicon, wording, found)])
    readings = apart([*found, *read_colours(tokens, lexicon, found)])
    return _unnamed(readings, text, tokens, lexicon, wording)


def content_of(text: str) -> list[str]:
    """Returns the words of a text that ask for something."""
    return [word for word in words_of(text) if word not in FILLERS]


def without(text: str, readings: Sequence[Reading], foreign: Sequence[Reading] = ()) -> str:
    """Returns a text without the readings, and without fillers at its ends; "" if only fillers are left.

    Args:
        foreign: readings in whose place the shop's own words stand.
    """
    for reading in sorted([*readings, *foreign], key=lambda each: -each.start):
        text = f"{text[: reading.start]} {reading.value if reading in foreign else ''} {text[reading.end :]}"
    words = text.split()
    while words and not content_of(words[-1]):
        words.pop()
    while words and not content_of(words[0]):
        words.pop(0)
    return " ".join(words).strip(" ,.;-")


def _unnamed(
    readings: Sequence[Reading], text: str, tokens: Sequence[Token], lexicon: Lexicon, wording: Wording
) -> list[Reading]:
    """Returns the readings that are no part of a name: a title, a code, a category or a fixed phrase."""
    if not readings:
        return []
    keys = {(0, len(text)): key_of(text)}
    for first in range(len(tokens)):
        for last in range(first + 1, min(first + _NAME_WORDS, len(tokens)) + 1):
            start, end = tokens[first].start, tokens[last - 1].end
            if any(start <= reading.start and reading.end <= end for reading in readings):
                keys[start, end] = "".join([token.keys[0] for token in tokens[first:last]])
    names = wording.names(set(keys.values())) | FIXED | lexicon.categories.keys()
    named = [span for span, key in keys.items() if key in names]
    return [each for each in readings if not any(start <= each.start and each.end <= end for start, end in named)]
