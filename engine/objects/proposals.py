"""Proposes boxes around the things in a photo: parts in which a network responds far more than around them.

A box is good where its weakest row and column still stand out against what lies around it, so that a box around two
things, with a gap between them, is worse than a box around each (centre-surround contrast; the responses are summed
over the channels as in Wei et al., "Selective Convolutional Descriptor Aggregation", 2017).

All numbers below were chosen on composites of training photos; `benchmarks/things.py` makes them.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats

MOST_OBJECTS = 5
_MOST_PLACES = 24  # on a side; a larger map is made coarser, for there are about g^4 / 4 boxes
_LEAST_SIDE = 3  # places; at a step of 16 pixels, a smaller thing has too few pixels to be recognised
_LEAST_SHARE = 0.02  # of the photo
_LONGEST = 3  # times as long as wide
_INSIDE = 0.8  # share of a box that must lie in the photo
_WEAKEST = 0.6  # how much the weakest row or column counts, rather than the mean
_STRONGEST_SIDE = 0.5  # how much the strongest side outside counts, rather than the mean of all four
_SIZE_POWER = 0.35  # how much larger boxes are preferred
_BEYOND = -0.5  # stands for what lies beyond the photo's edge, in standard deviations
_CANDIDATES, _ALIKE = 12, 0.5  # of which no two share more of what they cover
_TOUCHING = 0.2  # share of the smaller box that the other may cover
_MOST_COMPARED = 300  # boxes of a detector, which may tell of one thing often
_WORTH = 0.2  # of the best box: a box that stands out less is left out
Numbers = NDArray[np.intp]
Boxes = NDArray[np.intp]
Shares = NDArray[np.float64]
_Doubles = NDArray[np.float64]


def proposals(strength: Floats) -> Shares:
    """Returns the boxes that stand out most and hardly overlap, as x0, y0, x1, y1, each 0..1 of the map.

    Args:
        strength: float32 (g, g), how strongly the network responds at each place; NaN beyond the photo.

    Returns:
        float64 (n, 4), 5 boxes at most.
    """
    strength = _coarse(strength)
    starts, ends = np.triu_indices(len(strength) + 1, _LEAST_SIDE)
    scores = _scores(strength.astype(np.float64), starts, ends)
    best = scores.max(initial=0.0)
    rows, columns = np.nonzero(scores > _WORTH * best)
    order = np.argsort(-scores[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    boxes = np.stack([starts[columns], starts[rows], ends[columns], ends[rows]], axis=1)
    kept = _unlike(boxes)
    worth = scores[rows[kept], columns[kept]] / best - _WORTH if best else np.zeros(0)
    return boxes[kept][_apart(boxes[kept], worth)] / len(strength)


def _coarse(strength: Floats) -> Floats:
    """Returns the map with at most 24 places on a side, each the mean of a block; what is left over is cut off."""
    block = math.ceil(len(strength) / _MOST_PLACES)
    side = len(strength) // block
    blocks = strength[: side * block, : side * block].reshape(side, block, side, block)
    return np.asarray(blocks.mean(axis=(1, 3)))


def _scores(strength: _Doubles, starts: Numbers, ends: Numbers) -> _Doubles:
    """Returns how much each box stands out, float64 (p, p) by pair of rows and pair of columns; -inf: no box.

    Args:
        starts, ends: (p,), the pairs.
    """
    seen = np.isfinite(strength)
    if len(strength) < _LEAST_SIDE or not seen.any() or not (spread := strength[seen].std()):
        return np.full((len(starts), len(starts)), -np.inf)
    values = np.where(seen, (strength - strength[seen].mean()) / spread, 0.0)
    sums, counts = _integral(values), _integral(seen.astype(np.float64))
    area = _area(counts, starts, ends, starts, ends)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = _area(sums, starts, ends, starts, ends) / area
        sides = np.stack([_side(sums, counts, starts, ends, which) for which in range(4)])
    weakest = np.minimum(_weakest(values, starts, ends), _weakest(values.T, starts, ends).T)
    inside = (1 - _WEAKEST) * mean + _WEAKEST * weakest
    around = (1 - _STRONGEST_SIDE) * sides.mean(axis=0) + _STRONGEST_SIDE * sides.max(axis=0)
    lengths = (ends - starts).astype(np.float64)
    tall, wide = lengths[:, None], lengths[None]
    share = area / seen.sum()
    is_box = (area >= _INSIDE * tall * wide) & (share >= _LEAST_SHARE)
    is_box &= np.maximum(tall, wide) <= _LONGEST * np.minimum(tall, wide)
    return np.where(is_box, (inside - around) * share**_SIZE_POWER, -np.inf)


def _integral(values: _Doubles) -> _Doubles:
    """Returns the sums of all values above and left of each corner of a place, float64 (g + 1, g + 1)."""
    return np.pad(values.cumsum(0).cumsum(1), ((1, 0), (1, 0)))


def _area(table: _Doubles, top: Numbers, bottom: Numbers, left: Numbers, right: Numbers) -> _Doubles:
    """Returns the sums over boxes of every pair of rows (p,) and every pair of columns (q,), float64 (p, q)."""
    strips = table[bottom] - table[top]
    return np.asarray(strips[:, right] - strips[:, left])


def _side(sums: _Doubles, counts: _Doubles, starts: Numbers, ends: Numbers, which: int) -> _Doubles:
    """Returns the mean of the strip of one place outside each box: above, below, left or right of it."""
    before, after = np.maximum(starts - 1, 0), np.minimum(ends + 1, len(sums) - 1)
    strip = [(before, starts, starts, ends), (ends, after, starts, ends),
             (starts, ends, before, starts), (starts, ends, ends, after)][which]  # fmt: skip
    count = _area(counts, *strip)
    return np.where(count > 0, _area(sums, *strip) / count, _BEYOND)


def _weakest(values: _Doubles, starts: Numbers, ends: Numbers) -> _Doubles:
    """Returns the mean of the weakest column of each box, float64 (p, p) by pair of rows and pair of columns."""
    sums = np.pad(values.cumsum(0), ((1, 0), (0, 0)))
    columns = (sums[ends] - sums[starts]) / (ends - starts)[:, None]
    firsts = range(values.shape[1] - _LEAST_SIDE + 1)
    lowest = [np.minimum.accumulate(columns[:, first:], axis=1)[:, _LEAST_SIDE - 1 :] for first in firsts]
    return np.concatenate(lowest, axis=1)  # in the order of `triu_indices`


def _unlike(boxes: Boxes) -> Numbers:
    """Returns the places of the first boxes, at most 12, of which no two are much alike."""
    left, sizes = np.arange(len(boxes)), _sizes(boxes)
    kept: list[int] = []
    while len(left) and len(kept) < _CANDIDATES:
        kept.append(int(left[0]))
        shared = _shared(boxes[left], boxes[left[0]])
        left = left[shared <= _ALIKE * (sizes[left] + sizes[left[0]] - shared)]
    return np.array(kept, np.intp)


def _apart(boxes: Boxes, worth: _Doubles) -> list[int]:
    """Returns which boxes that hardly overlap, at most 5, are worth most together, in their order."""
    sizes = _sizes(boxes)
    touching = [
        _shared(boxes, box) > _TOUCHING * np.minimum(sizes, size) for box, size in zip(boxes, sizes, strict=True)
    ]
    sets: list[tuple[list[int], float]] = [([], 0.0)]
    for place in range(len(boxes)):
        sets += [
            ([*chosen, place], total + worth[place])
            for chosen, total in sets
            if len(chosen) < MOST_OBJECTS and not any(touching[place][other] for other in chosen)
        ]
    return max(sets, key=lambda each: each[1])[0]


def best_apart(boxes: Shares, scores: _Doubles) -> list[int]:
    """Returns which boxes that hardly overlap are best, at most 5, the best first.

    Args:
        boxes: float64 (n, 4), x0, y0, x1, y1 in any unit.
        scores: float64 (n,).
    """
    sizes, kept = _sizes(boxes), list[int]()
    for place in np.argsort(-scores, kind="stable")[:_MOST_COMPARED].tolist():
        shared = _shared(boxes[kept], boxes[place])
        if len(kept) < MOST_OBJECTS and not (shared > _TOUCHING * np.minimum(sizes[kept], sizes[place])).any():
            kept.append(place)
    return kept


def _shared(boxes: NDArray[Any], box: NDArray[Any]) -> NDArray[Any]:
    """Returns how much each box shares with one, (n,)."""
    sides = np.maximum(np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2]), 0)
    return np.asarray(sides[:, 0] * sides[:, 1])


def _sizes(boxes: NDArray[Any]) -> NDArray[Any]:
    return np.asarray((boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1]))
