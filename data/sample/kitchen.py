"""Draws mugs, teapots, vases and bottles for the sample catalogue, each with its own proportions from `rng`."""

from data.sample.canvas import Canvas, Colour, Lathe, ball, soft
from data.sample.looks import Look
from data.sample.outlines import box, ellipse, symmetric, tube
from data.sample.patterns import Rng, tint

_CREAM: Colour = (0.96, 0.94, 0.89)
_HANDLE = soft(0.018, 2.6)


def mug(canvas: Canvas, look: Look, rng: Rng) -> None:
    """Paints a mug with one of four handles."""
    cx, top, bottom = 0.42, rng.uniform(0.14, 0.3), 0.86
    radius = rng.uniform(0.22, 0.29)
    foot, belly = radius * rng.uniform(0.68, 1.02), radius * rng.uniform(0.94, 1.12)
    solid = Lathe([(top, radius), ((top + bottom) / 2, belly), (bottom - 0.05, foot * 1.02), (bottom, foot)], cx)
    right, out = cx + radius * 0.93, rng.uniform(0.16, 0.24)
    high, low = top + (bottom - top) * rng.uniform(0.14, 0.22), top + (bottom - top) * rng.uniform(0.68, 0.84)
    kind = int(rng.integers(4))
    line = (
        [(right, high), (right + out, high + 0.04), (right + out, low - 0.08), (right - 0.02, low)],
        [(right, high), (right + out * 0.9, high), (right + out * 0.9, low), (right, low)],
        [(right, high + 0.03), (right + out, high - 0.03), (right + out * 0.7, low - 0.1), (right - 0.02, low)],
        [(right, high + 0.12), (right + out * 0.8, high + 0.13), (right + out * 0.8, low), (right - 0.02, low)],
    )[kind]
    grip = look.trim if rng.random() < 0.3 else look.main
    canvas.paint(tube(line, rng.uniform(0.045, 0.065), straight=kind == 1), grip, _HANDLE, gloss=look.gloss)
    canvas.paint(solid.outline(), look.fill, solid.form, gloss=look.gloss, shadow=0.3)
    if rng.random() < 0.35:
        band = Lathe([(bottom - 0.09, foot * 1.04), (bottom + 0.001, foot)], cx)
        canvas.paint(band.outline(), look.trim, band.form, gloss=look.gloss * 0.5, clip=True)
    _opening(canvas, solid, look.main, _CREAM if rng.random() < 0.6 else look.main, look.gloss)


def teapot(canvas: Canvas, look: Look, rng: Rng) -> None:
    """Paints a round or tall teapot with spout, lid, knob and a side or bail handle."""
    cx, top, bottom = 0.49, rng.uniform(0.36, 0.43), 0.84
    wide = rng.uniform(0.23, 0.29)
    neck, foot = wide * rng.uniform(0.5, 0.72), wide * rng.uniform(0.6, 0.8)
    waist = top + (bottom - top) * rng.uniform(0.38, 0.66)
    solid = Lathe([(top, neck), (waist, wide), (bottom - 0.03, foot * 1.06), (bottom, foot)], cx, 0.16)
    left, tip = cx - wide, top - rng.uniform(-0.04, 0.06)
    spout = [(left + 0.06, waist + 0.12), (left - 0.04, waist + 0.04), (left - 0.09, tip + 0.1), (left - 0.16, tip)]
    canvas.paint(tube(spout, 0.13, 0.045), look.main, soft(0.025, 2.4), gloss=look.gloss)
    if rng.random() < 0.6:
        right, out = cx + wide, rng.uniform(0.13, 0.18)
        ear = [
            (right - 0.05, top + 0.08), (right + out, top + 0.04), (right + out * 0.85, waist + 0.1),
            (right - 0.04, bottom - 0.12),
        ]  # fmt: skip
        canvas.paint(tube(ear, 0.05, 0.038), look.trim, _HANDLE, gloss=look.gloss)
    else:
        rise = top - rng.uniform(0.22, 0.28)
        bail = symmetric(
            [(neck + 0.05, top + 0.07), (neck + 0.02, rise + 0.1), (neck * 0.6, rise + 0.02), (0.02, rise)], cx
        )
        canvas.paint(tube(bail, 0.03), look.trim, soft(0.012, 2.4), gloss=0.2)
    canvas.paint(solid.outline(), look.fill, solid.form, gloss=look.gloss, shadow=0.3)
    peak = top - rng.uniform(0.03, 0.08)
    lid = Lathe([(peak, 0.02), (peak + (top - peak) * 0.4, neck * 0.6), (top, neck * 0.94)], cx, 0.16)
    canvas.paint(lid.outline(), look.main, lid.form, gloss=look.gloss, shadow=0.4)
    size = rng.uniform(0.026, 0.04)
    knob = (cx, peak - size * 0.5, size, size)
    canvas.paint(ellipse(*knob), look.trim, ball(*knob), gloss=0.5, shadow=0.3)


