"""What is suggested for one photo: the vote on its label, and from the nearest products facts, a title and a price."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.recognition import Recognition, ValueGuess
from engine.suggesting.attributes import AttributeGuess, guess_attributes
from engine.suggesting.neighbourhood import Neighbourhood
from engine.suggesting.titles import TitleGuess, guess_title

_MOST_PRICES, _LEAST_PRICES = 20, 5


@dataclass(frozen=True, kw_only=True)
class PriceGuess:
    """What similar products cost: half of them lie between the quartiles `low` and `high`.

    Attributes:
        n: how many products the quartiles are of.
    """

    low: float
    high: float
    currency: str
    n: int


@dataclass(frozen=True, kw_only=True)
class Suggestions(Recognition):
    """A recognition, and what a product with this photo may be filled in with.

    Attributes:
        category: the category whose products were looked at; "": all categories.
        title: None if there is nothing to make one of.
        price: None if fewer than five similar products have a price in one currency.
    """

    category: str
    attributes: tuple[AttributeGuess, ...]
    title: TitleGuess | None
    price: PriceGuess | None


def suggestions_of(
    recognition: Recognition, near: Neighbourhood, colours: Sequence[str], told: Mapping[str, ValueGuess]
) -> Suggestions:
    """Returns what the nearest products and the attribute voters suggest.

    Args:
        colours: names of the colours seen in the photo, the main one first.
        told: what the attribute voters say of the photo, by name.
    """
    attributes = guess_attributes(near, colours, told)
    return Suggestions(
        **vars(recognition),
        category=near.category,
        attributes=attributes,
        title=guess_title(near, attributes),
        price=_price(near),
    )


def _price(near: Neighbourhood) -> PriceGuess | None:
    priced = [
        (facts.product.currency, facts.product.price)
        for facts in near.products[: near.kin]
        if facts.product.price is not None
    ][:_MOST_PRICES]
    if not priced:
        return None
    currency = Counter(currency for currency, _ in priced).most_common(1)[0][0]
    prices = [price for own, price in priced if own == currency]
    if len(prices) < _LEAST_PRICES:
        return None
    low, high = np.quantile(prices, (0.25, 0.75)).round(2).tolist()
    return PriceGuess(low=low, high=high, currency=currency, n=len(prices))
