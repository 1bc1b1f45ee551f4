"""Adam (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015) on numpy arrays, for small models."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DECAYS = (0.9, 0.999)
_EPSILON = 1e-8


class Adam:
    """Changes float arrays in place.

    Args:
        arrays: what is learned.
        rate: size of a step.
    """

    def __init__(self, arrays: Sequence[NDArray[np.floating[Any]]], rate: float) -> None:
        self._arrays, self._rate, self._steps = arrays, rate, 0
        self._means = [np.zeros_like(array) for array in arrays]
        self._squares = [np.zeros_like(array) for array in arrays]

    def step(self, gradients: Sequence[NDArray[np.floating[Any]]]) -> None:
        """Takes one step against the gradients, one for each array and of its shape."""
        self._steps += 1
        first, second = _DECAYS
        rate = self._rate * (1 - second**self._steps) ** 0.5 / (1 - first**self._steps)
        for array, gradient, mean, square in zip(self._arrays, gradients, self._means, self._squares, strict=True):
            mean += (1 - first) * (gradient - mean)
            square += (1 - second) * (gradient * gradient - square)
            array -= rate * mean / (np.sqrt(square) + _EPSILON)
