"""The points of small charts, in a square of 100 by 100 whose y grows downwards, as SVG has it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A line through values in order; `points` is the attribute of an SVG polyline."""

    points: str
    lowest: float
    highest: float
    last: float


@dataclass(frozen=True)
class Bar:
    """One bar of a chart: its place and size, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    label: str
    count: int


def line_of(values: Sequence[float]) -> Line | None:
    """Returns the line through at least two values; None if there are fewer.

    >>> line_of([1, 3, 2]).points
    '0.0,100.0 50.0,0.0 100.0,50.0'
    """
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    step, height = 100 / (len(values) - 1), (high - low) or 1.0
    points = " ".join(f"{at * step:.1f},{100 - 100 * (value - low) / height:.1f}" for at, value in enumerate(values))
    return Line(points, low, high, values[-1])


def bars_of(counts: Sequence[tuple[str, int]]) -> list[Bar]:
    """Returns a bar for each label and count, the tallest 100 high.

    >>> [(bar.x, bar.y, bar.height) for bar in bars_of([("a", 1), ("b", 2)])]
    [(0.0, 50.0, 50.0), (50.0, 0.0, 100.0)]
    """
    most, width = max((count for _, count in counts), default=0) or 1, 100 / max(len(counts), 1)
    return [
        Bar(at * width, 100 - 100 * count / most, 0.8 * width, 100 * count / most, label, count)
        for at, (label, count) in enumerate(counts)
    ]
