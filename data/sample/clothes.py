"""Draws T-shirts, dresses and hats for the sample catalogue, each with its own proportions from `rng`."""

import numpy as np

from data.sample.canvas import Canvas, Lathe, ball, noise, soft
from data.sample.looks import Look
from data.sample.outlines import box, ellipse, joined, mirror, spline, symmetric, tube
from data.sample.patterns import Rng, tint


def tshirt(canvas: Canvas, look: Look, rng: Rng) -> None:
    """Paints a T-shirt laid flat: crew or V neck, short or long sleeves, some with a pocket."""
    half, hem = rng.uniform(0.21, 0.25), rng.uniform(0.86, 0.93)
    neck, shoulder, long = rng.uniform(0.08, 0.11), rng.uniform(0.14, 0.17), rng.random() < 0.3
    cloth = soft(0.016, 1.4, folds=noise(rng, (5, 7)), depth=0.3)
    out, cuff = (half + 0.13, 0.84) if long else (half + rng.uniform(0.14, 0.18), rng.uniform(0.35, 0.42))
    inner = (half + 0.045, 0.86) if long else (half + 0.02, cuff + 0.075)
    sleeve = joined(
        [(0.5 - half + 0.08, shoulder - 0.02), (0.5 - half + 0.015, shoulder + 0.01), (0.5 - out, cuff)],
        [(0.5 - out, cuff), (0.5 - inner[0], inner[1])],
        [(0.5 - inner[0], inner[1]), (0.5 - half + 0.02, 0.36), (0.5 - half + 0.09, 0.34)],
    )
    canvas.paint([sleeve, mirror(sleeve)], look.fill, cloth, gloss=0.02)
    seam = tube([(0.5 - out * 0.985, cuff - 0.022), (0.5 - inner[0], inner[1] - 0.024)], 0.003, straight=True)
    canvas.paint([seam, mirror(seam)], tint(look.main, -0.3), clip=True, opacity=0.6)
    side = [(half - 0.03, shoulder), (half - 0.005, 0.3), (half - rng.uniform(0.0, 0.02), 0.6), (half, hem)]
    left = np.array([(0.5 - x, y) for x, y in side])
    right = mirror(left)
    foot = [left[-1], (0.5, hem + 0.012), right[-1]]
    body = joined([(0.5 - neck, 0.09), left[0]], left, foot, right[::-1], [right[0], (0.5 + neck, 0.09)])
    canvas.paint(body, look.fill, cloth, gloss=0.02, shadow=0.2)
    drop = rng.uniform(0.055, 0.075) if rng.random() < 0.65 else rng.uniform(0.13, 0.16)
    collar = symmetric([(neck, 0.088), (neck * 0.62, 0.09 + drop * 0.66), (0.008, 0.09 + drop)])
    canvas.paint(joined(collar, [(0.5 + neck, 0.088), (0.5, 0.112), (0.5 - neck, 0.088)]), tint(look.main, -0.45))
    canvas.paint(tube(collar, 0.026), look.trim, soft(0.01, 1.6), shadow=0.2)
    if rng.random() < 0.4:
        canvas.paint(box(0.545, 0.34, 0.655, 0.46, 0.012), look.trim, soft(0.008, 1.0), shadow=0.25)
    line = tube([(0.5 - half, hem - 0.02), (0.5 + half, hem - 0.02)], 0.003, straight=True)
    canvas.paint(line, tint(look.main, -0.3), clip=True, opacity=0.6)


