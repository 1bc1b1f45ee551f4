"""Stores sentence encoders tuned on the shop's own texts, one folder each under `$LOOKALIKE_HOME/encoders/`.

A folder appears complete or not at all. A record in it holds the sha256 of every other file, checked before any of
them is parsed. A generation names its encoder relative to the home, `encoders/<first 16 hex digits of its digest>`, so
that the home can be moved.
"""

import contextlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from data.storage import fsync_path, make_folder, parse_json, read_small, sha256_file, sweep_abandoned, write_text
from engine.errors import InvalidModel
from engine.exports import drop_export

ROOT = "encoders"
RECORD = "encoder.json"
_DIGITS = 16
_FOLDER = re.compile(rf"[0-9a-f]{{{_DIGITS}}}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_STAGED = ".staged-"


def is_tuned(name: str) -> bool:
    """Returns whether `name` is an encoder tuned in this home, rather than a model name or another folder."""
    return name.partition("/")[0] == ROOT


def tuned_folder(home: Path, name: str) -> Path:
    """Returns the folder of a tuned encoder, after checking the sha256 of every file in it.

    Raises:
        InvalidModel: the name is not `encoders/<id>`, or the folder is missing or was changed.
    """
    root, _, own = name.partition("/")
    if root != ROOT or not _FOLDER.fullmatch(own):
        raise InvalidModel(f"a tuned text encoder must be named {ROOT}/<{_DIGITS} hex digits>; got {name!r}. Rebuild.")
    folder = home / ROOT / own
    if folder.is_symlink() or _record(folder).get("files") != _digests(folder):
        raise InvalidModel(
            f"{folder} must be the text encoder that was tuned; it is missing or was changed. Run "
            "`lookalike rebuild`, or roll back."
        )
    return folder


@contextlib.contextmanager
def staged_encoder(home: Path) -> Iterator[Path]:
    """Yields an empty folder to write a model into; it is deleted at the end unless `publish_encoder` moved it."""
    make_folder(home / ROOT)
    sweep_abandoned(home / ROOT, f"{_STAGED}*")
    with tempfile.TemporaryDirectory(dir=home / ROOT, prefix=_STAGED, ignore_cleanup_errors=True) as temporary:
        staged = Path(temporary) / "model"
        staged.mkdir()
        yield staged


def publish_encoder(home: Path, staged: Path, digest: str, facts: dict[str, Any]) -> str:
    """Makes a staged model visible, atomically and durably; returns its name.

    Args:
        digest: the model's digest, see `engine.text.tower.TextEncoder`.
        facts: further fields of the record; `find_encoder` searches by the field `key`.
    """
    name = f"{ROOT}/{digest[:_DIGITS]}"
    folder = home / name
    files = _digests(staged)
    record = json.dumps({**facts, "digest": digest, "files": files}, indent=1, sort_keys=True)
    if not folder.is_symlink() and _digests(folder) == files:  # same files, new key; a server may be reading them
        write_text(folder / RECORD, record)
        return name
    write_text(staged / RECORD, record)
    readable = staged.stat().st_mode & 0o666  # what the umask allows; some writers make files private
    for path in (*staged.rglob("*"), staged):
        if path.is_file():
            path.chmod(readable)
        fsync_path(path)
    if folder.exists() or folder.is_symlink():  # damaged
        _remove(folder)
    staged.rename(folder)
    fsync_path(folder.parent)
    return name


def find_encoder(home: Path, key: str) -> str | None:
    """Returns the name of the undamaged encoder published with this key, or None; marks it as used now."""
    for folder in _folders(home):
        if _record(folder).get("key") == key:
            with contextlib.suppress(InvalidModel):
                tuned_folder(home, name := f"{ROOT}/{folder.name}")
                os.utime(folder)
                return name
    return None


def drop_unused_encoders(home: Path, used: Collection[str], *, unused_s: float) -> list[str]:
    """Deletes tuned encoders that nothing uses any more, and what was exported of them; returns their names.

    Args:
        used: names of the encoders to keep.
        unused_s: other encoders are deleted once no training has used them for this many seconds.
    """
    gone = []
    for folder in _folders(home):
        name = f"{ROOT}/{folder.name}"
        if name not in used and time.time() - folder.stat().st_mtime > unused_s:
            digest = str(_record(folder).get("digest", ""))
            _remove(folder)
            if _DIGEST.fullmatch(digest):
                drop_export(home, digest)
            gone.append(name)
    return gone


def _folders(home: Path) -> list[Path]:
    root = home / ROOT
    return sorted(path for path in root.iterdir() if _FOLDER.fullmatch(path.name)) if root.is_dir() else []


def _remove(folder: Path) -> None:
    removed = folder.with_name(f"{_STAGED}{folder.name}-{time.time_ns()}")  # swept later if this is interrupted
    folder.rename(removed)
    if removed.is_symlink():
        removed.unlink()
    else:
        shutil.rmtree(removed, ignore_errors=True)


def _record(folder: Path) -> dict[str, Any]:
    """Returns the folder's record, or {} where it is missing or unreadable."""
    try:
        record = parse_json(read_small(folder / RECORD))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _digests(folder: Path) -> dict[str, str]:
    """Returns the sha256 of every file except the record, keyed by its path in the folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files if path != folder / RECORD}
