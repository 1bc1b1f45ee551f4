"""Finds measures and counts in a text, such as `1l`, `40 x 40 cm`, `6-pack` and `2개`, and their other spellings."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from data.vocabulary import NAMES, TEXTS, Wording
from engine.understanding.languages import LANGUAGES, PARTICLES

_ONE = r"\d{1,6}(?:[.,/]\d{1,3})?"
_NUMBER = rf"{_ONE}(?:\s?(?:[x×*~–-]|to|and)\s?{_ONE}){{0,2}}"
_HANGUL_BEHIND = re.compile(r"(?<=\d)(?=[가-힣])")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Measure:
    """A measure in a text.

    Attributes:
        start, end: its place, in characters of the text.
        outer_start, outer_end: its place with the words that belong to it, such as `at least`.
        spellings: the ways to write it, as it stands in the text first.
    """

    start: int
    end: int
    outer_start: int
    outer_end: int
    spellings: tuple[str, ...]

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
    if not _rough().search(text):  # quick, and true of few texts
        return []
    found = [
        _measure(match, templates) for pattern, templates in _patterns() for match in pattern.finditer(text)
    ]  # fmt: skip
    places, kept = list(taken), list[Measure]()
    for each in sorted(found, key=lambda measure: measure.start - measure.end):
        if all(each.end <= start or end <= each.start for start, end in places):
            places.append((each.start, each.end))
            kept.append(each)
    return sorted(kept, key=lambda measure: measure.start)


def _is_held(written: str, wording: Wording, within: str) -> bool:
    phrase = _HANGUL_BEHIND.sub(" ", written)  # as a word, `2개` may go on, so that it is any 2
    return bool(wording.holding([phrase], 1, within=within))


def _measure(match: "re.Match[str]", templates: Sequence[str]) -> Measure:
    number = next(found for name, found in match.groupdict().items() if name != "core" and found)
    written = [
        template.replace("{n}", form).replace(" ", space)
        for form in dict.fromkeys((number, _SPACE.sub("", number)))
        for template in templates
        for space in ("", " ")
    ]
    start, end = match.span("core")
    return Measure(start, end, match.start(), match.end(), tuple(dict.fromkeys((match["core"], *written))))


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
def _patterns() -> list[tuple["re.Pattern[str]", tuple[str, ...]]]:
    """Returns for each unit a pattern of its measures, and its templates."""
    before = "|".join(words for language in LANGUAGES for words in language.measure_before)
    after = "|".join(words for language in LANGUAGES for words in language.measure_after)
    start = rf"(?:(?<!\w)(?:{before})\s?)?(?:(?<![\w.,/-])|(?<=[가-힣]))"
    end = rf"(?:\s?(?:{after})(?![a-z]))?(?:(?:{'|'.join(PARTICLES)})(?!\w))?(?:(?<![가-힣])|(?!\w))"
    return [
        (re.compile(f"{start}(?P<core>{_any_core(templates)}){end}", re.IGNORECASE), tuple(templates))
        for templates in _templates().values()
    ]


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
