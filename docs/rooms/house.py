"""Reads the house: its packages, their rooms, and which room imports which. Nothing of the project is imported.

A room is a folder of a package, or a file at the package's top.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "lookalike.py"
LAYERS = (("api", "indexer"), ("training",), ("engine",), ("data",))
PACKAGES = tuple(name for layer in LAYERS for name in layer)


@dataclass(frozen=True, kw_only=True)
class Module:
    """One Python file.

    Attributes:
        path: relative to the root of the checkout.
        summary: first line of its docstring.
        imports: the project's modules that its import statements name, as dotted names.
    """

    path: Path
    summary: str
    imports: tuple[str, ...]

    @property
    def packages(self) -> set[str]:
        """The packages that it imports from."""
        return {name.split(".")[0] for name in self.imports}


@dataclass(frozen=True, kw_only=True)
class Room:
    """A folder of a package, or one file at its top.

    Attributes:
        name: the folder's or the file's name without `.py`.
        face: a folder's `__init__.py`; None for a file.
        modules: the other files, those of folders in it too, or the file itself.
    """

    name: str
    face: Module | None
    modules: tuple[Module, ...]

    @property
    def files(self) -> tuple[Module, ...]:
        return self.modules if self.face is None else (self.face, *self.modules)


@dataclass(frozen=True, kw_only=True)
class Package:
    """One of the five packages.

    Attributes:
        face: its `__init__.py`.
        rooms: in the order of their names.
        arrows: (importing room, imported room), without those that follow from others.
        assets: folders that hold no Python, such as `static`, with their files.
    """

    face: Module
    rooms: tuple[Room, ...]
    arrows: tuple[tuple[str, str], ...]
    assets: dict[Path, tuple[str, ...]]

    @property
    def name(self) -> str:
        return self.face.path.parts[0]

    @property
    def modules(self) -> tuple[Module, ...]:
        """Every Python file of the package."""
        return (self.face, *(module for room in self.rooms for module in room.files))


@dataclass(frozen=True, kw_only=True)
class House:
    """The command and the five packages, upper layers first."""

    command: Module
    packages: tuple[Package, ...]

    def crossings(self) -> dict[tuple[str, str], int]:
        """Counts, for every pair (importing, imported) of packages, the files that hold such an import."""
        modules = {COMMAND: (self.command,)} | {package.name: package.modules for package in self.packages}
        counts = {
            (name, target): sum(target in module.packages for module in modules[name])
            for name in modules
            for target in PACKAGES
            if target != name
        }
        return {pair: count for pair, count in counts.items() if count}


def read_house() -> House:
    """Reads everything."""
    return House(command=read_module(Path(COMMAND)), packages=tuple(map(read_package, PACKAGES)))


def read_module(path: Path) -> Module:
    """Reads one file of the checkout.

    Raises:
        ValueError: it does not say what it is for.
    """
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    docstring = ast.get_docstring(tree)
    if not docstring:
        raise ValueError(f"{path} must begin with a docstring that says what it is for; got none.")
    return Module(path=path, summary=docstring.split("\n", 1)[0], imports=tuple(_imports(tree)))


def read_package(name: str) -> Package:
    """Reads one package with everything under it."""
    rooms = tuple(_read_rooms(name))
    face = read_module(Path(name, "__init__.py"))
    return Package(face=face, rooms=rooms, arrows=_arrows(name, rooms), assets=_assets(name))


def _imports(tree: ast.Module) -> Iterator[str]:
    """`import a.b` gives `a.b`; `from a import b` gives `a.b`, which may be a module or a name in one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in PACKAGES)


def _read_rooms(package: str) -> Iterator[Room]:
    for path in sorted((ROOT / package).iterdir()):
        inside = path.relative_to(ROOT)
        if path.suffix == ".py" and path.name != "__init__.py":
            yield Room(name=path.stem, face=None, modules=(read_module(inside),))
        elif (path / "__init__.py").exists():
            files = sorted(file.relative_to(ROOT) for file in path.rglob("*.py") if file != path / "__init__.py")
            yield Room(name=path.name, face=read_module(inside / "__init__.py"), modules=tuple(map(read_module, files)))


def _arrows(package: str, rooms: tuple[Room, ...]) -> tuple[tuple[str, str], ...]:
    """Leaves out the arrow a -> c where a way a -> b -> ... -> c says it already: the rest can be read."""
    imports = {room.name: _imported_rooms(package, room) & {other.name for other in rooms} for room in rooms}
    below = {name: _below(name, imports) for name in imports}
    if circle := sorted(name for name in below if name in below[name]):
        raise ValueError(f"rooms of {package}/ must not import each other in a circle; got {', '.join(circle)}")
    return tuple(
        (name, target)
        for name in sorted(imports)
        for target in sorted(imports[name])
        if not any(target in below[other] for other in imports[name])
    )


def _imported_rooms(package: str, room: Room) -> set[str]:
    targets = [target.split(".") for module in room.files for target in module.imports]
    return {target[1] for target in targets if target[0] == package} - {room.name}


def _below(name: str, imports: dict[str, set[str]]) -> set[str]:
    """Every room that can be reached from `name`."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = imports[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def _assets(package: str) -> dict[Path, tuple[str, ...]]:
    """Files that are not Python, by folder."""
    files: dict[Path, list[str]] = {}
    for path in sorted((ROOT / package).rglob("[!.]*.*")):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            files.setdefault(path.parent.relative_to(ROOT), []).append(path.name)
    return {folder: tuple(names) for folder, names in files.items()}
