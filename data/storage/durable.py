"""Writes files durably: each appears complete or not at all, even after a power cut."""

import contextlib
import hashlib
import os
import secrets
import shutil
import time
from pathlib import Path

# Filling a staging folder takes minutes; the process that wrote one this old was killed.
_ABANDONED_S = 3600.0


def sweep_abandoned(folder: Path, pattern: str) -> None:
    """Removes the unfinished files and folders in `folder`, named like the glob, that a killed process left behind."""
    for path in folder.glob(pattern):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime <= _ABANDONED_S:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def fsync_path(path: Path) -> None:
    """Flushes a file's or a folder's content to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Creates a folder and its missing parents, durably."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    fsync_path(path.parent)


def write_bytes(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Writes `content` to a temporary file, flushes it and renames it to `path`; creates the folder if it is missing.

    The file gets the permissions that the process's umask leaves, so that a server run by another user can read it.

    Args:
        durable: False: nothing is flushed. The file may then be lost, or be empty, after a power cut.
    """
    if durable:
        make_folder(path.parent)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{secrets.token_hex(8)}.part"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            if durable:
                out.flush()
                os.fsync(out.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        fsync_path(path.parent)


def write_text(path: Path, text: str) -> None:
    """Writes `text` in UTF-8, as `write_bytes` does."""
    write_bytes(path, text.encode("utf-8"))


def sha256_file(path: Path) -> str:
    """Returns the hex sha256 of a file's content, read in blocks."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
