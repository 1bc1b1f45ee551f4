"""Says what is asked for in the shop's own words: 모자 is a hat, and jeans are trousers where nothing is called jeans.

`goods.csv` lists things that shops sell: names in English and in Korean, separated by `|`, and the thing that they are
a kind of, where shops often name that alone. `qualities.csv` lists what is said of things, such as materials.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from data.lexical import key_of, words_of
from data.vocabulary import NAMES, Wording
from engine.understanding.languages import LANGUAGES
from engine.understanding.tokens import Token, is_unwanted, names_in, tokens_of

_LIST, _QUALITIES = (Path(__file__).with_name(name) for name in ("goods.csv", "qualities.csv"))
_MOST_WORDS = 3  # of a name
_MOST_KINDS = 3  # of a thing, that are searched for in its place
_LEAST = 2  # signs of each part of a Hangul word
_HANGUL = re.compile("[가-힣]+")
_PLURALS = (("ies", "y"), ("es", ""), ("s", ""))


@dataclass(frozen=True)
class Goods:
    """Something that shops sell, or a quality of it.

    Attributes:
        english: its names in English, the commonest first.
        korean: those in Korean.
        kind: the first English name of what it is a kind of; "" for none.
        is_thing: whether it is no quality.
    """

    english: tuple[str, ...]
    korean: tuple[str, ...]
    kind: str = ""
    is_thing: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        return self.english + self.korean

    def names_in(self, *, latin: bool) -> tuple[str, ...]:
        """Returns the names, those in Latin script or in Hangul first."""
        return self.names if latin else self.korean + self.english


@cache
def listed_goods() -> Mapping[str, Goods]:
    """Returns the first English name of each thing of `goods.csv` -> the thing."""
    return {goods.english[0]: goods for goods in _read(_LIST, are_things=True)}


def _read(path: Path, *, are_things: bool) -> Iterator[Goods]:
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            english, korean = (tuple(row[language].split("|")) for language in ("english", "korean"))
            yield Goods(english, korean, row.get("kind", ""), are_things)


@dataclass(frozen=True)
class ShopWords:
    """A text in the shop's own words.

    Attributes:
        text: the text.
        typed: each name that stands in it in place of another -> that other, as it was typed.
    """

    text: str
    typed: Mapping[str, str]

    def beside(self, left: str) -> list[str]:
        """Returns the words beside the names, of those that are left of the text."""
        return words_of(self._put(left, lambda _: " "))

    def as_typed(self, left: str) -> str:
        """Returns what is left of the text with the names as they were typed."""
        return self._put(left, lambda match: self.typed[match[0]])

    def _put(self, left: str, other: Callable[["re.Match[str]"], str]) -> str:
        """Returns what is left of the text with other words in place of the names, wherever they are whole words."""
        names = "|".join(map(re.escape, sorted(self.typed, key=len, reverse=True)))
        return re.sub(rf"(?<!\w)(?:{names})(?!\w)", other, left) if names else left


def in_shop_words(text: str, wording: Wording, is_word: Callable[[str], bool]) -> ShopWords:
    """Returns a text with names of things that no product is named by, in words that products are named by.

    A name becomes another name of the thing. Where no product has one, but some have a name of what it is a kind of,
    this is put behind it: `jeans trousers`. Otherwise it becomes the few things of its kind that products are named by:
    `sneakers, boots` for shoes. A Hangul word that ends in such a name is parted before it.

    Args:
        is_word: tells whether a text is a frequent word of some language.
    """
    tokens, typed = tokens_of(text), {}
    found, copied, at = "", 0, 0
    while at < len(tokens):
        end, name = _renamed(text, tokens, at, wording, is_word)
        if name:
            found += text[copied : tokens[at].start] + name
            copied = tokens[end - 1].end
            typed[name] = text[tokens[at].start : copied]
        at = end
    if not typed or wording.names({key_of(text)}):
        return ShopWords(text, {})
    return ShopWords(found + text[copied:], typed)


@cache
def _by_key() -> Mapping[str, list[Goods]]:
    """Returns each name without spaces -> what it names, things first: a drinking glass, and the material."""
    named: dict[str, list[Goods]] = {}
    for goods in (*listed_goods().values(), *_read(_QUALITIES, are_things=False)):
        for key in {key_of(name) for name in goods.names}:
            named.setdefault(key, []).append(goods)
    return named


def is_listed(word: str) -> bool:
    """Tells whether a word names a listed thing or quality, in singular or plural."""
    return any(key in _by_key() for key in _singular(key_of(word)))


@cache
def keys_of_kind(kind: str) -> frozenset[str]:
    """Returns the keys of the names of a thing, and of all things of its kind, by its first English name."""
    goods = listed_goods()[kind]
    return frozenset(key_of(name) for each in (goods, *_of_kind(goods)) for name in each.names)


@cache
def _colours() -> frozenset[str]:
    named = [names for language in LANGUAGES for names in (*language.colours.values(), *language.shades.values())]
    return frozenset(key_of(name) for names in named for name in names)


def _renamed(
    text: str, tokens: list[Token], at: int, wording: Wording, is_word: Callable[[str], bool]
) -> tuple[int, str]:
    """Returns the end of the words from a place on that name one thing, and what the shop calls it; "" for as typed."""
    end, named = _named(tokens, at)
    before, typed, after = text[: tokens[at].start], _words(text, tokens, at, end), text[tokens[end - 1].end :]
    if named:
        if _is_name(typed, wording):
            return end, ""
        last, follows = _named(tokens, end) if after[:1].isspace() and end < len(tokens) else (end, [])
        if any(goods.is_thing for goods in follows):  # of a table lamp, the table only says what it is like
            lamp = _words(text, tokens, end, last)
            lamp = lamp if _is_name(lamp, wording) else _called(follows, lamp, wording)
            return end, _called(named, typed, wording, beside=lamp)
        if is_unwanted(tokens, tokens[at].start, tokens[end - 1].end):  # who wants no jeans may want other trousers
            return end, _called(named, typed, wording)
        return end, _called(named, typed, wording) or _nearly(named[0], typed, before + after, wording)
    if not _HANGUL.fullmatch(typed) or is_word(typed) or wording.holding([typed], 1):
        return end, ""
    for start in range(_LEAST, len(typed) - _LEAST + 1):
        if named := _by_key().get(key_of(typed[start:]), []):
            name = _called(named, typed, wording) or _nearly(named[0], typed, before + after, wording)
            return end, name and f"{typed[:start]} {name}"
    return end, ""


def _words(text: str, tokens: list[Token], first: int, last: int) -> str:
    return text[tokens[first].start : tokens[last - 1].end]


def _is_name(words: str, wording: Wording) -> bool:
    return bool(wording.holding([words], 1, within=NAMES))


def _named(tokens: list[Token], at: int) -> tuple[int, list[Goods]]:
    """Returns the end of the words from a place on that are a listed name, and what they name."""
    for run in names_in(tokens, at, _MOST_WORDS):
        named = next((_by_key()[key] for key in _singular(run.name) if key in _by_key()), None)
        if named and (run.name not in _colours() or len(tokens) == 1):
            return run.last, named
    return at + 1, []


def _called(named: Sequence[Goods], typed: str, wording: Wording, beside: str = "") -> str:
    """Returns a name, of the first of these, that products have; "" for none. The script that was typed goes first.

    Args:
        beside: the thing that this is said of; a quality is only called as some product of it does.
    """
    for goods in named:
        for name in goods.names_in(latin=typed.isascii()):
            of_it = [name] if goods.is_thing or not beside else [name, beside]
            if wording.holding(of_it, 1, within=NAMES, without=_longer().get(name, ())):
                return name
    return ""


def _nearly(goods: Goods, typed: str, beside: str, wording: Wording) -> str:
    """Returns what products are named by in place of a thing: its kind, or the few things that are of its kind.

    A shop that names another thing of the same kind tells them apart, so there the kind is not what was asked for.

    Args:
        beside: what was typed beside it.
    """
    above = goods
    while above.kind:
        below, above = above, listed_goods()[above.kind]
        if kind := _called([above], typed, wording):
            others = [name for each in _of_kind(above, but=f" {kind}") if each != below for name in each.names]
            said = not set(above.names).isdisjoint(words_of(beside)) or kind in words_of(typed)  # sneaker shoes
            own = goods.names_in(latin=kind.isascii())[0]
            return "" if said or wording.naming_any(others) else f"{own.removesuffix(f' {kind}')} {kind}"
    kinds = [name for each in _of_kind(goods) if (name := _called([each], typed, wording))]
    return ", ".join(kinds) if len(kinds) <= _MOST_KINDS else ""


@cache
def _longer() -> Mapping[str, list[str]]:
    """Returns each listed name that begins longer ones -> these: `table lamp` of `table`, which names no table."""
    names = [name for goods in listed_goods().values() for name in goods.names]
    longer: dict[str, list[str]] = {}
    for name in names:
        words = name.split()
        for end in range(1, len(words)):
            longer.setdefault(" ".join(words[:end]), []).append(name)
    return longer


def _of_kind(kind: Goods, *, but: str = " ") -> Iterator[Goods]:
    """Yields the things of a kind, and of the kinds among them; none whose name ends in `but`, as straw hats do."""
    for goods in listed_goods().values():
        if goods.kind == kind.english[0] and not goods.english[0].endswith(but):
            yield goods
            yield from _of_kind(goods, but=but)


def _singular(key: str) -> Iterator[str]:
    """Yields a key, and what it may be the plural of."""
    yield key
    for ending, singular in _PLURALS:
        if key.isascii() and key.endswith(ending):
            yield key.removesuffix(ending) + singular
