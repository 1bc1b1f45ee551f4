"""A searcher's local copies of releases: each is a whole home, and all of them may be deleted at any time.

releases/<id>/         a home: CURRENT, catalog.db, generations, runtime ...; release.json is its record
releases/.files/<sha>  the content of files, linked into the homes that have it; so each is fetched once
"""

import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from data.database import find_problems, forget_home
from data.errors import ReleaseUnavailable
from data.generations import is_generation_id
from data.releases.pieces import HeldPieces
from data.releases.release import MOST_BYTES, File, Release
from data.releases.storage import ReleaseStorage
from data.storage import make_folder, read_small, sha256_file, write_bytes, write_text

_RECORD = "release.json"
_PART = ".part-"
_CATALOGUE = "catalog.db"  # SQLite writes into it, so that no two homes may share it


class ReleaseCache:
    """The releases that one searcher holds.

    Args:
        home: the searcher's own home.
    """

    def __init__(self, home: Path) -> None:
        self._root = home.absolute() / "releases"
        self._files = self._root / ".files"

    def folder(self, release: str) -> Path:
        """Returns the home of a release, whether or not it is there."""
        return self._root / release

    def whole(self) -> list[Release]:
        """Returns the releases that were brought here, newest first."""
        found = []
        for name in sorted(self._names(), reverse=True):
            with suppress(OSError, ValueError):  # what is no record is passed over
                found.append(Release.from_json(read_small(self.folder(name) / _RECORD, MOST_BYTES)))
        return found

    def bring(self, storage: ReleaseStorage, release: Release) -> Path:
        """Fetches what is missing of a release, and returns its home, which appears only when it is whole.

        Raises:
            ReleaseUnavailable: a file cannot be fetched, or is another one than the record says; or the disk has no
                room. What was fetched whole is kept for the next try.
        """
        home = self.folder(release.id)
        if (home / _RECORD).is_file():
            return home
        make_folder(self._files)
        self._require_room(release)
        part = self._root / f"{_PART}{release.id}"
        shutil.rmtree(part, ignore_errors=True)
        before = next(iter(self.whole()), None)
        for name, file in release.files.items():
            if not (self._files / file.sha256).is_file():
                storage.fetch(file, self._files / file.sha256, self._held(before, name))
        for name, file in release.files.items():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            place = self._files / file.sha256
            place.replace(part / name) if name == _CATALOGUE else os.link(place, part / name)
        write_text(part / "CURRENT", f"{release.generation}\n")
        write_bytes(part / _RECORD, release.to_json())
        shutil.rmtree(home, ignore_errors=True)
        part.rename(home)
        return home

    def drop_all_but(self, kept: Collection[Release]) -> None:
        """Deletes all other releases, and the files that these do not have."""
        for part in self._root.glob(f"{_PART}*"):
            shutil.rmtree(part, ignore_errors=True)
        for name in set(self._names()) - {release.id for release in kept}:
            self._drop(name)
        used = {file.sha256 for release in kept for file in release.files.values()}
        for path in self._files.glob("*"):
            if path.name not in used:
                path.unlink(missing_ok=True)

    def drop_if_damaged(self, release: Release) -> bool:
        """Deletes a release, and its damaged files, if it is not as it was brought; then `bring` fetches them again.

        Returns:
            Whether it was damaged.
        """
        home = self.folder(release.id)
        damaged = {
            file.sha256
            for name, file in release.files.items()
            if name != _CATALOGUE and not _is_whole(home / name, file)
        }
        if not damaged and not find_problems(home):
            return False
        for sha256 in damaged:
            (self._files / sha256).unlink(missing_ok=True)
        self._drop(release.id)
        return True

    def _drop(self, name: str) -> None:
        shutil.rmtree(self.folder(name), ignore_errors=True)
        forget_home(self.folder(name))

    def _held(self, release: Release | None, name: str) -> HeldPieces | None:
        file = release.files.get(name) if release else None
        return HeldPieces(file, self.folder(release.id) / name) if release and file else None

    def _require_room(self, release: Release) -> None:
        missing = {file for file in release.files.values() if not (self._files / file.sha256).is_file()}
        needed, free = sum(file.size_bytes for file in missing), shutil.disk_usage(self._root).free
        if needed > free:
            raise ReleaseUnavailable(
                f"{self._root} must have room for release {release.id}, {needed:,} bytes; it has {free:,}. Make room."
            )

    def _names(self) -> list[str]:
        if not self._root.is_dir():
            return []
        return [path.name for path in self._root.iterdir() if is_generation_id(path.name)]


def _is_whole(path: Path, file: File) -> bool:
    try:
        return sha256_file(path) == file.sha256
    except OSError:
        return False
