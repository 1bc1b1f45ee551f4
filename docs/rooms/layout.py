"""Where the rooms of a package stand in the picture, and which way its arrows take. Sizes are in pixels.

Rooms stand in rows: a room stands below every room that imports it, so arrows always point down.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import fmean
from textwrap import wrap

from house import Package, Room

NAME_SIZE, FILE_SIZE, LETTER = 13, 11.5, 0.602  # LETTER: width of a monospaced letter, in parts of the font's size
LINE, PADDING, ROW_GAP = 15, 9, 28
LEAST_GAP = 16  # between two boxes of a row; arrows pass there
LANE = 6  # between two arrows that pass side by side
SWEEPS = 12  # see `_ordered`

Point = tuple[float, float]
Arrow = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A room in the picture.

    Attributes:
        name: the room's name.
        title: the name as it is shown.
        lines: names of its files, as they are wrapped.
        x, y: its upper left corner.
    """

    name: str
    title: str
    lines: tuple[str, ...]
    x: float = 0
    y: float = 0

    @property
    def width(self) -> float:
        widths = [len(self.title) * NAME_SIZE, *(len(line) * FILE_SIZE for line in self.lines)]
        return round(max(widths) * LETTER + 2 * PADDING)

    @property
    def height(self) -> float:
        return 28 + (LINE * len(self.lines) + 3 if self.lines else 0)

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The rooms of one package in their places; the upper left corner is (0, 0).

    Attributes:
        boxes: every room.
        ways: the points that each arrow goes through.
        height: of all rows together.
    """

    boxes: tuple[Box, ...]
    ways: tuple[tuple[Point, ...], ...]
    height: float


def lay_out(package: Package, width: float) -> Layout:
    """Places a package's rooms within `width`, with file names wrapped so that the rooms take the least height."""
    most = int((width - 2 * LEAST_GAP - 2 * PADDING) / (FILE_SIZE * LETTER))
    layouts = [_lay_out(package, width, letters) for letters in range(min(24, most), min(64, most) + 1)]
    return min(layouts, key=lambda layout: layout.height)


def _lay_out(package: Package, width: float, letters: int) -> Layout:
    boxes = {room.name: _box(room, letters) for room in package.rooms}
    rows: list[list[Box]] = []
    y = 0.0
    for names in _ordered(_rows(package), package.arrows):
        for row in _split([boxes[name] for name in names], width):
            rows.append(_spread(row, width, y))
            y += max(box.height for box in row) + ROW_GAP
    ways = tuple(_ways(rows, package.arrows, width))
    return Layout(boxes=tuple(box for row in rows for box in row), ways=ways, height=y - ROW_GAP)


def _box(room: Room, letters: int) -> Box:
    files = [module.path.stem for module in room.modules] if room.face else []
    title = f"{room.name}/" if room.face else room.name
    return Box(name=room.name, title=title, lines=tuple(wrap(", ".join(files), letters)))


def _rows(package: Package) -> list[list[str]]:
    """One row below the lowest room that imports it; a room that no other imports, right above what it imports."""
    row = {room.name: 0 for room in package.rooms}
    for _ in row:  # a way down has at most as many steps as there are rooms
        for upper, lower in package.arrows:
            row[lower] = max(row[lower], row[upper] + 1)
    for name in sorted(set(row) - {lower for _, lower in package.arrows}):
        row[name] = min((row[lower] - 1 for upper, lower in package.arrows if upper == name), default=max(row.values()))
    return [sorted(name for name in row if row[name] == level) for level in sorted(set(row.values()))]


def _ordered(rows: list[list[str]], arrows: tuple[Arrow, ...]) -> list[list[str]]:
    """Sorts each row by where a room's neighbours stand, going down and up by turns, so that few arrows cross."""
    neighbours = {name: [a if b == name else b for a, b in arrows if name in (a, b)] for row in rows for name in row}
    place: dict[str, float] = {}
    for sweep in range(SWEEPS):
        for row in rows[:: 1 if sweep % 2 else -1]:
            row.sort(key=lambda name: (fmean([place.get(other, 0.5) for other in neighbours[name]] or [0.5]), name))
            place |= {name: (number + 0.5) / len(row) for number, name in enumerate(row)}
    return rows


def _split(row: list[Box], width: float) -> list[list[Box]]:
    """Breaks a row that is wider than the package into as few rows as fit, about equally long."""
    for parts in range(1, len(row) + 1):
        split = [row[part::parts] for part in range(parts)]
        if all(sum(box.width + LEAST_GAP for box in part) + LEAST_GAP <= width for part in split):
            return split
    return [[box] for box in row]


def _spread(row: list[Box], width: float, y: float) -> list[Box]:
    """Places a row's boxes with equal gaps, each in the middle of the row's height."""
    gap = (width - sum(box.width for box in row)) / (len(row) + 1)
    tallest = max(box.height for box in row)
    placed: list[Box] = []
    x = gap
    for box in row:
        placed.append(replace(box, x=round(x), y=y + (tallest - box.height) / 2))
        x += box.width + gap
    return placed


def _ways(rows: list[list[Box]], arrows: tuple[Arrow, ...], width: float) -> Iterator[tuple[Point, ...]]:
    """Leads every arrow from box to box, through the gaps of the rows between them."""
    boxes = {box.name: box for row in rows for box in row}
    level = {box.name: number for number, row in enumerate(rows) for box in row}
    free = [_free(row, width) for row in rows]
    for upper, lower in arrows:
        start = (_port(boxes[upper], [boxes[b] for a, b in arrows if a == upper], boxes[lower]), _bottom(boxes[upper]))
        end = (_port(boxes[lower], [boxes[a] for a, b in arrows if b == lower], boxes[upper]), boxes[lower].y)
        points = [start]
        for between in range(level[upper] + 1, level[lower]):
            free[between] = free[between] or _free(rows[between], width)  # all are taken: arrows share them
            points += _through(rows[between], free[between], points[-1], end)
        yield (*points, end)


def _port(box: Box, others: list[Box], other: Box) -> float:
    """Where on a box's edge the arrow to or from `other` ends: the arrows stand side by side in the others' order."""
    order = sorted(others, key=lambda box: (box.middle, box.y, box.name))
    step = min(box.width / (len(others) + 1), 22)
    return box.middle + step * (order.index(other) - (len(others) - 1) / 2)


def _free(row: list[Box], width: float) -> list[float]:
    """The places between a row's boxes where an arrow may pass."""
    edges = [0.0, *(edge for box in row for edge in (box.x, box.x + box.width)), width]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return [x for left, right in gaps for x in range(round(left) + 5, round(right) - 4, LANE)]


def _through(row: list[Box], free: list[float], start: Point, end: Point) -> list[Point]:
    """Takes the free place of a row that is nearest to the straight line from `start` to `end`."""
    top, bottom = min(box.y for box in row), max(map(_bottom, row))
    straight = start[0] + (end[0] - start[0]) * (top - start[1]) / (end[1] - start[1])
    x = min(free, key=lambda place: abs(place - straight))
    free.remove(x)
    return [(x, top), (x, bottom)]


def _bottom(box: Box) -> float:
    return box.y + box.height
