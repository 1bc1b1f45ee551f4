"""Turns how much each place of a network's view counts into a part of the photo that people can be shown."""

import numpy as np
from numpy.typing import NDArray

from engine.answers import PhotoPart
from engine.photos import DecodedPhoto
from engine.protocols import Floats

MOST_PLACES = 16  # along the photo's longer side; the networks' own maps have 8 to 10 there
_STRONG = 0.5  # share of the largest value that belongs to the part that counts most
_Doubles = NDArray[np.float64]


def part_of(photo: DecodedPhoto, counts: Floats, image_id: str | None) -> PhotoPart | None:
    """Returns the part of a photo that counts; None where no place of it speaks for the match.

    Each place is taken as the mean of it and its neighbours, for a network that sees a thing at one place responds at
    the next ones too. On composites of training photos, the strongest place so lies in the right thing in 80 % instead
    of 67 % (`python benchmarks/why_maps.py`).

    Args:
        counts: float32 (g, g), how much each place of what the network sees of it counts; below 0: against the match.
        image_id: as of `PhotoPart`.
    """
    longer = max(photo.width, photo.height)
    rows, columns = (max(1, round(MOST_PLACES * side / longer)) for side in (photo.height, photo.width))
    left, top, across, down = photo.window
    height, width = photo.pixels.shape[:2]
    x0, y0, x1, y1 = photo.in_photo([0, 0, width, height])
    seen_left, seen_top, seen_right, seen_bottom = photo.in_photo([left, top, left + across, top + down])
    smooth = _with_neighbours(counts.astype(np.float64))
    weights = _weights(rows, photo.height, (seen_top, seen_bottom), (y0, y1), len(counts))
    grid = weights @ smooth @ _weights(columns, photo.width, (seen_left, seen_right), (x0, x1), len(counts)).T
    grid = np.maximum(grid, 0)
    if not (most := grid.max()):
        return None
    grid /= most
    return PhotoPart(
        image_id=image_id, width=photo.width, height=photo.height, box=_box(grid, photo.width, photo.height),
        grid=tuple(tuple(row) for row in grid.round(2).tolist()),
    )  # fmt: skip


def _with_neighbours(counts: _Doubles) -> _Doubles:
    """Returns the mean of each place and its eight neighbours; places at the edge are repeated beyond it."""
    padded = np.pad(counts, 1, mode="edge")
    across = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    return np.asarray((across[:-2] + across[1:-1] + across[2:]) / 9)


def _weights(
    places: int, length: int, seen: tuple[float, float], photo: tuple[float, float], count: int
) -> _Doubles:  # fmt: skip
    """Returns how much each of the network's places adds to each place of the photo, float64 (places, count).

    Args:
        places: of the photo, along one side.
        length: of that side, in pixels.
        seen: where the network's view begins and ends on it.
        photo: where the photo within its borders begins and ends.
        count: places of the network's view.
    """
    middles = (np.arange(places) + 0.5) / places * length
    at = (middles - seen[0]) / (seen[1] - seen[0]) * count - 0.5
    weights = np.stack([np.interp(at, np.arange(count), one) for one in np.eye(count)], axis=1)
    weights[(middles < max(seen[0], photo[0])) | (middles > min(seen[1], photo[1]))] = 0
    return weights


def _box(grid: _Doubles, width: int, height: int) -> tuple[int, int, int, int]:
    """Returns the box, in pixels, around the strong places that hang together with the strongest."""
    strong = grid >= _STRONG
    region = np.zeros_like(strong)
    region[np.unravel_index(grid.argmax(), grid.shape)] = True
    size = 0
    while region.sum() > size:
        size = int(region.sum())
        region[1:] |= region[:-1]
        region[:-1] |= region[1:]
        region[:, 1:] |= region[:, :-1]
        region[:, :-1] |= region[:, 1:]
        region &= strong
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    across, down = width / grid.shape[1], height / grid.shape[0]
    edges = columns[0] * across, rows[0] * down, (columns[-1] + 1) * across, (rows[-1] + 1) * down
    x0, y0, x1, y1 = (round(float(edge)) for edge in edges)
    return x0, y0, x1, y1
