"""Questions by words with a known answer, such as a shopper would ask, and words that the shop has no answer to."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from data.catalogue import ProductFacts
from data.lexical import words_of
from training.behaviour import Behaviour
from training.match.words import Keys, ShopWords, Thing
from training.texts import name_of
from training.texts import words_of as label_words

TAKEN_OUT = "right products taken out"
CHOSEN = "a logged search"
LISTED = "a listed word"
OTHER_THING = "a thing that is not sold, with a word of the shop"
_MOST_OF_A_SOURCE = 80
_LEAST_CHOICES = 2  # of a product after a logged search
_MOST_LOGGED = 200
_NONSENSE = 60
# Words by which an answer is judged: measures, praise and whom a thing is for are left out of a search before.
_MORE_ENGLISH = (
    "outdoor", "with a pattern", "for the kitchen", "small", "everyday", "buy", "modern", "original",
    "large", "for school",
)  # fmt: skip
_MORE_KOREAN = ("야외용", "모던", "작은", "일상용", "주방용", "판매", "국내산", "큰")
_LATIN, _HANGUL = list("abcdefghijklmnopqrstuvwxyz"), [chr(code) for code in range(0xAC00, 0xD7A4, 97)]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question whose right products are known.

    Attributes:
        kind: as `engine.answers.question_kind` names it.
        source: the group in which it is reported.
        group: questions of one group are never learned from and measured on at once.
        text: the words; "" if there are none.
        photo: key of the photo in the feature store; "" if there is none.
        made_up: number of a made-up photo; -1: there is none.
        product: key of the product that others should be similar to; -1: there is none.
        right: keys of the right products; empty: the shop does not sell it.
        unlettered: whether the letters of the words are not looked at.
        gone: keys of products that are taken out first.
        hidden: index rows that are taken out first.
    """

    kind: str
    source: str
    group: str
    text: str = ""
    photo: str = ""
    made_up: int = -1
    product: int = -1
    right: Keys = frozenset()
    unlettered: bool = False
    gone: Keys = frozenset()
    hidden: tuple[int, ...] = ()

    def without_answer(self) -> "Asked":
        """Returns the question in a shop that does not sell the right products."""
        return replace(self, source=TAKEN_OUT, gone=self.right | self.gone, right=frozenset())


def plain_words(facts: Sequence[ProductFacts], words: ShopWords) -> list[Asked]:
    """Returns plain words made from the facts: kinds, a colour and a kind, parts of titles, single words, values."""
    sources: dict[str, set[str]] = {}
    for fact in facts:
        for source, text in _phrases(fact):
            sources.setdefault(source, set()).add(text)
    found: list[Asked] = []
    seen: set[str] = set()
    for source, texts in sources.items():
        for text in few(texts - seen):
            right = words.holders(text)
            if 0 < len(right) < len(facts):
                found.append(Asked(kind="text", source=source, group=text, text=text, right=right))
        seen |= texts
    return found


def listed_words(things: Iterable[Thing], words: ShopWords, products: int) -> list[Asked]:
    """Returns the listed things that the shop names, asked in English and in Korean."""
    found = []
    for thing in things:
        by_name = {name: words.holders(name) for name in thing.names}
        right = frozenset[int]().union(*by_name.values())
        asked = thing.names if by_name[thing.names[0]] else [name for name in thing.names if by_name[name]]
        if 0 < len(right) < products:
            group = thing.names[0]
            found += [Asked(kind="text", source=LISTED, group=group, text=name, right=right) for name in asked]
    return found


def other_words(plain: Iterable[Asked]) -> list[Asked]:
    """Returns plain words as if they were not the shop's own: their letters are not looked at.

    Numbers are left out: other words for them are the same.
    """
    spoken = [asked for asked in plain if not any(word.isdigit() for word in words_of(asked.text))]
    return [replace(asked, source="as in other words", unlettered=True) for asked in spoken]


