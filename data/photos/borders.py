"""Finds the photo within what phones and apps put around it: letterbox, frame, bars of a screenshot.

What lies around a photo is calm: one colour, an app's paper with words on it, or a blurred copy of the photo. The photo
begins at one straight line along a whole side. A product cut out on white has no such line, so it keeps its margin.
"""

import math

import numpy as np
from numpy.typing import NDArray

from data.photos.decoders import decode_photo
from data.photos.images import Pixels
from data.settings import Settings

Rows = NDArray[np.int16]
Shares = NDArray[np.float64]

_DETECTION_SIDE = 320  # pixels of the shorter side that are looked at
_PAPER_STEP = 4  # values by which JPEG lets pixels of one colour differ
_EDGE_STEP = 12  # rows that differ by more lie on two sides of an edge
_MOST, _LEAST_LEFT = 0.7, 0.2  # shares of a side: the widest band, and what is left between two
_BAND, _BLURRED = 0.65, 0.85  # share of a band's pixels that are of its paper; of a blurred one's that are calm
_BLANK_EDGE = 0.7  # the share of the rows next to the photo
_BLANK = 0.95  # the share of a row, or of a whole band, without words
_BAND_ROW, _BAND_ROWS = 0.3, 0.8  # the same share in one row; the share of rows that must have it
_BUSIER = 0.25  # how much smaller that share is in the photo
_EDGE, _ONE_ENDED_EDGE, _FRAME = 0.65, 0.85, 0.85  # share of a side along which the edge is seen


def decode_within_borders(content: bytes, settings: Settings, *, target: int) -> Pixels:
    """Returns the pixels of a photo without its borders: what is embedded and named by colour.

    Args:
        content: the file's bytes.
        target: as of `decode_photo`, of the part within the borders: it is decoded larger where borders take much.

    Returns:
        uint8 (h, w, 3), RGB, upright.

    Raises:
        Whatever `decode_photo` raises.
    """
    photo = decode_photo(content, settings, target=target)
    inside = without_borders(photo.pixels)
    whole_side, side = min(photo.pixels.shape[:2]), min(inside.shape[:2])
    if side < target and whole_side < min(photo.width, photo.height):
        larger = decode_photo(content, settings, target=math.ceil(target * whole_side / side))
        inside = without_borders(larger.pixels)
    return inside


