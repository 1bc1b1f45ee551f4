"""Spells, parts and joins words as products have them: 쇼파 is 소파, `oatmilk` two words, and `head phones` is one."""

import re
from functools import cache

from data.vocabulary import NAMES, TEXTS, Wording
from engine.understanding.languages import LANGUAGES

_LEAST = 2  # signs of each part of a Hangul word
_MOST = 16  # signs of a word: each place in it is looked up
_HANGUL = re.compile(f"(?<![가-힣])[가-힣]{{{2 * _LEAST},{_MOST}}}(?![가-힣])")
_LATIN = re.compile(rf"(?<![\w-])[a-z]{{5,{_MOST}}}(?![\w-])", re.IGNORECASE)
_TWO = re.compile(r"(?<![\w-])([a-z]{2,12}) (?=([a-z]{2,12})(?![\w-]))", re.IGNORECASE)
_ENOUGH = 3  # letters that are a word; of fewer, only names count: `t shirt`


def parted(text: str, wording: Wording) -> str:
    """Returns a text with words spelt as products have them, parted, or written as one, that none has as they stand."""
    text = _spellings().sub(lambda match: _as_sold(match[0], wording), text)
    text = _TWO.sub(lambda match: _joined(match, wording), text)
    text = _LATIN.sub(lambda match: _parted_latin(match[0], wording), text)
    return _HANGUL.sub(lambda match: _parted(match[0], wording), text)


def _as_sold(word: str, wording: Wording) -> str:
    """Returns a word that is spelt in several ways as products have it: 소파 for 쇼파."""
    if wording.holding([word], 1):
        return word
    ways = next(ways for language in LANGUAGES for ways in language.spellings if word.casefold() in ways)
    return next((way for way in ways if wording.holding([way], 1, within=NAMES)), word)


@cache
def _spellings() -> "re.Pattern[str]":
    """Returns a pattern of the words that are spelt in several ways; one of Hangul may end a longer word."""
    words = [word for language in LANGUAGES for ways in language.spellings for word in ways]
    latin = "|".join(word for word in words if word.isascii())
    hangul = "|".join(word for word in words if not word.isascii())
    return re.compile(rf"(?<![\w-])(?:{latin})(?=s?(?![\w-]))|(?:{hangul})(?![가-힣])", re.IGNORECASE)


def _joined(two: "re.Match[str]", wording: Wording) -> str:
    """Returns the first of two words, without the space behind it if products are named by both as one."""
    whole = two[1] + two[2]
    named = wording.holding([whole], 1, within=NAMES) and not wording.holding([f"{two[1]} {two[2]}"], 1)
    return two[1] if named else two[0]


def _parted_latin(word: str, wording: Wording) -> str:
    """Returns a word, parted where products have both parts one behind the other."""
    if wording.holding([word], 1):
        return word
    for at in range(1, len(word)):
        short = min(at, len(word) - at) < _ENOUGH
        if wording.holding([f"{word[:at]} {word[at:]}"], 1, within=NAMES if short else TEXTS):
            return f"{word[:at]} {word[at:]}"
    return word


def _parted(word: str, wording: Wording) -> str:
    """Returns a Hangul word, parted before the longest end that a product has."""
    if wording.holding([word], 1):
        return word
    for at in range(_LEAST, len(word) - _LEAST + 1):
        if wording.holding([word[at:]], 1, within=NAMES):
            return f"{word[:at]} {word[at:]}"
    return word
