"""The vote: three voters' probabilities become one calibrated probability per label, or an abstention."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidModel
from engine.protocols import Floats
from engine.recognition.voters import softmax

TOP = 5  # labels that each voter names
RULES = ("mean", "product")
Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Vote:
    """Combines the voters' probabilities.

    Attributes:
        weights: float32 (voters, labels), how far each voter is trusted when it names a label; where only one has any
            weight, it alone decides which label is first.
        rule: `mean` (weighted mean of the probabilities) or `product` (weighted mean of their logarithms).
        temperature: calibrates the result; above 1 flattens it.
        threshold: the vote abstains where its best label's probability is below this.
        broader: the same for the levels above the labels, broadest first; empty: labels have no levels.
    """

    weights: Floats
    rule: str = "mean"
    temperature: float = 1.0
    threshold: float = 0.0
    broader: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.weights.ndim != 2 or not np.isfinite(self.weights).all() or (self.weights < 0).any():
            raise InvalidModel(f"vote weights must be at least 0, (voters, labels); got {self.weights.shape}.")
        if self.rule not in RULES or not (np.isfinite(self.temperature) and self.temperature > 0):
            raise InvalidModel(f"the vote's rule must be one of {', '.join(RULES)} and its temperature above 0.")
        if bad := [value for value in (self.threshold, *self.broader) if not 0 <= value <= 1]:
            raise InvalidModel(f"the vote's thresholds must be from 0 to 1; got {bad[0]}.")

    def probabilities(self, tables: Floats) -> Floats:
        """Returns the combined, calibrated probabilities of all labels.

        Args:
            tables: float32 (voters, n, labels), each row a voter's probabilities; 0 for labels that may not be named.

        Returns:
            float32 (n, labels), each row summing to 1.
        """
        logits = self.logits(tables) / self.temperature
        return softmax(logits)

    def logits(self, tables: Floats) -> Floats:
        """Returns the combined log scores before calibration, float64 (n, labels); -inf for labels ruled out."""
        weights = self.weights[:, None, :]
        with np.errstate(divide="ignore"):
            if self.rule == "mean":
                return np.asarray(np.log((weights * tables).sum(axis=0)))
            total = weights.sum(axis=0)
            terms = np.where(weights > 0, weights * np.log(tables), 0).sum(axis=0)
            return np.asarray(np.where(total > 0, terms / np.maximum(total, 1e-12), -np.inf))

    def rank(self, tables: Floats) -> tuple[Labels, Floats]:
        """Orders every row's labels, best first.

        Labels that several voters name among their five best come before labels that one voter names, and those before
        labels that none names; within each group by probability. Where one voter decides alone, its best label is the
        first. A label's probability is never above that of a label ranked before it.

        Returns:
            Label numbers int64 (n, labels) and their probabilities float32 (n, labels), in the order of the ranking.
        """
        probabilities = self.probabilities(tables)
        named = np.minimum(named_by(tables).sum(axis=0), 2)
        if self.weights.any(axis=1).sum() == 1:  # what the others name still helps to order the places behind the first
            np.put_along_axis(named, probabilities.argmax(axis=1)[:, None], 3, axis=1)
        order = np.lexsort((-probabilities, -named), axis=1)
        ranked = np.take_along_axis(probabilities, order, axis=1)
        return order.astype(np.int64), np.minimum.accumulate(ranked, axis=1)


def named_by(tables: Floats) -> NDArray[np.bool_]:
    """Returns which labels each voter names, bool (voters, n, labels): its five best with a probability above 0."""
    top = min(TOP, tables.shape[2])
    best = np.argsort(-tables, axis=2, kind="stable")[:, :, :top]
    named = np.zeros(tables.shape, np.bool_)
    np.put_along_axis(named, best, True, axis=2)
    return named & (tables > 0)
