"""Splits a text into words that keep their place, and finds runs of words among known names."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data.lexical import key_of
from engine.understanding.languages import LANGUAGES, PARTICLES

MOST_WORDS = 40
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*[^\W\d_]*|[^\W_]+(?:[-'’][^\W_]+)*")
_HANGUL = re.compile("[가-힣]+")
_BEFORE = "|".join(mark for each in LANGUAGES for mark in each.not_before if mark.isalpha())
_AFTER = "|".join(mark for each in LANGUAGES for mark in each.not_after if mark.isalpha())
# what is not wanted, and the word that says so: `leather-free`, `non-leather`, 가죽말고
_MARKED = re.compile(rf"(\w+)-({_AFTER})|({_BEFORE})-(\w+)|([가-힣]{{2,}}?)({_AFTER})", re.IGNORECASE)
_MARKS_BEFORE = [mark.split() for language in LANGUAGES for mark in language.not_before]
_MARKS_AFTER = [mark.split() for language in LANGUAGES for mark in language.not_after]


@dataclass(frozen=True)
class Token:
    """One word of a text.

    Attributes:
        start, end: its place, in characters of the text.
        words: its case-folded forms: as it stands, and without an ending that means nothing.
        keys: the same as keys of names (see `data.lexical.key_of`).
        heard: whether it is a brand that was typed in the other script; words and keys are the shop's own then.
    """

    start: int
    end: int
    words: tuple[str, ...]
    keys: tuple[str, ...]
    heard: bool = False

    @property
    def word(self) -> str:
        return self.words[0]


@dataclass(frozen=True)
class Run:
    """Neighbouring words of a text: `tokens[first:last]`, and a name that they are."""

    first: int
    last: int
    name: str


def tokens_of(text: str) -> list[Token]:
    """Returns the words of a text, `MOST_WORDS` at most."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        if len(found) == MOST_WORDS:
            break
        parts = _MARKED.fullmatch(text, *match.span())
        for start, end in [parts.span(at) for at in range(1, 7) if parts[at]] if parts else [match.span()]:
            words = _forms(unicodedata.normalize("NFKC", text[start:end]).casefold())
            found.append(Token(start, end, words, tuple(map(key_of, words))))
    return found[:MOST_WORDS]


def names_in(tokens: Sequence[Token], first: int, most: int) -> Iterator[Run]:
    """Yields the runs of up to `most` words that begin at a word, longest first, with the names they may be.

    A name has neither spaces nor punctuation; the last word may have an ending.
    """
    for last in range(min(first + most, len(tokens)), first, -1):
        head = "".join([token.keys[0] for token in tokens[first : last - 1]])
        for key in tokens[last - 1].keys:
            yield Run(first, last, head + key)


def values_in(tokens: Sequence[Token], first: int, most: int) -> Iterator[Run]:
    """Yields the same as `names_in` does, as `value_key` writes values: with decimal points."""
    for last in range(min(first + most, len(tokens)), first, -1):
        head = "".join([token.word for token in tokens[first : last - 1]])
        for word in tokens[last - 1].words:
            yield Run(first, last, value_key(head + word))


def is_unwanted(tokens: Sequence[Token], start: int, end: int) -> bool:
    """Tells whether words such as `not` stand before or behind a place."""
    before = [token.word for token in tokens if token.end <= start]
    behind = [token.word for token in tokens if token.start >= end]
    return any(before[-len(mark) :] == mark for mark in _MARKS_BEFORE) or any(
        behind[: len(mark)] == mark for mark in _MARKS_AFTER
    )


def value_key(text: str) -> str:
    """Returns a measure or a size without spaces: `0.5 L` gives `0.5l`."""
    return re.sub(r"[^\w.]", "", text.casefold().replace(",", "."))


def _forms(word: str) -> tuple[str, ...]:
    if not _HANGUL.fullmatch(word):
        return (word,)
    return (word, *(word.removesuffix(end) for end in PARTICLES if word.endswith(end) and len(word) > len(end) + 1))
