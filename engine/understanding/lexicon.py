"""The catalogue's own values, by the words that shoppers use for them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from data.filters import quoted
from data.lexical import key_of, words_of
from data.vocabulary import Literal, Vocabulary
from engine.understanding.heard_brands import HeardBrands
from engine.understanding.languages import LANGUAGES
from engine.understanding.measures import size_of
from engine.understanding.tokens import value_key

_MEASURE = re.compile(r"\d+(?:\.\d+)?[^\W\d_]+(?:x\d.*)?|\d.*x\d.*|\d?x{1,4}[sl]")
_UNIT_BEHIND = re.compile(r"(\d[\d.x]*)[^\W\d_]+")
_BARE_FIELD = re.compile(r"attr\.\w[\w.-]{0,63}")
_MOST_HOLDING = 20  # values of one attribute that hold a word
_LEAST_LETTERS = 3  # of a brand or a category
_LACKING = re.compile(r"\b(?:free|without|no|non|not)\b|(?<![가-힣])무(?!늬)|없|프리|아님")


@dataclass(frozen=True)
class Lexicon:
    """What words stand for, each as filter expressions that mean the same.

    Attributes:
        vocabulary: the values that the rest is made from.
        colours: name -> the catalogue's colours that it means.
        brands, categories: name -> the brand, the category.
        sizes: value, also without its unit -> conditions on the attributes that hold sizes.
        measures: value that says itself what it is, such as `xl`, `330ml` and `40x40`, and what it measures (see
            `Measure.size`) -> conditions on any attributes.
        holding: word -> conditions that hold for products with an attribute of which the word is a part.
        heard_brands: the brands by their sounds.
    """

    vocabulary: Vocabulary
    colours: Mapping[str, tuple[str, ...]]
    brands: Mapping[str, str]
    categories: Mapping[str, str]
    sizes: Mapping[str, tuple[str, ...]]
    measures: Mapping[str, tuple[str, ...]]
    holding: Mapping[str, tuple[str, ...]]
    heard_brands: HeardBrands

    @classmethod
    def of(cls, vocabulary: Vocabulary) -> "Lexicon":
        """Returns the words for a catalogue's values."""
        sizes, measures = _sizes(vocabulary)
        return cls(
            vocabulary=vocabulary,
            colours=_colours(vocabulary.colours),
            brands=_named(vocabulary.brands),
            categories=_inflected(_named(vocabulary.categories)),
            sizes=sizes,
            measures=measures,
            holding=_holding(vocabulary),
            heard_brands=HeardBrands.of(vocabulary.brands),
        )


def one_of(field: str, values: Iterable[str]) -> str:
    """Returns the filter that a text field is one of the values."""
    texts = [quoted(value) for value in values]
    return f"{field} = {texts[0]}" if len(texts) == 1 else f"{field} IN ({', '.join(texts)})"


def any_of(conditions: Iterable[str]) -> str:
    """Returns the filter that one of the conditions holds."""
    each = list(dict.fromkeys(conditions))
    return each[0] if len(each) == 1 else f"({' OR '.join(each)})"


def _colours(own: frozenset[str]) -> dict[str, tuple[str, ...]]:
    words: dict[str, set[str]] = defaultdict(set)
    for language in LANGUAGES:
        for name, spelled in language.colours.items():
            words[name].update(spelled, (name,))
    found: dict[str, tuple[str, ...]] = {key_of(value): (value,) for value in own if len(value) > 1}
    for spellings in words.values():
        if values := tuple(sorted(own & spellings)):
            found.update({key_of(word): values for word in spellings})
    for language in LANGUAGES:
        for near, names in language.shades.items():
            if values := tuple(sorted({value for name in near.split() for value in found.get(name, ())})):
                found = {**dict.fromkeys(map(key_of, names), values), **found}
    return {key: values for key, values in found.items() if key}


def _named(values: Iterable[str]) -> dict[str, str]:
    return {key: value for value in sorted(values) if len(key := key_of(value)) >= _LEAST_LETTERS}


def _inflected(names: Mapping[str, str]) -> dict[str, str]:
    """Returns names with their English singular and plural."""
    singular = {name[: -len(end)]: value for end in ("s", "es") for name, value in names.items() if name.endswith(end)}
    return {**{f"{name}s": value for name, value in names.items()}, **singular, **names}


def _sizes(vocabulary: Vocabulary) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    names = [name for language in LANGUAGES for name in language.size_names]
    sizes, measures = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    unitless = defaultdict[str, list[str]](list)
    for field, values in vocabulary.attributes.items():
        for value in values:
            if isinstance(value, bool):
                continue
            key, condition = value_key(_written(value)), _equals(field, value)
            bare = _UNIT_BEHIND.fullmatch(key)
            if any(name in field.casefold() for name in names):
                sizes[key].append(condition)
                if bare:
                    unitless[bare[1]].append(condition)
            if _MEASURE.fullmatch(key):
                for name in {key, size_of(_written(value)), bare[1] if bare and "x" in bare[1] else ""}:
                    measures[name].append(condition)
    return {**_frozen(unitless), **_frozen(sizes)}, _frozen(measures)


def _holding(vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    values: dict[str, dict[str, list[Literal]]] = defaultdict(lambda: defaultdict(list))
    for field, found in vocabulary.attributes.items():
        for value in found:
            if value is True:
                values[key_of(field.removeprefix("attr."))][field].append(True)
            elif isinstance(value, str) and not _LACKING.search(value):
                for key in {key_of(value), *map(key_of, words_of(value))}:
                    values[key][field].append(value)
    return {
        key: tuple(
            _equals(field, found[0]) if len(found) == 1 else one_of(_field(field), map(str, found))
            for field, found in fields.items()
            if len(found) <= _MOST_HOLDING
        )
        for key, fields in values.items()
        if len(key) > 1 and not key.isdigit()
    }


def _frozen(found: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(conditions) for key, conditions in found.items() if key}


def _equals(field: str, value: Literal) -> str:
    if isinstance(value, bool):
        return f"{_field(field)} = {str(value).lower()}"
    return f"{_field(field)} = {quoted(value) if isinstance(value, str) else _written(value)}"


def _written(value: Literal) -> str:
    return value if isinstance(value, str) else f"{Decimal(repr(value)).normalize():f}"


def _field(name: str) -> str:
    """Returns the field of an attribute as the filter language writes it."""
    bare = name.removeprefix("attr.")
    return name if _BARE_FIELD.fullmatch(name) else f'attr."{bare}"'
