"""The `lookalike` command with the tiny backbone, as the documented commands call it.

`serve` without a port takes a free one, and is stopped once it is ready; it must end with status 0.
"""

import os
import re
import signal
import subprocess
import sys

from tiny_backbone import TinyBackbone

import lookalike
from engine import backbones


def main(arguments: list[str]) -> None:
    if "serve" in arguments and "--port" not in arguments:
        _serve_a_moment([sys.executable, __file__, *arguments, "--port", "0"])
        return
    patched = {"resolve_spec": lambda settings: TinyBackbone.spec, "load_backbone": lambda *_, **__: TinyBackbone()}
    for name, value in patched.items():
        setattr(backbones, name, value)
    lookalike.main(arguments)


def _serve_a_moment(command: list[str]) -> None:
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    line = server.stdout.readline() if server.stdout else ""
    server.send_signal(signal.SIGTERM)
    if server.wait(60) or not re.search(r"ready at http://", line):
        raise SystemExit(f"serve must become ready and stop with status 0; got {server.returncode}: {line}")


if __name__ == "__main__":
    main(sys.argv[1:])
