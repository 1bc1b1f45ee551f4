"""Draws lamps, chairs, sofas and cushions for the sample catalogue, each with its own proportions from `rng`."""

from data.sample.canvas import Canvas, Colour, Lathe, ball, noise, soft
from data.sample.looks import Look
from data.sample.outlines import Points, box, ellipse, joined, spline, tube
from data.sample.patterns import Rng, tint

_WOODS: tuple[Colour, ...] = ((0.80, 0.62, 0.42), (0.52, 0.34, 0.21), (0.2, 0.17, 0.15))
_ROD = soft(0.012, 2.2)


def lamp(canvas: Canvas, look: Look, rng: Rng) -> None:
    """Paints a table lamp: drum, cone, dome or globe shade over a turned or thin stand."""
    wide, low = rng.uniform(0.2, 0.29), rng.uniform(0.4, 0.5)
    top = low - rng.uniform(0.24, 0.32)
    profile = (
        [(top, wide * 0.88), (low, wide)],
        [(top, wide * 0.5), (low, wide)],
        [(top, wide * 0.16), (top + 0.05, wide * 0.62), (low - 0.03, wide), (low, wide)],
        [(top, wide * 0.34), (top + 0.1, wide * 0.9), (low - 0.08, wide * 0.92), (low, wide * 0.36)],
    )[int(rng.integers(4))]
    shade = Lathe(profile, 0.5, 0.12)
    _lamp_stand(canvas, look, rng, low)
    canvas.paint(shade.outline(), look.fill, shade.form, gloss=look.gloss * 0.6, shadow=0.35)
    (y, radius), mouth = profile[0], profile[-1][1]
    canvas.paint(ellipse(0.5, low, mouth, mouth * 0.12, 0, 180), (1.0, 0.9, 0.68), opacity=0.28, clip=True)
    canvas.paint(ellipse(0.5, y, radius * 0.96, radius * 0.11), (1.0, 0.89, 0.66), opacity=0.95)
    if rng.random() < 0.4:
        knob = (0.5, y - 0.015, 0.014, 0.018)
        canvas.paint(ellipse(*knob), look.trim, ball(*knob), gloss=0.6)


def _lamp_stand(canvas: Canvas, look: Look, rng: Rng, low: float) -> None:
    foot = rng.uniform(0.11, 0.17)
    base = Lathe([(0.88, foot * 0.94), (0.905, foot)], 0.5, 0.2)
    canvas.paint(base.outline(), look.trim, base.form, gloss=0.2)
    canvas.paint(ellipse(0.5, 0.88, foot * 0.94, foot * 0.19), tint(look.trim, 0.12), soft(0.03, 1))
    if rng.random() < 0.5:
        bulge = rng.uniform(0.06, 0.12)
        stand = Lathe([(low - 0.02, 0.02), (low + 0.12, 0.03), (0.72, bulge), (0.88, bulge * 0.62)], 0.5, 0.15)
        canvas.paint(stand.outline(), look.trim, stand.form, gloss=0.4, shadow=0.4)
    else:
        canvas.paint(box(0.485, low - 0.02, 0.515, 0.885, 0.01), look.trim, soft(0.012, 2.4), gloss=0.4)


