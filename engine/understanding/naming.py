"""Reads the catalogue's own values in a text: colours, brands and sizes that are wanted."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

from data.vocabulary import Wording
from engine.understanding.languages import FILLERS, JOINERS, LANGUAGES
from engine.understanding.lexicon import Lexicon, any_of, one_of
from engine.understanding.measures import measures_in
from engine.understanding.reading import Reading, apart
from engine.understanding.tokens import Run, Token, names_in, value_key, values_in

MOST_NAME_WORDS = 4
_SHOE_UNIT = re.compile(r"(\d+(?:\.\d+)?)mm")  # sizes of shoes are often written without it
_SIZE_WORDS = {word: size for language in LANGUAGES for size, words in language.sized.items() for word in words}
Found = tuple[Run, Sequence[str]]


def read_colours(tokens: Sequence[Token], lexicon: Lexicon, taken: Sequence[Reading]) -> list[Reading]:
    """Returns the colour that is wanted, or several that stand together; none if colours stand in several places.

    In "blue mug with red dots" it is not plain what is to be red.

    Args:
        taken: what is read already; colours in it do not count.
    """
    found = []
    for first, last, values in _lists(tokens, lambda at: _named(tokens, at, lexicon.colours), joined=False):
        colours = sorted({colour for each in values for colour in each})
        value = colours[0] if len(colours) == 1 else ""
        found.append(replace(_reading(tokens, first, last, one_of("colour", colours)), visible=True, value=value))
    found = [each for each in apart([*taken, *found]) if each in found]
    return found if len(found) == 1 else []


def read_brands(tokens: Sequence[Token], lexicon: Lexicon, wording: Wording, taken: Sequence[Reading]) -> list[Reading]:
    """Returns the brands that are wanted.

    A brand is only read where its name can hardly mean anything else, or where the text says that a brand is meant
    ("by Acme").

    Args:
        taken: what is read already.
    """
    readings = []
    free = [token for token in tokens if all(token.end <= each.start or each.end <= token.start for each in taken)]
    for first, last, values in _lists(tokens, lambda at: _branded(tokens, at, lexicon), joined=True):
        start = first - bool(first and _one(tokens[first - 1], "brand_before"))
        end = last + bool(last < len(tokens) and _one(tokens[last], "brand_after"))
        brands = sorted({brand for each in values for brand in each})
        if _beside(tokens, first, last, "for"):  # "strap for Acme": it goes with a thing of theirs
            continue
        heard = any(token.heard for token in tokens[first:last])  # what stands beside it is in the other script too
        others = [token for token in free if token not in tokens[first:last] and not heard]
        if end - start > last - first or _is_brand(brands, others, wording):
            reading = _reading(tokens, start, end, one_of("brand", brands))
            readings.append(replace(reading, value=" ".join(brands)) if heard else reading)
    return readings


def _is_brand(brands: Sequence[str], others: Sequence[Token], wording: Wording) -> bool:
    """Tells whether names are surely meant as brands.

    No product of another brand may have one in its title, category or description, and the other words of the text must
    say something in this catalogue: who asks it for "birch wood" does not mean the brand Birch.
    """
    asked = [token for token in others if token.word not in FILLERS]
    if asked and not any(wording.holding([word], 1) for token in asked for word in token.words):
        return False
    return not any(wording.brand_means_more(brand) for brand in brands)


def read_sizes(text: str, tokens: Sequence[Token], lexicon: Lexicon) -> list[Reading]:
    """Returns the sizes that are wanted: values of attributes, with a word such as `size` or with a unit."""
    readings = []
    for pattern in _size_patterns():
        for match in pattern.finditer(text):
            key = _SIZE_WORDS.get(match["size"].casefold()) or value_key(match["size"])
            if conditions := lexicon.sizes.get(key) or _shoe_size(key, lexicon):
                readings.append(_size(match.start(), match.end(), conditions))
    for at in range(len(tokens)):
        for run in values_in(tokens, at, MOST_NAME_WORDS):
            conditions = lexicon.measures.get(run.name) or _shoe_size(run.name, lexicon)
            if conditions and not _beside(tokens, run.first, run.last, "bounds"):
                readings.append(_size(tokens[run.first].start, tokens[run.last - 1].end, conditions))
                break
    for measure in measures_in(text):
        words = [at for at, each in enumerate(tokens) if measure.start < each.end and each.start < measure.end]
        conditions = lexicon.measures.get(measure.size, ())
        if words and conditions and not _beside(tokens, words[0], words[-1] + 1, "bounds"):
            readings.append(_size(measure.outer_start, measure.outer_end, conditions))
    return readings


def _size(start: int, end: int, conditions: Sequence[str]) -> Reading:
    return Reading(start=start, end=end, condition=any_of(conditions), describes=True, measures=True)


def meaning(run: Run, lexicon: Lexicon) -> str:
    """Returns the filter that holds for products which have a name as a fact; "" if none has."""
    if run.name in lexicon.categories:
        return one_of("category", [lexicon.categories[run.name]])
    if run.name in lexicon.brands:
        return one_of("brand", [lexicon.brands[run.name]])
    if run.name in lexicon.colours:
        return one_of("colour", lexicon.colours[run.name])
    conditions = lexicon.holding.get(run.name, ())
    return any_of(conditions) if conditions else ""


def _lists(
    tokens: Sequence[Token], found_at: Callable[[int], Found | None], *, joined: bool
) -> Iterator[tuple[int, int, list[Sequence[str]]]]:
    """Yields what stands together: first and last word, and the values; `joined`: only with a word such as `or`."""
    at = 0
    while at < len(tokens):
        if (found := found_at(at)) is None:
            at += 1
            continue
        first, values = at, []
        while found is not None:
            values.append(found[1])
            at = found[0].last
            joiner = at < len(tokens) and tokens[at].word in JOINERS
            found = found_at(at + joiner) if joiner or not joined else None
        yield first, at, values


def _named(tokens: Sequence[Token], at: int, names: Mapping[str, Sequence[str]]) -> Found | None:
    return next(((run, names[run.name]) for run in names_in(tokens, at, MOST_NAME_WORDS) if run.name in names), None)


def _branded(tokens: Sequence[Token], at: int, lexicon: Lexicon) -> Found | None:
    for run in names_in(tokens, at, MOST_NAME_WORDS):
        if (brand := lexicon.brands.get(run.name)) and run.name not in lexicon.colours and not run.name.isdigit():
            return run, (brand,)
    return None


def _beside(tokens: Sequence[Token], first: int, last: int, kind: str) -> bool:
    """Tells whether a word of the list `kind`_before or `kind`_after stands beside words."""
    before = first > 0 and _one(tokens[first - 1], f"{kind}_before")
    return before or (last < len(tokens) and _one(tokens[last], f"{kind}_after"))


def _one(token: Token, kind: str) -> bool:
    return any(token.word in getattr(language, kind) for language in LANGUAGES)


def _reading(tokens: Sequence[Token], first: int, last: int, condition: str) -> Reading:
    return Reading(start=tokens[first].start, end=tokens[last - 1].end, condition=condition, describes=True)


def _shoe_size(key: str, lexicon: Lexicon) -> tuple[str, ...]:
    match = _SHOE_UNIT.fullmatch(key)
    return lexicon.sizes.get(match[1], ()) if match else ()


@cache
def _size_patterns() -> tuple["re.Pattern[str]", ...]:
    size = r"(?P<size>\d+(?:[.,]\d+)?(?:\s?(?:mm|cm|ml|l|kg|g|inch))?|[^\W_]+)"
    return tuple(
        re.compile(rf"(?<![\w-]){template.replace(' ', '[ ]*').replace('{size}', size)}(?!\w)", re.IGNORECASE)
        for language in LANGUAGES
        for template in language.sizes
    )
