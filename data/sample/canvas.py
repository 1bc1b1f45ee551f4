"""A small painter for the sample catalogue: forms that give outlines volume, and a canvas that lights them.

Coordinates are fractions of the canvas, x to the right, y down. Edges are supersampled; shading is smooth without it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from data.sample.outlines import Points, ellipse, mirror, spline

Floats = NDArray[np.float32]
Colour = tuple[float, float, float]
Fill = Callable[[Floats, Floats], Floats]
SIZE = 576
_SUPERSAMPLE = 3
_LIGHT = np.array([-0.46, -0.58, 0.67], np.float32)
_HALFWAY = np.array([-0.252, -0.317, 0.914], np.float32)


@dataclass(frozen=True)
class Surface:
    """The normal and the surface coordinates of each pixel of a part; all float32 (h, w).

    Attributes:
        nx, ny: the normal's two components in the picture's plane, each in -1..1.
        a, b: where on the surface the pixel lies, in canvas units; fills are drawn in these coordinates.
    """

    nx: Floats
    ny: Floats
    a: Floats
    b: Floats


Form = Callable[[Floats, Floats, Floats], Surface]


def pixels(image: Image.Image) -> Floats:
    """Returns a picture's samples as float32, 0..1."""
    return np.asarray(image, np.float32) * np.float32(1 / 255)


def picture(samples: Floats, mode: str) -> Image.Image:
    """Returns the picture made of `samples`; values outside 0..1 are clipped."""
    scaled = samples * np.float32(255)
    scaled += np.float32(0.5)
    np.clip(scaled, 0, 255, out=scaled)
    return Image.fromarray(scaled.astype(np.uint8), mode)


@dataclass(frozen=True)
class Lathe:
    """A turned solid, seen slightly from above.

    Attributes:
        profile: (y, radius) pairs from top to bottom, joined smoothly.
        cx: x of the axis.
        tilt: how round the rings look: their height divided by their width.
    """

    profile: Sequence[tuple[float, float]]
    cx: float = 0.5
    tilt: float = 0.14

    def _curve(self) -> Points:
        return spline(self.profile, closed=False)

    def outline(self) -> Points:
        """Returns the silhouette, including the far rim and the near foot."""
        side = self._curve()[:, ::-1]
        right = np.stack([self.cx + side[:, 0], side[:, 1]], axis=1)
        foot = ellipse(self.cx, side[-1, 1], side[-1, 0], side[-1, 0] * self.tilt, 0, 180)
        rim = ellipse(self.cx, side[0, 1], side[0, 0], side[0, 0] * self.tilt, 180, 360)
        return np.concatenate([right, foot, mirror(right, self.cx)[::-1], rim])

    def form(self, x: Floats, y: Floats, mask: Floats) -> Surface:
        """Returns normals and surface coordinates; `tilt` decides how much the rings curve."""
        curve = self._curve()
        heights, radii = curve[:, 0], np.maximum(curve[:, 1], 1e-4)
        slopes = np.gradient(radii) / np.maximum(np.gradient(heights), 1e-4)

        def at(values: Points, ring: Floats) -> Floats:
            return np.interp(ring, heights, values).astype(np.float32)

        across = x - np.float32(self.cx)
        radius = at(radii, y)
        depth = np.sqrt(np.clip(1 - (across / radius) ** 2, 0, 1))
        ring = y - self.tilt * radius * depth
        radius = at(radii, ring)
        u = np.clip(across / radius, -1, 1)
        ny = np.clip(-at(np.clip(slopes, -1.2, 1.2), ring) * 0.7 * np.sqrt(1 - u**2), -0.9, 0.9)
        return Surface(u * 0.97, ny, np.arcsin(u) * radius, ring)


