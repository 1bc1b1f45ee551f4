"""Draws sneakers for the sample catalogue, seen from the side, each with its own proportions from `rng`."""

from data.sample.canvas import Canvas, Colour, soft
from data.sample.looks import Look
from data.sample.outlines import ellipse, spline, tube
from data.sample.patterns import Rng, tint

_CHALK: Colour = (0.95, 0.94, 0.91)


def sneaker(canvas: Canvas, look: Look, rng: Rng) -> None:
    """Paints a low or high sneaker on a thin or chunky sole, with caps, a mark and laces."""
    ground, sole = 0.76, rng.uniform(0.05, 0.11)
    collar = 0.26 if rng.random() < 0.35 else rng.uniform(0.37, 0.42)
    rise, toe = ground - sole, rng.uniform(0.14, 0.18)
    tongue = [(0.33, collar + 0.06), (0.42, collar - 0.05), (0.48, collar - 0.02), (0.5, collar + 0.14)]
    canvas.paint(spline(tongue), look.trim, soft(0.02, 2))
    heel = [(0.1, rise + 0.02), (0.085, rise - 0.14), (0.1, collar + 0.03), (0.13, collar), (0.24, collar + 0.055)]
    front = [
        (0.36, collar), (0.44, collar + 0.03), (0.6, rise - toe - 0.02), (0.78, rise - toe + 0.03),
        (0.9, rise - toe * 0.5), (0.93, rise + 0.02),
    ]  # fmt: skip
    canvas.paint(spline([*heel, *front]), look.fill, soft(0.06, 2.2), gloss=look.gloss)
    mouth = [(0.13, collar + 0.012), (0.24, collar + 0.055), (0.36, collar + 0.01), (0.24, collar + 0.085)]
    canvas.paint(spline(mouth), tint(look.main, -0.5), soft(0.01, 1))
    _caps(canvas, look, rng, collar, rise, toe)
    _mark(canvas, look, rng, rise)
    _laces(canvas, collar, rise - toe)
    _sole(canvas, look, rng, rise, ground)


def _caps(canvas: Canvas, look: Look, rng: Rng, collar: float, rise: float, toe: float) -> None:
    if rng.random() < 0.5:
        cap = [
            (0.72, rise + 0.03), (0.74, rise - toe * 0.75), (0.84, rise - toe * 0.75), (0.93, rise - toe * 0.2),
            (0.94, rise + 0.03),
        ]  # fmt: skip
        canvas.paint(spline(cap), tint(look.trim, 0.1), soft(0.025, 2), shadow=0.25, clip=True)
    if rng.random() < 0.6:
        patch = [(0.07, rise + 0.02), (0.07, collar + 0.1), (0.16, collar + 0.12), (0.2, rise + 0.02)]
        canvas.paint(spline(patch), look.trim, soft(0.02, 1.6), shadow=0.2, clip=True)


def _mark(canvas: Canvas, look: Look, rng: Rng, rise: float) -> None:
    kind = int(rng.integers(4))
    if kind == 0:
        bars = [tube([(x + 0.06, rise - 0.17), (x, rise + 0.01)], 0.025, straight=True) for x in (0.36, 0.42, 0.48)]
        canvas.paint(bars, look.accent, shadow=0.2, clip=True)
    elif kind == 1:
        leaf = [(0.26, rise - 0.03), (0.36, rise - 0.12), (0.5, rise - 0.11), (0.4, rise - 0.04)]
        canvas.paint(spline(leaf), look.accent, soft(0.01, 1.2), shadow=0.2, clip=True)
    elif kind == 2:
        canvas.paint(ellipse(0.36, rise - 0.08, 0.05, 0.05), look.accent, soft(0.01, 1.2), shadow=0.2, clip=True)


def _laces(canvas: Canvas, collar: float, low: float) -> None:
    count = 5 if collar < 0.3 else 4
    for step in range(count):
        share = (step + 0.4) / count
        x, y = 0.43 + 0.18 * share, collar + 0.04 + (low - 0.05 - collar) * share
        lace = tube([(x - 0.055, y + 0.035), (x + 0.015, y - 0.008)], 0.018)
        canvas.paint(lace, (0.96, 0.95, 0.93), soft(0.007, 2), shadow=0.35)


def _sole(canvas: Canvas, look: Look, rng: Rng, rise: float, ground: float) -> None:
    curve, white = rng.uniform(0.0, 0.04), rng.random() < 0.7
    above = [(0.07, rise - 0.005), (0.3, rise + 0.008), (0.6, rise + 0.008), (0.95, rise - 0.015), (0.965, rise + 0.02)]
    below = [(0.92, ground - curve * 0.4), (0.75, ground), (0.2, ground), (0.09, ground - curve), (0.06, rise + 0.03)]
    canvas.paint(spline([*above, *below]), _CHALK if white else look.trim, soft(0.016, 1.8), gloss=0.08, shadow=0.4)
    if rng.random() < 0.5:
        sole = ground - rise
        line = tube([(0.07, rise + sole * 0.45), (0.5, rise + sole * 0.5), (0.96, rise + sole * 0.35)], sole * 0.16)
        canvas.paint(line, look.trim if white else look.main, clip=True)
