"""Counts how many products hold an expression, and remembers the counts."""

import sqlite3
from collections import OrderedDict

MOST_ENTRIES = 20_000  # read for one question
_DRIFT = 0.01  # of a count: so many products may have changed since it was made; a new word is known at once
_KEPT = 10_000  # counts
_LONGEST = 100  # characters of an expression that is remembered


class EntryCounts:
    """How many products hold an expression, each counted up to 20,001. Safe to use from several threads.

    Most words and groups of letters are asked for again and again. Their counts are remembered for as long as they can
    be wrong by 1 % at most.
    """

    def __init__(self) -> None:
        # table, expression -> count, counter at that time; what was asked for last at the end. Its methods are atomic.
        self._known: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()

    def of(self, connection: sqlite3.Connection, seq: int, match: str, table: str = "lexical_words") -> int:
        """Returns in how many products an expression is found; 20,001 stands for that many or more.

        Args:
            seq: how many changes the state has seen that the connection reads.
        """
        known = self._known.pop((table, match), None)
        if known is None or abs(seq - known[1]) > known[0] * _DRIFT:
            known = count_up_to(connection, match, MOST_ENTRIES + 1, table), seq
        if len(match) <= _LONGEST:
            self._known[table, match] = known
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return known[0]


def count_up_to(connection: sqlite3.Connection, match: str, most: int, table: str = "lexical_words") -> int:
    """Returns in how many products an expression is found; `most` stands for that many or more."""
    rows = f"SELECT 1 FROM {table} WHERE {table} MATCH ? LIMIT ?"  # noqa: S608 - constants
    found: int = connection.execute(f"SELECT count(*) FROM ({rows})", (match, most)).fetchone()[0]  # noqa: S608
    return found


def changes_seen(connection: sqlite3.Connection) -> int:
    """Returns how many changes the catalogue has seen."""
    seq: int = connection.execute("SELECT seq FROM counter").fetchone()[0]
    return seq