def dress(canvas: Canvas, look: Look, rng: Rng) -> None:
    """Paints a dress on a hanger: fitted or flared, V or round neck, three sleeve lengths, some belted or buttoned."""
    shoulder, bust, waist = rng.uniform(0.11, 0.14), rng.uniform(0.13, 0.15), rng.uniform(0.095, 0.125)
    flare, hip, hem = rng.uniform(0.18, 0.34), rng.uniform(0.4, 0.47), rng.uniform(0.78, 0.96)
    cloth = soft(0.016, 1.5, folds=noise(rng, (13, 2)), depth=0.45)
    side = [
        (shoulder, 0.13),
        (bust, 0.25),
        (waist, hip),
        (waist + (flare - waist) * 0.55, (hip + hem) / 2),
        (flare, hem),
    ]
    left = np.array([(0.5 - x, y) for x, y in side])
    cut, round_neck = rng.uniform(0.19, 0.25), rng.random() < 0.4
    throat = symmetric([(0.06, 0.135), (0.04 if round_neck else 0.02, cut - 0.02), (0.01, cut)])
    hook = tube([(0.5, 0.1), (0.5, 0.06), (0.525, 0.04), (0.515, 0.018)], 0.009)
    canvas.paint(hook, (0.6, 0.6, 0.62), soft(0.004, 2), gloss=0.5)
    bar = tube([(0.5 - shoulder + 0.02, 0.145), (0.5, 0.1), (0.5 + shoulder - 0.02, 0.145)], 0.02)
    canvas.paint(bar, (0.72, 0.55, 0.38), soft(0.008, 2))
    length = int(rng.integers(3))
    if length:
        reach, end = shoulder + (0.075, 0.11)[length - 1], (0.26, 0.5)[length - 1]
        outer = [(0.5 - shoulder + 0.03, 0.128), (0.5 - shoulder - 0.03, 0.16), (0.5 - reach, end)]
        inner = [(0.5 - reach + 0.075, end + 0.02), (0.5 - bust + 0.02, 0.255)]
        sleeve = joined(outer, [outer[-1], inner[0]], inner)
        canvas.paint([sleeve, mirror(sleeve)], look.fill, cloth, gloss=look.gloss)
    foot = [
        left[-1],
        (0.5 - flare * 0.4, hem + flare * 0.08),
        (0.5 + flare * 0.4, hem + flare * 0.08),
        mirror(left)[-1],
    ]
    body = joined(left, foot, mirror(left)[::-1], [mirror(left)[0], throat[-1]], throat[::-1], [throat[0], left[0]])
    canvas.paint(body, look.fill, cloth, gloss=look.gloss, shadow=0.2)
    if rng.random() < 0.55:
        belt = symmetric([(waist + 0.01, hip - 0.01), (0.02, hip + 0.006)])
        canvas.paint(tube(belt, rng.uniform(0.02, 0.045)), look.trim, soft(0.012, 1.8), shadow=0.3, clip=True)
    if rng.random() < 0.3:
        buttons = [ellipse(0.5, cut + 0.04 + step * 0.045, 0.008, 0.008) for step in range(4)]
        canvas.paint(buttons, look.trim, soft(0.006, 2), shadow=0.4)


def hat(canvas: Canvas, look: Look, rng: Rng) -> None:
    """Paints a brimmed hat, a cap or a beanie."""
    (_brimmed, _cap, _beanie)[int(rng.integers(3))](canvas, look, rng)


def _brimmed(canvas: Canvas, look: Look, rng: Rng) -> None:
    brim, droop, crown = rng.uniform(0.36, 0.46), rng.uniform(0.1, 0.14), rng.uniform(0.17, 0.22)
    y, top, ribbon = 0.66, rng.uniform(0.32, 0.4), rng.uniform(0.04, 0.085)
    shoulder = crown * rng.uniform(0.72, 0.95)
    canvas.paint(ellipse(0.5, y + 0.014, brim, droop), tint(look.main, -0.4), soft(0.02, 2))
    canvas.paint(ellipse(0.5, y, brim, droop), look.fill, soft(0.05, 1.2), gloss=0.04)
    sides = [(top, shoulder * 0.62), (top + 0.03, shoulder), (y - 0.05, crown), (y + 0.005, crown * 1.05)]
    dome = Lathe(sides, 0.5, 0.24)
    canvas.paint(dome.outline(), look.fill, dome.form, gloss=0.04, shadow=0.55)
    if rng.random() < 0.6:
        dent = symmetric([(shoulder * 0.5, top - 0.01), (0.02, top + 0.035)])
        canvas.paint(spline([*dent, (0.5, top - 0.02)]), tint(look.main, -0.3), soft(0.02, 1.5), opacity=0.6, clip=True)
    upper = ellipse(0.5, y - ribbon, crown * 1.02, crown * 0.245, 0, 180)
    lower = ellipse(0.5, y + 0.004, crown * 1.06, crown * 0.254, 180, 0)
    band = Lathe([(y - ribbon, crown * 1.02), (y + 0.004, crown * 1.06)], 0.5, 0.24)
    canvas.paint(np.concatenate([upper, lower]), look.trim, band.form, gloss=0.1)


