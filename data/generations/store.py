"""Generations on disk: staged in a hidden folder, published atomically, verified before use, pruned and rolled back.

    generations/<id>/           a published generation; nothing in it ever changes
    generations/.staging-<id>/  one that is being built, locked by its builder
    CURRENT                     one line: the id of the live generation

Publishing flushes every file, writes the manifest last, flushes again, renames the folder, and then replaces CURRENT.
Until that last step the old generation is live; a crash before the renaming leaves a staging folder, which `sweep`
removes.
"""

import fcntl
import logging
import os
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.errors import CorruptGeneration, NoGeneration
from data.generations.manifest import FILE_NAME, FORMAT_VERSION, Manifest, is_generation_id, new_id
from data.storage import fsync_path, make_folder, read_small, sha256_file, write_text

__all__ = ["GenerationFolder", "GenerationStore", "Manifest", "StagedGeneration"]
_STAGING, _REMOVED = ".staging-", ".removed-"
MANIFEST_BYTES = 8_000_000
REBUILD_LOCK = "rebuild.lock"  # in the home; whoever builds or publishes a generation holds it
_log = logging.getLogger("lookalike.generations")


class GenerationFolder:
    """The files of one generation, for reading.

    Attributes:
        id: the generation's id.
        folder: the folder of its files.
        manifest: the generation's manifest.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.id, self.folder, self.manifest = manifest.generation, folder, manifest
        self._verified: dict[str, tuple[int, int, int]] = {}

    def path(self, name: str) -> Path:
        """Returns the path of a file whose sha256 was checked against the manifest.

        Raises:
            CorruptGeneration: the file is not in the manifest, is missing, or differs; the message names it.
        """
        path = self.folder / name
        wanted = self.manifest.files.get(name)
        if wanted is None:
            raise CorruptGeneration(f"generation {self.id} must have the file {name}; its manifest names none.")
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode) or status.st_size != self.manifest.sizes[name]:
                wanted_bytes = f"{self.manifest.sizes[name]:,} bytes"
                raise CorruptGeneration(f"{path} must be a plain file of {wanted_bytes}; it is not. Rebuild.")
            state = (status.st_ino, status.st_size, status.st_mtime_ns)
            if self._verified.get(name) != state:
                if sha256_file(path) != wanted:
                    raise CorruptGeneration(
                        f"{path} must have the sha256 that the manifest says; its bytes differ. "
                        "Rebuild, or roll back to another generation."
                    )
                self._verified[name] = state
        except OSError as error:
            raise CorruptGeneration(f"{path} must be readable; got: {error}. Rebuild or roll back.") from error
        return path

    def has(self, name: str) -> bool:
        """Tells whether the generation has a file of this name."""
        return name in self.manifest.files

    def measured(self, part: str) -> dict[str, Any]:
        """Returns what a trained part measured and which options it was trained with; {}: it was not trained."""
        found: dict[str, Any] = self.manifest.metrics.get("parts", {}).get(part, {})
        return found

    def verify(self) -> None:
        """Checks every file against the manifest.

        Raises:
            CorruptGeneration: a file is missing, differs, or should not be there; the message names it.
        """
        _check_names(self.folder, self.manifest)
        for name in self.manifest.files:
            self.path(name)


@dataclass(frozen=True)
class StagedGeneration:
    """A generation that is being built. Only the process that staged it writes into `folder`."""

    id: str
    folder: Path
    lock: int


class GenerationStore:
    """All generations of one home folder."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._root = home / "generations"

    def current_id(self) -> str | None:
        """Returns the id of the live generation, None if nothing was published; cheap enough for every query.

        Raises:
            CorruptGeneration: CURRENT cannot be read, or holds no id.
        """
        try:
            # A generation's id has 19 bytes; 64 are enough to see that something else is not an id.
            content = read_small(self._home / "CURRENT", 64)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CorruptGeneration(f"{self._home / 'CURRENT'} must be readable; got: {error}.") from error
        text = content.decode("ascii", errors="replace").removesuffix("\n")
        if not is_generation_id(text):
            raise CorruptGeneration(
                f"{self._home / 'CURRENT'} must hold one generation id; got {text!r}. Roll back to a named generation."
            )
        return text

    def open(self, generation: str | None = None) -> GenerationFolder:
        """Returns the live generation, or the named one. Checks its manifest now; `path` checks each file later.

        Raises:
            NoGeneration: nothing has been published, or no generation has this id.
            CorruptGeneration: the manifest is damaged, or files are missing or unexpected; the message names one.
        """
        if generation:
            if not is_generation_id(generation) or not (self._root / generation).is_dir():
                raise NoGeneration(
                    f"generation must be one that was published; got {generation!r}. See `lookalike status`."
                )
            return _read(self._root / generation)
        name = self.current_id()
        while name is not None:
            try:
                return _read(self._root / name)
            except CorruptGeneration:
                # Since CURRENT was read, another generation may have been published and this one pruned.
                before, name = name, self.current_id()
                if name == before:
                    raise
        raise NoGeneration("a generation must be live; none has been published. Run `lookalike rebuild`.")

    def stage(self) -> StagedGeneration:
        """Returns a new, empty staged generation, whose id sorts after all others; its folder is locked."""
        while True:
            make_folder(self._root)
            name = new_id(self._newest_name())
            folder = self._root / f"{_STAGING}{name}"
            try:
                folder.mkdir()
                lock = os.open(folder, os.O_RDONLY)
            except (FileExistsError, FileNotFoundError):
                continue  # another builder took the name, or a sweep removed the folder before it was locked
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return StagedGeneration(name, folder, lock)
            os.close(lock)

    def preview(self, staged: StagedGeneration, **manifest_fields: Any) -> GenerationFolder:
        """Returns the staged generation as readers would see it if it were published with these fields now."""
        return GenerationFolder(staged.folder, _manifest(staged, manifest_fields))

    def publish(self, staged: StagedGeneration, **manifest_fields: Any) -> GenerationFolder:
        """Makes a staged generation the live one, atomically and durably.

        Args:
            manifest_fields: fingerprint, dim, metric, counts, seq, backbone, versions, metrics, gates; see Manifest.

        Raises:
            ValueError: a manifest field is not valid. Nothing is published then.
            OSError: writing failed. The old generation stays live.
        """
        for path in sorted(staged.folder.rglob("*")):
            fsync_path(path)
        manifest = _manifest(staged, manifest_fields)
        write_text(staged.folder / FILE_NAME, manifest.to_json())
        fsync_path(staged.folder)
        target = self._root / staged.id
        staged.folder.rename(target)
        fsync_path(self._root)
        self._point_to(staged.id)
        os.close(staged.lock)
        return GenerationFolder(target, manifest)

    def discard(self, staged: StagedGeneration) -> None:
        """Removes a staged generation that is not to be published."""
        shutil.rmtree(staged.folder, ignore_errors=True)
        os.close(staged.lock)

    def rollback(
        self, generation: str | None = None, *, check: Callable[["GenerationFolder"], None] = lambda _: None
    ) -> str:
        """Makes another generation live, after checking all its files; returns its id.

        Args:
            generation: by default the newest one older than the live one.
            check: called with the generation before it goes live; raises if the generation cannot be used.

        Raises:
            NoGeneration: there is no generation to go back to.
            CorruptGeneration: its files are damaged; the live generation stays.
        """
        if generation is None:
            live = self.current_id() or ""
            older = [name for name in self._names() if name < live]
            if not older:
                raise NoGeneration("an older generation must exist to roll back to; there is none.")
            generation = older[0]
        folder = self.open(generation)
        folder.verify()
        check(folder)
        self._point_to(generation)
        return generation

    def prune(self, keep: int) -> list[str]:
        """Removes old generations until the `keep` newest are left, and folders that dead builders left behind.

        The live one always stays and counts. Damaged ones do not count; they go once they are older than all that stay.

        Returns:
            The ids of the removed generations.

        Raises:
            CorruptGeneration: CURRENT is damaged, so nothing can be removed safely.
        """
        live = self.current_id()
        whole, damaged = self._read_all()
        others = [folder.id for folder in whole if folder.id != live]
        spared = max(0, keep - 1) if live else max(1, keep)
        kept = others[:spared] + ([live] if live else [])
        gone = others[spared:] + [name for name in damaged if kept and name < min(kept)]
        for name in gone:
            removed = self._root / f"{_REMOVED}{name}"
            (self._root / name).rename(removed)
            shutil.rmtree(removed, ignore_errors=True)
        self.sweep()
        return gone

    def sweep(self) -> None:
        """Removes staging folders whose builder is dead, and the remains of interrupted removals."""
        if not self._root.is_dir():
            return
        for folder in self._root.glob(f"{_REMOVED}*"):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in self._root.glob(f"{_STAGING}*"):
            try:
                lock = os.open(folder, os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            except BlockingIOError:
                _log.debug("%s is being built", folder)
            finally:
                os.close(lock)

    def damaged(self) -> dict[str, str]:
        """Returns id -> reason for each published generation that cannot be read."""
        return self._read_all()[1]

    def list(self) -> "Folders":
        """Returns the published generations, newest first; damaged ones are left out, see `damaged`."""
        return self._read_all()[0]

    def _read_all(self) -> "tuple[Folders, dict[str, str]]":
        whole: Folders = []
        damaged: dict[str, str] = {}
        for name in self._names():
            try:
                whole.append(_read(self._root / name))
            except CorruptGeneration as error:
                damaged[name] = str(error)
        return whole, damaged

    def _names(self) -> "Names":
        """Returns the ids of all published generations, newest first."""
        if not self._root.is_dir():
            return []
        return sorted((path.name for path in self._root.iterdir() if is_generation_id(path.name)), reverse=True)

    def _newest_name(self) -> str:
        names = (path.name.removeprefix(_STAGING) for path in self._root.iterdir())
        return max((name for name in names if is_generation_id(name)), default="")

    def _point_to(self, generation: str) -> None:
        write_text(self._home / "CURRENT", f"{generation}\n")


def id_of_staged(folder: Path) -> str:
    """Returns the id that a staged generation will be published with."""
    return folder.name.removeprefix(_STAGING)


Folders = list[GenerationFolder]
Names = list[str]


def _files(folder: Path) -> Names:
    """Returns the names of all files and links in a generation's folder, except the manifest."""
    names = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if not _is_folder(path))
    return [name for name in names if name != FILE_NAME]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _manifest(staged: StagedGeneration, fields: Mapping[str, Any]) -> Manifest:
    names = _files(staged.folder)
    for name in names:
        if not stat.S_ISREG((staged.folder / name).lstat().st_mode):
            raise ValueError(f"a generation must hold plain files only; {name} is none")
    manifest = Manifest(
        **{
            "format_version": FORMAT_VERSION,
            "generation": staged.id,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "files": {name: sha256_file(staged.folder / name) for name in names},
            "sizes": {name: (staged.folder / name).stat().st_size for name in names},
            **fields,
        }
    )
    return Manifest.from_json(manifest.to_json())


