"""Broader labels: what a photo surely shows where its exact label is in doubt, such as `Shoes` of `Shoes > Boots`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats

_BETWEEN_LEVELS = re.compile(r"\s*>\s*")
_MOST_LEVELS = 10


@dataclass(frozen=True)
class Level:
    """The labels of one depth, each standing for all labels below it.

    Attributes:
        names: the broader labels.
        of_label: int64 (labels,), the number of the broader label that each label belongs to.
    """

    names: tuple[str, ...]
    of_label: NDArray[np.int64]

    def sums(self, probabilities: Floats) -> Floats:
        """Returns the probabilities of the broader labels, float (n, names), from those of all labels."""
        members = (self.of_label[:, None] == np.arange(len(self.names))).astype(probabilities.dtype)
        return np.asarray(probabilities @ members)


def levels_of(labels: Sequence[str]) -> tuple[Level, ...]:
    """Returns the levels above the exact labels, broadest first; none if no label has a `>` in it.

    >>> [level.names for level in levels_of(["Shoes > Boots", "Shoes > Sandals", "Hats"])]
    [('Hats', 'Shoes')]
    """
    paths = [_BETWEEN_LEVELS.split(label.strip()) for label in labels]
    deepest = min(max(map(len, paths), default=1), _MOST_LEVELS)
    levels = []
    for depth in range(1, deepest):
        names, of_label = np.unique([" > ".join(path[:depth]) for path in paths], return_inverse=True)
        levels.append(Level(tuple(names.tolist()), of_label.astype(np.int64)))
    return tuple(levels)
