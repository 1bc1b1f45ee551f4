"""Finds the photo within what phones and apps put around it: letterbox, frame, bars of a screenshot.

What lies around a photo is calm: one colour, an app's paper with words on it, or a blurred copy of the photo. The photo
begins at one straight line along a whole side. A product cut out on white has no such line, so it keeps its margin.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.photos.images import Photo, Pixels, decode_photo
from data.settings import Settings

Truths = NDArray[np.bool_]
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


def decode_inside(content: bytes, settings: Settings, *, target: int) -> Photo:
    """Returns a photo with only the pixels within its borders, decoded larger where borders take much.

    Args:
        content: the file's bytes.
        target: as of `images.decode_photo`, of the part within the borders.

    Raises:
        Whatever `images.decode_photo` raises.
    """
    photo = decode_photo(content, settings, target=target)
    inside = without_borders(photo.pixels)
    whole_side, side = min(photo.pixels.shape[:2]), min(inside.shape[:2])
    if side < target and whole_side < min(photo.width, photo.height):
        photo = decode_photo(content, settings, target=math.ceil(target * whole_side / side))
        inside = without_borders(photo.pixels)
    return dataclasses.replace(photo, pixels=inside)


def without_borders(image_rgb: Pixels) -> Pixels:
    """Returns the part of a photo that lies within its borders: the whole photo where it has none.

    Args:
        image_rgb: uint8 (h, w, 3).

    Returns:
        A view of `image_rgb`.
    """
    left, top, right, bottom = inside_borders(image_rgb)
    return image_rgb[top:bottom, left:right]


def inside_borders(image_rgb: Pixels) -> tuple[int, int, int, int]:
    """Returns left, top, right and bottom of the part of a photo, uint8 (h, w, 3), that lies within its borders."""
    pace = max(1, min(image_rgb.shape[:2]) // _DETECTION_SIDE)
    seen = np.stack([image_rgb[::pace, ::pace, channel] for channel in range(3)])  # thrice as fast as one transpose
    top, bottom, left, right = _frame(seen) or (
        *_bands(seen, words=True),
        *_bands(seen.transpose(0, 2, 1), words=False),
    )
    height, width = image_rgb.shape[:2]
    return left * pace, top * pace, width - right * pace, height - bottom * pace


def _frame(seen: Pixels) -> tuple[int, int, int, int] | None:
    """Returns the widths of a frame of one colour: top, bottom, left, right; None without one on all four sides.

    A product on white has such margins, too. Its own outline is no rectangle.

    Args:
        seen: uint8 (3, h, w), the channels first: numpy is several times faster on planes than on pixels of three.
    """
    ground = seen[:, :1, :1]
    outline = np.concatenate([seen[:, 0], seen[:, -1], seen[:, :, 0], seen[:, :, -1]], axis=1)
    if not _near(outline, ground[:, 0], _EDGE_STEP).all():
        return None
    other = ~_near(seen, ground, _EDGE_STEP)
    rows, columns = (np.flatnonzero(_shares(lines) > 0.03) for lines in (other, other.T))
    if len(rows) < _LEAST_LEFT * len(other) or len(columns) < _LEAST_LEFT * other.shape[1]:
        return None
    inside = slice(int(rows[0]) + 1, int(rows[-1])), slice(int(columns[0]) + 1, int(columns[-1]))  # without soft edges
    photo, differs = seen[:, *inside], other[inside]
    sides = differs[1], differs[-2], differs[:, 1], differs[:, -2]
    ends = [end.mean() >= 0.5 for side in sides for end in (side[: _end(len(side))], side[-_end(len(side)) :])]
    is_busy = min(_calm(photo[:, :6]).mean(), _calm(photo[:, :, :6].transpose(0, 2, 1)).mean()) < 1 - _BUSIER
    if not is_busy or np.mean([side.mean() for side in sides]) < _FRAME or np.mean(ends) < _FRAME:
        return None
    return inside[0].start, len(other) - inside[0].stop, inside[1].start, other.shape[1] - inside[1].stop


def _bands(seen: Pixels, *, words: bool) -> tuple[int, int]:
    """Returns how many rows at the top and at the bottom are no part of the photo.

    Args:
        seen: uint8 (3, h, w).
        words: whether an app's words may stand there; beside a photo there are none, but a product may have a shadow.
    """
    height, upturned = seen.shape[1], seen[:, ::-1]
    least = _least(height)
    calm = _calm(seen[:, :least]).mean(), _calm(upturned[:, :least]).mean()
    if max(calm) < _BAND:
        return 0, 0
    differs = ~_near(seen[:, 3:], seen[:, :-3], _EDGE_STEP)
    edges = _shares(differs)
    top = _paper_band(seen, differs, edges, words=words) if calm[0] >= _BAND else 0
    bottom = _paper_band(upturned, differs[::-1], edges[::-1], words=words) if calm[1] >= _BAND else 0
    if not top and not bottom and min(calm) >= _BLURRED:
        top = bottom = _blurred_band(seen, differs, edges)
    return (top, bottom) if height - top - bottom >= _LEAST_LEFT * height else (0, 0)


def _paper_band(seen: Pixels, differs: Truths, edges: Shares, *, words: bool) -> int:
    """Returns how many of the first rows are of one colour or an app's, up to the innermost edge of the photo.

    The edge must reach both ends of the side, which tells it from a product's own edge. Beside an app's words there is
    no product cut out, so one end may look as if it did not: black paper beside a photo's dark corner.

    Args:
        seen: uint8 (3, h, w).
        differs: bool (h - 3, w), whether a pixel and the one three rows further lie on two sides of an edge.
        edges: float64 (h - 3,), the share of those that do in each row.
    """
    height = seen.shape[1]
    least, inner = _least(height), _inner(height)
    row = np.arange(least, int(_MOST * height) - 1 - inner)  # the first of the three rows over which an edge may spread
    row = row[edges[row - 2] >= _EDGE]
    row = row[_ends_reached(differs[row - 2]) >= (1 if words else 2)]
    if not len(row):
        return 0
    shares = _on_paper(seen[:, : row[-1] + 1 + inner])
    band, plain_rows = _means(shares, 0, row - 1), _means(shares >= _BAND_ROW, 0, row - 1)
    has_words = (band < _BLANK) & words
    is_band = (band >= _BAND) & (plain_rows >= np.where(has_words, _BAND_ROWS, 1))
    is_band &= ~has_words | (_means(shares, np.maximum(0, row - 7), row - 2) >= _BLANK_EDGE)
    is_busier = _means(shares, row + 1, row + 1 + inner) <= band - np.where(has_words, 2, 1) * _BUSIER
    is_edge = _ends_reached(differs[row - 2]) == 2
    is_edge |= has_words & (edges[row - 2] >= _ONE_ENDED_EDGE)
    found = row[is_band & is_busier & is_edge]
    return int(found[-1]) + 1 if len(found) else 0


def _blurred_band(seen: Pixels, differs: Truths, edges: Shares) -> int:
    """Returns how many rows at the top, and as many at the bottom, are a blurred copy of the photo in the middle.

    Args:
        seen, differs, edges: as of `_paper_band`.
    """
    height = seen.shape[1]
    least, inner, middle = _least(height), _inner(height), height // 2 - 2
    steps = differs[: middle - 3], differs[::-1][: middle - 3]
    shares = np.minimum(edges[: middle - 3], edges[::-1][: middle - 3])
    row = least + int(np.argmax(shares[least:]))
    ends = sum(int(_ends_reached(step[row])) for step in steps)  # of four; a product's own edges reach none
    if shares[row] < _EDGE or ends < 2:
        return 0
    calm = np.mean([_calm(seen[:, :middle]), _calm(seen[:, ::-1][:, :middle])], axis=0)
    band = calm[: row + 1].mean()
    is_busier = calm[row + 3 : row + 3 + inner].mean() <= band - _BUSIER / 2
    is_plain = _on_paper(seen[:, : row + 1]).mean() >= _BLURRED  # then a product may be cut out on it
    return row + 3 if band >= _BLURRED and is_busier and not is_plain else 0


def _least(height: int) -> int:
    """Returns how many rows a band has at least."""
    return max(2, height // 64)


def _inner(height: int) -> int:
    """Returns how many rows of the photo next to a band must be busier than it."""
    return max(3, height // 16)


def _means(values: NDArray[np.generic], start: NDArray[np.intp] | int, end: NDArray[np.intp]) -> Shares:
    """Returns the means of `values[start:end]`; 1 where that is empty."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(np.where(end > start, (sums[end] - sums[start]) / np.maximum(end - start, 1), 1.0))


