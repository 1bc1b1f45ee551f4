"""Releases in storage that the writer and all searchers reach: a folder, s3://, gs:// or what else fsspec knows.

    CURRENT              one line: the id of the newest release, and the sha256 of its record
    releases/<id>.json   the record of a release, see `Release`
    files/<ab>/<sha256>  the content of files and of pieces of files, each once, whatever releases have it

Files come first, then the record, then CURRENT, and each is there as a whole or not at all: whoever follows CURRENT
finds whole files only. What was read is compared with its sha256 before it is used.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from data.errors import ReleaseUnavailable
from data.generations import is_generation_id
from data.releases.pieces import HeldPieces, read_at
from data.releases.release import MOST_BYTES, File, Release
from data.releases.stored_files import StoredFiles
from data.storage import fsync_path

_CURRENT, _CURRENT_BYTES = "CURRENT", 200
_KEPT = 3
_KEPT_FOR = timedelta(minutes=10)  # so that a searcher may take that long to fetch a release
_MOST_KEPT = 100  # more than are made in that time; a clock that was ahead makes ids that stay young for years
_CONTENT = re.compile("files/[0-9a-f]{2}/[0-9a-f]{64}")


class ReleaseStorage:
    """The releases at one address. Every method raises ReleaseUnavailable if the storage fails.

    Args:
        address: an fsspec address, such as a folder or s3://bucket/folder.

    Raises:
        SettingsError: there is no file system for this address.
    """

    def __init__(self, address: str) -> None:
        self._stored = StoredFiles("models_url", address)

    def current(self) -> tuple[str, str] | None:
        """Returns the id of the newest release and the sha256 of its record; None: nothing was released yet."""
        content = self._stored.read(_CURRENT, _CURRENT_BYTES)
        if content is None:
            return None
        text = content.decode("ascii", errors="replace").removesuffix("\n")
        release, _, sha256 = text.partition(" ")
        if not is_generation_id(release):
            raise self._stored.differs(_CURRENT, repr(text))
        return release, sha256

    def record(self, release: str, sha256: str) -> Release:
        """Returns the record of a release that CURRENT names."""
        name = _record(release)
        content = self._stored.read(name, MOST_BYTES)
        if content is None or hashlib.sha256(content).hexdigest() != sha256:
            raise self._stored.differs(name, "nothing" if content is None else "another sha256 than CURRENT says")
        try:
            found = Release.from_json(content)
        except ValueError as error:
            raise self._stored.differs(name, str(error)) from error
        if found.id != release:
            raise self._stored.differs(name, f"the record of {found.id}")
        return found

    def newest(self) -> Release | None:
        """Returns the record of the newest release; None: nothing was released yet."""
        current = self.current()
        return self.record(*current) if current else None

    def publish(self, release: Release, sources: Mapping[str, Path]) -> None:
        """Stores what is missing of a release, and lets CURRENT name it."""
        sizes = self._stored.sizes("files")
        for name, file in release.files.items():
            offset = 0
            for part in file.stored:
                if sizes.get(place := _place(part)) != part.size_bytes:
                    self._put(place, file, sources[name], offset, part.size_bytes)
                    sizes[place] = part.size_bytes
                offset += part.size_bytes
        content = release.to_json()
        self._stored.write(_record(release.id), content)
        self._stored.write(_CURRENT, f"{release.id} {hashlib.sha256(content).hexdigest()}\n".encode())

    def fetch(self, file: File, target: Path, held: HeldPieces | None = None) -> None:
        """Writes the content of a file to `target`, after checking it; a file that differs leaves nothing there.

        Args:
            held: pieces that need not be asked for.
        """
        part = target.with_name(f".{target.name}.part")
        try:
            with part.open("wb") as out:
                for block in self._content(file, held):
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
                for _ in self._content(file, None):
                    pass
            except ReleaseUnavailable:
                found[name] = file
        return found

    def remove(self, file: File) -> None:
        """Removes the content of a file, for example one that is damaged; the next `publish` stores it again."""
        self._stored.remove([_place(part) for part in file.stored])

    def prune(self) -> None:
        """Removes old releases, but the newest three and all of the last ten minutes, and the files that none has.

        Files that are not of this storage stay.
        """
        self._stored.sweep()
        sizes = {name: size for name, size in self._stored.sizes("releases").items() if is_generation_id(_id(name))}
        oldest, newest = f"{datetime.now(UTC) - _KEPT_FOR:%Y%m%dT%H%M%S}", sorted(sizes)
        kept = {*newest[-_KEPT:], *(name for name in newest[-_MOST_KEPT:] if _id(name) >= oldest)}
        self._stored.remove(sizes.keys() - kept)
        used = {_place(part) for file in self._files_of([name for name in kept if sizes[name]]) for part in file.stored}
        contents = set(filter(_CONTENT.fullmatch, self._stored.sizes("files")))
        self._stored.remove(contents - used)

    def _files_of(self, records: list[str]) -> Iterator[File]:
        for content in self._stored.read_all(records, MOST_BYTES):
            try:
                yield from Release.from_json(content).files.values()
            except ValueError:  # damaged: nobody can use it
                continue

    def _put(self, place: str, file: File, source: Path, offset: int, size_bytes: int) -> None:
        if file.pieces:
            self._stored.write(place, read_at(source, offset, size_bytes))
        else:
            self._stored.put(place, source)

    def _content(self, file: File, held: HeldPieces | None) -> Iterator[bytes]:
        """Yields the content of a file in blocks; raises at the end, at the latest, if it is another one."""
        whole = hashlib.sha256()
        for part in file.stored:
            content = held.read(part) if held else None
            for block in self._blocks(part) if content is None else (content,):
                whole.update(block)
                yield block
        if whole.hexdigest() != file.sha256:
            raise self._stored.differs(_place(file), "other bytes")

    def _blocks(self, part: File) -> Iterator[bytes]:
        digest, left = hashlib.sha256(), part.size_bytes
        for block in self._stored.blocks(_place(part), part.size_bytes):
            digest.update(block)
            left -= len(block)
            yield block
        if left or digest.hexdigest() != part.sha256:
            raise self._stored.differs(_place(part), "other bytes")


def _place(file: File) -> str:
    return f"files/{file.sha256[:2]}/{file.sha256}"


def _record(release: str) -> str:
    return f"releases/{release}.json"


def _id(record: str) -> str:
    return record.removeprefix("releases/").removesuffix(".json")
