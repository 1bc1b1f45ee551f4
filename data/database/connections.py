"""Lends connections to catalog.db to threads, and runs groups of reads and writes as transactions."""

import json
import os
import re
import sqlite3
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from data.database.opening import Opened, open_catalogue, unusable
from data.errors import HomeGone
from data.storage import fsync_path, make_folder

IDLE = 8  # connections of one home that are kept open while nobody uses them; each holds two descriptors
_NEVER_STORED = re.compile("[\0\ud800-\udfff]")


class _Pool:
    """The idle connections to one home's catalog.db, shared by all threads of the process.

    It lends as many as threads need at the same moment, for a reader must not wait for those who wait to write, and
    keeps `IDLE` of them.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._idle: deque[Opened] = deque()  # its methods are atomic, and it holds no lock that a fork would copy

    def take(self) -> Opened:
        while self._idle:
            try:
                opened = self._idle.pop()
            except IndexError:  # another thread took the last one
                break
            if opened.pid == os.getpid() and opened.is_in_place:
                return opened
            _drop(opened)
        return open_catalogue(self._home)

    def give_back(self, opened: Opened) -> None:
        if len(self._idle) < IDLE and opened.pid == os.getpid() and not opened.connection.in_transaction:
            self._idle.append(opened)
        else:
            _drop(opened)


_pools: weakref.WeakValueDictionary[Path, _Pool] = weakref.WeakValueDictionary()
# A child must neither use nor close a connection that it inherited through fork, so the connection is kept here.
_inherited: list[Opened] = []


def _drop(opened: Opened) -> None:
    if opened.pid == os.getpid():
        opened.connection.close()
    else:
        _inherited.append(opened)


class Connections:
    """Connections to `home/catalog.db`, for any number of threads and also after a fork.

    A thread borrows one for each statement or transaction, from a pool that all objects of this home share. A file that
    was replaced, for example by its backup, is opened anew.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._pool = _pools.setdefault(home.absolute(), _Pool(home.absolute()))
        self._local = threading.local()  # .opened: the connection of the thread's running transaction

    def prepare(self) -> None:
        """Opens the file now: makes, checks and migrates it if needed.

        Raises:
            DatabaseError: it cannot be used.
        """
        with self._borrowed():
            return

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Runs the block as one transaction that may write: durable when the block ends, undone when it raises.

        It waits for other writers up to `BUSY_TIMEOUT_MS`. A block inside another is part of the outer one.

        Raises:
            DatabaseError: SQLite fails, for example because the disk is full.
            HomeGone: the file is not in its place any more, so the writes are lost.
        """
        with self._borrowed() as opened:
            with self._transaction(opened, "BEGIN IMMEDIATE"):
                yield opened.connection
            if not opened.is_in_place:
                raise HomeGone("it went away during a write")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Runs the block as one transaction: all reads see the same state, whatever others write meanwhile."""
        with self._borrowed() as opened, self._transaction(opened, "BEGIN"):
            yield opened.connection

    @contextmanager
    def undone(self) -> Iterator[sqlite3.Connection]:
        """Runs the block as one transaction that is undone when the block ends: what would these writes do?"""
        with self._borrowed() as opened, self._transaction(opened, "BEGIN IMMEDIATE", end="ROLLBACK"):
            yield opened.connection

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Returns the rows of one reading statement.

        Raises:
            DatabaseError: SQLite fails.
        """
        running = self._running()
        opened = running or self._pool.take()
        try:
            return opened.connection.execute(sql, parameters).fetchall()
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise unusable(opened.path, error) from error
        finally:
            if running is None:
                self._pool.give_back(opened)

    def backup(self, path: Path) -> None:
        """Writes a consistent copy of the database to `path`, which appears only when it is complete.

        Raises:
            DatabaseError: the copy cannot be written.
        """
        part = path.with_name(f"{path.name}.part")
        try:
            make_folder(path.parent)
            part.unlink(missing_ok=True)
            with self._borrowed() as opened, closing(sqlite3.connect(part)) as target:
                opened.connection.backup(target)
            fsync_path(part)
            part.replace(path)
            fsync_path(path.parent)
        except (sqlite3.Error, OSError) as error:
            raise unusable(path, error) from error

    @contextmanager
    def _borrowed(self) -> Iterator[Opened]:
        """Lends a connection for the block; inside a transaction of this thread, the transaction's own."""
        if (running := self._running()) is not None:
            yield running
            return
        opened = self._pool.take()
        try:
            yield opened
        finally:
            self._pool.give_back(opened)

    def _running(self) -> Opened | None:
        """Returns the connection of this thread's running transaction; None if there is none."""
        opened: Opened | None = getattr(self._local, "opened", None)
        return opened if opened is not None and opened.pid == os.getpid() else None

    @contextmanager
    def _transaction(self, opened: Opened, begin: str, *, end: str = "COMMIT") -> Iterator[None]:
        if opened.connection.in_transaction:
            yield
            return
        try:
            opened.connection.execute(begin)
            self._local.opened = opened
            try:
                yield
                opened.connection.execute(end)
            except BaseException:
                opened.connection.rollback()
                raise
            finally:
                self._local.opened = None
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise unusable(opened.path, error) from error


def json_list(values: Iterable[str | int]) -> str:
    """Returns values as the parameter of `IN (SELECT value FROM json_each(?))`.

    Texts that are never stored are left out: SQLite would cut a text at a NUL or join the halves of a surrogate pair,
    and so match another value.
    """
    listed = list(values)
    text = json.dumps(listed)
    if "\\u" in text:
        text = json.dumps([value for value in listed if not (isinstance(value, str) and _NEVER_STORED.search(value))])
    return text
