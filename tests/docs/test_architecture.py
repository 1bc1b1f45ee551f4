"""The page of the architecture and its picture say what the code says."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "indexer", "training", "engine", "data")


def _check(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "docs" / "rooms"), "--check"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the packages and their page, to be changed by a test."""
    for name in (*PACKAGES, "docs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "lookalike.py", tmp_path)
    return tmp_path


def test_page_and_picture_are_current() -> None:
    result = _check(ROOT)
    assert result.returncode == 0, result.stderr


def test_the_page_links_to_every_module_exactly_once() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    modules = [ROOT / "lookalike.py", *(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))]
    counts = {path: page.count(f"](../{path.relative_to(ROOT).as_posix()})") for path in modules}
    assert len(counts) > 200
    assert {path: count for path, count in counts.items() if count != 1} == {}


def test_another_docstring_makes_the_page_stale(copy: Path) -> None:
    assert _check(copy).returncode == 0
    module = copy / "data" / "keys.py"
    module.write_text(module.read_text(encoding="utf-8").replace('"""', '"""Now: ', 1), encoding="utf-8")
    result = _check(copy)
    assert (result.returncode, "docs/architecture.md" in result.stderr) == (1, True)
    assert "make rooms" in result.stderr


def test_another_room_makes_page_and_picture_stale(copy: Path) -> None:
    (copy / "data" / "cellar.py").write_text('"""What is kept cool."""\n', encoding="utf-8")
    result = _check(copy)
    assert result.returncode == 1
    assert "docs/architecture.md and docs/images/rooms.svg" in result.stderr


def test_rooms_that_import_each_other_are_refused(copy: Path) -> None:
    errors = copy / "data" / "errors.py"
    errors.write_text(errors.read_text(encoding="utf-8") + "\nimport data.keys\n", encoding="utf-8")
    result = _check(copy)
    assert result.returncode == 1
    assert "rooms of data/ must not import each other in a circle; got database, errors, keys, storage" in result.stderr