def chair(canvas: Canvas, look: Look, rng: Rng) -> None:
    """Paints a chair: shell, panel, ladder or round back on four wooden or dark legs, some with an arm."""
    wood = _WOODS[int(rng.integers(3))]
    leg, splay = rng.uniform(0.026, 0.042), rng.uniform(0.0, 0.06)
    left, right, seat = 0.25, rng.uniform(0.7, 0.75), rng.uniform(0.53, 0.58)
    for x, out in ((left + 0.12, -0.3), (right - 0.02, 0.7)):
        canvas.paint(tube([(x, seat), (x + splay * out, 0.83)], leg, leg * 0.7, straight=True), tint(wood, -0.3), _ROD)
    _chair_back(canvas, look, rng, (left, right, seat, leg), wood)
    for x, out in ((left + 0.02, -0.8), (right + 0.07, 1.0)):
        line = [(x, seat + 0.04), (x + splay * out, 0.93)]
        canvas.paint(tube(line, leg * 1.1, leg * 0.75, straight=True), wood, _ROD, shadow=0.2)
    thick = rng.uniform(0.03, 0.06)
    edge = box(left - 0.035, seat + 0.005, right + 0.09, seat + 0.03 + thick, 0.03)
    canvas.paint(edge, tint(look.main, -0.18), soft(0.02, 2.0), shadow=0.35)
    top = [(left + 0.05, seat - 0.04), (right, seat - 0.04), (right + 0.08, seat + 0.05), (left - 0.02, seat + 0.05)]
    canvas.paint(spline(top), look.fill, soft(0.035, 1.5), gloss=look.gloss)
    if rng.random() < 0.35:
        arm = [(left + 0.02, seat - 0.13), (left - 0.04, seat - 0.14), (left - 0.01, seat + 0.02)]
        canvas.paint(tube(arm, leg * 1.2), wood, soft(0.014, 2.2), shadow=0.3)


def _chair_back(canvas: Canvas, look: Look, rng: Rng, at: tuple[float, float, float, float], wood: Colour) -> None:
    left, right, seat, leg = at
    top, middle, kind = rng.uniform(0.1, 0.2), (left + right) / 2 + 0.02, int(rng.integers(4))
    posts = [tube([(x, top + 0.02), (x, seat)], leg, straight=True) for x in (left + 0.06, right - 0.02)]
    if kind == 0:
        half = (right - left) / 2
        shell = [
            (middle - half + 0.02, seat), (middle - half, top + 0.1), (middle - half * 0.6, top),
            (middle + half * 0.6, top), (middle + half, top + 0.1), (middle + half - 0.02, seat),
        ]  # fmt: skip
        canvas.paint(spline(shell), look.fill, soft(0.06, 2.2), gloss=look.gloss)
    elif kind == 1:
        canvas.paint(posts, wood, _ROD)
        panel = box(left + 0.03, top, right + 0.01, top + rng.uniform(0.16, 0.26), 0.05)
        canvas.paint(panel, look.fill, soft(0.035, 2.0), gloss=look.gloss, shadow=0.3)
    elif kind == 2:
        canvas.paint(posts, look.main, _ROD)
        for step in range(int(rng.integers(3, 5))):
            y = top + 0.04 + step * 0.085
            rung = tube([(left + 0.06, y), (middle - 0.02, y - 0.018), (right - 0.02, y)], 0.05)
            canvas.paint(rung, look.fill, soft(0.014, 2.0), gloss=look.gloss, shadow=0.25)
    else:
        canvas.paint(box(middle - 0.03, seat - 0.12, middle + 0.03, seat, 0.01), wood, _ROD)
        canvas.paint(ellipse(middle, top + 0.17, 0.22, 0.17), look.fill, soft(0.05, 2.2), gloss=look.gloss)


