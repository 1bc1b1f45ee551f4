"""Guesses facts by the attribute voters, or by the vote of the nearest products, each with its chance to be right."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.photos import COLOUR_NAMES
from engine.protocols import Floats
from engine.recognition import ValueGuess
from engine.suggesting.neighbourhood import Neighbourhood, Value, fact_names, fact_of, folded

Places = NDArray[np.int64]
LEAST_GIVEN = 5  # products that must have a fact before it is guessed
LEAST_PROBABILITY = 0.7  # of a guess that may be relied on
MOST_GUESSES = 20
# Chosen by the likelihood of the guesses, each product of three catalogues asked without itself; see docs/selling.md.
_VOTERS = 5
_TEMPERATURE = 0.1  # a product that is less like the photo than the nearest by this much in cosine counts 1/e of it
_CLOSE_SHARES = 0.1  # standard deviation of the weights by which votes count as similar
_PRIOR = 2.0  # votes' worth of the mean over the neighbourhood


@dataclass(frozen=True, kw_only=True)
class AttributeGuess:
    """A fact that the thing in the photo probably has.

    Attributes:
        name: `brand`, `colour` or `attr.NAME`, as in a filter.
        probability: calibrated chance that the value is right.
        abstained: whether it is too uncertain to be relied on.
        others: at most two values that come next, the likelier first; none where the nearest products voted.
    """

    name: str
    value: Value
    probability: float
    abstained: bool
    others: tuple[Value, ...] = ()


def guess_attributes(
    near: Neighbourhood, colours: Sequence[str], told: Mapping[str, ValueGuess]
) -> tuple[AttributeGuess, ...]:
    """Returns a guess for each fact that enough of the nearest products have and some of them share.

    It is that of the attribute's voter, if there is one, and unless a product that came since speaks against it. Else
    the five nearest products of the category vote. How far such a vote can be trusted is measured at once: each product
    of the neighbourhood is asked the same, without itself, and the guess's probability is how often votes with about
    the same share of the weight were right. That needs no training and holds for products added a second ago.

    Args:
        colours: names of the colours seen in the photo, the main one first.
        told: what the attribute voters say of the photo, by name.
    """
    guesses = [_guess(near, name, colours, told.get(name)) for name in _names(near)]
    return tuple(guess for guess in guesses if guess is not None)


def _guess(near: Neighbourhood, name: str, colours: Sequence[str], told: ValueGuess | None) -> AttributeGuess | None:
    values = [fact_of(facts, name) for facts in near.products]
    voted = _by_products(near, name, values, colours)
    if told is None or (voted is not None and not _fits(told, voted, _kin_values(near, values))):
        return voted
    return AttributeGuess(
        name=name, value=told.value, probability=told.probability, abstained=told.abstained, others=told.others
    )


def _fits(told: ValueGuess, voted: AttributeGuess, values: Sequence[Value | None]) -> bool:
    """Returns whether a voter's guess may stand: some product near has the value, and no value is new to the voter.

    A category that the seller chose may have other values than the photo looks like, and products that were added since
    the voters were trained may have values that they cannot name.
    """
    seen = {folded(value) for value in values if value is not None}
    return folded(told.value) in seen and (voted.abstained or folded(voted.value) in told.known)


def _kin_values(near: Neighbourhood, values: Sequence[Value | None]) -> Sequence[Value | None]:
    """Returns the values of the category's products, or of all where too few of those have one."""
    kin = values[: near.kin]
    return kin if sum(value is not None for value in kin) >= LEAST_GIVEN else values


def _by_products(
    near: Neighbourhood, name: str, values: Sequence[Value | None], colours: Sequence[str]
) -> AttributeGuess | None:
    """Returns the guess of the nearest products, or for a colour the one seen in the photo."""
    found = (_seen_colour(near, values, colours) if name == "colour" else None) or _voted(near, values)
    if found is None:
        return None
    value, probability = found
    return AttributeGuess(name=name, value=value, probability=probability, abstained=probability < LEAST_PROBABILITY)


