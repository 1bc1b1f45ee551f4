"""Draws the backgrounds of the sample catalogue's photos: studio, rooms, tables, outdoors."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from data.sample.canvas import Colour, Floats, noise, pixels, slopes
from data.sample.patterns import Rng, tint

Size = tuple[int, int]
_WALLS: tuple[Colour, ...] = (
    (0.88, 0.86, 0.82), (0.79, 0.84, 0.83), (0.90, 0.82, 0.76), (0.74, 0.79, 0.86), (0.83, 0.83, 0.76),
    (0.70, 0.74, 0.70), (0.93, 0.90, 0.86), (0.62, 0.66, 0.72),
)  # fmt: skip
_TIMBERS: tuple[Colour, ...] = ((0.72, 0.54, 0.36), (0.50, 0.34, 0.22), (0.82, 0.70, 0.54), (0.36, 0.27, 0.21))
_GREENS: tuple[Colour, ...] = ((0.36, 0.52, 0.30), (0.55, 0.66, 0.38), (0.26, 0.42, 0.34), (0.72, 0.74, 0.48))


@dataclass(frozen=True)
class Place:
    """A background and how light falls in it.

    Attributes:
        rgb: float32 (h, w, 3), 0..1.
        light: colour of the light, multiplied into every pixel.
        shadow: how dark shadows are, 0..1.
    """

    rgb: Floats
    light: Colour = (1.0, 1.0, 1.0)
    shadow: float = 0.4


def studio(rng: Rng, size: Size, *, flat: bool) -> Place:
    """Returns a seamless white studio background."""
    width, height = size
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    shade = 0.985 - 0.03 * x**2 - (0 if flat else 1) * 0.05 * np.exp(-(((y - 0.62) / 0.16) ** 2)) - 0.03 * y
    warmth = np.array([1.0, 1.0, 0.995], np.float32) * rng.uniform(0.99, 1.01)
    return Place(shade[..., None] * warmth, shadow=0.30)


def room(rng: Rng, size: Size, *, flat: bool) -> Place:
    """Returns a room: a table or floor before a wall or, if `flat`, a surface seen from above."""
    rgb = surface(rng, size) if flat else _table_before(rng, size, _wall(rng, size), _planks(rng, size, across=9))
    light = ((1.04, 0.98, 0.88), (0.93, 0.98, 1.05), (0.84, 0.82, 0.80), (1.02, 1.0, 0.97))[int(rng.integers(4))]
    return Place(rgb, light, rng.uniform(0.42, 0.6))


def outdoors(rng: Rng, size: Size, *, flat: bool) -> Place:
    """Returns an outdoor place with a background out of focus or, if `flat`, a surface seen from above."""
    if flat:
        return Place(surface(rng, size), (1.06, 1.0, 0.9), 0.6)
    ground = _stone(rng, size) if rng.random() < 0.5 else _planks(rng, size, across=7)
    return Place(_table_before(rng, size, _bokeh(rng, size), ground), (1.03, 1.0, 0.93), rng.uniform(0.4, 0.55))


def tilted(place: Place, degrees: float) -> Place:
    """Returns the place as seen by a camera turned by `degrees`."""
    height, width = place.rgb.shape[:2]
    shift = (np.arange(width) - width / 2) * np.tan(np.radians(degrees))
    rows = np.clip(np.arange(height)[:, None] - shift, 0, height - 1).astype(np.int32)
    return replace(place, rgb=place.rgb[rows, np.arange(width)])


def surface(rng: Rng, size: Size) -> Floats:
    """Returns a surface seen from above: boards, linen, stone or paper; float32 (h, w, 3)."""
    kind = int(rng.integers(4))
    if kind == 0:
        return _planks(rng, size, across=4)
    if kind == 1:
        cloth = np.array(_WALLS[int(rng.integers(len(_WALLS)))], np.float32)
        down, right = slopes(noise(rng, (4, 5), size))
        threads = noise(rng, (size[0] // 3, size[1] // 3), size)
        return cloth * (0.93 + (right + down) * 7 + threads * 0.02)[..., None]
    if kind == 2:
        return _stone(rng, size)
    paper = np.array(tint(_WALLS[int(rng.integers(len(_WALLS)))], -0.08), np.float32)
    return paper * (1 + noise(rng, (3, 3), size) * 0.04)[..., None]


def _planks(rng: Rng, size: Size, across: int) -> Floats:
    height = size[1]
    timber = np.array(_TIMBERS[int(rng.integers(len(_TIMBERS)))], np.float32)
    board = np.arange(height) * across // height
    drift = noise(rng, (6, across * 4), size)
    veins = np.sin((np.linspace(0, across * 30, height, dtype=np.float32)[:, None] + drift * 5) * np.float32(1.1))
    tone = rng.uniform(-0.09, 0.09, across + 1).astype(np.float32)[board][:, None]
    gap = np.where((np.arange(height) * across) % height < across * 1.6, np.float32(0.7), np.float32(1))[:, None]
    grain = (1 + tone + veins * 0.035 + noise(rng, (10, 160), size) * 0.06) * gap
    return np.asarray(timber * grain[..., None], np.float32)


def _stone(rng: Rng, size: Size) -> Floats:
    base = np.array(tint((0.66, 0.65, 0.63), rng.uniform(-0.25, 0.4)), np.float32)
    return (
        base * (1 + noise(rng, (5, 5), size) * 0.08 + noise(rng, (size[0] // 2, size[1] // 2), size) * 0.05)[..., None]
    )


def _wall(rng: Rng, size: Size) -> Floats:
    """A painted wall with window light and out-of-focus furnishings, as seen by a wide-open lens."""
    width, height = size
    picture = Image.new("RGB", (width // 2, height // 2), _bytes(_WALLS[int(rng.integers(len(_WALLS)))]))
    draw = ImageDraw.Draw(picture)
    w, h = picture.size
    kind = int(rng.integers(4))
    if kind == 0:
        x, y = rng.uniform(0.05, 0.7) * w, rng.uniform(0.0, 0.2) * h
        draw.rectangle((x, y, x + w * 0.24, y + h * 0.36), fill=_bytes((0.3, 0.26, 0.22)))
        draw.rectangle((x + 5, y + 5, x + w * 0.24 - 5, y + h * 0.36 - 5), fill=_bytes(_GREENS[int(rng.integers(4))]))
    elif kind == 1:
        x = rng.uniform(0.0, 1.0) * w
        for lean in rng.uniform(-0.2, 0.2, 9):
            y = rng.uniform(0.1, 0.45) * h
            draw.line((x, h * 0.7, x + lean * w, y), fill=_bytes(_GREENS[2]), width=4)
            draw.ellipse(
                (x + lean * w - 14, y - 22, x + lean * w + 14, y + 22), fill=_bytes(_GREENS[int(rng.integers(4))])
            )
    elif kind == 2:
        y = rng.uniform(0.2, 0.4) * h
        draw.rectangle((0, y, w, y + 9), fill=_bytes(_TIMBERS[int(rng.integers(4))]))
        x = 0.0
        while x < w:
            wide, tall = rng.uniform(8, 22), rng.uniform(30, 60)
            draw.rectangle((x, y - tall, x + wide, y), fill=_bytes(tuple(rng.uniform(0.3, 0.85, 3))))
            x += wide + rng.choice([1, 1, 30])
    wall = pixels(picture.filter(ImageFilter.GaussianBlur(rng.uniform(3, 6))).resize(size))
    sun = Image.new("L", (w, h))
    if rng.random() < 0.5:
        x = rng.uniform(0.0, 0.5) * w
        ImageDraw.Draw(sun).polygon(
            [(x, 0), (x + w * 0.35, 0), (x + w * 0.6, h * 0.8), (x + w * 0.2, h * 0.8)], fill=255
        )
    glow = pixels(sun.filter(ImageFilter.GaussianBlur(7)).resize(size))
    return wall * (0.92 + glow * 0.14)[..., None]


def _bokeh(rng: Rng, size: Size) -> Floats:
    width, height = size
    sky, far = (0.80, 0.87, 0.93), _GREENS[int(rng.integers(4))]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    rgb = np.array(sky, np.float32) * (1 - y) + np.array(far, np.float32) * y
    rgb = rgb * (1 + noise(rng, (5, 5), size) * 0.12)[..., None]
    discs = Image.new("RGB", (width // 2, height // 2))
    draw = ImageDraw.Draw(discs)
    for x, at, r in rng.uniform((0, 0, 6), (width / 2, height * 0.34, 22), (16, 3)):
        draw.ellipse((x - r, at - r, x + r, at + r), fill=_bytes(tuple(rng.uniform(0.06, 0.26, 3) * (1.1, 1.0, 0.6))))
    glow = pixels(discs.filter(ImageFilter.GaussianBlur(1.5)).resize(size))
    return np.asarray(np.clip(rgb + glow, 0, 1), np.float32)


def _table_before(rng: Rng, size: Size, far: Floats, near: Floats) -> Floats:
    """Returns `far` above the horizon and `near` below it, foreshortened and softly lit."""
    width, height = size
    horizon = round(height * rng.uniform(0.56, 0.68))
    deep = np.linspace(0, 1, height - horizon, dtype=np.float32)
    rows = (deep**0.8 * (height - 1) * 0.9).astype(np.int32)
    spread = (0.55 + 0.45 * deep)[:, None]
    columns = (np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, :] * spread + 0.5) * (width - 1)
    table = near[rows[:, None], columns.astype(np.int32)] * (0.86 + 0.16 * deep)[:, None, None]
    scene = far.astype(np.float32).copy()
    scene[horizon:] = table
    seam = slice(horizon - 2, horizon + 2)
    scene[seam] = scene[seam].mean(axis=0, keepdims=True)
    return scene


def _bytes(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (round(float(min(max(c, 0), 1)) * 255) for c in colour)
    return red, green, blue
