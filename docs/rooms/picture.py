"""Draws the house as an SVG picture: a band for every layer, a box for every room, arrows for the imports."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise
from textwrap import wrap

from house import COMMAND, LAYERS, House, Package
from layout import FILE_SIZE, LETTER, LINE, NAME_SIZE, PADDING, Box, Layout, Point, lay_out

WIDTH, SIDE, INSIDE = 1200, 88, 12  # SIDE: room left and right of the bands, where arrows pass them
COMMAND_Y, FIRST_BAND, BAND_GAP, BESIDE, SAY_LINE = 14, 88, 38, 20, 17
SHARE = {"api": 0.72, "indexer": 0.28}  # of their layer's width; other packages have a layer for themselves
LANE, TURN = 14, 8  # between two arrows at a side of the bands; radius of their corners
Crossing = tuple[str, str, int]  # importing package, imported package, files
COLOURS = {
    COMMAND: "#57606a",
    "api": "#0969da",
    "indexer": "#0b7d8a",
    "training": "#8250df",
    "engine": "#bc4c00",
    "data": "#1a7f37",
}
LEGEND = (
    "Small names: a folder's files. An arrow leads from a room to one that it imports, unless other arrows lead there.",
    "A wide arrow joins two packages; its number counts the files that import the lower one.",
)
STYLE = f"""
text {{ font: {FILE_SIZE}px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace }}
text {{ fill: #57606a }}
.title {{ font-size: 18px; font-weight: 700 }}
.name {{ font-size: {NAME_SIZE}px; font-weight: 600; fill: #1f2328 }}
.say {{ font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #424a53 }}
path {{ fill: none; stroke-width: 1.3 }}
.wide {{ stroke-width: 2 }}
"""


@dataclass(frozen=True, kw_only=True)
class Band:
    """A package's part of the picture.

    Attributes:
        layer: 0 is the highest.
        lines: what the package is for, as it is wrapped.
        layout: its rooms.
        x, y: its upper left corner.
    """

    name: str
    layer: int
    lines: tuple[str, ...]
    layout: Layout
    x: float
    y: float
    width: float
    height: float

    @property
    def rooms_y(self) -> float:
        return self.y + 28 + SAY_LINE * len(self.lines)

    @property
    def bottom(self) -> float:
        return self.y + self.height


def draw(house: House) -> str:
    """Returns the picture; the same house gives the same text."""
    bands = list(_bands(house))
    height = round(bands[-1].bottom + 62)
    parts = [_background(height), *_command(house), *_between(house, bands)]
    for band in bands:
        parts += _band(band)
    parts += _legend(height)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">\n'
        f"<title>The packages of Lookalike, their rooms and imports</title>\n<style>{STYLE}</style>\n"
        f"<defs>{''.join(map(_head, COLOURS))}</defs>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _bands(house: House) -> Iterator[Band]:
    """Layer below layer; the packages of one layer stand side by side and are equally high."""
    packages = {package.name: package for package in house.packages}
    y = float(FIRST_BAND)
    for layer, names in enumerate(LAYERS):
        x, whole = float(SIDE), WIDTH - 2 * SIDE - BESIDE * (len(names) - 1)
        bands = []
        for name in names:
            bands.append(_fitted(packages[name], layer, x, y, round(whole * SHARE.get(name, 1))))
            x += bands[-1].width + BESIDE
        height = max(band.height for band in bands)
        yield from (replace(band, height=height) for band in bands)
        y += height + BAND_GAP


def _fitted(package: Package, layer: int, x: float, y: float, width: float) -> Band:
    """A band that is as high as its content."""
    lines = tuple(wrap(package.face.summary, int((width - _title_width(package.name)) / 7)))
    layout = lay_out(package, width - 2 * INSIDE)
    band = Band(name=package.name, layer=layer, lines=lines, layout=layout, x=x, y=y, width=width, height=0)
    return replace(band, height=band.rooms_y - y + layout.height + INSIDE)


def _title_width(name: str) -> float:
    return 14 + len(f"{name}/ ") * 18 * LETTER


def _background(height: int) -> str:
    return f'<rect width="{WIDTH}" height="{height}" rx="12" fill="#ffffff" stroke="#d0d7de"/>'


def _head(name: str) -> str:
    """The head of a package's arrows."""
    return (
        f'<marker id="{_id(name)}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto" markerUnits="userSpaceOnUse"><path d="M0 0.5 8 4 0 7.5z" '
        f'style="fill:{COLOURS[name]};stroke:none"/></marker>'
    )


def _id(name: str) -> str:
    return f"from-{name.removesuffix('.py')}"


def _band(band: Band) -> Iterator[str]:
    """The package's frame, what it is for, its arrows and its rooms."""
    colour = COLOURS[band.name]
    yield (
        f'<rect x="{band.x:g}" y="{band.y:g}" width="{band.width:g}" height="{band.height:g}" rx="10" '
        f'fill="{colour}" fill-opacity="0.07" stroke="{colour}" stroke-opacity="0.45"/>'
    )
    yield _text(band.x + 14, band.y + 27, f"{band.name}/", "title", colour)
    for number, line in enumerate(band.lines):
        yield _text(band.x + _title_width(band.name), band.y + 26 + SAY_LINE * number, line, "say")
    yield f'<g transform="translate({band.x + INSIDE:g} {band.rooms_y:g})" stroke="{colour}">'
    for way in band.layout.ways:
        yield f'<path d="{_curve(way)}" marker-end="url(#{_id(band.name)})" stroke-opacity="0.75"/>'
    for box in band.layout.boxes:
        yield from _room(box)
    yield "</g>"


def _room(box: Box) -> Iterator[str]:
    size = f'width="{box.width:g}" height="{box.height:g}"'
    yield f'<rect x="{box.x:g}" y="{box.y:g}" {size} rx="5" fill="#ffffff"/><g stroke="none">'
    yield _text(box.x + PADDING, box.y + 19, box.title, "name")
    for number, line in enumerate(box.lines):
        yield _text(box.x + PADDING, box.y + 36 + LINE * number, line)
    yield "</g>"


def _curve(points: tuple[Point, ...]) -> str:
    """A line that leaves and reaches every point straight down."""
    path = f"M{points[0][0]:.0f} {points[0][1]:.0f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        half = (y + to_y) / 2
        path += f"V{to_y:.0f}" if x == to_x else f"C{x:.0f} {half:.0f} {to_x:.0f} {half:.0f} {to_x:.0f} {to_y:.0f}"
    return path


def _text(x: float, y: float, text: str, kind: str = "", colour: str = "") -> str:
    more = f' class="{kind}"' * bool(kind) + f' style="fill:{colour}"' * bool(colour)
    return f'<text x="{x:g}" y="{y:g}"{more}>{escape(text)}</text>'


def _command(house: House) -> Iterator[str]:
    """The box of `lookalike.py`, above the bands."""
    width = WIDTH - 2 * SIDE
    yield f'<rect x="{SIDE}" y="{COMMAND_Y}" width="{width}" height="34" rx="8" fill="#f6f8fa" stroke="#afb8c1"/>'
    yield _text(SIDE + 14, COMMAND_Y + 23, COMMAND, "title", COLOURS[COMMAND])
    yield _text(SIDE + 150, COMMAND_Y + 22, house.command.summary.replace("`", ""), "say")


def _between(house: House, bands: list[Band]) -> Iterator[str]:
    """Arrows between packages: straight down to the next layer, along a side of the bands to the layers below it."""
    place = {band.name: band for band in bands}
    layer = {COMMAND: -1} | {band.name: band.layer for band in bands}
    sides: dict[bool, list[Crossing]] = {True: [], False: []}
    crossings = [(source, target, files) for (source, target), files in house.crossings().items()]
    for source, target, files in sorted(crossings, key=lambda crossing: layer[crossing[0]] - layer[crossing[1]]):
        if layer[target] == layer[source] + 1:
            yield from _down(source, place.get(source), place[target], files)
        else:
            sides[source in (COMMAND, "api")].append((source, target, files))
    for left, passing in sides.items():
        for lane, (source, target, files) in enumerate(passing):
            leaves = [to for by, to, _ in passing if by == source].index(target)
            enters = [by for by, to, _ in passing if to == target].index(source)
            start = COMMAND_Y + 11 + 12 * leaves if source == COMMAND else place[source].bottom - 22 - 20 * leaves
            yield from _aside(source, left, lane, start, place[target].y + 22 + 24 * enters, files)


def _down(source: str, upper: Band | None, lower: Band, files: int) -> Iterator[str]:
    """An arrow across the gap between two layers; from the command's box where there is no upper band."""
    top = upper.bottom if upper else COMMAND_Y + 34
    x = (upper or lower).x + (upper or lower).width / 2
    yield _wide(source, f"M{x:.0f} {top:.0f}V{lower.y - 1:.0f}")
    yield _text(x + 9, (top + lower.y) / 2 + 5, f"{files} file{'s' * (files > 1)}", "say")


def _aside(source: str, left: bool, lane: int, start: float, end: float, files: int) -> Iterator[str]:
    """An arrow out of a band's side, down a lane of its own, and into a lower band."""
    x = 12 + LANE * lane
    out, corner, down, into = (v if left else WIDTH - v for v in (SIDE, x + TURN, x, SIDE - 1))
    away = f"M{out} {start:.0f}H{corner}Q{down} {start:.0f} {down} {start + TURN:.0f}"
    back = f"V{end - TURN:.0f}Q{down} {end:.0f} {corner} {end:.0f}H{into}"
    yield _wide(source, away + back)
    yield _text(SIDE - 24 if left else WIDTH - SIDE + 11, end - 5, str(files), "say")


def _wide(source: str, path: str) -> str:
    return f'<path class="wide" d="{path}" stroke="{COLOURS[source]}" marker-end="url(#{_id(source)})"/>'


def _legend(height: int) -> Iterator[str]:
    for number, line in enumerate(LEGEND):
        yield _text(SIDE, height - 36 + 18 * number, line, "say")
