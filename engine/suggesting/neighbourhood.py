"""The products most like a photo, and how much they are like each other."""

from dataclasses import dataclass

import numpy as np

from data.catalogue import Catalogue, ProductFacts
from data.filters import Filter
from engine.answers import rank_products
from engine.live import LiveView
from engine.protocols import Floats, Mask

MOST_NEAR = 100
Value = str | float | bool


@dataclass(frozen=True)
class Neighbourhood:
    """Products near a photo: those of the category in question first, each group by likeness, the best first.

    Attributes:
        products: at most twice `MOST_NEAR`.
        likeness: float32 (m,), cosine between the photo and each product's best photo.
        mutual: float32 (m, m), the same between those photos of the products.
        category: the category in question; "": none is.
        kin: how many of the products, from the first on, are of that category; without one, all of them.
    """

    products: tuple[ProductFacts, ...]
    likeness: Floats
    mutual: Floats
    category: str
    kin: int


def nearest(
    view: LiveView,
    catalogue: Catalogue,
    point: Floats,
    category: str,
    of_category: Mask | None,
    filter_: Filter | None = None,
) -> Neighbourhood:
    """Returns the products nearest to a photo.

    Args:
        point: float32 (d,), the photo in the product space.
        category: the category in question; "": none.
        of_category: bool, by product_key, which products are of it; None: no category is in question.
        filter_: the filter that tells so.
    """
    ranked = near = rank_products(view, point, MOST_NEAR, view.allowed())
    kin = len(near.product_keys)
    if of_category is not None:
        ranked = rank_products(view, point, MOST_NEAR, view.allowed(of_category, filter_=filter_))
        kin = len(ranked.product_keys)
        ranked = ranked.then(near.take(np.flatnonzero(~np.isin(near.product_keys, ranked.product_keys))))
    facts = catalogue.facts(ranked.product_keys.tolist())
    there = np.flatnonzero(np.isin(ranked.product_keys, list(facts)))  # without those deleted a moment ago
    vectors = view.vectors(ranked.rows[there])
    return Neighbourhood(
        products=tuple(facts[key] for key in ranked.product_keys[there].tolist()),
        likeness=ranked.scores[there],
        mutual=vectors @ vectors.T,
        category=category,
        kin=int((there < kin).sum()),
    )


def fact_names(facts: ProductFacts) -> tuple[str, ...]:
    """Returns the names, as in a filter, of the facts that are guessed of a product, whether or not it has them."""
    return ("brand", "colour", *(f"attr.{name}" for name in facts.product.attributes))


def fact_of(facts: ProductFacts, name: str) -> Value | None:
    """Returns what a product has of a fact, named as in a filter; None if the shop does not give it."""
    product = facts.product
    if name.startswith("attr."):
        return product.attributes.get(name.removeprefix("attr."))
    return (product.brand if name == "brand" else product.colour) or None


def folded(value: Value) -> str:
    """Returns the form in which values are compared."""
    return str(value).casefold()