def _names(near: Neighbourhood) -> list[str]:
    """Returns the facts that enough products have, unless no two of them share a value, as with a name or a number."""
    given: Counter[str] = Counter()
    values: dict[str, set[str]] = {}
    for facts in near.products[: near.kin] if near.kin >= LEAST_GIVEN else near.products:
        for name in fact_names(facts):
            if (value := fact_of(facts, name)) is not None:
                given[name] += 1
                values.setdefault(name, set()).add(folded(value))
    fit = [name for name in given if given[name] >= LEAST_GIVEN and len(values[name]) < given[name]]
    return sorted(fit, key=lambda name: (name.startswith("attr."), -given[name], name))[:MOST_GUESSES]


def _voted(near: Neighbourhood, values: Sequence[Value | None]) -> tuple[Value, float] | None:
    """Returns the value that the nearest products vote for, and its probability; None if too few have the fact."""
    given = np.array([place for place, value in enumerate(values) if value is not None], np.int64)
    kin = given[given < near.kin]
    voters = kin if len(kin) >= LEAST_GIVEN else given
    if len(voters) < LEAST_GIVEN:
        return None
    names = ["" if value is None else folded(value) for value in values]
    first = {names[place]: values[place] for place in reversed(given.tolist())}  # as the nearest product spells it
    numbers = {name: number for number, name in enumerate(first)}
    codes = np.array([numbers.get(name, -1) for name in names])
    best, share = _vote(near.likeness[None, voters], codes[voters])
    mutual = near.mutual[np.ix_(given, given)].copy()
    np.fill_diagonal(mutual, -np.inf)
    others, shares = _vote(mutual, codes[given])
    probability = _chance(others == codes[given], np.exp(-0.5 * ((shares - share[0]) / _CLOSE_SHARES) ** 2))
    value = list(first.values())[best[0]]
    return None if value is None else (value, probability)


def _vote(likeness: Floats, codes: Places) -> tuple[Places, Floats]:
    """Returns the value that wins each vote, int64 (n,), and its share of the weight, (n,).

    Args:
        likeness: float (n, m), of n questions to m products; -inf for a product that must not vote.
        codes: int64 (m,), the products' values.
    """
    voters = np.argsort(-likeness, axis=1, kind="stable")[:, :_VOTERS]
    near = np.take_along_axis(likeness, voters, axis=1)
    weights = np.exp((near - near[:, :1]) / _TEMPERATURE)
    votes = np.zeros((len(likeness), codes.max() + 1))
    np.add.at(votes, (np.arange(len(likeness))[:, None], codes[voters]), weights)
    best = votes.argmax(axis=1)
    return best, votes.max(axis=1) / weights.sum(axis=1)


def _seen_colour(
    near: Neighbourhood, values: Sequence[Value | None], colours: Sequence[str]
) -> tuple[Value, float] | None:
    """Returns the colour seen in the photo, if the shop's products carry such names, and its probability.

    The probability is how often the main colour seen in the nearest products' photos is the one that the shop gives.
    """
    pairs = [
        (facts.colours[0], folded(value))
        for facts, value in zip(near.products, values, strict=True)
        if value is not None and facts.colours
    ]
    if not colours or len(pairs) < LEAST_GIVEN or not {shop for _, shop in pairs} & set(COLOUR_NAMES):
        return None
    right = np.array([seen == shop for seen, shop in pairs])
    return colours[0], _chance(right, np.ones(len(right)))


def _chance(right: NDArray[np.bool_], weights: NDArray[np.floating]) -> float:
    """Returns how often guesses were right, 0..1, drawn towards their plain mean where their weights say little."""
    mean = (right.sum() + 0.5) / (len(right) + 1)
    return float((weights @ right + _PRIOR * mean) / (weights.sum() + _PRIOR))
