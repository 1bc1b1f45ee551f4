"""Texts as the keys that are pressed to type them, so that one being typed is a prefix of the whole."""

from functools import lru_cache

from data.lexical import letters_of

# Jamo in the order of Unicode, as the keys of a two-set Korean keyboard, in capitals: letters_of leaves small ones.
# A final consonant has the key of an initial one, for while 발가 is typed the screen shows 밝. A double consonant is
# its key twice, and a compound vowel its two keys.
_INITIALS = "R RR S E EE F A Q QQ T TT D W WW C Z X V G"
_VOWELS = "K O I IL J P U UL H HK HO HL Y N NJ NP NL B M ML L"
_FINALS = "R RR RT S SW SG E F FR FA FQ FT FX FV FG A Q QT T TT D W C Z X V G"
_KEYS = {
    first + at: keys
    for first, letters in ((0x1100, _INITIALS), (0x1161, _VOWELS), (0x11A8, _FINALS))
    for at, keys in enumerate(letters.split())
}


@lru_cache(maxsize=10_000)  # a text is asked for several times while a batch is indexed
def keystrokes(text: str) -> str:
    """Returns the keys that a text is typed with, words apart by one space.

    Case, accents and punctuation do not count.
    """
    letters = letters_of(text)
    return letters if letters.isascii() else letters.translate(_KEYS)