def vase(canvas: Canvas, look: Look, rng: Rng) -> None:
    """Paints a turned vase of one of five families, some with dried stems."""
    top, bottom, wide = rng.uniform(0.1, 0.26), 0.9, rng.uniform(0.17, 0.26)
    middle = (top + bottom) / 2 + rng.uniform(-0.08, 0.12)
    foot, mouth = wide * rng.uniform(0.5, 0.72), wide * rng.uniform(0.36, 0.6)
    profile = (
        [(top, mouth), (top + 0.16, mouth * 0.8), (middle + 0.05, wide), (bottom, foot)],
        [(top, wide * 0.95), (top + 0.12, wide * 0.7), (middle + 0.1, wide * 0.62), (bottom, wide * 0.5)],
        [(top + 0.12, mouth), (top + 0.16, mouth * 0.95), (middle, wide * 1.25), (bottom - 0.1, wide), (bottom, foot)],
        [
            (top, mouth * 1.1),
            (middle - 0.16, mouth * 0.7),
            (middle - 0.04, wide),
            (bottom - 0.14, wide),
            (bottom, foot),
        ],
        [(top, wide * 0.75), (top + 0.03, wide * 0.78), (bottom - 0.06, wide * 0.82), (bottom, wide * 0.7)],
    )[int(rng.integers(5))]
    solid = Lathe(profile, 0.5, 0.17)
    if rng.random() < 0.35:
        for lean in rng.uniform(-0.2, 0.2, 5):
            x, y = 0.5 + float(lean), float(rng.uniform(0.02, 0.08))
            canvas.paint(tube([(0.5, 0.4), (0.5 + lean * 0.4, 0.25), (x, y + 0.03)], 0.008), (0.55, 0.5, 0.33))
            canvas.paint(ellipse(x, y + 0.05, 0.016, 0.045), (0.82, 0.7, 0.5), soft(0.012, 1.6))
    canvas.paint(solid.outline(), look.fill, solid.form, gloss=look.gloss)
    _opening(canvas, solid, look.main, look.main, look.gloss)


def bottle(canvas: Canvas, look: Look, rng: Rng) -> None:
    """Paints a drinking bottle: body, shoulder, neck, cap; some with a carrying loop or a coloured base."""
    wide, shoulder, bottom = rng.uniform(0.125, 0.175), rng.uniform(0.26, 0.4), 0.93
    neck, top = wide * rng.uniform(0.42, 0.75), shoulder - rng.uniform(0.1, 0.16)
    waist = wide * rng.choice([1.0, 0.88, 0.94])
    sides = [
        (top, neck),
        (top + 0.03, neck),
        (shoulder, wide),
        (0.62, waist),
        (bottom - 0.04, wide),
        (bottom, wide * 0.9),
    ]
    solid = Lathe(sides, 0.5, 0.13)
    lid, lid_top = neck * rng.uniform(1.02, 1.25), top - rng.uniform(0.06, 0.12)
    cap = Lathe([(lid_top, lid * 0.94), (lid_top + 0.015, lid), (top + 0.012, lid)], 0.5, 0.13)
    if rng.random() < 0.5:
        loop = symmetric([(lid, lid_top + 0.05), (0.06, lid_top - 0.07), (0.02, lid_top - 0.075)])
        canvas.paint(tube(loop, 0.026), look.trim, soft(0.01, 2.4), gloss=0.2)
    canvas.paint(solid.outline(), look.fill, solid.form, gloss=look.gloss)
    canvas.paint(cap.outline(), look.trim, cap.form, gloss=0.3, shadow=0.4)
    canvas.paint(ellipse(0.5, lid_top, lid * 0.94, lid * 0.122), tint(look.trim, 0.2))
    if rng.random() < 0.45:
        base = Lathe([(rng.uniform(0.78, 0.86), wide), (bottom - 0.04, wide), (bottom, wide * 0.9)], 0.5, 0.13)
        canvas.paint(base.outline(), look.trim, base.form, gloss=0.15, clip=True)
    glint = box(0.5 - wide * 0.72, shoulder + 0.06, 0.5 - wide * 0.6, 0.8, 0.02)
    canvas.paint(glint, (1, 1, 1), opacity=0.35 * look.gloss, clip=True)


def _opening(canvas: Canvas, solid: Lathe, rim: Colour, inside: Colour, gloss: float) -> None:
    """Paints the visible inside of an open vessel: a lit rim, then a hollow that is darker on the left."""
    y, radius = solid.profile[0]
    cx, hollow = solid.cx, radius - 0.011
    canvas.paint(ellipse(cx, y, radius, radius * solid.tilt), tint(rim, 0.25), gloss=gloss)
    canvas.paint(ellipse(cx, y + 0.003, hollow, hollow * solid.tilt), tint(inside, -0.42))
    floor = ellipse(cx + hollow * 0.13, y + 0.012, hollow * 0.86, hollow * solid.tilt * 0.8)
    canvas.paint(floor, tint(inside, -0.2), soft(0.04, 1.2), clip=True, opacity=0.8)
