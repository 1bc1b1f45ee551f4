"""On a terminal, the bar of an import knows from the start how many products there are."""

import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

from shape_catalogue import draw_catalogue

ROOT = Path(__file__).parents[2]


def test_the_bar_has_a_total(tmp_path: Path) -> None:
    feed = draw_catalogue(tmp_path / "feed")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    command = [sys.executable, "-m", "lookalike", "--home", str(tmp_path / "home"), "import", str(feed)]
    done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True, cwd=ROOT)
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 65536):
            shown += block
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    told = done.communicate(timeout=60)[0]
    assert done.returncode == 0, shown
    assert told.startswith("24 products (24 created)")
    assert re.search(rb"import: .* 0/24 ", shown)
    assert re.search(rb"import: 100%.* 24/24 ", shown)
    assert b"lookalike.progress" not in shown
