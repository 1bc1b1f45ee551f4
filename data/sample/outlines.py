"""Makes the outlines that the sample catalogue paints: polygons in canvas fractions, x to the right and y down."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]


def ellipse(cx: float, cy: float, rx: float, ry: float, start: float = 0.0, end: float = 360.0) -> Points:
    """Returns the points of an ellipse, or of its arc from `start` to `end` degrees (clockwise from the right)."""
    turns = np.radians(np.linspace(start, end, 72))
    return np.stack([cx + rx * np.cos(turns), cy + ry * np.sin(turns)], axis=1)


def box(x0: float, y0: float, x1: float, y1: float, radius: float = 0.0) -> Points:
    """Returns a rectangle with rounded corners."""
    r = min(radius, (x1 - x0) / 2, (y1 - y0) / 2)
    corners = ((x1 - r, y1 - r, 0), (x0 + r, y1 - r, 90), (x0 + r, y0 + r, 180), (x1 - r, y0 + r, 270))
    return np.concatenate([ellipse(x, y, r, r, turn, turn + 90)[::6] for x, y, turn in corners])


def spline(points: ArrayLike, *, closed: bool = True, steps: int = 14) -> Points:
    """Returns a smooth Catmull-Rom curve through `points`."""
    p = np.asarray(points, dtype=np.float64)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([p[:1], p, p[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = [
        0.5 * (2 * q1 + (q2 - q0) * t + (2 * q0 - 5 * q1 + 4 * q2 - q3) * t**2 + (3 * q1 - q0 - 3 * q2 + q3) * t**3)
        for q0, q1, q2, q3 in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.concatenate(pieces if closed else [*pieces, p[-1:]])


def tube(points: ArrayLike, width: float, end_width: float | None = None, *, straight: bool = False) -> Points:
    """Returns the outline of a line through `points` whose thickness goes from `width` to `end_width`."""
    line = np.asarray(points, dtype=np.float64) if straight else spline(points, closed=False)
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    half = np.linspace(width, width if end_width is None else end_width, len(line))[:, None] / 2
    return np.concatenate([line + across * half, (line - across * half)[::-1]])


def mirror(points: ArrayLike, axis: float = 0.5) -> Points:
    """Returns `points` reflected at the vertical line x = `axis`."""
    p = np.asarray(points, dtype=np.float64)
    return np.stack([2 * axis - p[:, 0], p[:, 1]], axis=1)


def symmetric(left: ArrayLike, axis: float = 0.5) -> Points:
    """Returns the left half, given as (distance from the axis, y), then its mirror image in reverse order."""
    p = np.asarray(left, dtype=np.float64)
    half = np.stack([axis - p[:, 0], p[:, 1]], axis=1)
    return np.concatenate([half, mirror(half, axis)[::-1]])


def joined(*pieces: ArrayLike) -> Points:
    """Returns one outline made of several smooth open curves, with a corner where two meet."""
    return np.concatenate([spline(piece, closed=False) for piece in pieces])