def without_borders(image_rgb: Pixels) -> Pixels:
    """Returns the part of a photo that lies within its borders: the whole photo where it has none.

    Args:
        image_rgb: uint8 (h, w, 3).

    Returns:
        A view of `image_rgb`.
    """
    pace = max(1, min(image_rgb.shape[:2]) // _DETECTION_SIDE)
    seen = image_rgb[::pace, ::pace].astype(np.int16)
    top, bottom, left, right = _frame(seen) or (
        *_bands(seen, words=True),
        *_bands(seen.transpose(1, 0, 2), words=False),
    )
    height, width = image_rgb.shape[:2]
    return image_rgb[top * pace : height - bottom * pace, left * pace : width - right * pace]


def _frame(seen: Rows) -> tuple[int, int, int, int] | None:
    """Returns the widths of a frame of one colour: top, bottom, left, right; None without one on all four sides.

    A product on white has such margins, too. Its own outline is no rectangle.
    """
    ground = seen[0, 0]
    outline = np.concatenate([seen[0], seen[-1], seen[:, 0], seen[:, -1]])
    if np.abs(outline - ground).max() > _EDGE_STEP:
        return None
    other = ~_within(seen - ground, _EDGE_STEP)
    rows, columns = (np.flatnonzero(other.mean(axis=axis) > 0.03) for axis in (1, 0))
    if len(rows) < _LEAST_LEFT * len(other) or len(columns) < _LEAST_LEFT * other.shape[1]:
        return None
    inside = slice(int(rows[0]) + 1, int(rows[-1])), slice(int(columns[0]) + 1, int(columns[-1]))  # without soft edges
    photo, differs = seen[inside], other[inside]
    sides = differs[1], differs[-2], differs[:, 1], differs[:, -2]
    ends = [end.mean() >= 0.5 for side in sides for end in (side[: _end(side)], side[-_end(side) :])]
    is_busy = min(_calm(photo[:6]).mean(), _calm(photo.transpose(1, 0, 2)[:6]).mean()) < 1 - _BUSIER
    if not is_busy or np.mean([side.mean() for side in sides]) < _FRAME or np.mean(ends) < _FRAME:
        return None
    return inside[0].start, len(seen) - inside[0].stop, inside[1].start, seen.shape[1] - inside[1].stop


def _bands(seen: Rows, *, words: bool) -> tuple[int, int]:
    """Returns how many rows at the top and at the bottom are no part of the photo.

    Args:
        words: whether an app's words may stand there; beside a photo there are none, but a product may have a shadow.
    """
    top, bottom = _paper_band(seen, words=words), _paper_band(seen[::-1], words=words)
    if not top and not bottom:
        top = bottom = _blurred_band(seen)
    return (top, bottom) if len(seen) - top - bottom >= _LEAST_LEFT * len(seen) else (0, 0)


def _paper_band(seen: Rows, *, words: bool) -> int:
    """Returns how many of the first rows are of one colour or an app's, up to the innermost edge of the photo."""
    height = len(seen)
    least, inner = max(2, height // 64), max(3, height // 16)
    if _calm(seen[:least]).mean() < _BAND:
        return 0
    rows = seen[: int(_MOST * height)]
    if not _may_hold_edge(rows):
        return 0
    differs = ~_within(rows[3:] - rows[:-3], _EDGE_STEP)
    shares = _on_paper(rows)
    row = np.arange(least, len(rows) - 1 - inner)  # the first of the three rows over which an edge may spread
    band, plain_rows = _means(shares, 0, row - 1), _means(shares >= _BAND_ROW, 0, row - 1)
    has_words = (band < _BLANK) & words
    is_band = (band >= _BAND) & (plain_rows >= np.where(has_words, _BAND_ROWS, 1))
    is_band &= ~has_words | (_means(shares, np.maximum(0, row - 7), row - 2) >= _BLANK_EDGE)
    is_busier = _means(shares, row + 1, row + 1 + inner) <= band - np.where(has_words, 2, 1) * _BUSIER
    for edge in row[is_band & is_busier][::-1]:
        if _is_edge(differs[edge - 2], has_words=bool(has_words[edge - least])):
            return int(edge) + 1
    return 0


def _means(values: NDArray[np.generic], start: NDArray[np.intp] | int, end: NDArray[np.intp]) -> Shares:
    """Returns the means of `values[start:end]`; 1 where that is empty."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(np.where(end > start, (sums[end] - sums[start]) / np.maximum(end - start, 1), 1.0))


def _may_hold_edge(rows: Rows) -> bool:
    """Returns whether some row may be an edge, by every fourth pixel: quick, and False for most photos."""
    seen = rows[:, ::4]
    return bool((~_within(seen[3:] - seen[:-3], _EDGE_STEP)).mean(axis=1).max() >= _EDGE - 0.1)


def _is_edge(differs: NDArray[np.bool_], *, has_words: bool) -> bool:
    """Returns whether two rows that differ at these pixels lie on two sides of an edge along the whole side.

    The edge must reach both ends of the side, which tells it from a product's own edge. Beside an app's words there is
    no product cut out, so one end may look as if it did not: black paper beside a photo's dark corner.
    """
    ends = _ends_reached(differs)
    share = _ONE_ENDED_EDGE if has_words and ends < 2 else _EDGE
    return bool(differs.mean() >= share and ends >= (1 if has_words else 2))


def _ends_reached(differs: NDArray[np.bool_]) -> int:
    """Returns at how many of a side's two ends most of the pixels differ."""
    end = _end(differs)
    return int(differs[:end].mean() >= 0.5) + int(differs[-end:].mean() >= 0.5)


def _blurred_band(seen: Rows) -> int:
    """Returns how many rows at the top, and as many at the bottom, are a blurred copy of the photo in the middle."""
    half = seen[: len(seen) // 2 - 2], seen[::-1][: len(seen) // 2 - 2]
    least, inner = max(2, len(seen) // 64), max(3, len(seen) // 16)
    if min(_calm(rows[:least]).mean() for rows in half) < _BLURRED:
        return 0
    if not all(map(_may_hold_edge, half)):
        return 0
    steps = [~_within(rows[3:] - rows[:-3], _EDGE_STEP) for rows in half]
    row = least + int(np.argmax(np.minimum(*(step.mean(axis=1) for step in steps))[least:]))
    ends = sum(_ends_reached(step[row]) for step in steps)  # of four; a product's own edges reach none
    if min(step[row].mean() for step in steps) < _EDGE or ends < 2:
        return 0
    calm = np.mean([_calm(rows) for rows in half], axis=0)
    band = calm[: row + 1].mean()
    is_busier = calm[row + 3 : row + 3 + inner].mean() <= band - _BUSIER / 2
    is_plain = _on_paper(half[0][: row + 1]).mean() >= _BLURRED  # then a product may be cut out on it
    return row + 3 if band >= _BLURRED and is_busier and not is_plain else 0


def _calm(rows: Rows) -> Shares:
    """Returns for each row the share of its pixels between whose neighbours it lies: one colour, or blurred."""
    bend = rows[:, :-4] - 2 * rows[:, 2:-2] + rows[:, 4:]
    return np.asarray(_within(bend, _PAPER_STEP).mean(axis=1))


def _on_paper(rows: Rows) -> Shares:
    """Returns for each row the share of its pixels that have its commonest colour: an app's paper, beside words."""
    colours = np.median(rows[:, ::4], axis=1, keepdims=True).astype(np.int16)
    return np.asarray(_within(rows - colours, _PAPER_STEP + 2).mean(axis=1))


def _within(difference: Rows, step: int) -> NDArray[np.bool_]:
    """Returns whether all three channels, the last axis, differ by at most `step`."""
    near = np.abs(difference) <= step
    return np.asarray(near[..., 0] & near[..., 1] & near[..., 2])  # far faster than `max` over so short an axis


def _end(side: NDArray[np.bool_]) -> int:
    return max(2, len(side) // 64)
