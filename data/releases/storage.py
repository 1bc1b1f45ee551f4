"""Releases in storage that the writer and all searchers reach: a folder, s3://, gs:// or what else fsspec knows.

    CURRENT              one line: the id of the newest release, and the sha256 of its record
    releases/<id>.json   the record of a release, see `Release`
    files/<ab>/<sha256>  the content of files, each once, whatever releases have it

Files come first, then the record, then CURRENT. Each is written under a passing name and then moved, so that whoever
follows CURRENT finds whole files only; and what was read is compared with its sha256 before it is used.
"""

import hashlib
import re
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from data.errors import ReleaseUnavailable
from data.generations import is_generation_id
from data.releases.address import open_address, read_up_to
from data.releases.release import MOST_BYTES, File, Release
from data.storage import fsync_path

_CURRENT_BYTES = 200
_BLOCK_BYTES = 1 << 20
_KEPT = 3
_KEPT_FOR = timedelta(minutes=10)  # so that a searcher may take that long to fetch a release
_MOST_KEPT = 100  # more than are made in that time; a clock that was ahead makes ids that stay young for years
_PART = r"(\.[0-9a-f]{32}\.part)?"  # what a writer that was killed leaves
_OWN = re.compile(rf"CURRENT{_PART}|releases/[0-9TZ]{{19}}\.json{_PART}|files/[0-9a-f]{{2}}/[0-9a-f]{{64}}{_PART}")


class ReleaseStorage:
    """The releases at one address. Every method raises ReleaseUnavailable if the storage fails.

    Args:
        address: an fsspec address, such as a folder or s3://bucket/folder.

    Raises:
        SettingsError: there is no file system for this address.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._files, self._root = open_address("models_url", address)

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
        name = _record(release)
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
        self._write(_record(release.id), content)
        self._write("CURRENT", f"{release.id} {hashlib.sha256(content).hexdigest()}\n".encode())

    def fetch(self, file: File, target: Path) -> None:
        """Writes the content of a file to `target`, after checking it; a file that differs leaves nothing there."""
        part = target.with_name(f".{target.name}.part")
        try:
            with part.open("wb") as out:
                for block in self._content(file):
                    out.write(block)
            fsync_path(part)
            part.replace(target)
        except OSError as error:
            raise ReleaseUnavailable(
                f"{target.parent} must take the files of releases; got: {error}. Look at this machine's disk."
            ) from error
        finally:
            part.unlink(missing_ok=True)

    def damaged(self, release: Release) -> dict[str, File]:
        """Returns path -> content of the files of a release that are missing or are not what its record says."""
        found = {}
        for name, file in release.files.items():
            try:
                for _ in self._content(file):
                    pass
            except ReleaseUnavailable:
                found[name] = file
        return found

    def remove(self, file: File) -> None:
        """Removes the content of a file, for example one that is damaged; the next `publish` stores it again."""
        with self._asked(_place(file)):
            if self._files.exists(self._path(_place(file))):
                self._files.rm_file(self._path(_place(file)))

    def prune(self) -> None:
        """Removes old releases, but the newest three and all of the last ten minutes, and the files that none has.

        What a writer that was killed left goes too. Files that are not of this storage stay.
        """
        with self._asked("releases"):
            own = self._own_names()
            ids = sorted(name[9:28] for name in own if name.startswith("releases/") and name.endswith(".json"))
            oldest = f"{datetime.now(UTC) - _KEPT_FOR:%Y%m%dT%H%M%S}"
            kept = {*ids[-_KEPT:], *(each for each in ids[-_MOST_KEPT:] if each >= oldest)}
            needed = {"CURRENT", *map(_record, kept), *(_place(file) for each in kept for file in self._files_of(each))}
            for name in sorted(own - needed, reverse=True):  # records before their files
                self._files.rm_file(self._path(name))

    def _files_of(self, release: str) -> Collection[File]:
        try:
            return Release.from_json(self._read(_record(release), MOST_BYTES)).files.values()
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
        return read_up_to(self._files, self._path(name), most_bytes)

    def _content(self, file: File) -> Iterator[bytes]:
        """Yields the content of a file, never more than it has; ends with an error if it is another one."""
        place, digest, left = _place(file), hashlib.sha256(), file.size_bytes
        with self._asked(place), self._files.open(self._path(place), "rb") as source:
            while left >= 0 and (block := source.read(min(_BLOCK_BYTES, left + 1))):
                left -= len(block)
                digest.update(block)
                yield block
            if left or digest.hexdigest() != file.sha256:
                raise ValueError("its bytes differ from what was released")

    def _own_names(self) -> set[str]:
        """Returns the names of all files that were written here."""
        self._files.invalidate_cache()
        paths = [*self._files.ls(self._root, detail=False)]
        for folder in ("releases", "files"):
            paths += self._files.find(self._path(folder))
        names = {str(path).removeprefix(f"{self._root}/") for path in paths}
        return {name for name in names if _OWN.fullmatch(name)}

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


def _record(release: str) -> str:
    return f"releases/{release}.json"


def _place(file: File) -> str:
    return f"files/{file.sha256[:2]}/{file.sha256}"
