"""Questions by photo, by photo and words, and by product, with a known answer; and photos of what is not sold.

Shoppers' photos are rarely at hand. A photo that was held out of all training, and its augmented copies (turned, cut
off, badly lit, blurred), stand for them. Photos of one product are often taken in one go and look alike, as a shopper's
does not: so a part of the product's other photos is taken out, those nearest to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from data.catalogue import ProductFacts
from engine.protocols import Floats
from training.behaviour import Behaviour
from training.context import TrainingContext
from training.match.questions import Asked, draw
from training.match.words import Keys
from training.measures import held_out
from training.photos import copy_key
from training.texts import name_of
from training.texts import words_of as label_words

_COPIES = 2
_LEAST_HELD_OUT = 20
_ALIKE = (0.25, 0.5)  # share of a product's other photos that is taken out, in turn; docs/match-probability.md says why
_MOST_PHOTOS = 120
_MOST_PRODUCTS = 400
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The photos and products that questions are made of.

    Attributes:
        keys: int64 (m,), the product of each index row, ascending.
        photos: sha256 of each row, (m,).
        points: float32 (m, d), each row in the product space.
        facts: product key -> facts, of the products with a photo.
        known: keys of the augmented copies that have features.
    """

    keys: Numbers
    photos: Sequence[str]
    points: Floats
    facts: dict[int, ProductFacts]
    known: frozenset[str]

    def rows_of(self, key: int) -> Numbers:
        return np.arange(np.searchsorted(self.keys, key), np.searchsorted(self.keys, key, side="right"))


def shelf_of(context: TrainingContext, points: Floats, facts: dict[int, ProductFacts]) -> Shelf:
    """Returns the shelf of a snapshot.

    Args:
        points: float32 (m, d), the snapshot's photos in the product space.
    """
    photos = context.snapshot.image_sha256
    copies = [copy_key(photo, number) for photo in photos for number in range(_COPIES)]
    known = frozenset(copies).difference(context.features.missing(copies))
    return Shelf(keys=context.snapshot.product_keys, photos=photos, points=points, facts=facts, known=known)


def photo_questions(shelf: Shelf) -> list[Asked]:
    """Returns held-out photos and their copies; in a shop with too few, copies of other photos."""
    held = np.flatnonzero(held_out(shelf.keys, list(shelf.photos)))
    if enough := len(held) >= _LEAST_HELD_OUT:
        rows = _few_rows(shelf, held)
    else:
        rows, held = _few_rows(shelf, np.arange(len(shelf.keys))), np.zeros(0, np.int64)
    names = [[shelf.photos[row]] if enough else [] for row in rows]
    found = []
    for row, own in zip(rows, names, strict=True):
        copies = [copy_key(shelf.photos[row], number) for number in range(_COPIES)]
        for place, name in enumerate([*own, *copies]):
            if name in own or name in shelf.known:
                found.append(_photo_question(shelf, row, name, held, _ALIKE[place % 2]))
    return found


def _photo_question(shelf: Shelf, row: int, name: str, held: Numbers, alike: float) -> Asked:
    key = int(shelf.keys[row])
    others = np.setdiff1d(shelf.rows_of(key), [*held, row])
    hidden = set(held.tolist()) | ({row} if len(others) else set())
    order = np.argsort(-(shelf.points[others] @ shelf.points[row]))
    hidden |= set(others[order[: int(alike * len(others))]].tolist())
    return Asked(
        kind="photo",
        source="a copy of a photo" if "+" in name else "a held-out photo",
        group=f"product {key}",
        photo=name,
        right=frozenset([key]),
        hidden=tuple(sorted(hidden)),
    )


