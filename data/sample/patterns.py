"""Colours, patterns and material textures of the sample catalogue, as fills over surface coordinates."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from data.sample.canvas import SIZE, Colour, Fill, Floats, noise, pixels

Rng = np.random.Generator
Amount = Callable[[Floats, Floats], Floats]
"""Share of the accent colour, 0..1, at surface coordinates a, b."""
COLOURS: dict[str, Colour] = {
    "black": (0.13, 0.13, 0.14),
    "white": (0.97, 0.97, 0.96),
    "grey": (0.56, 0.57, 0.59),
    "red": (0.80, 0.13, 0.15),
    "orange": (0.95, 0.49, 0.12),
    "yellow": (0.97, 0.79, 0.18),
    "green": (0.18, 0.55, 0.30),
    "blue": (0.14, 0.36, 0.74),
    "purple": (0.49, 0.27, 0.67),
    "pink": (0.96, 0.56, 0.69),
    "brown": (0.46, 0.28, 0.17),
    "beige": (0.87, 0.79, 0.65),
}
_EDGE = 0.004


def tint(colour: Colour, amount: float) -> Colour:
    """Returns `colour` mixed with white (`amount` above 0) or black (below 0); `amount` is -1..1."""
    target = 1.0 if amount > 0 else 0.0
    red, green, blue = (c + (target - c) * abs(amount) for c in colour)
    return red, green, blue


def jitter(colour: Colour, rng: Rng) -> Colour:
    """Returns a slightly different colour, so that two red products are not the same red."""
    # Greys keep their hue: the same shift would turn black into navy or plum.
    hue = 0.03 if max(colour) - min(colour) > 0.1 else 0.005
    shift = rng.uniform(-hue, hue, 3) + rng.uniform(-0.035, 0.035)
    red, green, blue = (float(np.clip(c + s, 0.03, 0.98)) for c, s in zip(colour, shift, strict=True))
    return red, green, blue


def _step(distance: Floats) -> Floats:
    """Returns 0 outside and 1 inside, with a soft edge about two pixels wide."""
    return np.asarray(np.clip(distance / _EDGE + 0.5, 0, 1), np.float32)


def _band(position: Floats, period: float, share: float) -> Floats:
    """Returns 1 within a stripe and 0 outside; `share` of each period is stripe."""
    return _step(share * period / 2 - np.abs((position / period) % 1 - 0.5) * period)


def _mix(main: Colour, accent: Colour, amount: Floats) -> Floats:
    first, second = np.array(main, np.float32), np.array(accent, np.float32)
    return first + (second - first) * amount[..., None]


def _striped(rng: Rng) -> Amount:
    period, share = rng.uniform(0.055, 0.11), rng.uniform(0.25, 0.42)
    return lambda a, b: _band(b, period, share)


def _pinstriped(rng: Rng) -> Amount:
    period, share = rng.uniform(0.035, 0.07), rng.uniform(0.16, 0.34)
    return lambda a, b: _band(a, period, share)


def _dotted(rng: Rng) -> Amount:
    pitch = rng.uniform(0.06, 0.1)
    radius = pitch * rng.uniform(0.2, 0.3)

    def amount(a: Floats, b: Floats) -> Floats:
        row = np.floor(b / pitch)
        across = ((a / pitch + row % 2 / 2) % 1 - 0.5) * pitch
        return _step(radius - np.hypot(across, b - (row + 0.5) * pitch))

    return amount


def _checked(rng: Rng) -> Amount:
    period, share = rng.uniform(0.07, 0.12), rng.choice([0.18, 0.45])
    return lambda a, b: (_band(a, period, share) + _band(b, period, share)) * np.float32(0.46)


def _zigzag(rng: Rng) -> Amount:
    period, share = rng.uniform(0.07, 0.11), rng.uniform(0.3, 0.4)
    return lambda a, b: _band(b + np.abs((a / period) % 1 - 0.5) * period, period, share)


def _gradient(rng: Rng) -> Amount:
    middle, reach = rng.uniform(0.62, 0.72), rng.uniform(0.12, 0.25)
    return lambda a, b: np.asarray(np.clip((b - middle) / reach + 0.5, 0, 1), np.float32)


def _tiled(tile: Floats) -> Amount:
    height, width = tile.shape

    def amount(a: Floats, b: Floats) -> Floats:
        rows, columns = (b * SIZE).astype(np.int32) % height, (a * SIZE).astype(np.int32) % width
        return np.asarray(tile[rows, columns], np.float32)

    return amount


def _speckled(rng: Rng) -> Amount:
    image = Image.new("L", (768, 768))
    draw = ImageDraw.Draw(image)
    for x, y, r in rng.uniform((0, 0, 2), (768, 768, 8), (int(rng.integers(160, 320)), 3)):
        draw.ellipse((x - r, y - r, x + r, y + r * 0.8), fill=255)
    return _tiled(pixels(image.reduce(3)))


def _floral(rng: Rng) -> Amount:
    side = int(rng.integers(66, 96)) * 3
    image = Image.new("L", (side, side))
    draw = ImageDraw.Draw(image)
    petals = int(rng.integers(5, 7))
    for cx, cy, size in ((side * 0.28, side * 0.28, side * 0.105), (side * 0.76, side * 0.74, side * 0.08)):
        for turn in np.arange(petals) * 2 * np.pi / petals + rng.uniform(0, 1):
            x, y = cx + np.cos(turn) * size * 1.15, cy + np.sin(turn) * size * 1.15
            draw.ellipse((x - size * 0.8, y - size * 0.8, x + size * 0.8, y + size * 0.8), fill=255)
        draw.ellipse((cx - size * 0.5, cy - size * 0.5, cx + size * 0.5, cy + size * 0.5), fill=70)
    return _tiled(pixels(image.reduce(3)))


_PATTERNS: dict[str, Callable[[Rng], Amount]] = {
    "striped": _striped,
    "pinstriped": _pinstriped,
    "dotted": _dotted,
    "checked": _checked,
    "zigzag": _zigzag,
    "gradient": _gradient,
    "speckled": _speckled,
    "floral": _floral,
}
PATTERNS = ("plain", *_PATTERNS)


def _grain(rng: Rng) -> Floats:
    warp = noise(rng, (3, 8))
    lines = np.sin((np.linspace(0, 60, SIZE, dtype=np.float32)[None, :] + warp * 7) * np.float32(1.3))
    return np.asarray(1 + lines * 0.07 + noise(rng, (180, 6)) * 0.09, np.float32)


def _knit(rng: Rng) -> Floats:
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    column = np.abs((x / 12) % 1 - 0.5)
    stitches = 0.16 * np.cos((y / 9 + column * 1.4) * 2 * np.pi) - 0.22 * (column > 0.44)
    return np.asarray(0.9 + stitches + noise(rng, (90, 90)) * 0.03, np.float32)


def _weave(rng: Rng) -> Floats:
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    threads = noise(rng, (260, 60)) + noise(rng, (60, 260))
    return np.asarray(1 + 0.05 * np.sin(x * 1.9) * np.sin(y * 1.9) + threads * 0.04, np.float32)


def _brushed(rng: Rng) -> Floats:
    return 1 + noise(rng, (4, 300)) * 0.05


def _leather(rng: Rng) -> Floats:
    return 1 + noise(rng, (130, 130)) * 0.07 + noise(rng, (9, 9)) * 0.05


def _felt(rng: Rng) -> Floats:
    return 1 + noise(rng, (220, 220)) * 0.05


_TEXTURES: dict[str, Callable[[Rng], Floats]] = {
    "oak": _grain,
    "walnut": _grain,
    "wool": _knit,
    "canvas": _weave,
    "linen": _weave,
    "cotton": _weave,
    "steel": _brushed,
    "leather": _leather,
    "felt": _felt,
    "straw": _weave,
    "velvet": _felt,
    "stoneware": _felt,
}


def make_fill(pattern: str, main: Colour, accent: Colour, material: str, rng: Rng) -> Fill:
    """Returns a fill with `pattern` in `accent` on `main`, with the texture of `material`."""
    amount = _PATTERNS[pattern](rng) if pattern in _PATTERNS else None
    texture = _tiled(_TEXTURES[material](rng)) if material in _TEXTURES else None

    def fill(a: Floats, b: Floats) -> Floats:
        share = amount(a, b) if amount else np.zeros_like(a)
        colour = _mix(main, accent, share.astype(np.float32))
        return colour * texture(a, b)[..., None] if texture else colour

    return fill
