"""The brands of a shop by their sounds, so that they are found by words of the other script."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from data.lexical import key_of
from engine.understanding.sounds import letters_heard, outlines_of, rare_spellings

_HANGUL = re.compile("[가-힣]+")
_NOT_LATIN = re.compile(r"[\d가-힣]")
_SYLLABLES, _LETTERS = 2, 3  # a name has at least so many
Names = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class HeardBrands:
    """The brands of a catalogue by the outlines of their sounds (see `outlines_of`).

    Attributes:
        latin, hangul: outline -> what is written in this script, and the brand.
    """

    latin: Names
    hangul: Names

    @classmethod
    def of(cls, brands: Iterable[str]) -> "HeardBrands":
        """Returns brands, as the catalogue writes them, by their sounds."""
        latin, hangul = defaultdict[str, list[tuple[str, str]]](list), defaultdict[str, list[tuple[str, str]]](list)
        for brand in sorted(brands):
            written, outlines = _written(key_of(brand))
            for outline in outlines:
                (latin if written.isascii() else hangul)[outline].append((written, brand))
        return cls(latin, hangul)

    def meant(self, name: str, *, surely: bool = False) -> str:
        """Returns the brand that a name of the other script writes best; "" if there is none, or several.

        From three syllables on, one of them may be written in a rarer way, and one more in each that follows.

        Args:
            name: without spaces, as `data.lexical.key_of` returns it.
            surely: whether only usual spellings count.
        """
        if not (self.hangul if name.isascii() else self.latin):
            return ""
        written, outlines = _written(name)
        others = self.hangul if written.isascii() else self.latin
        found = [
            (rare, brand)
            for outline in outlines
            for other, brand in others.get(outline, ())
            for hangul, latin in [(other, written) if written.isascii() else (written, other)]
            if (rare := rare_spellings(hangul, latin)) is not None
            and rare <= (0 if surely else len(hangul) - _SYLLABLES)
        ]
        least = min(found, default=(0, ""))[0]
        best = [brand for rare, brand in found if rare == least]
        return best[0] if len(best) == 1 else ""


@lru_cache(maxsize=20_000)  # after each change, all brands are heard again
def _written(name: str) -> tuple[str, Sequence[str]]:
    """Returns what of a name is compared, and the outlines of its sounds; none if it cannot be compared."""
    name = unicodedata.normalize("NFC", name)
    if not _HANGUL.fullmatch(name):
        name = "" if _NOT_LATIN.search(name) else letters_heard(name)
        return name, outlines_of(name) if len(name) >= _LETTERS else ()
    return name, outlines_of(name) if len(name) >= _SYLLABLES else ()
