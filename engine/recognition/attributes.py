"""The attribute voters: from a photo's pool_3 features and colours, the value of every attribute that was learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.photos import COLOUR_NAMES
from engine.errors import FingerprintMismatch, InvalidModel
from engine.protocols import Floats
from engine.recognition.recogniser import FeatureMap

MOST_OTHERS = 2
# Of the colours beside the features of L2 norm 1; the first colour of a photo has it, the second a half, and so on.
_COLOUR_WEIGHT = 0.3
Value = str | float | bool


@dataclass(frozen=True, kw_only=True)
class AttributeVoter:
    """What was learned of one attribute.

    Attributes:
        name: `brand`, `colour` or `attr.NAME`, as in a filter.
        values: the values that it can name, at least two.
        weights: float32 (d, values).
        bias: float32 (values,).
        offset, slope: turn the lead of the best value into the chance that it is right, see `chances_of`.
        threshold: the voter abstains where that chance is below this.
    """

    name: str
    values: tuple[Value, ...]
    weights: Floats
    bias: Floats
    offset: float
    slope: float
    threshold: float

    def __post_init__(self) -> None:
        count = len(self.values)
        if count < 2 or self.weights.ndim != 2 or self.weights.shape[1:] != (count,) or self.bias.shape != (count,):
            raise InvalidModel(
                f"an attribute's voter must have at least 2 values and numbers for each; got {count} values, "
                f"{self.weights.shape} and {self.bias.shape}. Rebuild."
            )
        finite = np.isfinite(self.weights).all() and np.isfinite((*self.bias, self.offset, self.slope)).all()
        if not finite or self.slope < 0 or not 0 <= self.threshold <= 1:
            raise InvalidModel("an attribute's numbers must be finite and in their ranges. Rebuild.")

    @cached_property
    def known(self) -> frozenset[str]:
        """All values that it can name, case-folded."""
        return frozenset(str(value).casefold() for value in self.values)


@dataclass(frozen=True, kw_only=True)
class ValueGuess:
    """The value that a voter names.

    Attributes:
        probability: calibrated chance that the value is right.
        abstained: whether that is too uncertain to be relied on.
        others: at most two values that come next, the likelier first.
        known: all values that the voter can name, case-folded.
    """

    value: Value
    probability: float
    abstained: bool
    others: tuple[Value, ...]
    known: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class AttributeVoters:
    """All attribute voters of a generation; they read the same features. Immutable; safe to use from several threads.

    Attributes:
        fingerprint: that of the backbone whose features they read.
        features: the map that makes a photo's features, before its colours are put beside them.
    """

    fingerprint: str
    features: FeatureMap
    voters: tuple[AttributeVoter, ...]

    def __post_init__(self) -> None:
        width = self.features.matrix.shape[1] + len(COLOUR_NAMES)
        if len({voter.name for voter in self.voters}) != len(self.voters):
            raise InvalidModel("every attribute must have one voter; one has two. Rebuild.")
        if any(len(voter.weights) != width for voter in self.voters):
            raise InvalidModel(f"every attribute voter must read {width} numbers; one reads another count. Rebuild.")

    def check_fingerprint(self, fingerprint: str) -> None:
        """Raises FingerprintMismatch where the voters were trained on another backbone's features."""
        if fingerprint != self.fingerprint:
            raise FingerprintMismatch(
                f"the attribute voters were trained on features {self.fingerprint[:12]}; got {fingerprint[:12]}. "
                "Rebuild, or use the backbone they were trained on."
            )

    def guess(self, row: Floats, colours: Sequence[str]) -> Mapping[str, ValueGuess]:
        """Returns the guess for each attribute, by name.

        Args:
            row: the photo's pool_3 features, float32 (dim,).
            colours: names of the colours seen in the photo, the main one first.
        """
        point = voter_input(self.features, row[None], [colours])
        return {voter.name: _guess(voter, point) for voter in self.voters}


def voter_input(features: FeatureMap, rows: Floats, colours: Sequence[Sequence[str]]) -> Floats:
    """Returns what the attribute voters read of photos: features, and beside them the colours; float32 (n, d).

    A network that tells things apart says little of their colours, so the ones that the decoder found are read too.

    Args:
        rows: pool_3 features, float32 (n, dim).
        colours: for each photo the names of its colours, the main one first.
    """
    places = {name: place for place, name in enumerate(COLOUR_NAMES)}
    shown = np.zeros((len(rows), len(COLOUR_NAMES)), np.float32)
    for photo, names in enumerate(colours):
        for rank, name in enumerate(names, 1):
            shown[photo, places[name]] = _COLOUR_WEIGHT / rank
    return np.concatenate([features.apply(rows), shown], axis=1)


def leads_of(logits: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Returns the best value of each row of logits float (n, values) and its lead, float (n,).

    The lead is the logarithm of how much likelier it is than all others together.
    """
    best = logits.argmax(axis=1)
    top = logits.max(axis=1)
    others = np.array(logits, np.float64)
    others[np.arange(len(best)), best] = -np.inf
    highest = others.max(axis=1)
    rest = highest + np.log(np.exp(others - highest[:, None]).sum(axis=1))
    return best, np.asarray(top - rest, np.float32)


def chances_of(leads: Floats, offset: float, slope: float) -> Floats:
    """Returns the chance that guesses with these leads are right, float (n,): 1 / (1 + e^-(offset + slope * lead)).

    Two numbers for each attribute (Platt, Probabilistic Outputs for Support Vector Machines, 1999). They also account
    for the products whose value is too rare to be learned: there every guess is wrong.
    """
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-(offset + slope * leads))), np.float32)


def _guess(voter: AttributeVoter, point: Floats) -> ValueGuess:
    logits = point @ voter.weights + voter.bias
    _, leads = leads_of(logits)
    first, *others = np.argsort(-logits[0], kind="stable")[: 1 + MOST_OTHERS].tolist()
    probability = float(chances_of(leads, voter.offset, voter.slope)[0])
    return ValueGuess(
        value=voter.values[first],
        probability=probability,
        abstained=probability < voter.threshold,
        others=tuple(voter.values[place] for place in others),
        known=voter.known,
    )
