"""Opens catalog.db, and runs groups of reads and writes as transactions."""

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
from data.errors import DatabaseError
from data.storage import fsync_path, make_folder, waiting

FILE_NAME = "catalog.db"
BUSY_TIMEOUT_MS = 10_000
_NEVER_STORED = re.compile("[\0\ud800-\udfff]")
_prepared: set[tuple[int, str, int]] = set()
_prepare_lock = threading.Lock()
# A child must neither use nor close a connection that it inherited through fork, so the connection is kept here.
_inherited: list[Database] = []


def open_database(home: Path) -> Database:
    """Returns a new connection to `home/catalog.db`, after creating and migrating the file if needed.

    The first connection of a process to a file also checks its structure. A connection belongs to the thread that
    opened it; `Connections` gives each thread its own.

    Raises:
        DatabaseError: the file cannot be opened, is damaged, or was written by a newer version.
    """
    path = home / FILE_NAME
    try:
        with _prepare_lock:
            if not path.exists() or _identity(path) not in _prepared:
                _prepare(path)
        return _connect(path)
    except (sqlite3.Error, OSError) as error:
        raise _unusable(path, error) from error


class Connections:
    """One connection to `home/catalog.db` for each thread that asks, also after a fork."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._local = threading.local()

    @property
    def db(self) -> Database:
        """The calling thread's connection."""
        db: Database | None = getattr(self._local, "db", None)
        if db is not None and self._local.pid == os.getpid():
            return db
        if db is not None:
            _inherited.append(db)
        db = open_database(self.home)
        self._local.db, self._local.pid = db, os.getpid()
        return db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Runs the block as one transaction that may write: durable when the block ends, undone when it raises.

        It waits for other writers up to `BUSY_TIMEOUT_MS`. A block inside another is part of the outer one.

        Raises:
            DatabaseError: SQLite fails, for example because the disk is full.
        """
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

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
            raise _unusable(self.home / FILE_NAME, error) from error

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
            raise _unusable(self.home / FILE_NAME, error) from error


def json_list(values: Iterable[str | int]) -> str:
    """Returns values as the parameter of `IN (SELECT value FROM json_each(?))`.

    Texts that are never stored are left out: SQLite would cut a text at a NUL or join the halves of a surrogate pair,
    and so match another value.
    """
    return json.dumps([value for value in values if not (isinstance(value, str) and _NEVER_STORED.search(value))])


def _prepare(path: Path) -> None:
    make_folder(path.parent)
    with waiting(path.with_name(f"{FILE_NAME}.lock")):
        db = _connect(path)
        try:
            db.conn.execute("PRAGMA journal_mode = WAL")
            problems = [row[0] for row in db.conn.execute("PRAGMA quick_check(1)")]
            if problems != ["ok"]:
                raise DatabaseError(f"{path} must be undamaged; SQLite reports: {problems[0]}. Restore a backup.")
            migrate(db)
        finally:
            db.close()
        fsync_path(path.parent)
    _prepared.add(_identity(path))


def _connect(path: Path) -> Database:
    # isolation_level None: transactions begin where this module says so, never by themselves.
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000)
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted does not stay readable in the file
        return Database(connection)
    except BaseException:
        connection.close()
        raise


def _identity(path: Path) -> tuple[int, str, int]:
    return os.getpid(), str(path.absolute()), path.stat().st_ino


def _unusable(path: Path, error: Exception) -> DatabaseError:
    return DatabaseError(
        f"{path} must be a usable SQLite database; got: {error}. Check the file, its rights and the disk."
    )
