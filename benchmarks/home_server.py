"""A real `lookalike serve` of a home, for the scripts that ask it over HTTP."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

STOP_S = 60.0
_READY = re.compile(r"ready at http://127\.0\.0\.1:(\d+)")
COMMAND = [sys.executable, "-m", "lookalike"]  # tests put a smaller one in its place


def processor_s(process: int) -> float:
    """Returns the processor time that a process has spent so far, in seconds (the clock of clock_getcpuclockid(3))."""
    return time.clock_gettime((~process << 3) | 2)


@contextmanager
def serving(
    home: Path, *options: str, files: int = 0, settings: Mapping[str, str] | None = None
) -> Iterator[tuple[int, int]]:
    """Yields the port and the process id of a server that is ready; it is stopped at the end, and must stop cleanly.

    Args:
        options: of the command `serve`.
        files: how many files the server may have open; 0: what the system allows.
        settings: those that differ from the environment's.

    Raises:
        SystemExit: it did not become ready, or it ended with another exit status than 0.
    """
    server, port = started(home, *options, files=files, settings=settings)
    try:
        yield port, server.pid
    finally:
        server.send_signal(signal.SIGTERM)
        status = server.wait(STOP_S)
    if status:
        raise SystemExit(f"the server must stop with exit status 0; got {status}.")


def started(
    home: Path, *options: str, files: int = 0, settings: Mapping[str, str] | None = None
) -> tuple["subprocess.Popen[str]", int]:
    """Returns a server that is ready, and its port; see `serving`. Whoever asks for it ends it."""
    command = [*COMMAND, "--home", str(home), "serve", "--port", "0", *options]
    environment = {**os.environ, **{f"LOOKALIKE_{name.upper()}": value for name, value in (settings or {}).items()}}
    if files:
        command = ["prlimit", f"--nofile={files}:{files}", *command]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    lines = iter(server.stdout.readline, "") if server.stdout else iter(())
    found = next((port for line in lines if (port := _READY.search(line))), None)
    if not found:
        server.terminate()
        server.wait(STOP_S)
        raise SystemExit(f"{home} must hold a published generation that this machine can serve.")
    return server, int(found[1])
