"""Checks all of catalog.db, and makes its indexes anew where they alone are damaged."""

import sqlite3
from contextlib import closing
from pathlib import Path

from data.database.opening import BUSY_TIMEOUT_MS, FILE_NAME

_MOST_PROBLEMS = 20
_BEHIND = "SELECT seq, newest FROM counter, (SELECT max(image_seq) AS newest FROM products) WHERE seq < newest"
_FULL_TEXT = "SELECT name FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL TABLE % USING fts5 (%'"


def find_problems(home: Path) -> list[str]:
    """Returns what SQLite finds wrong with catalog.db: its pages, rows, indexes and references; empty: nothing."""
    try:
        with closing(_open(home)) as connection:
            found = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({_MOST_PROBLEMS})")]
            lost = connection.execute("PRAGMA foreign_key_check").fetchall()
            behind = connection.execute(_BEHIND).fetchall()
            lexical = _damaged_lexical(connection)
    except sqlite3.Error as error:
        return [str(error)]
    problems = [line for text in found if text != "ok" for line in text.splitlines()]
    problems += [f"the lexical index {table} does not fit its texts" for table in lexical]
    problems += [f"row {row} of {table} names a row that {parent} lacks" for table, row, parent, _ in lost]
    return problems + [f"the counter of changes is {seq}, below a product's {newest}" for seq, newest in behind]


def mend_indexes(home: Path) -> bool:
    """Makes every index anew from the rows; returns whether that was possible. No row of a product changes.

    Whoever opens the catalogue next writes the texts of the lexical index anew, too.
    """
    try:
        with closing(_open(home)) as connection:
            connection.execute("REINDEX")
            if damaged := _damaged_lexical(connection):
                for table in damaged:
                    connection.execute(f"INSERT INTO {table} ({table}) VALUES ('rebuild')")  # noqa: S608 - constants
                connection.execute("DELETE FROM lexical_version")
    except sqlite3.Error:
        return False
    return True


def _damaged_lexical(connection: sqlite3.Connection) -> list[str]:
    """Returns the full-text tables whose index does not fit their texts; integrity_check does not look there."""
    damaged = []
    for (table,) in connection.execute(_FULL_TEXT).fetchall():
        try:
            connection.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")  # noqa: S608 - constants
        except sqlite3.DatabaseError:
            damaged.append(str(table))
    return damaged


def _open(home: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{(home / FILE_NAME).absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_MS / 1000,
    )