def _ends_reached(differs: Truths) -> NDArray[np.intp]:
    """Returns for each row, the last axis, at how many of its two ends most of the pixels differ."""
    end = _end(differs.shape[-1])
    ends = differs[..., :end], differs[..., -end:]
    return np.asarray(sum((_shares(part) >= 0.5).astype(np.intp) for part in ends))


def _calm(rows: Pixels) -> Shares:
    """Returns for each row the share of its pixels that lie between their neighbours: one colour, or blurred.

    Args:
        rows: uint8 (3, h, w).
    """
    wide = rows.astype(np.int16)
    around, twice = wide[..., :-4] + wide[..., 4:], 2 * wide[..., 2:-2]
    return _shares(_near(around, twice, _PAPER_STEP))


def _on_paper(rows: Pixels) -> Shares:
    """Returns for each row the share of its pixels that have its commonest colour: an app's paper, beside words.

    Args:
        rows: uint8 (3, h, w).
    """
    values = np.sort(rows[..., ::4].astype(np.int16), axis=-1)  # far faster than `median`, and than bytes are sorted
    count = values.shape[-1]
    colours = (values[..., (count - 1) // 2] + values[..., count // 2]) // 2
    return _shares(_near(rows, colours[..., None].astype(np.uint8), _PAPER_STEP + 2))


def _shares(truths: Truths) -> Shares:
    """Returns the share of each row, the last axis, that is true; `mean` would make floats of all of them first."""
    return np.asarray(truths.view(np.uint8).sum(axis=-1, dtype=np.uint32) / truths.shape[-1])


def _near(some: NDArray[Any], others: NDArray[Any], step: int) -> Truths:
    """Returns whether all three channels, the first axis, differ by at most `step`."""
    near = np.maximum(some, others) - np.minimum(some, others) <= step  # a difference that fits into unsigned bytes
    return np.asarray(near[0] & near[1] & near[2])


def _end(pixels: int) -> int:
    """Returns how many of a side's pixels are one of its ends."""
    return max(2, pixels // 64)