def sofa(canvas: Canvas, look: Look, rng: Rng) -> None:
    """Paints a sofa of two or three seats with square, round or slim arms; some tufted, some with a scatter cushion."""
    seats, top, seat, bottom = int(rng.integers(2, 4)), rng.uniform(0.24, 0.33), rng.uniform(0.5, 0.55), 0.76
    left, right = max(0.4 - 0.1 * seats, 0.05), min(0.6 + 0.1 * seats, 0.95)
    arm, arm_top, bend = rng.uniform(0.07, 0.13), rng.uniform(0.4, 0.47), float(rng.choice([0.02, 0.05, 0.09]))
    wood, foot = _WOODS[int(rng.integers(3))], bottom + rng.uniform(0.03, 0.09)
    for x, lean in ((left + 0.06, -0.02), (right - 0.06, 0.02)):
        canvas.paint(tube([(x, bottom - 0.02), (x + lean, foot)], 0.034, 0.02, straight=True), wood, _ROD)
    cloth = soft(0.03, 1.9, folds=noise(rng, (7, 7)), depth=0.2)
    start = left + arm * 0.85
    width = (1 - 2 * start) / seats
    edges = [start + number * width for number in range(seats)]

    def upholster(outline: Points, shadow: float) -> None:
        canvas.paint(outline, look.fill, cloth, gloss=look.gloss, shadow=shadow)

    upholster(box(left + 0.03, top, right - 0.03, bottom, 0.05), 0)
    tufted = rng.random() < 0.35
    for x in edges:
        upholster(box(x + 0.003, top + 0.025, x + width - 0.003, seat + 0.02, 0.045), 0.25)
        if tufted:
            dents = ((0.3, 0.1), (0.7, 0.1), (0.5, 0.17))
            buttons = [ellipse(x + width * across, top + down, 0.008, 0.008) for across, down in dents]
            canvas.paint(buttons, tint(look.main, -0.4), soft(0.006, 2), shadow=0.6)
    canvas.paint(box(left + 0.04, seat + 0.05, right - 0.04, bottom, 0.02), tint(look.main, -0.12), soft(0.02, 1.4))
    for x in edges:
        upholster(box(x + 0.002, seat, x + width - 0.002, seat + 0.11, 0.035), 0.3)
    for x in (left, right - arm):
        upholster(box(x, arm_top, x + arm, bottom, bend), 0.35)
    if rng.random() < 0.5:
        x = start + 0.015
        pillow = [(x, seat - 0.13), (x + 0.14, seat - 0.15), (x + 0.15, seat), (x + 0.02, seat + 0.01)]
        canvas.paint(spline(pillow), look.accent, soft(0.03, 2.2), shadow=0.4)


def cushion(canvas: Canvas, look: Look, rng: Rng) -> None:
    """Paints a square, oblong or round cushion with piping, tassels, a button or a seam."""
    kind, edge = int(rng.integers(4)), int(rng.integers(3))
    wide, high = (0.42, rng.uniform(0.25, 0.3)) if kind == 2 else (0.38, 0.38)
    pull = rng.uniform(0.02, 0.045)
    outline = ellipse(0.5, 0.5, wide, high) if kind == 3 else _pillow(wide, high, pull)
    if edge == 0:
        canvas.paint(tube([*outline[::4], outline[0]], 0.022), look.trim, soft(0.01, 2.4))
    elif edge == 1 and kind != 3:
        for across, down in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            x, y = 0.5 + across * wide, 0.5 + down * high
            tassel = [(x, y), (x + across * 0.02, y + 0.05), (x + across * 0.03, y + 0.1)]
            canvas.paint(tube(tassel, 0.012, 0.034), look.trim, soft(0.01, 2))
    canvas.paint(outline, look.fill, soft(0.09, 2.3, folds=noise(rng, (6, 6)), depth=0.22), gloss=look.gloss)
    if rng.random() < 0.3:
        button = (0.5, 0.5, 0.022, 0.022)
        canvas.paint(ellipse(*button), look.trim, ball(*button), shadow=0.8)


def _pillow(wide: float, high: float, pull: float) -> Points:
    """Returns the outline of a stuffed rectangle: pointed corners, sides drawn in by `pull`."""
    left, right, top, bottom = 0.5 - wide, 0.5 + wide, 0.5 - high, 0.5 + high
    return joined(
        [(left, top), (0.5 - wide * 0.5, top + pull), (0.5 + wide * 0.5, top + pull), (right, top)],
        [(right, top), (right - pull, 0.5 - high * 0.5), (right - pull, 0.5 + high * 0.5), (right, bottom)],
        [(right, bottom), (0.5 + wide * 0.5, bottom - pull), (0.5 - wide * 0.5, bottom - pull), (left, bottom)],
        [(left, bottom), (left + pull, 0.5 + high * 0.5), (left + pull, 0.5 - high * 0.5), (left, top)],
    )
