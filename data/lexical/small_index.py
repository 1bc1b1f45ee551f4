"""Lends an index in memory of a few products alone: to look each of them up in the index of all takes longer."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from data.database import json_list

TOKENIZER = "porter unicode61 remove_diacritics 2"  # of the index
_kept = threading.local()  # .small: the thread's own index, which is empty between two questions


@contextmanager
def indexed_alone(
    connection: sqlite3.Connection, product_keys: Sequence[int], columns: Sequence[str]
) -> Iterator[sqlite3.Connection]:
    """Lends an index that holds these columns of the products alone, in a table of the same name."""
    if not hasattr(_kept, "small"):
        _kept.small = sqlite3.connect(":memory:", isolation_level=None)
        # Only words are asked for, so that neither the texts nor their lengths need to be kept.
        _kept.small.execute(
            "CREATE VIRTUAL TABLE lexical_words USING fts5 (title, brand, category, facts, description, "
            f"content = '', columnsize = 0, tokenize = '{TOKENIZER}')"
        )
    names = ", ".join(("rowid", *columns))
    rows = connection.execute(
        f"SELECT {names} FROM lexical_words WHERE rowid IN (SELECT value FROM json_each(?))",  # noqa: S608 - constants
        (json_list(product_keys),),
    )
    _kept.small.execute("BEGIN")
    try:
        marks = ", ".join("?" * (len(columns) + 1))
        _kept.small.executemany(f"INSERT INTO lexical_words ({names}) VALUES ({marks})", rows)  # noqa: S608 - constants
        yield _kept.small
    finally:
        _kept.small.execute("ROLLBACK")
