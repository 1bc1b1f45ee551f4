"""Reads words that no product has and that say nothing of what a thing is: measures, counts, sizes, praise, purpose."""

import re
from collections.abc import Sequence
from functools import cache

from data.lexical import key_of, words_of
from data.vocabulary import NAMES, TEXTS, TITLES, Wording
from engine.understanding.goods import keys_of_kind
from engine.understanding.languages import FILLERS, FIXED, LANGUAGES, PARTICLES
from engine.understanding.measures import measures_in
from engine.understanding.reading import Reading
from engine.understanding.tokens import is_unwanted, tokens_of

_VERY = frozenset(word for language in LANGUAGES for word in language.very)
_FEW = re.compile(r"(?:[2-9]|1\d)(?= ([^\W\d_]+))")  # a number before a word, as a text begins
_SHOES = "shoes"
_SHOE_SIZE = re.compile(r"(?<![\w.,-])(?:3[4-9]|4\d|2\d[05]|3[01][05])(?![\w.,-])")  # of Europe, or millimetres
_SIZED = [template for language in LANGUAGES for template in language.sizes]
Span = tuple[int, int]


def read_needless(text: str, wording: Wording, taken: Sequence[Reading]) -> list[Reading]:
    """Returns the measures, sizes and the words of praise and purpose that no product's texts hold.

    They stay words where they are not wanted: "not cheap" is no praise.

    Args:
        taken: what is read already.
    """
    spans = _unheld(text, wording, TEXTS, [(each.start, each.end) for each in taken])
    return [Reading(start=start, end=end, needless=True) for start, end in _joined(spans, text)]


def described_alone(text: str, wording: Wording) -> frozenset[str]:
    """Returns the words of measures, sizes, praise, purpose and audience that descriptions hold at most.

    They find these products, but that other products lack them does not mean that the thing is not sold. Nor does it
    where only other things are named by them: in a shop with fresh milk, "fresh bananas" are bananas.
    """
    beside = _thing_beside(text, wording)
    spans = [*_unheld(text, wording, NAMES, [], beside), *_for_whom(text, wording, beside)]
    return frozenset(word for start, end in spans for word in words_of(text[start:end]))


def without_praise(text: str) -> str:
    """Returns a text without the words of praise, purpose and audience."""
    return _audience().sub(" ", _praise().sub(" ", text))


def _unheld(text: str, wording: Wording, within: str, taken: Sequence[Span], beside: Sequence[str] = ()) -> list[Span]:
    """Returns the places of such words that products do not hold in some of their texts, in their order.

    Args:
        beside: words that the products must have as well, if they are to hold praise or purpose.
    """
    spans = [
        (each.outer_start, each.outer_end)
        for each in measures_in(text, taken)
        if key_of(each.spellings[0]) not in FIXED
        and not each.named(wording)
        and not (within == TEXTS and each.described(wording))
    ]
    spans += [match.span() for match in _sizes().finditer(text) if not _is_sold(match, wording, within)]
    spans += _counted(text, wording, within, taken)
    spans += _shoe_sizes(text, wording, within)
    praise = [match.span() for match in _praise().finditer(text)]
    spans += [span for span in praise if not _is_held(text[slice(*span)], wording, within, beside)]
    tokens = tokens_of(text) if spans else []
    return sorted(span for span in spans if not is_unwanted(tokens, *span))


def _counted(text: str, wording: Wording, within: str, taken: Sequence[Span]) -> list[Span]:
    """Returns the places of how many things are wanted, as in `2 chairs` and 의자 두 개, if products do not hold it."""
    spans = [match.span() for match in _counts().finditer(text) if not wording.holding([match[0]], 1, within=within)]
    few = _FEW.match(text)
    if few and not any(start == 0 for start, _ in (*taken, *((each.start, 0) for each in measures_in(text)))):
        held = wording.holding([f"{few[0]} {few[1]}"], 1, within=within)
        spans += [few.span()] if wording.holding([few[1]], 1, within=NAMES) and not held else []
    return spans


def _shoe_sizes(text: str, wording: Wording, within: str) -> list[Span]:
    """Returns the places of sizes of shoes without a word that says so, as in 운동화 250, if no such shoes hold it."""
    sizes = list(_SHOE_SIZE.finditer(text))
    if not sizes:
        return []
    shoes = [token.word for token in tokens_of(text) if not keys_of_kind(_SHOES).isdisjoint(token.keys)]
    return [size.span() for size in sizes if shoes and not wording.holding([size[0], *shoes], 1, within=within)]


def _for_whom(text: str, wording: Wording, beside: Sequence[str]) -> list[Span]:
    """Returns the places of words that say for whom a thing is, where no such thing says it in its title or facts."""
    spans = [match.span() for match in _audience().finditer(text)]
    tokens = tokens_of(text) if spans else []
    return [
        span
        for span in spans
        if not _is_held(text[slice(*span)], wording, NAMES, beside) and not is_unwanted(tokens, *span)
    ]


def _is_sold(match: "re.Match[str]", wording: Wording, within: str) -> bool:
    """Tells whether products hold a size, in their titles also without the word that says that it is one."""
    size = next(found for found in match.groups() if found)
    return bool(wording.holding([size], 1, within=TITLES) or wording.holding([match[0]], 1, within=within))


def _is_held(words: str, wording: Wording, within: str, beside: Sequence[str] = ()) -> bool:
    """Tells whether products hold one of the words, with or without its ending, and all those beside it."""
    tokens = [token for token in tokens_of(words) if token.word not in _VERY]
    asked = [token for token in tokens if token.word not in FILLERS] or tokens[:1]
    return any(wording.holding([form, *beside], 1, within=within) for token in asked for form in token.words)


def _thing_beside(text: str, wording: Wording) -> list[str]:
    """Returns the words beside praise, purpose and audience, if a product is named by all of them."""
    if (rest := without_praise(text)) == text:
        return []
    words = [word for word in words_of(rest) if word not in FILLERS]
    return words if wording.holding(words, 1, within=NAMES) else []


def _joined(spans: Sequence[Span], text: str) -> list[Span]:
    """Returns places with those as one that only words such as `and` part: "nice and cheap"."""
    found: list[Span] = []
    for start, end in spans:
        between = words_of(text[found[-1][1] : start]) if found else []
        if between and all(word in FILLERS for word in between):
            start = found.pop()[0]
        found.append((start, end))
    return found


@cache
def _sizes() -> "re.Pattern[str]":
    size = r"(\d{1,3}(?:[.,]5)?|\d?x{0,4}[sml])"
    words = "|".join(each.replace(" ", "[ ]*").replace("{size}", size) for each in _SIZED)
    return re.compile(rf"(?<![\w-])(?:{words})(?![\w-]|\s?(?:to|[–~])\s?\d)", re.IGNORECASE)


@cache
def _counts() -> "re.Pattern[str]":
    words = "|".join(each.replace(" ", "[ ]*") for language in LANGUAGES for each in language.counts)
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)")


@cache
def _audience() -> "re.Pattern[str]":
    words = "|".join(each.replace(" ", "[ ]+") for language in LANGUAGES for each in language.audience)
    return re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE)


@cache
def _praise() -> "re.Pattern[str]":
    before = rf"(?<![\w-])(?:(?:{'|'.join(_VERY)})[ ]*)?"
    behind = rf"(?:(?:{'|'.join(PARTICLES)})(?!\w))?(?![\w-])"
    words = "|".join(each.replace(" ", "[ ]*") for language in LANGUAGES for each in language.praise)
    return re.compile(f"{before}(?:{words}){behind}", re.IGNORECASE)