def _read(folder: Path) -> GenerationFolder:
    path = folder / FILE_NAME
    if not folder.is_dir():
        raise CorruptGeneration(
            f"CURRENT must name a published generation; {folder} does not exist. Roll back to a named one, or rebuild."
        )
    for link in (folder, path):
        if link.is_symlink():
            raise CorruptGeneration(f"{link} must not be a link; it leads elsewhere. Rebuild or roll back.")
    try:
        manifest = Manifest.from_json(read_small(path, MANIFEST_BYTES).decode("utf-8"))
    except (OSError, ValueError) as error:
        raise CorruptGeneration(f"{path} must be an undamaged manifest: {error}. Rebuild or roll back.") from error
    if manifest.generation != folder.name:
        raise CorruptGeneration(f"{path} must be of generation {folder.name}; it is of {manifest.generation}.")
    _check_names(folder, manifest)
    return GenerationFolder(folder, manifest)


def _check_names(folder: Path, manifest: Manifest) -> None:
    found = set(_files(folder))
    for name in sorted(set(manifest.files) - found):
        raise CorruptGeneration(f"{folder / name} must exist, for the manifest names it; it is missing. Rebuild.")
    for name in sorted(found):
        if not stat.S_ISREG((folder / name).lstat().st_mode):
            raise CorruptGeneration(f"{folder / name} must be a plain file; it is a link or a device. Remove it.")
    for name in sorted(found - set(manifest.files)):
        raise CorruptGeneration(f"{folder / name} must not exist, for the manifest does not name it. Remove it.")
