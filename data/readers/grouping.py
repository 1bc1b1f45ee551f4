"""Brings together the rows of one product that may lie anywhere in a feed, with a temporary file instead of memory."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from data.readers.records import Record, RowWarning

ROWS_PER_GROUP = 5_000


@dataclass(frozen=True)
class Member:
    """One row of a feed that belongs to a product.

    Attributes:
        line: where the row is in the feed.
        key: the product that it names itself.
        values: what it holds, as JSON can hold it.
        warnings: what its reader noticed.
    """

    line: int
    key: str
    values: dict[str, Any]
    warnings: tuple[RowWarning, ...]


class Groups:
    """Rows by the product that they belong to; a context manager, at the end of which they are gone.

    Attributes:
        left_out: rows over 5,000 for one product; complete when all products were yielded.
    """

    def __init__(self) -> None:
        self.left_out = 0
        self._rows = sqlite3.connect("", isolation_level=None)  # "": a file without a name
        self._rows.execute("CREATE TABLE members (line INTEGER, key TEXT, joins INTEGER, record TEXT)")
        self._rows.execute("CREATE TABLE parents (key TEXT PRIMARY KEY, parent TEXT)")
        self._rows.execute("BEGIN")

    def __enter__(self) -> "Groups":
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()

    def add(self, key: str, record: Record, *, joins: bool = False) -> None:
        """Adds a row.

        Args:
            key: the product that it names itself.
            joins: whether all rows of this key belong to the parent that `name_parent` gives it, if it does.
        """
        text = json.dumps([record.values, [(found.code, found.message) for found in record.warnings]], default=str)
        self._rows.execute("INSERT INTO members VALUES (?, ?, ?, ?)", (record.line, key, joins, text))

    def name_parent(self, key: str, parent: str) -> None:
        """Says which product the rows of `key` belong to, if they join one; the first who says so is right."""
        self._rows.execute("INSERT OR IGNORE INTO parents VALUES (?, ?)", (key, parent))

    def __iter__(self) -> Iterator[tuple[str, list[Member]]]:
        """Yields the products in the order of their first rows, each with its rows by line, at most 5,000."""
        self._rows.execute(
            "CREATE TABLE places AS SELECT m.key, coalesce(max(CASE WHEN joins THEN parent END), m.key) AS whole, "
            "min(line) AS first FROM members m LEFT JOIN parents p ON p.key = m.key GROUP BY m.key"
        )
        self._rows.execute("CREATE UNIQUE INDEX places_by_key ON places (key)")
        with closing(
            self._rows.execute(
                "SELECT w.first, p.whole, m.line, m.key, m.record FROM members m JOIN places p ON p.key = m.key "
                "JOIN (SELECT whole, min(first) AS first FROM places GROUP BY whole) w ON w.whole = p.whole "
                "ORDER BY w.first, p.whole, m.line"
            )
        ) as rows:
            for (_, whole), group in groupby(rows, key=lambda row: (row[0], row[1])):
                members = [_member(*row[2:]) for row in islice(group, ROWS_PER_GROUP)]
                self.left_out += sum(1 for _ in group)
                yield whole, members


def _member(line: int, key: str, text: str) -> Member:
    values, warnings = json.loads(text)
    return Member(line, key, values, tuple(RowWarning(*found) for found in warnings))
