"""Opens catalog.db, and runs groups of reads and writes as transactions.

A process makes the file of a home at most once. Later it must find the same shop's catalogue there, or HomeGone is
raised: a home that was deleted, unmounted or replaced is never taken for a new and empty one.
"""

import json
import os
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from data.database.migrations import migrate
from data.errors import DatabaseError, HomeGone
from data.storage import fsync_path, make_folder, waiting

FILE_NAME = "catalog.db"
BUSY_TIMEOUT_MS = 10_000
_NEVER_STORED = re.compile("[\0\ud800-\udfff]")
File = tuple[int, int]  # device and inode
_prepared: set[tuple[int, File]] = set()  # by process: a child checks the file itself
_ids: dict[Path, str] = {}  # path -> id of the catalogue that this process found there first; a child inherits it
_prepare_lock = threading.Lock()
# A child must neither use nor close a connection that it inherited through fork, so the connection is kept here.
_inherited: list[Database] = []


def open_database(home: Path) -> Database:
    """Returns a new connection to `home/catalog.db`, after creating and migrating the file if needed.

    The first connection of a process to a file also checks its structure. A connection belongs to the thread that
    opened it; `Connections` gives each thread its own.

    Raises:
        DatabaseError: the file cannot be opened, is damaged, or was written by a newer version.
        HomeGone: this process opened one before, and it is gone or replaced by another shop's.
    """
    return _open(home / FILE_NAME)[0]


def _open(path: Path) -> tuple[Database, File]:
    """Returns a new connection and the file that it reads and writes."""
    try:
        with _prepare_lock:
            if path.absolute() not in _ids or (os.getpid(), _file(path)) not in _prepared:
                _prepare(path)
        file = _file(path)
        db = _connect(path)
        try:
            _require_same(db.conn, path)
            if _file(path) != file:  # replaced while it was opened
                raise HomeGone("it was replaced")
        except BaseException:
            db.close()
            raise
        return db, file
    except (sqlite3.Error, OSError) as error:
        raise _unusable(path, error) from error


class Connections:
    """One connection to `home/catalog.db` for each thread that asks, also after a fork."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._path = home / FILE_NAME
        self._local = threading.local()

    @property
    def db(self) -> Database:
        """The calling thread's connection; a new one where the file was replaced, for example by its backup."""
        db: Database | None = getattr(self._local, "db", None)
        if db is not None and self._local.pid != os.getpid():
            _inherited.append(db)
        elif db is not None and (db.conn.in_transaction or self._is_in_place()):
            return db
        db, file = _open(self._path)
        self._local.db, self._local.file, self._local.pid = db, file, os.getpid()
        return db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Runs the block as one transaction that may write: durable when the block ends, undone when it raises.

        It waits for other writers up to `BUSY_TIMEOUT_MS`. A block inside another is part of the outer one.

        Raises:
            DatabaseError: SQLite fails, for example because the disk is full.
            HomeGone: the file is not in its place any more, so the writes are lost.
        """
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection
        if not self._is_in_place():
            raise HomeGone("it went away during a write")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Runs the block as one transaction: all reads see the same state, whatever others write meanwhile."""
        with self._transaction("BEGIN") as connection:
            yield connection

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Returns the rows of one reading statement.

        Raises:
            DatabaseError: SQLite fails.
        """
        try:
            return self.db.conn.execute(sql, parameters).fetchall()
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise _unusable(self._path, error) from error

    def backup(self, path: Path) -> None:
        """Writes a consistent copy of the database to `path`, which appears only when it is complete.

        Raises:
            DatabaseError: the copy cannot be written.
        """
        part = path.with_name(f"{path.name}.part")
        try:
            make_folder(path.parent)
            part.unlink(missing_ok=True)
            with closing(sqlite3.connect(part)) as target:
                self.db.conn.backup(target)
            fsync_path(part)
            part.replace(path)
            fsync_path(path.parent)
        except (sqlite3.Error, OSError) as error:
            raise _unusable(path, error) from error

    def _is_in_place(self) -> bool:
        """Returns whether the file of the thread's connection is still the one at its path; SQLite would not tell."""
        try:
            return bool(_file(self._path) == self._local.file)
        except OSError:
            return False

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        connection = self.db.conn
        if connection.in_transaction:
            yield connection
            return
        try:
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise _unusable(self._path, error) from error


def json_list(values: Iterable[str | int]) -> str:
    """Returns values as the parameter of `IN (SELECT value FROM json_each(?))`.

    Texts that are never stored are left out: SQLite would cut a text at a NUL or join the halves of a surrogate pair,
    and so match another value.
    """
    return json.dumps([value for value in values if not (isinstance(value, str) and _NEVER_STORED.search(value))])


def forget_home(home: Path) -> None:
    """Lets this process make a new catalog.db in a folder that it has deleted itself."""
    with _prepare_lock:
        _ids.pop((home / FILE_NAME).absolute(), None)


def _prepare(path: Path) -> None:
    """Checks and migrates the file; makes it where this process has seen none before."""
    is_first = path.absolute() not in _ids
    if is_first:
        make_folder(path.parent)
    else:
        with closing(_connect(path).conn) as found:
            _require_same(found, path)  # before a lock file or anything else is written beside it
    with waiting(path.with_name(f"{FILE_NAME}.lock")):
        db = _connect(path, create=is_first)
        try:
            db.conn.execute("PRAGMA journal_mode = WAL")
            problems = [row[0] for row in db.conn.execute("PRAGMA quick_check(1)")]
            if problems != ["ok"]:
                raise DatabaseError(f"{path} must be undamaged; SQLite reports: {problems[0]}. Restore a backup.")
            migrate(db)
            _ids.setdefault(path.absolute(), _catalogue_id(db.conn))
        finally:
            db.close()
        fsync_path(path.parent)
    _prepared.add((os.getpid(), _file(path)))


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


def _connect(path: Path, *, create: bool = False) -> Database:
    # isolation_level None: transactions begin where this module says so, never by themselves.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}",
        uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000,
    )  # fmt: skip
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted does not stay readable in the file
        return Database(connection)
    except BaseException:
        connection.close()
        raise


def _file(path: Path) -> File:
    status = path.stat()
    return status.st_dev, status.st_ino


def _unusable(path: Path, error: Exception) -> DatabaseError:
    if path.absolute() in _ids:
        try:
            _file(path)
        except OSError as gone:
            return HomeGone(f"it is gone ({gone.strerror})")
    return DatabaseError(
        f"{path} must be a usable SQLite database; got: {error}. Check the file, its rights and the disk."
    )
