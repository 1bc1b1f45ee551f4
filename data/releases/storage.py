"""Releases in storage that the writer and all searchers reach: a folder, s3://, gs:// or what else fsspec knows.

    CURRENT              one line: the id of the newest release, and the sha256 of its record
    releases/<id>.json   the record of a release, see `Release`
    files/<ab>/<sha256>  the content of files, each once, whatever releases have it

Files come first, then the record, then CURRENT. Each is written under a passing name and then moved, so that whoever
follows CURRENT finds whole files only; and what was read is compared with its sha256 before it is used.
"""

import hashlib
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from data.errors import ReleaseUnavailable, SettingsError
from data.generations import is_generation_id
from data.releases.release import MOST_BYTES, File, Release
from data.storage import fsync_path

_CURRENT_BYTES = 200
_BLOCK_BYTES = 1 << 20
_KEPT = 3
_KEPT_FOR = timedelta(minutes=10)  # so that a searcher may take that long to fetch a release


def require_storage(setting: str, address: str) -> None:
    """Refuses an address that nothing installed can read.

    Raises:
        SettingsError: fsspec does not know the scheme, or is missing, or what it needs for it is.
    """
    try:
        from fsspec.core import url_to_fs

        url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise SettingsError(
            f"{setting} must be a folder or another address that fsspec can read here; got {address!r}: {error}. "
            "Install the extra `searcher`, and what fsspec names."
        ) from error


class ReleaseStorage:
    """The releases at one address. Every method raises ReleaseUnavailable if the storage fails.

    Args:
        address: an fsspec address, such as a folder or s3://bucket/folder.

    Raises:
        SettingsError: there is no file system for this address.
    """

    def __init__(self, address: str) -> None:
        require_storage("models_url", address)
        from fsspec.core import url_to_fs

        self._address = address
        self._files, root = url_to_fs(address)
        self._root = root.rstrip("/")

    def current(self) -> tuple[str, str] | None:
        """Returns the id of the newest release and the sha256 of its record; None: nothing was released yet."""
        with self._asked("CURRENT"):
            try:
                text = self._read("CURRENT", _CURRENT_BYTES).decode("ascii").removesuffix("\n")
            except FileNotFoundError:
                return None
            release, _, sha256 = text.partition(" ")
            if not is_generation_id(release):
                raise ValueError(f"it must name a release; got {text!r}")
            return release, sha256

    def record(self, release: str, sha256: str) -> Release:
        """Returns the record of a release that CURRENT names."""
        name = f"releases/{release}.json"
        with self._asked(name):
            content = self._read(name, MOST_BYTES)
            if hashlib.sha256(content).hexdigest() != sha256:
                raise ValueError("it must have the sha256 that CURRENT says; its bytes differ")
            found = Release.from_json(content)
            if found.id != release:
                raise ValueError(f"it must be of {release}; it is of {found.id}")
            return found

    def newest(self) -> Release | None:
        """Returns the record of the newest release; None: nothing was released yet."""
        current = self.current()
        return self.record(*current) if current else None

    def publish(self, release: Release, sources: Mapping[str, Path]) -> None:
        """Stores what is missing of a release, and lets CURRENT name it."""
        for name, file in release.files.items():
            self._put(_place(file), file, sources[name])
        content = release.to_json()
        self._write(f"releases/{release.id}.json", content)
        self._write("CURRENT", f"{release.id} {hashlib.sha256(content).hexdigest()}\n".encode())

    def fetch(self, file: File, target: Path) -> None:
        """Writes the content of a file to `target`, after checking it; a file that differs leaves nothing there."""
        part = target.with_name(f".{target.name}.part")
        place = _place(file)
        try:
            with self._asked(place), self._files.open(self._path(place), "rb") as source, part.open("wb") as out:
                _copy(source, out, file)
            fsync_path(part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def damaged(self, release: Release) -> dict[str, File]:
        """Returns path -> content of the files of a release that are missing or are not what its record says."""
        found = {}
        for name, file in release.files.items():
            try:
                with self._asked(name), self._files.open(self._path(_place(file)), "rb") as source:
                    _copy(source, None, file)
            except ReleaseUnavailable:
                found[name] = file
        return found

    def remove(self, file: File) -> None:
        """Removes the content of a file, for example one that is damaged; the next `publish` stores it again."""
        with self._asked(_place(file)):
            if self._files.exists(self._path(_place(file))):
                self._files.rm_file(self._path(_place(file)))

    def prune(self) -> None:
        """Removes old releases, but the newest three and all of the last ten minutes, and the files that none has."""
        with self._asked("releases"):
            names = sorted(name.removesuffix(".json") for name in self._names("releases"))
            oldest = f"{datetime.now(UTC) - _KEPT_FOR:%Y%m%dT%H%M%S}"
            kept = [name for name in names if name in names[-_KEPT:] or name >= oldest]
            used = {_place(file) for name in kept for file in self._files_of(name)}
            for name in set(names) - set(kept):
                self._files.rm_file(self._path(f"releases/{name}.json"))
            for folder in self._names("files"):
                for name in self._names(f"files/{folder}"):
                    if f"files/{folder}/{name}" not in used:
                        self._files.rm_file(self._path(f"files/{folder}/{name}"))

    def _files_of(self, release: str) -> Collection[File]:
        try:
            return Release.from_json(self._read(f"releases/{release}.json", MOST_BYTES)).files.values()
        except ValueError:  # damaged: nobody can use it
            return ()

    def _put(self, place: str, file: File, source: Path) -> None:
        with self._asked(place):
            path = self._path(place)
            if self._files.exists(path) and self._files.size(path) == file.size_bytes:
                return
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            part = f"{path}.{uuid.uuid4().hex}.part"
            self._files.put_file(str(source), part)
            self._files.mv(part, path)

    def _write(self, name: str, content: bytes) -> None:
        with self._asked(name):
            path = self._path(name)
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            part = f"{path}.{uuid.uuid4().hex}.part"
            self._files.pipe_file(part, content)
            self._files.mv(part, path)

    def _read(self, name: str, most_bytes: int) -> bytes:
        self._files.invalidate_cache()
        content: bytes = self._files.cat_file(self._path(name), start=0, end=most_bytes + 1)
        if len(content) > most_bytes:
            raise ValueError(f"it must have at most {most_bytes:,} bytes")
        return content

    def _names(self, folder: str) -> list[str]:
        self._files.invalidate_cache()
        if not self._files.exists(self._path(folder)):
            return []
        return [path.rstrip("/").rpartition("/")[2] for path in self._files.ls(self._path(folder), detail=False)]

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _asked(self, name: str) -> Iterator[None]:
        try:
            yield
        except ReleaseUnavailable:
            raise
        except Exception as error:  # each of fsspec's file systems raises errors of its own
            raise ReleaseUnavailable(
                f"{self._address} must hold {name} as it was released; got: {error!r:.300}. Look at the storage, or "
                "run `lookalike doctor --repair` where the catalogue is."
            ) from error


def _place(file: File) -> str:
    return f"files/{file.sha256[:2]}/{file.sha256}"


def _copy(source: Any, out: IO[bytes] | None, file: File) -> None:
    """Copies a file's content, never more than it has; raises ValueError if it is another one."""
    digest, left = hashlib.sha256(), file.size_bytes
    while left >= 0 and (block := source.read(min(_BLOCK_BYTES, left + 1))):
        left -= len(block)
        digest.update(block)
        if out is not None:
            out.write(block)
    if left or digest.hexdigest() != file.sha256:
        raise ValueError("its bytes differ from what was released")
