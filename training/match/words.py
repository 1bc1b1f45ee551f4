"""Words for the match models: what a shop's words are, which products hold a phrase, and what the shop does not sell.

`engine/understanding/goods.csv` lists things that shops sell, in English and Korean. Those that the catalogue names
become questions with a right answer, in both languages; those that it does not are questions without one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.catalogue import ProductFacts
from data.lexical import words_of
from engine.protocols import Floats
from engine.text import Encoder
from engine.understanding import listed_goods
from training.texts import name_of
from training.texts import words_of as label_words

_MOST_SHOP_WORDS = 1024
_SAME = 0.6  # from this cosine on, a thing may be the same as something that the shop names
Keys = frozenset[int]


@dataclass(frozen=True)
class Thing:
    """Something that shops sell, by its names."""

    names: tuple[str, ...]


def listed_things() -> list[Thing]:
    """Returns the things of `goods.csv`, each by its first name in English and in Korean."""
    return [Thing((goods.english[0], goods.korean[0])) for goods in listed_goods().values()]


class ShopWords:
    """The words of a catalogue.

    Attributes:
        texts: its short texts (titles, kinds, kinds in a colour, values), those of the most products first.
        points: their sentence embeddings, float32 (n, d).
    """

    def __init__(self, facts: Iterable[ProductFacts], encoder: Encoder) -> None:
        self._stems: dict[str, set[int]] = {}
        self._folded: dict[int, str] = {}
        owners: dict[str, set[int]] = {}
        for fact in facts:
            texts = _short_texts(fact)
            for text in texts:
                owners.setdefault(text, set()).add(fact.product_key)
            self._folded[fact.product_key] = folded = " ".join(texts).casefold()
            for word in words_of(folded):
                self._stems.setdefault(_stem(word), set()).add(fact.product_key)
        self.texts = sorted(owners, key=lambda text: (-len(owners[text]), text))[:_MOST_SHOP_WORDS]
        self._owners = [frozenset(owners[text]) for text in self.texts]
        self.points = encoder.embed(self.texts)

    def holders(self, phrase: str) -> Keys:
        """Returns the products whose title and facts hold every word of a phrase; one Hangul sign alone is no word."""
        found: set[int] | None = None
        for word in words_of(phrase):
            if word.isascii():
                holding = self._stems.get(_stem(word), set())
            else:
                holding = {key for key, folded in self._folded.items() if len(word) > 1 and word in folded}
            found = set(holding) if found is None else found & holding
        return frozenset(found or ())

    def near(self, point: Floats, without: Keys = frozenset(), other_words: str = "") -> float:
        """Returns the highest cosine of an embedding float32 (d,) to a text; 0 if there is none.

        Args:
            without: texts of these products alone do not count.
            other_words: texts that share a word with these do not count.
        """
        likeness = self.points @ point
        if without:
            likeness = likeness[[not owners <= without for owners in self._owners]]
        elif other_words:
            stems = {_stem(word) for word in words_of(other_words)}
            likeness = likeness[[not stems & {_stem(word) for word in words_of(text)} for text in self.texts]]
        return float(likeness.max(initial=0.0))

    def unsold(self, things: Sequence[Thing], encoder: Encoder) -> list[Thing]:
        """Returns the things that no product names and no text comes near, so that the shop surely does not sell them.

        A thing that no product names may still be one that the shop calls differently; such things are left out.
        """
        unnamed = [thing for thing in things if not any(self.holders(name) for name in thing.names)]
        points = encoder.embed([name for thing in unnamed for name in thing.names])
        likeness = (points @ self.points.T).max(axis=1, initial=0.0)
        ends = np.cumsum([len(thing.names) for thing in unnamed])
        nearest = [part.max() for part in np.split(likeness, ends[:-1])] if unnamed else []
        return [thing for thing, near in zip(unnamed, nearest, strict=True) if near < _SAME]


class Strangers:
    """Words for what a shop does not sell.

    Attributes:
        names: the words.
        points: their sentence embeddings, float32 (n, d).
    """

    def __init__(self, things: Sequence[Thing], encoder: Encoder) -> None:
        self.names = [name for thing in things for name in thing.names]
        self._of: NDArray[np.int64] = np.array([at for at, thing in enumerate(things) for _ in thing.names], np.int64)
        self._things = {name: at for at, thing in enumerate(things) for name in thing.names}
        self.points = encoder.embed(self.names)

    def near(self, name: str, point: Floats) -> float:
        """Returns the highest cosine of an embedding float32 (d,) to a word for another thing than `name`; else 0."""
        others = self._of != self._things.get(name, -1)
        return float((self.points @ point)[others].max(initial=0.0))


def _short_texts(fact: ProductFacts) -> list[str]:
    product = fact.product
    kind = label_words(product.category)
    values = [value for value in product.attributes.values() if isinstance(value, str)]
    coloured = f"{product.colour} {kind}" if product.colour else ""
    return list(dict.fromkeys(text for text in (name_of(product), kind, coloured, product.brand, *values) if text))


def _stem(word: str) -> str:
    """Returns an English word without the ending of its plural."""
    return word.rstrip("s").rstrip("e")
