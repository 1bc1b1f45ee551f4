"""A room is used through its face: outside it, nobody imports its files."""

import ast
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "data", "engine", "indexer", "training")
FILES = subprocess.run(
    ["git", "ls-files", *(f"{name}/*.py" for name in PACKAGES), "benchmarks/*.py", "lookalike.py"],
    cwd=ROOT, capture_output=True, text=True, check=True,
).stdout.split()  # fmt: skip
ROOMS = sorted(
    {".".join(name.split("/")[:2]) for name in FILES if name.count("/") == 2 and name.split("/")[0] in PACKAGES}
)


def behind_faces(path: str) -> Iterator[str]:
    """Yields the imports of one file that pass by the face of another room."""
    own = path.removesuffix(".py").split("/")[:2]
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] in PACKAGES and len(parts) > 2 and parts[:2] != own:
                yield f"{path}:{node.lineno} imports {node.module}"


@pytest.mark.parametrize("path", FILES)
def test_nobody_passes_by_a_face(path: str) -> None:
    assert list(behind_faces(path)) == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_face_lists_what_it_offers(room: str) -> None:
    face = import_module(room)
    assert (face.__doc__ or "").count("\n") == 0
    assert [name for name in face.__all__ if not hasattr(face, name)] == []
    assert not any(name.startswith("_") for name in face.__all__)