def soft(radius: float = 0.03, strength: float = 2.0, *, folds: Floats | None = None, depth: float = 1.0) -> Form:
    """Returns a form that bulges like a cushion: near its edge, the surface turns away from the viewer.

    Args:
        radius: distance from the edge at which the surface starts to turn, in fractions of the canvas.
        strength: how much the surface turns.
        folds: a height field of the whole canvas (see `noise`), for cloth; `depth` is its strength.
    """

    def form(x: Floats, y: Floats, mask: Floats) -> Surface:
        reach = radius * SIZE
        down, right = slopes(blur(mask, reach))
        nx, ny = -right * np.float32(reach * strength), -down * np.float32(reach * strength)
        if folds is not None:
            row, column = round(float(y[0, 0]) * SIZE - 0.5), round(float(x[0, 0]) * SIZE - 0.5)
            down, right = slopes(folds[row : row + mask.shape[0], column : column + mask.shape[1]])
            nx, ny = nx + right * np.float32(depth * 30), ny + down * np.float32(depth * 30)
        return Surface(np.clip(nx, -0.95, 0.95), np.clip(ny, -0.95, 0.95), x, y)

    return form


def ball(cx: float, cy: float, rx: float, ry: float) -> Form:
    """Returns the form of an ellipsoid."""

    def form(x: Floats, y: Floats, mask: Floats) -> Surface:
        u, v = np.clip((x - cx) / rx, -1, 1), np.clip((y - cy) / ry, -1, 1)
        turned = np.sqrt(np.clip(1 - v**2, 1e-3, 1))
        return Surface(u * 0.96, v * 0.96, np.arcsin(np.clip(u / turned, -1, 1)) * rx, np.arcsin(v) * ry)

    return form


def flat(x: Floats, y: Floats, mask: Floats) -> Surface:
    """A form without volume: every normal faces the viewer."""
    nothing = np.zeros_like(mask)
    return Surface(nothing, nothing, x, y)


def plain(colour: Colour) -> Fill:
    """Returns a fill of one colour, components 0..1."""
    value = np.array(colour, np.float32)

    def fill(a: Floats, b: Floats) -> Floats:
        return np.broadcast_to(value, (*a.shape, 3))

    return fill


def noise(rng: np.random.Generator, cells: tuple[int, int], size: tuple[int, int] = (SIZE, SIZE)) -> Floats:
    """Returns smooth random heights, float32 (h, w), about -1..1; `cells` and `size` are (across, down)."""
    coarse = Image.fromarray(rng.standard_normal((cells[1] + 2, cells[0] + 2)).astype(np.float32) * 0.6)
    return np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), np.float32)


def slopes(heights: Floats) -> tuple[Floats, Floats]:
    """Returns how much a height field rises from pixel to pixel, downwards and to the right; float32 (h, w) each."""
    down, right = np.gradient(heights)
    return np.asarray(down, np.float32), np.asarray(right, np.float32)


