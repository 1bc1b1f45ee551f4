"""Counts the queries in the log that are worth suggesting; for the nightly job.

A query counts once a minute, so that reloads do not count, and is suggested from 3 times on: one that was typed once
may be private. It must also find something: some product has all its words, or shoppers chose one after it.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from data.completion.index import LONGEST_TEXT, Entry, change_counts
from data.lexical import has_all

_LEAST_TIMES = 3
_MOST_QUERIES = 100_000
_ASKED = """
SELECT query_text, count(DISTINCT substr(at, 1, 16)) AS times FROM events
WHERE kind = 'search' AND photo_sha256 = '' AND query_text <> '' AND length(query_text) <= ?
GROUP BY query_text HAVING times >= ? ORDER BY times DESC, query_text LIMIT ?
"""
_CHOSEN = """
SELECT coalesce(nullif(c.query_text, ''), s.query_text) AS query, max(p.product_key) FROM events AS c
JOIN products AS p USING (product_id) LEFT JOIN events AS s ON s.query_id = c.query_id AND s.kind = 'search'
WHERE c.kind <> 'search' AND NOT p.deleted GROUP BY query HAVING query <> ''
"""


@dataclass(frozen=True)
class QueryChange:
    """What changed about a logged query: how much more often it was asked, and a product that was chosen for it."""

    entry: Entry
    more: int
    product_key: int | None


def changed_queries(connection: sqlite3.Connection) -> list[QueryChange]:
    """Returns the queries whose numbers or products are not those that are stored, compared with the log."""
    chosen = dict(connection.execute(_CHOSEN).fetchall())
    asked: dict[Entry, tuple[int, int | None]] = {}
    for text, times in connection.execute(_ASKED, (LONGEST_TEXT, _LEAST_TIMES, _MOST_QUERIES)).fetchall():
        if text in chosen or has_all(connection, text):
            asked.setdefault(Entry.of("query", text), (times, chosen.get(text)))
    rows = connection.execute(
        "SELECT entry, kind, text, count, product_key FROM completion_entries WHERE kind = 'query'"
    )
    stored = {Entry(*row[:3]): (row[3], row[4]) for row in rows}
    wanted = {**dict.fromkeys(stored, (0, None)), **asked}
    return [
        QueryChange(entry, times - stored.get(entry, (0, None))[0], product_key)
        for entry, (times, product_key) in wanted.items()
        if stored.get(entry) != (times, product_key)
    ]


def write_queries(connection: sqlite3.Connection, changes: Sequence[QueryChange]) -> None:
    """Writes the changes of queries."""
    change_counts(connection, [(change.entry, change.more) for change in changes])
    connection.executemany(
        "UPDATE completion_entries SET product_key = ? WHERE entry = ?",
        [(change.product_key, change.entry.number) for change in changes],
    )
