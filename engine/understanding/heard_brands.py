"""The brands of a shop by their sounds, so that they are found by words of the other script."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from data.lexical import key_of
from engine.understanding.sounds import first_letters, letters_heard, outline_of, rare_spellings

_HANGUL = re.compile("[가-힣]+")
_NOT_LATIN = re.compile(r"[\d가-힣]")
_SYLLABLES, _LETTERS = 2, 3  # a name has at least so many
Names = Mapping[str, Mapping[str, Sequence[tuple[str, str]]]]


@dataclass(frozen=True)
class HeardBrands:
    """The brands of a catalogue by the outline of their sounds (see `outline_of`) and their first letter.

    Attributes:
        latin, hangul: outline -> first letter in Latin letters -> what is written in this script, and the brand.
    """

    latin: Names
    hangul: Names

    @classmethod
    def of(cls, brands: Iterable[str]) -> "HeardBrands":
        """Returns brands, as the catalogue writes them, by their sounds."""
        latin, hangul = dict[str, dict[str, list[tuple[str, str]]]](), dict[str, dict[str, list[tuple[str, str]]]]()
        for brand in sorted(brands):
            written, outline = _written(key_of(brand))
            for letter in first_letters(written) if written else ():
                names = (latin if written.isascii() else hangul).setdefault(outline, {})
                names.setdefault(letter, []).append((written, brand))
        return cls(latin, hangul)

    def in_other_script(self, name: str) -> Names:
        """Returns the brands that are not written in the script of a name."""
        return self.hangul if name.isascii() else self.latin

    def meant(self, name: str, *, surely: bool = False) -> str:
        """Returns the brand that a name of the other script writes best; "" if there is none, or several.

        From three syllables on, one of them may be written in a rarer way, and one more in each that follows.

        Args:
            name: without spaces, as `data.lexical.key_of` returns it.
            surely: whether only usual spellings count.
        """
        if not self.in_other_script(name):
            return ""
        written, outline = _written(name)
        others = self.in_other_script(written).get(outline)
        if not written or others is None:
            return ""
        found = [
            (rare, brand)
            for letter in first_letters(written)
            for other, brand in others.get(letter, ())
            for hangul, latin in [(other, written) if written.isascii() else (written, other)]
            if (rare := rare_spellings(hangul, latin)) is not None
            and rare <= (0 if surely else len(hangul) - _SYLLABLES)
        ]
        least = min(found, default=(0, ""))[0]
        best = [brand for rare, brand in found if rare == least]
        return best[0] if len(best) == 1 else ""


@lru_cache(maxsize=20_000)  # after each change, all brands are heard again
def _written(name: str) -> tuple[str, str]:
    """Returns what of a name is compared, and the outline of its sounds; "" for both if it cannot be compared."""
    name, least = unicodedata.normalize("NFC", name), _SYLLABLES
    if not _HANGUL.fullmatch(name):
        name, least = "" if _NOT_LATIN.search(name) else letters_heard(name), _LETTERS
    return (name, outline_of(name)) if len(name) >= least else ("", "")
