"""Checks the words of a documented command without running it."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
from doc_blocks import ROOT

import lookalike


def check_flags(line: str) -> None:
    """Checks a `lookalike` or `python benchmarks/...` command without running it."""
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*|nice", words[0]):
        words = words[1:]
    words = words[: next((place for place, word in enumerate(words) if re.match(r"2?>", word)), None)]
    if Path(words[0]).name == "lookalike":
        context = lookalike.cli.make_context("lookalike", words[1:])
        while isinstance(context.command, click.Group):
            rest = [*context._protected_args, *context.args]
            name, command, rest = context.command.resolve_command(context, rest)
            assert command is not None
            context = command.make_context(name, list(rest), parent=context)
        return
    assert words[0] == "python", line
    told = subprocess.run(
        [sys.executable, str(ROOT / words[1]), "--help"], capture_output=True, text=True, check=False, timeout=120
    )
    assert told.returncode == 0, told.stderr
    assert [word for word in words if word.startswith("--") and word not in told.stdout] == []
