"""The `lookalike` command with the tiny backbone, as the documented commands call it.

`serve` without a port takes a free one, and is stopped once it is ready; it must end with status 0. A rebuild of
another home than `var` trains the product space alone, which takes seconds.
"""

import os
import re
import signal
import subprocess
import sys
from types import ModuleType
from typing import Any

from tiny_backbone import TinyBackbone

import lookalike
from engine import backbones
from indexer.rebuild import parts
from training.parts import SPACE


def main(arguments: list[str]) -> None:
    if "serve" in arguments and "--port" not in arguments:
        _serve_a_moment([sys.executable, __file__, *arguments, "--port", "0"])
        return
    _replace(backbones, "resolve_spec", lambda settings: TinyBackbone.spec)
    _replace(backbones, "load_backbone", lambda *_, **__: TinyBackbone())
    if "--home" in arguments:
        _replace(parts, "PARTS", (SPACE,))
    lookalike.main(arguments)


def _replace(owner: ModuleType, name: str, value: Any) -> None:
    setattr(owner, name, value)


def _serve_a_moment(command: list[str]) -> None:
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    line = server.stdout.readline() if server.stdout else ""
    server.send_signal(signal.SIGTERM)
    if server.wait(60) or not re.search(r"ready at http://", line):
        raise SystemExit(f"serve must become ready and stop with status 0; got {server.returncode}: {line}")


if __name__ == "__main__":
    main(sys.argv[1:])
