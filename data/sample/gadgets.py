"""Draws headphones and watches for the sample catalogue, each with its own proportions from `rng`."""

import math

import numpy as np

from data.sample.canvas import Canvas, Colour, ball, soft
from data.sample.looks import Look
from data.sample.outlines import box, ellipse, spline, symmetric, tube
from data.sample.patterns import Rng, tint

_METALS: tuple[Colour, ...] = ((0.8, 0.8, 0.82), (0.86, 0.7, 0.42), (0.24, 0.24, 0.26), (0.85, 0.6, 0.5))
_LINE = 0.004


def headphones(canvas: Canvas, look: Look, rng: Rng) -> None:
    """Paints on-ear or over-ear headphones from the front: band, padding, sliders, cups seen at an angle."""
    half, top, band = rng.uniform(0.24, 0.3), rng.uniform(0.1, 0.18), rng.uniform(0.045, 0.075)
    y, wide, high = rng.uniform(0.62, 0.68), rng.uniform(0.075, 0.105), rng.uniform(0.13, 0.2)
    metal, boxy = _METALS[int(rng.integers(4))], rng.random() < 0.35
    arc = [(half, y - 0.06), (half * 0.98, top + 0.2), (half * 0.62, top + 0.045), (0.03, top)]
    canvas.paint(tube(symmetric(arc), band * 0.45), metal, soft(0.012, 2.4), gloss=0.6)
    canvas.paint(tube(symmetric(arc[1:]), band), look.fill, soft(0.02, 2.2), gloss=look.gloss)
    if rng.random() < 0.6:
        inner = [(x * 0.88, height + band * 0.66) for x, height in arc[1:]]
        canvas.paint(tube(symmetric(inner), band * 0.55), tint(look.trim, -0.1), soft(0.014, 2))
    for side in (-1, 1):
        x = 0.5 + side * half
        pad = box(x - 0.05, y - high * 0.92, x + 0.05, y + high * 0.92, 0.045) - (side * 0.065, 0)
        canvas.paint(pad, tint(look.trim, -0.3), soft(0.03, 2.2))
        shell = box(x - wide, y - high, x + wide, y + high, wide * 0.7) if boxy else ellipse(x, y, wide, high)
        canvas.paint(shell, look.fill, soft(0.05, 2.2), gloss=look.gloss, shadow=0.4)
        plate = ellipse(x + side * 0.02, y, wide * 0.58, high * 0.62)
        canvas.paint(plate, tint(look.main, 0.12), soft(0.025, 1.6), gloss=look.gloss, shadow=0.25)
        mark = (x + side * 0.025, y, wide * 0.16, wide * 0.2)
        canvas.paint(ellipse(*mark), metal, ball(*mark), gloss=0.7)


def watch(canvas: Canvas, look: Look, rng: Rng) -> None:
    """Paints a wrist watch laid straight: strap, round or square case, light, dark or tinted dial."""
    radius, metal = rng.uniform(0.17, 0.215), _METALS[int(rng.integers(4))]
    square, rim = rng.random() < 0.35, radius * 0.86
    _strap(canvas, look, radius * rng.uniform(0.58, 0.8))
    canvas.paint(box(0.49 + radius, 0.48, 0.535 + radius, 0.52, 0.008), metal, soft(0.01, 2.2), gloss=0.7)
    case, face = (
        box(0.5 - r, 0.5 - r * 1.08, 0.5 + r, 0.5 + r * 1.08, r * 0.28) if square else ellipse(0.5, 0.5, r, r)
        for r in (radius, rim)
    )
    canvas.paint(case, metal, soft(0.03, 2.6), gloss=0.8, shadow=0.5)
    dials: tuple[Colour, ...] = ((0.97, 0.96, 0.93), (0.97, 0.96, 0.93), tint(look.main, -0.55), (0.1, 0.11, 0.14))
    dial = dials[int(rng.integers(4))]
    canvas.paint(face, dial, soft(0.02, -0.8), gloss=0.1)
    _dial(canvas, look, rng, rim, (0.1, 0.1, 0.12) if sum(dial) > 1.5 else (0.95, 0.95, 0.93))
    shine = [(-0.75, -0.25), (-0.2, -0.78), (0.1, -0.8), (-0.72, 0.1)]
    glare = spline([(0.5 + x * rim, 0.5 + y * rim) for x, y in shine])
    canvas.paint(glare, (1, 1, 1), opacity=0.12, clip=True)


def _strap(canvas: Canvas, look: Look, half: float) -> None:
    for end in (0.03, 0.97):
        shape = [(0.5 - half * 0.78, end), (0.5 + half * 0.78, end), (0.5 + half, 0.5), (0.5 - half, 0.5)]
        canvas.paint(spline(shape, steps=1), look.fill, soft(0.022, 2.0), gloss=look.gloss)
        for side in (-1, 1):
            stitch = tube([(0.5 + side * half * 0.66, end), (0.5 + side * half * 0.86, 0.5)], _LINE, straight=True)
            canvas.paint(stitch, tint(look.main, 0.35), clip=True, opacity=0.6)
    canvas.paint([ellipse(0.5, 0.8 + step * 0.042, 0.008, 0.011) for step in range(4)], (0.07, 0.06, 0.06))


def _dial(canvas: Canvas, look: Look, rng: Rng, rim: float, ink: Colour) -> None:
    def at(turn: float, distance: float) -> tuple[float, float]:
        return 0.5 + math.sin(turn) * rim * distance, 0.5 - math.cos(turn) * rim * distance

    marks, long = int(rng.choice([4, 12, 12])), rng.uniform(0.1, 0.2)
    turns = np.arange(marks) * 2 * math.pi / marks
    canvas.paint([tube([at(turn, 0.9 - long), at(turn, 0.9)], 0.008, straight=True) for turn in turns], ink)
    if rng.random() < 0.4:
        small = [ellipse(*at(turn, 0.44), rim * 0.2, rim * 0.2) for turn in (math.pi / 2, math.pi)]
        canvas.paint(small, tint(ink, 0.5), opacity=0.35)
    for turn, length, width in ((-0.95, 0.5, 0.014), (1.0, 0.74, 0.01)):
        canvas.paint(tube([at(turn, 0), at(turn, length)], width, width * 0.5, straight=True), ink, shadow=0.3)
    canvas.paint(tube([at(3.3, 0.15), at(0.15, 0.75)], _LINE, straight=True), look.accent)
    canvas.paint(ellipse(0.5, 0.5, 0.012, 0.012), ink)
