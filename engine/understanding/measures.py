"""Finds measures and counts in a text, such as `1l`, `40 x 40 cm`, `6-pack` and `2개`, and their other spellings."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache

from data.vocabulary import NAMES, TEXTS, Wording
from engine.understanding.languages import LANGUAGES, PARTICLES

_ONE = r"\d{1,6}(?:[.,/]\d{1,3})?"
_NUMBER = rf"{_ONE}(?:\s?(?:[x×*~–-]|to|and)\s?{_ONE}){{0,2}}"
_NUMBERS = re.compile(_ONE)
_UNCLEAR = re.compile(r"[~–-]|to|and|/0|(?<![\d.,])[1-9]\d*[.,]\d{3}", re.IGNORECASE)  # `20-30` and `1,000`
# unit -> the smallest unit of its kind, and how many of it make one; counts are no sizes
_UNITS = {
    "ml": ("ml", 1), "cl": ("ml", 10), "l": ("ml", 1000), "g": ("g", 1), "kg": ("g", 1000), "mm": ("mm", 1),
    "cm": ("mm", 10), "m": ("mm", 1000), "oz": ("oz", 1), "lb": ("oz", 16), "inch": ("inch", 1), "ft": ("inch", 12),
    "gb": ("gb", 1), "tb": ("gb", 1000), "w": ("w", 1),
}  # fmt: skip
_HANGUL_BEHIND = re.compile(r"(?<=\d)(?=[가-힣])")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Measure:
    """A measure in a text.

    Attributes:
        start, end: its place, in characters of the text.
        outer_start, outer_end: its place with the words that belong to it, such as `at least`.
        spellings: the ways to write it, as it stands in the text first.
        size: the same for all measures that are as large, `750ml` for `0.75 l`; "" for counts.
    """

    start: int
    end: int
    outer_start: int
    outer_end: int
    spellings: tuple[str, ...]
    size: str

    def named(self, wording: Wording) -> bool:
        """Tells whether products' titles or facts hold it in one of the spellings."""
        return any(_is_held(each, wording, NAMES) for each in self.spellings)

    def described(self, wording: Wording) -> bool:
        """Tells whether products' texts hold it as it stands, at least their descriptions."""
        return _is_held(self.spellings[0], wording, TEXTS)


def measures_in(text: str, taken: Sequence[tuple[int, int]] = ()) -> list[Measure]:
    """Returns the measures of a text, in its order; of two that share letters, the longer one.

    Args:
        taken: places in which none is looked for.
    """
    places, kept = list(taken), list[Measure]()
    for each in _all_in(text):
        if all(each.end <= start or end <= each.start for start, end in places):
            places.append((each.start, each.end))
            kept.append(each)
    return sorted(kept, key=lambda measure: measure.start)


@lru_cache(256)  # a search asks several times for its words
def _all_in(text: str) -> tuple[Measure, ...]:
    """Returns all measures of a text, the longest first."""
    if not _rough().search(text):  # quick, and true of few texts
        return ()
    found = [
        _measure(match, unit, templates)
        for unit, (pattern, templates) in _patterns().items()
        for match in pattern.finditer(text)
    ]
    return tuple(sorted(found, key=lambda measure: measure.start - measure.end))


def size_of(text: str) -> str:
    """Returns what `Measure.size` is of a text that is one measure; "" for any other text.

    >>> [size_of(text) for text in ("0.75 l", "750ml", "40 x 60 cm", "1/2리터", "6-pack", "red")]
    ['750ml', '750ml', '400x600mm', '500ml', '', '']
    """
    found = measures_in(text)
    return found[0].size if found and (found[0].start, found[0].end) == (0, len(text)) else ""


def is_measure(word: str) -> bool:
    """Tells whether a word is a measure or a count, as `14l` is."""
    return any((each.start, each.end) == (0, len(word)) for each in measures_in(word))


def _is_held(written: str, wording: Wording, within: str) -> bool:
    phrase = _HANGUL_BEHIND.sub(" ", written)  # as a word, `2개` may go on, so that it is any 2
    return bool(wording.holding([phrase], 1, within=within))


def _measure(match: "re.Match[str]", unit: str, templates: Sequence[str]) -> Measure:
    number = next(found for name, found in match.groupdict().items() if name != "core" and found)
    written = [
        template.replace("{n}", form).replace(" ", space)
        for form in dict.fromkeys((number, _SPACE.sub("", number)))
        for template in templates
        for space in ("", " ")
    ]
    start, end = match.span("core")
    spellings = tuple(dict.fromkeys((match["core"], *written)))
    return Measure(start, end, match.start(), match.end(), spellings, _size(number, unit))


def _size(number: str, unit: str) -> str:
    if unit not in _UNITS or _UNCLEAR.search(number):
        return ""
    base, many = _UNITS[unit]
    numbers = [Fraction(each.replace(",", ".")) * many for each in _NUMBERS.findall(number)]
    return "x".join(f"{float(each):g}" for each in numbers) + base


@cache
def _templates() -> dict[str, list[str]]:
    """Returns unit -> the ways to write a measure in it, in all languages."""
    units: dict[str, list[str]] = defaultdict(list)
    for language in LANGUAGES:
        for unit, templates in language.measures.items():
            units[unit] += [each if "{n}" in each else f"{{n}} {each}" for each in templates]
    return units


@cache
def _rough() -> "re.Pattern[str]":
    """Returns a pattern that is found wherever a measure may be."""
    cores = "|".join(_pattern(each, r"\d") for templates in _templates().values() for each in templates)
    return re.compile(cores, re.IGNORECASE)


@cache
def _patterns() -> dict[str, tuple["re.Pattern[str]", tuple[str, ...]]]:
    """Returns for each unit a pattern of its measures, and its templates."""
    before = "|".join(words for language in LANGUAGES for words in language.measure_before)
    after = "|".join(words for language in LANGUAGES for words in language.measure_after)
    start = rf"(?:(?<!\w)(?:{before})\s?)?(?:(?<![\w.,/-])|(?<=[가-힣]))"
    end = rf"(?:\s?(?:{after})(?![a-z]))?(?:(?:{'|'.join(PARTICLES)})(?!\w))?(?:(?<![가-힣])|(?!\w))"
    return {
        unit: (re.compile(f"{start}(?P<core>{_any_core(templates)}){end}", re.IGNORECASE), tuple(templates))
        for unit, templates in _templates().items()
    }


def _any_core(templates: Sequence[str]) -> str:
    """Returns the pattern of the templates; the number of the first is the group n0, and so on."""
    return "|".join(
        _pattern(template, f"(?P<n{at}>{_NUMBER})") + _behind(template) for at, template in enumerate(templates)
    )


def _pattern(template: str, number: str) -> str:
    return re.escape(template).replace(r"\ ", "[ -]?").replace(r"\{n\}", number)


def _behind(template: str) -> str:
    if template.endswith("x"):  # `6x` and `6x330ml`, not `4x4`
        return r"(?:(?![^\W_]|\s?\d)|(?=\s?\d[\d.,]*\s?(?:ml|cl|l|g|kg|oz)(?![a-z])))"
    return r"(?![^\W_가-힣]|[.,]\d)" if template.isascii() else ""  # `1l우유`; what may follow Hangul, the end says
