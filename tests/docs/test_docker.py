"""Dockerfile and compose file: the documented commands have right flags, and the image gets all that is installed."""

import ast
import dataclasses
import re
from pathlib import Path

import pytest
from doc_blocks import ROOT, blocks_of
from documented_flags import check_flags

from data.settings import Settings

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
SCALE_OUT = (ROOT / "compose.scale-out.yaml").read_text(encoding="utf-8")


def test_the_documented_commands_have_right_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "catalogue.jsonl").touch()
    (block,) = [block for block in blocks_of("docs/deploy.md") if "docker compose" in block.text]
    lines = [re.search(r" shop (.*)", line) for line in block.text.splitlines()]
    commands = [line[1].replace("/feeds/", "") for line in lines if line]
    commands += [
        " ".join(ast.literal_eval(found))
        for found in re.findall(r"(?:CMD|command:) (\[\"serve.*\])", DOCKERFILE + COMPOSE)
    ]
    assert len(commands) == 5
    for command in commands:
        check_flags(f"lookalike {command}")


def test_the_image_gets_what_is_installed() -> None:
    kept = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
    found = re.search(r"^include = (.+)$", (ROOT / "setup.cfg").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    packages = set(re.findall(r"(\w+)\*", found[1]))
    assert packages | {"lookalike.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"} == kept


def test_image_and_compose_file_agree() -> None:
    home = re.search(r"LOOKALIKE_HOME=(\S+)", DOCKERFILE)
    assert home is not None
    assert f"VOLUME {home[1]}\n" in DOCKERFILE
    assert f"- shop:{home[1]}\n" in COMPOSE
    assert "USER 10001:10001\n" in DOCKERFILE
    assert "/livez" in DOCKERFILE
    assert "ARG EXTRA=cpu\n" in DOCKERFILE
    assert "0.0.0.0:8080" not in COMPOSE


def test_the_compose_file_beyond_one_machine_fits_the_image_and_the_docs() -> None:
    assert "/home/lookalike/releases\n" in DOCKERFILE  # or the volume would belong to root
    assert {"- releases:/home/lookalike/releases\n", "- releases:/home/lookalike/releases:ro\n"} <= {
        line.strip() + "\n" for line in SCALE_OUT.splitlines()
    }
    version = re.search(r"milvusdb/milvus:v(\S+)", SCALE_OUT)
    assert version is not None
    assert f"tried with Milvus {version[1]}" in (ROOT / "docs" / "scale-out.md").read_text(encoding="utf-8")
    ports = re.findall(r'- "(\S+):\d+"', SCALE_OUT)
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    extras = re.search(r"EXTRA: (\S+)", SCALE_OUT)
    assert extras is not None
    declared = set(re.findall(r"^([a-z]+) =$", (ROOT / "setup.cfg").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(extras[1].split(",")) <= declared
    commands = [" ".join(ast.literal_eval(found)) for found in re.findall(r'command: (\["serve.*\])', SCALE_OUT)]
    assert len(commands) == 2
    for command in commands:
        check_flags(f"lookalike {command}")
    settings = {f"LOOKALIKE_{field.name.upper()}" for field in dataclasses.fields(Settings)}
    assert set(re.findall(r"LOOKALIKE_[A-Z_]+", SCALE_OUT)) <= settings
