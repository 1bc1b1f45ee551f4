"""Divides numbers into a few ranges with round edges, each about equally full."""

import math
import sys
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

RANGES = 6  # at most
_SAMPLE = 1_000  # numbers that the edges are taken from
_LARGEST = sys.float_info.max


def round_edges(numbers: NDArray[np.float64]) -> list[float]:
    """Returns the edges of up to 6 ranges that hold all the numbers, ascending; none if there are no numbers.

    A range holds the numbers from its edge up to the next one, without that. The edges are quantiles, each rounded to a
    multiple of 1, 2 or 5 times a power of ten: as coarsely as the distance to the quantiles beside it allows.

    >>> round_edges(np.array([9.9, 12.0, 19.5, 24.0, 47.0, 89.0, 120.0]))
    [8.0, 12.0, 20.0, 24.0, 40.0, 80.0, 140.0]
    """
    if not len(numbers):
        return []
    lowest, highest = float(numbers.min()), float(numbers.max())
    sample = np.sort(numbers[:: max(1, len(numbers) // _SAMPLE)])
    inner = sample[np.arange(1, RANGES) * len(sample) // RANGES]
    points = sorted({lowest, highest, *inner.tolist()})
    gaps = [min(later / 2 - earlier / 2, _LARGEST / 4) * 2 for earlier, later in pairwise(points)]
    gaps = gaps or [abs(lowest) / 10 or 1.0]
    first, last = _Step(gaps[0], lowest), _Step(gaps[-1], highest)
    edges = {first.below(lowest), last.above(highest)}
    for point, around in zip(points[1:-1], pairwise(gaps), strict=True):
        step = _Step(min(around), point)
        edges.add(step.times(round(point / step.size)))
    return sorted(edges)


class _Step:
    """The largest of 1, 2 and 5 times a power of ten that is at most `gap`, and at least a trillionth of `point`."""

    def __init__(self, gap: float, point: float) -> None:
        gap = max(gap, abs(point) * 1e-12, 1e-290)
        self._exponent = math.floor(math.log10(gap))
        lead = gap / 10.0**self._exponent
        self._lead = 5 if lead >= 5 else 2 if lead >= 2 else 1
        self.size = self.times(1)

    def times(self, count: int) -> float:
        edge = float(f"{count * self._lead}e{self._exponent}")  # read as a decimal, so that it is 0.3, not 0.1 * 3
        return max(-_LARGEST, min(_LARGEST, edge))

    def below(self, point: float) -> float:
        """Returns the highest multiple that is at most `point`."""
        count = math.floor(point / self.size)
        while self.times(count) > point:  # the division was rounded up
            count -= 1
        return self.times(count)

    def above(self, point: float) -> float:
        """Returns the lowest multiple above `point`."""
        count = math.floor(point / self.size) + 1
        while self.times(count) <= point < _LARGEST:
            count += 1
        return self.times(count)
