"""Lock files that name their holder; the kernel releases a lock when its process ends, however it ends."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from data.errors import LockHeld
from data.storage.durable import make_folder
from data.storage.small_files import parse_json

_TRIES, _PAUSE_S = 5, 0.02
_MOST_CHARACTERS = 10_000  # that name a holder


@dataclass(frozen=True)
class Holder:
    """Who holds a lock: process id, machine, what it is doing, and since when (ISO 8601, UTC)."""

    pid: int
    host: str
    what: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, {self.what} since {self.since}"


@contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """Holds the lock at `path` for the length of the block; never waits for another holder to finish.

    Args:
        path: the lock file; created if missing, and kept afterwards, because removing it would let two processes in.
        what: what the holder is doing (for example `rebuild`), shown to processes that are refused.

    Raises:
        LockHeld: somebody else holds it; the message names the process, its machine, its work and its start.
    """
    with _open(path) as file:
        if not _acquire(file):
            holder = _read(file)
            raise LockHeld(
                f"{what} must run alone; {path} is held by {holder or 'a process that has not named itself yet'}. "
                "Wait until it ends, or stop it."
            )
        _write(file, Holder(os.getpid(), socket.gethostname(), what, datetime.now(UTC).isoformat(timespec="seconds")))
        yield


@contextmanager
def waiting(path: Path) -> Iterator[None]:
    """Holds the lock at `path` for a short group of writes, after waiting for its holder."""
    with _open(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def holder(path: Path) -> Holder | None:
    """Returns who holds the lock at `path` right now, or None if nobody does."""
    try:
        file = path.open("r", encoding="utf-8")
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(file)
    return None


def _open(path: Path) -> IO[str]:
    make_folder(path.parent)
    return path.open("a+", encoding="utf-8")


def _acquire(file: IO[str]) -> bool:
    """Returns whether the lock was taken; tries a few times, because `holder` takes it for an instant to look."""
    for attempt in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if attempt + 1 < _TRIES:
                time.sleep(_PAUSE_S)
    return False


def _write(file: IO[str], holder: Holder) -> None:
    file.truncate(0)
    file.write(json.dumps(asdict(holder)))
    file.flush()


def _read(file: IO[str]) -> Holder | None:
    file.seek(0)
    try:
        return Holder(**parse_json(file.read(_MOST_CHARACTERS)))
    except (ValueError, TypeError):
        return None
