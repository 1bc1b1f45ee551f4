"""A real S3 server on this machine, in a process of its own; what it stores is gone when it ends."""

import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

_RUNNING = re.compile(r"Running on http://127\.0\.0\.1:(\d+)")
_STORED = re.compile(r'"PUT /[^/]+/(\S+) HTTP')
_WAIT_S = 60.0


class S3Server:
    """The server, and a client to prepare and damage what lies in it.

    Args:
        log: a file for its log.
        port: 0: a free one.
    """

    def __init__(self, log: Path, port: int = 0) -> None:
        self._log = log
        with log.open("w") as out:
            command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=out)
        until = time.monotonic() + _WAIT_S
        while not (found := _RUNNING.search(log.read_text())):
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"moto must start; it says: {log.read_text()[-1000:]}")
            time.sleep(0.05)
        self.port = int(found[1])
        self.address = f"http://127.0.0.1:{self.port}"

    def client(self) -> Any:
        """Returns boto3's client for it, which keeps nothing of what it was told before."""
        import boto3

        return boto3.client("s3", endpoint_url=self.address)

    def stored(self) -> list[str]:
        """Returns the names of all objects that were ever stored, in this order."""
        return [found[1] for line in self._log.read_text().splitlines() if (found := _STORED.search(line))]

    def require_known_keys(self, required: bool) -> None:
        """Lets the server refuse keys that it does not know, which are all."""
        allowed = b"0" if required else b"1000000000"
        kind = {"Content-Type": "application/octet-stream"}
        urllib.request.urlopen(urllib.request.Request(f"{self.address}/moto-api/reset-auth", allowed, kind)).close()  # noqa: S310

    def kill(self) -> None:
        """Ends it at once; connections to it are refused afterwards."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(_WAIT_S)


@contextmanager
def s3_server(folder: Path, port: int = 0) -> Iterator[S3Server]:
    """Yields a server that this process's fsspec and boto3 find; skips the test where it is not installed."""
    for name in ("moto", "flask_cors", "s3fs"):
        pytest.importorskip(name, reason=f"{name} is not installed; the extra `dev` has it")
    server = S3Server(folder / "s3.log", port)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", server.address)
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "of-the-test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        as_another_process()
        try:
            yield server
        finally:
            with suppress(ProcessLookupError):
                server.kill()
            as_another_process()


def as_another_process() -> None:
    """Lets the next storage that is opened share nothing with those before, such as remembered listings."""
    from s3fs import S3FileSystem

    S3FileSystem.clear_instance_cache()
