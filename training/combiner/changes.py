"""Finds what "this, but ..." may mean in a catalogue: products of one category or colour that differ in a fact."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Product, ProductFacts
from training.texts import words_of

MOST_CHANGES = 20_000
_MOST_TARGETS = 50  # of one change; more move their mean no further
_MOST_OF_GROUP = 300  # products of one category or colour whose changes are looked at
_MOST_VALUES = 200  # of one fact; one with more values is no choice that a shopper makes in words
_PHRASES = {
    "colour": ("{}", "in {}", "this in {}"),
    "brand": ("{}", "by {}"),
    "category": ("{}",),
    "": ("{}", "but {}", "made of {}"),
}
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Changes in columns: a product, words for another value of one of its facts, and the products that have it.

    Attributes:
        texts: the distinct words.
        products: int64 (n,), places in the products that were given.
        words: int64 (n,), places in `texts`.
        facts: (n,), the name of the fact that changes.
        targets: int64 (t,) each, the products that are right; at most 50.
    """

    texts: tuple[str, ...]
    products: Numbers
    words: Numbers
    facts: NDArray[np.str_]
    targets: tuple[Numbers, ...]

    def __len__(self) -> int:
        return len(self.products)


def find_changes(products: Sequence[ProductFacts], seed: int = 0) -> Changes:
    """Returns at most 20,000 changes, drawn evenly from all products, facts and values.

    The category stays while another fact changes, and the colour while the category does. A value counts where at least
    two products of the catalogue have it.
    """
    random = np.random.default_rng(seed)
    columns = _columns(products)
    found: list[tuple[int, str, str, Numbers]] = []
    for kept, changing in (("category", columns.keys() - {"category"}), ("colour", columns.keys() & {"category"})):
        for members in _groups(columns[kept]) if kept in columns else ():
            some = random.permutation(members)[:_MOST_OF_GROUP]
            found += [change for fact in sorted(changing) for change in _changes_of(fact, columns[fact], some)]
    drawn = [found[at] for at in np.sort(random.permutation(len(found))[:MOST_CHANGES])]
    spoken = [_phrase(fact, value, int(random.integers(6))) for _, fact, value, _ in drawn]
    texts = tuple(sorted(set(spoken)))
    number = {text: at for at, text in enumerate(texts)}
    return Changes(
        texts=texts,
        products=np.array([place for place, *_ in drawn], np.int64),
        words=np.array([number[text] for text in spoken], np.int64),
        facts=np.array([fact for _, fact, _, _ in drawn], np.str_),
        targets=tuple(random.permutation(targets)[:_MOST_TARGETS] for *_, targets in drawn),
    )


def _columns(products: Sequence[ProductFacts]) -> dict[str, NDArray[np.str_]]:
    """Returns each fact that a shopper may want changed, with a value for every product, "" where it has none.

    The main colour of the photos stands in for a colour that the shop does not give.
    """
    found = {
        "category": [facts.product.category for facts in products],
        "colour": [facts.product.colour or (facts.colours or ("",))[0] for facts in products],
        "brand": [facts.product.brand for facts in products],
    }
    for name in sorted({name for facts in products for name in facts.product.attributes}):
        found[f"attr.{name}"] = [_text(facts.product, name) for facts in products]
    columns = {}
    for name, texts in found.items():
        values, counts = np.unique([text for text in texts if text], return_counts=True)
        several = set(values[counts > 1].tolist()) if len(values) <= _MOST_VALUES else set()
        if len(several) > 1:
            columns[name] = np.array([text if text in several else "" for text in texts], np.str_)
    return columns


def _groups(column: NDArray[np.str_]) -> list[Numbers]:
    """Returns the places of the products that share a value."""
    return [np.flatnonzero(column == value) for value in np.unique(column) if value]


def _text(product: Product, name: str) -> str:
    value = product.attributes.get(name, "")
    return value.strip() if isinstance(value, str) and not value.strip().isdigit() else ""


def _changes_of(fact: str, column: NDArray[np.str_], members: Numbers) -> list[tuple[int, str, str, Numbers]]:
    values = column[members]
    having = {str(value): members[values == value] for value in np.unique(values) if value}
    return [
        (int(place), fact, value, targets)
        for place, own in zip(members, values, strict=True)
        for value, targets in having.items()
        if own and value != own
    ]


def _phrase(fact: str, value: str, number: int) -> str:
    phrases = _PHRASES.get(fact, _PHRASES[""])
    return phrases[number % len(phrases)].format(words_of(value))