def more_words(plain: Sequence[Asked]) -> list[Asked]:
    """Returns plain words with a word more, as shoppers add them, that no product's facts need to hold."""
    found = []
    for number, asked in enumerate(plain):
        more = _MORE_ENGLISH if asked.text.isascii() else _MORE_KOREAN
        text = f"{asked.text} {more[number % len(more)]}" if number % 3 else f"{more[number % len(more)]} {asked.text}"
        found.append(replace(asked, source="with a word more", text=text))
    return found


def logged_words(behaviour: Behaviour, keys: Mapping[str, int]) -> list[Asked]:
    """Returns logged searches, each with the products that shoppers chose several times.

    Args:
        keys: product_id -> key, of the products that can be found.
    """
    chosen: dict[str, set[int]] = {}
    for at in np.flatnonzero(behaviour.weight >= _LEAST_CHOICES):
        product = behaviour.product_ids[behaviour.product[at]]
        if product in keys:
            chosen.setdefault(behaviour.queries[behaviour.query[at]], set()).add(keys[product])
    return [
        Asked(kind="text", source=CHOSEN, group=text, text=text, right=frozenset(chosen[text]))
        for text in few(chosen, _MOST_LOGGED)
    ]


def absent_words(things: Iterable[Thing]) -> list[Asked]:
    """Returns words for what the shop does not sell, and words that mean nothing."""
    absent = [
        Asked(kind="text", source="words for what is not sold", group=thing.names[0], text=name)
        for thing in things
        for name in thing.names
    ]
    nothing = [Asked(kind="text", source="words that mean nothing", group=text, text=text) for text in _nonsense()]
    return absent + nothing


def other_things(things: Sequence[Thing], plain: Sequence[Asked]) -> list[Asked]:
    """Returns words for what the shop does not sell, beside a word of the shop: "striped" and "laptop"."""
    words = few({word for asked in plain for word in words_of(asked.text) if not word.isdigit() and len(word) > 1})
    spoken = [[word for word in words if word.isascii() is latin] for latin in (True, False)]
    found = []
    for at, thing in enumerate(things):
        name = thing.names[at % len(thing.names)]
        if mine := spoken[0] if name.isascii() else spoken[1]:
            text = f"{mine[at % len(mine)]} {name}"
            found.append(Asked(kind="text", source=OTHER_THING, group=thing.names[0], text=text))
    return found


def few(texts: Iterable[str], most: int = _MOST_OF_A_SOURCE) -> list[str]:
    """Returns at most so many texts, drawn by their hash, so that every rebuild draws the same."""
    return sorted(sorted(texts, key=draw)[:most])


def few_things(things: Sequence[Thing], most: int) -> list[Thing]:
    """Returns at most so many things, drawn as `few` does."""
    return sorted(things, key=lambda thing: draw(thing.names[0]))[:most]


def draw(text: str) -> str:
    """Returns a hash by which questions are drawn."""
    return hashlib.sha256(f"match:{text}".encode("utf-8", "surrogatepass")).hexdigest()


def _phrases(fact: ProductFacts) -> Iterator[tuple[str, str]]:
    product = fact.product
    kind = label_words(product.category).lower()
    if kind:
        yield "a kind", kind
    if kind and product.colour:
        yield "a colour and a kind", f"{product.colour} {kind}"
    title = [word for word in words_of(name_of(product)) if not word.isdigit() and len(word) > 1]
    for word in title:
        yield "one word of a title", word
    for first, second in pairwise(title):
        yield "two words of a title", f"{first} {second}"
    for value in product.attributes.values():
        if isinstance(value, str) and len(value) < 40:
            yield "a value", value.lower()
            if kind:
                yield "a value and a kind", f"{value.lower()} {kind}"


def _nonsense() -> list[str]:
    random = np.random.default_rng(0)
    found = []
    for number in range(_NONSENSE):
        letters = _HANGUL if number % 3 == 2 else _LATIN
        words = ["".join(random.choice(letters, random.integers(3, 9))) for _ in range(random.integers(1, 3))]
        found.append(" ".join(words))
    return found