def blur(field: Floats, radius: float) -> Floats:
    """Returns `field` (h, w) blurred roughly like a Gaussian of `radius` pixels; outside, the field counts as 0."""
    margin = math.ceil(2.5 * radius)
    padded = np.pad(field, margin)
    shrink = max(1, int(radius / 3))
    height, width = padded.shape
    small = (max(2, width // shrink), max(2, height // shrink))
    coarse = np.asarray(Image.fromarray(padded).resize(small, Image.Resampling.BOX), np.float32)
    reach = max(1, round(radius / shrink))
    for axis in (0, 1, 0, 1, 0, 1):
        coarse = _box_mean(coarse, reach, axis)
    fine = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(fine, np.float32)[margin : margin + field.shape[0], margin : margin + field.shape[1]]


def _box_mean(field: Floats, reach: int, axis: int) -> Floats:
    pad = [(0, 0), (0, 0)]
    pad[axis] = (reach + 1, reach)
    sums = np.cumsum(np.pad(field, pad, mode="edge"), axis=axis, dtype=np.float32)
    window, count = 2 * reach + 1, field.shape[axis]
    high = sums.take(range(window, window + count), axis=axis)
    return (high - sums.take(range(count), axis=axis)) / np.float32(window)


class Canvas:
    """A transparent square on which parts are painted back to front, all lit from the upper left."""

    def __init__(self) -> None:
        self._rgb = np.zeros((SIZE, SIZE, 3), np.float32)
        self._alpha = np.zeros((SIZE, SIZE), np.float32)

    def paint(
        self,
        outline: Points | Sequence[Points],
        fill: Fill | Colour,
        form: Form = flat,
        *,
        gloss: float = 0.12,
        shadow: float = 0.0,
        opacity: float = 1.0,
        clip: bool = False,
    ) -> None:
        """Paints one part.

        Args:
            outline: polygon of the part, or several polygons.
            fill: colour of the part, or a function from surface coordinates to colours.
            form: gives the part its volume.
            gloss: strength of the highlight, 0..1; a stronger highlight is also narrower.
            shadow: darkness of the shadow on the parts below, 0..1.
            clip: paint only where something is painted already.
        """
        outlines = [outline] if isinstance(outline, np.ndarray) else list(outline)
        window, mask = _rasterise(outlines)
        if not mask.size:
            return
        if shadow:
            self._darken(window, mask, shadow)
        down, across = ((np.arange(s.start, s.stop) + 0.5) / SIZE for s in window)
        x, y = np.meshgrid(across.astype(np.float32), down.astype(np.float32))
        surface = form(x, y, mask)
        paint = fill if callable(fill) else plain(fill)
        colour = _lit(paint(surface.a, surface.b), surface, gloss)
        cover = mask * opacity
        if clip:
            cover = cover * (self._alpha[window] > 0.5)
        before = self._alpha[window]
        after = cover + before * (1 - cover)
        self._rgb[window] += (colour - self._rgb[window]) * (cover / np.maximum(after, 1e-6))[..., None]
        self._alpha[window] = after

    def image(self) -> Image.Image:
        """Returns the picture as RGBA, cropped to the painted part."""
        whole = picture(np.concatenate([self._rgb, self._alpha[..., None]], axis=2), "RGBA")
        return whole.crop(whole.getchannel("A").getbbox())

    def _darken(self, window: tuple[slice, slice], mask: Floats, strength: float) -> None:
        reach = round(0.03 * SIZE)
        rows, columns = (slice(max(0, s.start - reach), min(SIZE, s.stop + reach)) for s in window)
        under = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.float32)
        top, left = window[0].start - rows.start, window[1].start - columns.start
        under[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
        under = np.roll(blur(under, 0.012 * SIZE), (5, 4), axis=(0, 1))
        self._rgb[rows, columns] *= (1 - strength * under)[..., None]


def _rasterise(outlines: Sequence[Points]) -> tuple[tuple[slice, slice], Floats]:
    every = np.concatenate(outlines) * SIZE
    left, top = (int(v) for v in np.clip(np.floor(every.min(axis=0)) - 1, 0, SIZE))
    right, bottom = (int(v) for v in np.clip(np.ceil(every.max(axis=0)) + 1, 0, SIZE))
    window = (slice(top, bottom), slice(left, right))
    size = (max(0, right - left) * _SUPERSAMPLE, max(0, bottom - top) * _SUPERSAMPLE)
    if not all(size):
        return window, np.zeros((0, 0), np.float32)
    large = Image.new("L", size)
    draw = ImageDraw.Draw(large)
    for outline in outlines:
        corners = (outline * SIZE - (left, top)) * _SUPERSAMPLE
        draw.polygon([(float(x), float(y)) for x, y in corners], fill=255)
    return window, pixels(large.reduce(_SUPERSAMPLE))


def _lit(albedo: Floats, surface: Surface, gloss: float) -> Floats:
    nz = np.sqrt(np.clip(1 - surface.nx**2 - surface.ny**2, 0.02, 1))
    facing = np.clip(surface.nx * _LIGHT[0] + surface.ny * _LIGHT[1] + nz * _LIGHT[2], 0, 1)
    bounce = np.clip(surface.nx, 0, 1) ** 3 * 0.10 + np.clip(surface.ny, 0, 1) ** 2 * 0.06
    mirrored = np.clip(surface.nx * _HALFWAY[0] + surface.ny * _HALFWAY[1] + nz * _HALFWAY[2], 0, 1)
    highlight = gloss * mirrored ** np.float32(10 + 90 * gloss)
    lit: Floats = albedo * (0.40 + 0.78 * facing + bounce)[..., None] + highlight[..., None]
    return lit