def chosen_photos(behaviour: Behaviour, context: TrainingContext, keys: Mapping[str, int]) -> list[Asked]:
    """Returns shoppers' photos whose features are kept, each with the products that were chosen after it.

    Args:
        keys: product_id -> key, of the products that can be found.
    """
    chosen: dict[str, set[int]] = {}
    for at in np.flatnonzero(behaviour.weight):
        product = behaviour.product_ids[behaviour.product[at]]
        if product in keys:
            chosen.setdefault(behaviour.queries[behaviour.query[at]], set()).add(keys[product])
    there = set(chosen).difference(context.features.missing(list(chosen)))
    names = sorted(there, key=draw)[:_MOST_PHOTOS]
    return [
        Asked(kind="photo", source="a shopper's photo", group=name, photo=name, right=frozenset(chosen[name]))
        for name in names
    ]


def made_up_photos(count: int) -> list[Asked]:
    """Returns one question for each made-up photo of what the shop does not sell."""
    source = "photos of what is not sold"
    return [Asked(kind="photo", source=source, group=f"made up {at}", made_up=at) for at in range(count)]


def kinds_of(facts: dict[int, ProductFacts]) -> dict[int, str]:
    """Returns product key -> its kind: the category, or the text attribute that groups more of the products."""
    fields: dict[str, dict[int, str]] = {"category": {}}
    for key, fact in facts.items():
        fields["category"][key] = fact.product.category
        for name, value in fact.product.attributes.items():
            if isinstance(value, str):
                fields.setdefault(name, {})[key] = value
    category = fields["category"]
    if _grouped(category) >= len(facts) / 2:
        return {key: kind for key, kind in category.items() if kind}
    best = max(fields.values(), key=_grouped)
    return {key: kind for key, kind in best.items() if kind}


def _grouped(kinds: dict[int, str]) -> int:
    """Returns how many products share their kind with another, but with no more than half of all."""
    names, counts = np.unique(list(kinds.values()), return_counts=True)
    return int(counts[(counts > 1) & (counts <= len(kinds) / 2) & (names != "")].sum()) if len(names) else 0


def similar_questions(shelf: Shelf, kinds: dict[int, str]) -> list[Asked]:
    """Returns products, each with the other products of its kind as the right ones."""
    found = []
    for key in sorted(kinds, key=lambda key: draw(str(key)))[:_MOST_PRODUCTS]:
        right = frozenset(other for other, kind in kinds.items() if kind == kinds[key] and other != key)
        if right:
            found.append(Asked(kind="similar", source="a product", group=f"product {key}", product=key, right=right))
    return found


def mixed_questions(photos: Sequence[Asked], shelf: Shelf, kinds: dict[int, str], absent: Sequence[str]) -> list[Asked]:
    """Returns photos with words: the product's own kind or name, another colour of its kind, or what is not sold."""
    coloured = _coloured(shelf, kinds)
    found = []
    for number, asked in enumerate(photos):
        key = next(iter(asked.right), -1)
        if key < 0:
            name = absent[number % len(absent)] if absent else ""
            found += [replace(asked, kind="mixed", text=name)] if name else []
            continue
        product = shelf.facts[key].product
        own = label_words(product.category).lower() if number % 2 else name_of(product)
        if own:
            found.append(replace(asked, kind="mixed", source="a photo and its name", text=own))
        kind = kinds.get(key, "")
        others = sorted(colour for of, colour in coloured if of == kind and colour != product.colour)
        if kind and others:
            colour = others[number % len(others)]
            right = coloured[kind, colour]
            found.append(replace(asked, kind="mixed", source="a photo and another colour", text=colour, right=right))
    return found


def _coloured(shelf: Shelf, kinds: dict[int, str]) -> dict[tuple[str, str], Keys]:
    found: dict[tuple[str, str], set[int]] = {}
    for key, kind in kinds.items():
        if colour := shelf.facts[key].product.colour:
            found.setdefault((kind, colour), set()).add(key)
    return {name: frozenset(keys) for name, keys in found.items()}


def _few_rows(shelf: Shelf, rows: Numbers) -> list[int]:
    return sorted(sorted(rows.tolist(), key=lambda row: draw(shelf.photos[row]))[:_MOST_PHOTOS])