def _cap(canvas: Canvas, look: Look, rng: Rng) -> None:
    crown, y, top, cx = rng.uniform(0.24, 0.28), 0.6, rng.uniform(0.26, 0.33), 0.42
    right = cx + crown
    dome = [
        (cx - crown, y), (cx - crown * 0.96, y - 0.14), (cx - crown * 0.45, top), (cx + crown * 0.35, top),
        (right, y - 0.13), (right, y + 0.01), (cx, y + 0.055),
    ]  # fmt: skip
    canvas.paint(spline(dome), look.fill, ball(cx, y, crown * 1.03, y - top + 0.06), gloss=0.05)
    for bend in (-0.45, 0.4):
        seam = [
            (cx, top - 0.005),
            (cx + bend * crown * 0.9, (top + y) / 2 - 0.05),
            (cx + bend * crown * 1.25, y + 0.04),
        ]
        canvas.paint(tube(seam, 0.004), tint(look.main, -0.35), clip=True, opacity=0.7)
    tip = right + rng.uniform(0.2, 0.26)
    bill = [
        (cx + crown * 0.1, y + 0.035), (right, y - 0.02), (tip - 0.02, y + 0.045), (tip, y + 0.085),
        (right - 0.03, y + 0.075), (cx + crown * 0.1, y + 0.085),
    ]  # fmt: skip
    canvas.paint(spline(bill), look.trim if rng.random() < 0.6 else look.main, soft(0.025, 2.2), gloss=0.08, shadow=0.5)
    canvas.paint(ellipse(cx, top - 0.004, 0.02, 0.013), look.trim, ball(cx, top - 0.004, 0.02, 0.016), gloss=0.1)
    if rng.random() < 0.6:
        canvas.paint(ellipse(cx + crown * 0.35, y - 0.13, 0.05, 0.05), look.accent, soft(0.012, 1.5), shadow=0.2)


def _beanie(canvas: Canvas, look: Look, rng: Rng) -> None:
    wide, top, fold = rng.uniform(0.24, 0.28), rng.uniform(0.24, 0.32), rng.uniform(0.57, 0.63)
    sides = [(top, 0.03), (top + 0.03, wide * 0.5), (top + 0.12, wide * 0.86), (fold, wide), (0.72, wide)]
    dome = Lathe(sides, 0.5, 0.1)
    if rng.random() < 0.6:
        canvas.paint(ellipse(0.5, top - 0.03, 0.075, 0.07), look.trim, ball(0.5, top - 0.03, 0.08, 0.075), gloss=0.0)
    canvas.paint(dome.outline(), look.fill, dome.form, gloss=0.02, shadow=0.4)
    cuff = Lathe([(fold, wide * 1.04), (fold + 0.02, wide * 1.06), (0.73, wide * 1.06), (0.745, wide * 1.04)], 0.5, 0.1)
    canvas.paint(cuff.outline(), look.trim if rng.random() < 0.4 else look.main, cuff.form, gloss=0.02, shadow=0.45)
    for turn in np.linspace(-1.35, 1.35, 25):
        x, sag = 0.5 + wide * 1.05 * np.sin(turn), wide * 0.1 * np.cos(turn)
        rib = tube([(x, fold + sag), (x, 0.745 + sag)], 0.004, straight=True)
        canvas.paint(rib, (0, 0, 0), opacity=0.16, clip=True)
