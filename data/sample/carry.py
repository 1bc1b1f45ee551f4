"""Draws backpacks and umbrellas for the sample catalogue, each with its own proportions from `rng`."""

import math
from itertools import pairwise

import numpy as np

from data.sample.canvas import Canvas, Colour, Form, ball, noise, soft
from data.sample.looks import Look
from data.sample.outlines import box, ellipse, spline, symmetric, tube
from data.sample.patterns import Rng, tint

_BRASS: Colour = (0.82, 0.74, 0.52)
_METALS: tuple[Colour, ...] = ((0.8, 0.8, 0.82), (0.3, 0.3, 0.32))


def backpack(canvas: Canvas, look: Look, rng: Rng) -> None:
    """Paints a backpack from the front: zipped, with a flap, or rolled shut; with a pocket, some with a label."""
    half, top, bottom = rng.uniform(0.24, 0.29), rng.uniform(0.12, 0.2), 0.92
    cloth = soft(0.05, 2.0, folds=noise(rng, (6, 6)), depth=0.25)
    for side in (-1, 1):
        x = 0.5 + side * half
        strap = [
            (0.5 + side * 0.1, top + 0.04), (x + side * 0.05, top + 0.22), (x + side * 0.055, bottom - 0.25),
            (x - side * 0.02, bottom - 0.06),
        ]  # fmt: skip
        canvas.paint(tube(strap, 0.055, 0.04), tint(look.trim, -0.15), soft(0.018, 2.2))
    grip = symmetric([(0.06, top + 0.02), (0.055, top - 0.065), (0.02, top - 0.07)])
    canvas.paint(tube(grip, 0.026), look.trim, soft(0.01, 2.2))
    shoulder = half * rng.uniform(0.62, 0.9)
    above = [(0.02, top - 0.005), (shoulder, top + 0.02), (half * 0.98, top + 0.14), (half * 1.02, 0.55)]
    below = [(half, bottom - 0.06), (half * 0.9, bottom), (0.02, bottom + 0.004)]
    canvas.paint(spline(symmetric([*above, *below])), look.fill, cloth, gloss=look.gloss, shadow=0.3)
    (_zip, _flap, _roll)[int(rng.integers(3))](canvas, look, half, top, cloth)
    pocket, inset = rng.uniform(0.58, 0.66), half * rng.uniform(0.72, 0.86)
    paint = look.trim if rng.random() < 0.25 else look.fill
    front = box(0.5 - inset, pocket, 0.5 + inset, bottom - 0.035, 0.05)
    canvas.paint(front, paint, cloth, gloss=look.gloss, shadow=0.45)
    seam = tube(symmetric([(inset * 0.86, pocket + 0.04), (0.02, pocket + 0.032)]), 0.01)
    canvas.paint(seam, tint(look.main, -0.4), soft(0.005, 2))
    if rng.random() < 0.5:
        label = box(0.455, pocket + 0.09, 0.545, pocket + 0.14, 0.008)
        canvas.paint(label, tint(look.accent, -0.1), soft(0.008, 1.5), shadow=0.3)


def _zip(canvas: Canvas, look: Look, half: float, top: float, cloth: Form) -> None:
    arch = symmetric([(half * 0.9, 0.56), (half * 0.84, top + 0.15), (0.03, top + 0.075)])
    canvas.paint(tube(arch, 0.012), tint(look.main, -0.4), soft(0.006, 2))
    pull = tube([(0.5 + half * 0.87, 0.5), (0.5 + half * 0.83, 0.57)], 0.018)
    canvas.paint(pull, look.trim, soft(0.006, 2), shadow=0.3)


def _flap(canvas: Canvas, look: Look, half: float, top: float, cloth: Form) -> None:
    low = 0.36 + top
    flap = symmetric([(half * 0.75, top + 0.005), (half, top + 0.1), (half * 0.98, low - 0.03), (half * 0.8, low)])
    canvas.paint(spline(flap), look.fill, cloth, gloss=look.gloss, shadow=0.45)
    for x in (0.5 - half * 0.45, 0.5 + half * 0.45):
        strap = tube([(x, low - 0.12), (x, low + 0.09)], 0.03, straight=True)
        canvas.paint(strap, look.trim, soft(0.01, 2), shadow=0.35)
        buckle = box(x - 0.024, low + 0.02, x + 0.024, low + 0.06, 0.008)
        canvas.paint(buckle, _BRASS, soft(0.008, 2), gloss=0.5, shadow=0.3)


def _roll(canvas: Canvas, look: Look, half: float, top: float, cloth: Form) -> None:
    roll = box(0.5 - half * 0.94, top - 0.01, 0.5 + half * 0.94, top + 0.1, 0.03)
    canvas.paint(roll, look.fill, soft(0.03, 2.4), gloss=look.gloss, shadow=0.45)
    canvas.paint(tube([(0.5, top), (0.5, 0.52)], 0.03, straight=True), look.trim, soft(0.01, 2), shadow=0.3)
    canvas.paint(box(0.475, 0.46, 0.525, 0.5, 0.008), _BRASS, soft(0.008, 2), gloss=0.5, shadow=0.3)


def umbrella(canvas: Canvas, look: Look, rng: Rng) -> None:
    """Paints an open umbrella from the side: four to six visible panels, some two-tone; hooked or straight handle."""
    high, rim, reach = rng.uniform(0.1, 0.2), rng.uniform(0.44, 0.52), rng.uniform(0.36, 0.46)
    metal = _METALS[int(rng.integers(2))]
    canvas.paint(box(0.493, 0.3, 0.507, 0.86, 0.005), metal, soft(0.006, 2.4), gloss=0.5)
    hooked = rng.random() < 0.65
    hook = tube([(0.5, 0.76), (0.5, 0.9), (0.535, 0.945), (0.585, 0.92), (0.59, 0.88)], 0.032)
    grip = hook if hooked else box(0.478, 0.78, 0.522, 0.95, 0.02)
    canvas.paint(grip, look.trim, soft(0.014, 2.4), gloss=0.35)
    canvas.paint(ellipse(0.5, rim, reach * 0.98, 0.05), tint(look.main, -0.55), soft(0.03, 1))
    panels, two_tone = int(rng.choice([4, 5, 6])), rng.random() < 0.25
    dome = ball(0.5, rim, reach * 1.05, (rim - high) * 1.1)
    turns = np.linspace(0.02, math.pi / 2, 12)
    falls = rim - (rim - high) * np.cos(turns)
    edges = -np.cos(np.linspace(0, math.pi, panels + 1))
    for number, (lean, next_lean) in enumerate(pairwise(edges)):
        ribs = [np.stack([0.5 + side * reach * np.sin(turns), falls], axis=1) for side in (lean, next_lean)]
        dip = (0.5 + (lean + next_lean) / 2 * reach, rim - 0.035 + 0.02 * abs(lean + next_lean))
        hem = spline([ribs[0][-1], dip, ribs[1][-1]], closed=False)
        paint = look.accent if two_tone and number % 2 else look.fill
        canvas.paint(np.concatenate([ribs[0], hem, ribs[1][::-1]]), paint, dome, gloss=0.12)
        canvas.paint(tube(ribs[0], 0.004, straight=True), tint(look.main, -0.35), opacity=0.7, clip=True)
    canvas.paint(tube([(0.5, high + 0.01), (0.5, high - 0.05)], 0.016, 0.01, straight=True), metal, soft(0.006, 2))
