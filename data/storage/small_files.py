"""Reads small files that somebody may have changed: never waits for one, and never reads one that is far too large."""

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

MOST_BYTES = 4_000_000


def read_small(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """Returns the content of a plain file.

    Raises:
        OSError: it is missing, is no plain file (a pipe would be waited for), or has more than `most_bytes` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it must be a plain file", str(path))
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"it must have at most {most_bytes:,} bytes", str(path))
    return content


def parse_json(text: str | bytes) -> Any:
    """Returns the value of a JSON text.

    Raises:
        ValueError: it is no JSON, or nested too deeply to be read.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it must not be nested that deeply") from error
