"""Keras is imported without TensorFlow's notes, and without losing what else is written to stderr meanwhile."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.backbones.keras_import import _without_notes

ROOT = Path(__file__).parents[2]
NOTE = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    "I0000 00:00:1795727071.245126    3543 port.cc:153] oneDNN custom operations are on.\n"
)


def test_importing_keras_says_nothing() -> None:
    code = "from engine.backbones import import_keras; import_keras(); import keras"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


def test_only_notes_are_held_back(capfd: pytest.CaptureFixture[str]) -> None:
    with _without_notes():
        os.write(2, f"{NOTE}a real error\n".encode())
    os.write(2, b"later\n")
    assert capfd.readouterr().err == "a real error\nlater\n"
