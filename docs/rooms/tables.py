"""Writes the tables of `docs/architecture.md`: every file, with the first line of its docstring."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from house import House, Module, Package, Room

BEGIN, END = "<!-- rooms: begin -->", "<!-- rooms: end -->"


def with_tables(page: str, house: House) -> str:
    """Returns the page with new tables between its two marks; `ValueError` where a mark is missing."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"docs/architecture.md must hold {BEGIN} and, after it, {END}")
    return before + "\n".join([BEGIN, *_sections(house), END]) + after


def _sections(house: House) -> Iterator[str]:
    yield from ("", f"## {_link(house.command.path, str(house.command.path))}", "", house.command.summary, "")
    for package in house.packages:
        yield from _package(package)


def _package(package: Package) -> Iterator[str]:
    yield from _heading("##", package.face)
    files = [module for room in package.rooms if not room.face for module in room.modules]
    yield from _table(files, package.face.path.parent)
    for folder, names in package.assets.items():
        yield from (f"`{folder.as_posix()}/` holds {', '.join(f'`{name}`' for name in names)}.", "")
    for room in package.rooms:
        yield from _room(room)


def _room(room: Room) -> Iterator[str]:
    if room.face:
        yield from _heading("###", room.face)
        yield from _table(room.modules, room.face.path.parent)


def _heading(level: str, face: Module) -> Iterator[str]:
    yield from (f"{level} {_link(face.path, face.path.parent.as_posix() + '/')}", "", face.summary, "")


def _table(modules: Iterable[Module], folder: Path) -> Iterator[str]:
    yield from ("| file | what it is for |", "|---|---|")
    for module in modules:
        summary = module.summary.replace("|", r"\|")
        yield f"| {_link(module.path, module.path.relative_to(folder).as_posix())} | {summary} |"
    yield ""


def _link(path: Path, text: str) -> str:
    return f"[{text}](../{path.as_posix()})"
