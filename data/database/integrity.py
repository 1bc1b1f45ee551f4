"""Checks all of catalog.db, and makes its indexes anew where they alone are damaged."""

import sqlite3
from contextlib import closing
from pathlib import Path

from data.database.opening import BUSY_TIMEOUT_MS, FILE_NAME

_MOST_PROBLEMS = 20
_BEHIND = "SELECT seq, newest FROM counter, (SELECT max(image_seq) AS newest FROM products) WHERE seq < newest"


def find_problems(home: Path) -> list[str]:
    """Returns what SQLite finds wrong with catalog.db: its pages, rows, indexes and references; empty: nothing."""
    try:
        with closing(_open(home)) as connection:
            found = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({_MOST_PROBLEMS})")]
            lost = connection.execute("PRAGMA foreign_key_check").fetchall()
            behind = connection.execute(_BEHIND).fetchall()
    except sqlite3.Error as error:
        return [str(error)]
    problems = [line for text in found if text != "ok" for line in text.splitlines()]
    problems += [f"row {row} of {table} names a row that {parent} lacks" for table, row, parent, _ in lost]
    return problems + [f"the counter of changes is {seq}, below a product's {newest}" for seq, newest in behind]


def mend_indexes(home: Path) -> bool:
    """Makes every index anew from the rows, all or none of them; returns whether that was possible. No row changes."""
    try:
        with closing(_open(home)) as connection:
            connection.execute("REINDEX")
    except sqlite3.Error:
        return False
    return True


def _open(home: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{(home / FILE_NAME).absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_MS / 1000,
    )
