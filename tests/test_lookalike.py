"""The command as a whole: quick help, nothing heavy loaded, every command documented."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import lookalike
from data.catalogue import Catalogue
from data.settings import Settings

ROOT = Path(__file__).parent.parent
HEAVY = (
    "numpy", "PIL", "faiss", "keras", "tensorflow", "torch", "openvino", "sentence_transformers", "sklearn", "flask",
    "sqlite_utils", "pyarrow", "matplotlib",
)  # fmt: skip


def test_help_is_quick_and_loads_no_heavy_library() -> None:
    program = (
        "import sys, json, lookalike\n"
        "try:\n    lookalike.main(['--help'])\n"
        f"finally:\n    print('LOADED', json.dumps([m for m in {HEAVY!r} if m in sys.modules]))\n"
    )
    took_s = []
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
        took_s.append(time.perf_counter() - started)
    assert "Usage: lookalike" in done.stdout
    assert json.loads(done.stdout.split("LOADED ")[1]) == []
    assert min(took_s) < 1.0


@pytest.mark.parametrize("name", lookalike.COMMANDS)
def test_every_command_has_help_an_example_and_a_line_in_the_readme(name: str) -> None:
    result = CliRunner().invoke(lookalike.cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    command = lookalike.cli.get_command(click.Context(lookalike.cli), name)
    assert command is not None
    children = getattr(command, "commands", None)
    texts = [child.help for child in children.values()] if children else [command.help]
    assert all("Example:" in (text or "") for text in texts), f"{name}: its help must hold an Example"
    assert f"`lookalike {name}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_home_may_stand_before_or_after_the_command(tmp_path: Path) -> None:
    Catalogue(tmp_path)
    for arguments in (["--home", str(tmp_path), "status", "--json"], ["status", "--json", "--home", str(tmp_path)]):
        result = CliRunner().invoke(lookalike.cli, arguments)
        assert result.exit_code == 0, result.output


def test_a_bad_setting_is_named_and_exits_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lookalike", "--home", str(tmp_path), "status"],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "LOOKALIKE_PRECISION": "f99"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "precision" in done.stderr
    assert "f99" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_readme_names_every_setting() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [f.name for f in dataclasses.fields(Settings) if f"| `{f.name}` |" not in readme] == []
