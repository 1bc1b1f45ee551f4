"""Parts a text that asks for several things: `mug and teapot`, `머그랑 찻주전자`."""

import re
from collections.abc import Collection, Sequence
from functools import cache

from data.lexical import words_of
from data.vocabulary import NAMES, Wording
from engine.understanding.languages import LANGUAGES
from engine.understanding.parsing import content_of

_MOST = 4  # things


def things_in(text: str, wording: Wording, conditions: Collection[str] = ()) -> tuple[str, ...]:
    """Returns the things that a text asks for; none if it asks for one.

    It is parted where words such as `and` stand, if each part names products, and no product has all of them: `salt and
    pepper` is one thing where a product is named so. The last word belongs to all parts with which products have it:
    `apple and orange juice`.

    Args:
        conditions: words that are read as conditions; of these alone no part consists, as in `black and white dress`.
    """
    parts = _parts(text, wording)
    words = [content_of(part) for part in parts]
    if not 1 < len(parts) <= _MOST or not all(set(each) - set(conditions) for each in words):
        return ()
    if wording.holding([text], 1) or wording.holding([word for each in words for word in each], 1, within=NAMES):
        return ()
    if not all(_names(each, wording) for each in words):
        return ()
    last = words[-1][-1]
    shared = [wording.holding([*each, last], 1, within=NAMES) for each in words[:-1]]
    return (*(f"{part} {last}" if also else part for part, also in zip(parts, shared, strict=False)), parts[-1])


def _parts(text: str, wording: Wording) -> list[str]:
    """Returns the parts of a text between words such as `and`; beside these, commas part as well."""
    parts, start, joined = list[str](), 0, False
    for match in _joints().finditer(text):
        # 바나나 is no 바나 with an ending
        if match["ending"] is None or not wording.holding(words_of(text[start : match.end()])[-1:], 1):
            parts.append(text[start : match.start()].strip())
            start, joined = match.end(), joined or match[0].strip() != ","
    return [*parts, text[start:].strip()] if joined else [text]


def _names(words: Sequence[str], wording: Wording) -> bool:
    """Tells whether a product has all the words, and one in its title or facts."""
    return bool(wording.holding(words, 1)) and any(wording.holding([word], 1, within=NAMES) for word in words)


@cache
def _joints() -> "re.Pattern[str]":
    joiners = "|".join(word for language in LANGUAGES for word in language.joiners)
    endings = "|".join(sorted((end for each in LANGUAGES for end in each.joining), key=len, reverse=True))
    return re.compile(
        rf"\s+(?:{joiners})\s+|\s*[&+,]\s+|\s+[&+]\s*|(?<=[가-힣])(?P<ending>{endings})\s+", re.IGNORECASE
    )
