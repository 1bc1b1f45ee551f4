"""Makes typing errors as people make them: one letter, or one jamo of a Hangul syllable, is wrong."""

import random
import unicodedata
from string import ascii_lowercase, digits

_ALPHABETS = (
    ascii_lowercase,
    digits,
    "".join(map(chr, range(0x1100, 0x1113))),  # initial consonants
    "".join(map(chr, range(0x1161, 0x1176))),  # vowels
    "".join(map(chr, range(0x11A8, 0x11C3))),  # final consonants
)


def mistyped(chance: random.Random, text: str, first: int = 0) -> str:
    """Returns the text with one letter replaced, left out, doubled or swapped with the next.

    Args:
        first: letters at the beginning that stay right.
    """
    letters = unicodedata.normalize("NFD", text)
    while True:
        at = chance.randrange(min(first, len(letters) - 1), len(letters))
        before, letter, after = letters[:at], letters[at], letters[at + 1 :]
        alphabet = next((letters for letters in _ALPHABETS if letter.lower() in letters), ascii_lowercase)
        changed = chance.choice(
            [before + chance.choice(alphabet) + after, before + after, before + letter * 2 + after,
             before + after[:1] + letter + after[1:]]
        )  # fmt: skip
        if changed.strip() and changed.split() != letters.split():
            return unicodedata.normalize("NFC", changed)
