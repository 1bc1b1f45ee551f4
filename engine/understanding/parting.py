"""Parts and joins words as products have them: `여성원피스` is two words, `oatmilk` too, and `head phones` is one."""

import re

from data.vocabulary import NAMES, TEXTS, Wording

_LEAST = 2  # signs of each part of a Hangul word
_MOST = 16  # signs of a word: each place in it is looked up
_HANGUL = re.compile(f"(?<![가-힣])[가-힣]{{{2 * _LEAST},{_MOST}}}(?![가-힣])")
_LATIN = re.compile(rf"(?<![\w-])[a-z]{{5,{_MOST}}}(?![\w-])", re.IGNORECASE)
_TWO = re.compile(r"(?<![\w-])([a-z]{2,12}) (?=([a-z]{2,12})(?![\w-]))", re.IGNORECASE)
_ENOUGH = 3  # letters that are a word; of fewer, only names count: `t shirt`


def parted(text: str, wording: Wording) -> str:
    """Returns a text with words parted, or written as one, that no product has as they stand."""
    text = _TWO.sub(lambda match: _joined(match, wording), text)
    text = _LATIN.sub(lambda match: _parted_latin(match[0], wording), text)
    return _HANGUL.sub(lambda match: _parted(match[0], wording), text)


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
