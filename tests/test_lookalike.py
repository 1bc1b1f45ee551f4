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


@pytest.mark.alone
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


@pytest.mark.parametrize(
    ("environment", "arguments", "wanted"),
    [
        ({"LOOKALIKE_PRECISION": "f99"}, ["status"], ("precision", "f99")),
        ({}, ["--backbone", "resnet50", "search", "--text", "mug"], ("resnet50", "xception")),
        ({"LOOKALIKE_BACKBONE": "inception"}, ["serve"], ("inception", "Did you mean inception_v3?")),
        ({"LOOKALIKE_THREDS": "3"}, ["status"], ("LOOKALIKE_THREDS", "Did you mean LOOKALIKE_THREADS?")),
    ],
)
def test_a_bad_setting_is_named_and_exits_2(
    tmp_path: Path, environment: dict[str, str], arguments: list[str], wanted: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lookalike", "--home", str(tmp_path), *arguments],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, **environment}, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert [text for text in wanted if text not in done.stderr] == []
    assert "Traceback" not in done.stderr


def test_help_needs_no_right_settings() -> None:
    result = CliRunner().invoke(lookalike.cli, ["serve", "--help"], env={"LOOKALIKE_THREDS": "3"})
    assert (result.exit_code, "Example:" in result.output) == (0, True)


@pytest.mark.parametrize("order", [[1, 2, 0], [2, 1, 0], [1, 0, 2], [2, 0, 1], [0, 2, 1]])
def test_the_backbone_of_a_home_is_found_wherever_the_flags_stand(tmp_path: Path, order: list[int]) -> None:
    Catalogue(tmp_path)
    (tmp_path / "backbones" / "shop").mkdir(parents=True)
    (tmp_path / "backbones" / "shop" / "backbone.json").touch()
    parts = (["status"], ["--home", str(tmp_path)], ["--backbone", "shop"])
    result = CliRunner().invoke(lookalike.cli, [word for place in order for word in parts[place]])
    assert result.exit_code == 0, result.exception


def test_the_readme_names_every_setting() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [f.name for f in dataclasses.fields(Settings) if f"| `{f.name}` |" not in readme] == []
