"""How a text sounds, so that a word written in Hangul meets the same word in Latin letters.

Korean writes foreign words and brands by ear: 아스파라거스 is asparagus, 트로피카나 is Tropicana. A sentence encoder
knows few of these. Both spellings keep the consonants in order, once those that Korean does not tell apart are merged:
b, f, p and v; g, k and q; l and r; d and t; j, s, z and ch. Vowels are left out, and so is an r that Korean does not
write. What remains, `splks` and `tlpkn`, is compared by its runs of 2 to 4 letters, across words, because Korean spaces
differ.
"""

import re
import unicodedata
from collections.abc import Sequence

from engine.protocols import Floats
from engine.text.hashing import hashed_runs

SOUNDS = 256  # width of the hashed sounds
_RUNS = (2, 3, 4)
_LONGEST = 500
_FIRST, _LAST = "가", "힣"
# Unicode puts the 19 leads, 21 vowels and 28 tails (the first is none) of Hangul syllables in this order
_LEADS = "kknttlmppss-sssktph"
_TAILS = "-kkknnntlkmlllplmppttnttktph"
_MERGED = str.maketrans("bcdfgjqrvz", "pktpksklps")
_SPELLINGS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"[^a-z]", ""),
        (r"d?ge$", "s"),  # orange, badge
        (r"ng$", "n"),
        (r"ph", "f"),
        (r"[cs]h|th|ti(?=o)|c(?=[eiy])", "s"),
        (r"x", "ks"),
        (r"r(?![aeiouy])", ""),  # card is 카드
        (r"(?<=.)h|[aeiouwy]", ""),
    )
)


def sound_features(texts: Sequence[str], width: int = SOUNDS) -> Floats:
    """Returns hashed runs of 2 to 4 consonants, float32 (n, width), L2 norm 1.

    Only the first 500 characters of a text count.
    """
    return hashed_runs([f"^{consonants(text)}$" for text in texts], _RUNS, width)


def consonants(text: str) -> str:
    """Returns the merged consonants of a text in Hangul or Latin letters; other letters have none.

    >>> consonants("패션프루트 주스"), consonants("Passion Fruit Juice")
    ('psnplts', 'psnplts')
    """
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text[:_LONGEST]).casefold()[:_LONGEST])
    return re.sub(r"(.)\1+", r"\1", "".join(_hangul(word) + _latin(word) for word in words))


def _hangul(word: str) -> str:
    syllables = [divmod(ord(letter) - ord(_FIRST), 28) for letter in word if _FIRST <= letter <= _LAST]
    return "".join(_LEADS[rest // 21] + _TAILS[tail] for rest, tail in syllables).replace("-", "")


def _latin(word: str) -> str:
    heard = unicodedata.normalize("NFKD", word)
    for pattern, sound in _SPELLINGS:
        heard = pattern.sub(sound, heard)
    return heard.translate(_MERGED)
