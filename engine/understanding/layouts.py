"""Reads words that were typed while the keyboard was set to the other script: `ajrm` is 머그, and `ㅡㅕㅎ` is mug.

Korean keyboards have two sets of Latin and Hangul letters on the same keys (dubeolsik, KS X 5002).
"""

import re
import unicodedata
from collections.abc import Callable, Iterable

from data.lexical import key_of
from data.vocabulary import Wording

# The keys of the letters of a syllable, in Unicode's order: its first consonant, its vowel, its last consonant.
_FIRST = tuple("rRseEfaqQtTdwWczxvg")
_VOWELS = (
    "k", "o", "i", "O", "j", "p", "u", "P", "h", "hk", "ho", "hl", "y", "n",
    "nj", "np", "nl", "b", "m", "ml", "l",
)  # fmt: skip
_LAST = (
    "r", "R", "rt", "s", "sw", "sg", "e", "f", "fr", "fa", "fq", "ft", "fx", "fv",
    "fg", "a", "q", "qt", "t", "T", "d", "w", "c", "z", "x", "v", "g",
)  # fmt: skip
_STARTS = ((0x1100, _FIRST), (0x1161, _VOWELS), (0x11A8, _LAST))
_KEYS = {chr(start + at): key for start, keys in _STARTS for at, key in enumerate(keys)}


def _any(keys: Iterable[str]) -> str:
    return "|".join(sorted(keys, key=len, reverse=True))


_SYLLABLE = re.compile(f"({_any(_FIRST)})({_any(_VOWELS)})(?:({_any(_LAST)})(?!{_any(_VOWELS)}))?")
_SHIFTED = re.compile("[A-Z]")
_LATIN = re.compile("[A-Za-z]{4,}")  # two syllables at least
_ONE = re.compile("[가-힣]")  # 티 is a shirt and not XL
_WORD = re.compile(r"(?<![^\W\d_])(?:[A-Za-z]+|[\u1100-\u11ffㄱ-ㅣ가-힣]+)(?![^\W_])")  # of `20dbfh` (20유로) too
# A word of either script has a vowel, and a vowel in Hangul does not stand alone; ㅠㅠ is a sigh.
_NO_WORD = re.compile(r"[^\W\d_AEIOUYaeiouy\u1100-\u11ffㄱ-ㅣ가-힣]+|(?=.*[ㅏ-ㅣ])(?=.*[^ㅜㅠㅡㅋㅎ]).{3,}")


def on_other_layout(word: str) -> str:
    """Returns what the keys of a word write in the other script; "" where that is no whole word.

    >>> [on_other_layout(word) for word in ("ajrm", "RkaksRhc", "ㅡㅕㅎ", "촘ㅑㄱ", "mug", "티")]
    ['머그', '까만꽃', 'mug', 'chair', '', '']
    """
    if _ONE.fullmatch(word):
        return ""
    if not word.isascii():
        return "".join(_KEYS.get(sign, sign) for sign in unicodedata.normalize("NFKD", word)).lower()
    keys = _SHIFTED.sub(lambda match: match[0] if match[0] in _FIRST + _VOWELS else match[0].lower(), word)
    rest = _SYLLABLE.sub("", keys)
    return "" if rest or not _LATIN.fullmatch(word) else _SYLLABLE.sub(_syllable, keys)


def retyped(text: str, wording: Wording, is_word: Callable[[str], bool]) -> str:
    """Returns a text with the words that were typed on the other layout written as they were meant.

    A word is read so only if it is none and no product has it, and if it becomes one that a product has, or one at
    least while it cannot be a word in its own script.

    Args:
        is_word: tells whether a text is a frequent word of some language.
    """

    def is_held(word: str) -> bool:
        return bool(wording.holding([word], 1))

    def is_known(word: str) -> bool:
        return is_word(word.casefold()) or is_held(word)

    def meant(word: str) -> str:
        other = on_other_layout(word)
        return other if other and not is_known(word) and (_NO_WORD.fullmatch(word) or is_known(other)) else word

    found = _WORD.sub(lambda match: meant(match[0]), text)
    joined = "".join(text.split())  # `aj rm`
    if found == text and joined != text.strip() and _WORD.fullmatch(joined) and not any(map(is_held, text.split())):
        whole = on_other_layout(joined)
        found = whole if whole and is_held(whole) and not is_known(joined) else text
    return text if found == text or wording.names({key_of(text)}) else found


def _syllable(match: "re.Match[str]") -> str:
    first, vowel = _FIRST.index(match[1]), _VOWELS.index(match[2])
    last = _LAST.index(match[3]) + 1 if match[3] else 0
    return chr(0xAC00 + (first * 21 + vowel) * 28 + last)
