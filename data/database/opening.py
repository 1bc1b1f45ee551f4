"""Opens catalog.db: makes it once, checks and migrates it, and notices when another one is in its place.

A process makes the file of a home at most once. Later it must find the same shop's catalogue there, or HomeGone is
raised: a home that was deleted, unmounted or replaced is never taken for a new and empty one.
"""

import os
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from data.database.migrations import migrate
from data.database.sqlite_utils_alone import Database
from data.errors import DatabaseError, HomeGone
from data.storage import fsync_path, make_folder, waiting

FILE_NAME = "catalog.db"
BUSY_TIMEOUT_MS = 10_000
File = tuple[int, int]  # device and inode
_prepared: set[tuple[int, File]] = set()  # by process: a child checks the file itself
_ids: dict[Path, str] = {}  # path -> id of the catalogue that this process found there first; a child inherits it
_prepare_lock = threading.Lock()


@dataclass(frozen=True)
class Opened:
    """One connection, the path it was opened at, the file found there, and the process that may use it."""

    connection: sqlite3.Connection
    path: Path
    file: File
    pid: int

    @property
    def is_in_place(self) -> bool:
        """Whether the file is still the one at its path; SQLite would not tell."""
        try:
            return _file(self.path) == self.file
        except OSError:
            return False


def open_catalogue(home: Path) -> Opened:
    """Returns a new connection to `home/catalog.db`, after creating and migrating the file if needed.

    The first connection of a process to a file also checks its structure. Threads may use a connection in turn.

    Raises:
        DatabaseError: the file cannot be opened, is damaged or lost, or was written by a newer version.
        HomeGone: this process opened one before, and it is gone or replaced by another shop's.
    """
    path = home / FILE_NAME
    try:
        with _prepare_lock:
            if path.absolute() not in _ids or (os.getpid(), _file(path)) not in _prepared:
                _prepare(path)
        file = _file(path)
        connection = _connect(path)
        try:
            _require_same(connection, path)
            if _file(path) != file:  # replaced while it was opened
                raise HomeGone("it was replaced")
        except BaseException:
            connection.close()
            raise
        return Opened(connection, path, file, os.getpid())
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, error) from error


def forget_home(home: Path) -> None:
    """Lets this process make a new catalog.db in a folder that it has deleted itself."""
    with _prepare_lock:
        _ids.pop((home / FILE_NAME).absolute(), None)


def unusable(path: Path, error: Exception) -> DatabaseError:
    """Returns the error that says why `path` cannot be used: HomeGone if a file that was there is gone."""
    if path.absolute() in _ids:
        try:
            _file(path)
        except OSError as gone:
            return HomeGone(f"it is gone ({gone.strerror})")
    return DatabaseError(
        f"{path} must be a usable SQLite database; got: {error}. Check the file, its rights and the disk."
    )


def _prepare(path: Path) -> None:
    """Checks and migrates the file; makes it where this process has seen none before."""
    is_first = path.absolute() not in _ids
    if is_first:
        make_folder(path.parent)
        _require_not_lost(path)
    else:
        with closing(_connect(path)) as found:
            _require_same(found, path)  # before a lock file or anything else is written beside it
    with waiting(path.with_name(f"{FILE_NAME}.lock")), closing(_connect(path, create=is_first)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        problems = [row[0] for row in connection.execute("PRAGMA quick_check(1)")]
        if problems != ["ok"]:
            raise DatabaseError(f"{path} must be undamaged; SQLite reports: {problems[0]}. Restore a backup.")
        migrate(Database(connection))
        _ids.setdefault(path.absolute(), _catalogue_id(connection))
    fsync_path(path.parent)
    _prepared.add((os.getpid(), _file(path)))


def _require_not_lost(path: Path) -> None:
    """Refuses to begin a catalogue where one has been: in a home that has published a generation of it."""
    size = path.stat().st_size if path.exists() else None
    if not size and path.with_name("CURRENT").exists():
        found = "no such file" if size is None else "an empty file"
        raise DatabaseError(
            f"{path} must hold the catalogue that the generations beside it were built from; got {found}. Restore a "
            "backup; for a new shop, take another home."
        )


def _require_same(connection: sqlite3.Connection, path: Path) -> None:
    """Refuses another catalogue than the one that this process found at this path first."""
    known = _ids.get(path.absolute())
    try:
        found = _catalogue_id(connection) if known else None
    except sqlite3.OperationalError:  # the table is not there: an empty file, or one of an older version
        found = None
    if found != known:
        raise HomeGone("another catalogue is in its place")


def _catalogue_id(connection: sqlite3.Connection) -> str:
    found: str = connection.execute("SELECT id FROM catalogue_id").fetchone()[0]
    return found


def _connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    # isolation_level None: transactions begin where `Connections` says so, never by themselves.
    # check_same_thread: threads use a connection in turn, never two at once; `Connections` sees to that.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}",
        uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False,
    )  # fmt: skip
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted does not stay readable in the file
        return connection
    except BaseException:
        connection.close()
        raise


def _file(path: Path) -> File:
    status = path.stat()
    return status.st_dev, status.st_ino
