"""Tells which words a few products hold, by a small index in memory of these products alone.

To look each of 20 products up in the index of all takes longer, even in a small catalogue.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from data.database import json_list
from data.lexical.counts import count_up_to
from data.lexical.ranking import any_of, any_term
from data.lexical.texts import within_words

_MOST_EXPLAINED = 8  # words
_MOST_TERMS = 4  # of one word
_NAMES = ("title", "brand", "category", "facts")
_kept = threading.local()  # .small: the thread's own index, which is empty between two questions


def find_words(
    connection: sqlite3.Connection, product_keys: Sequence[int], words: Sequence[str]
) -> dict[int, list[str]]:
    """Returns product key -> those of the words that the product's texts hold, for the given products."""
    found: dict[int, list[str]] = {}
    with _indexed(connection, product_keys, (*_NAMES, "description")) as small:
        for word in words[:_MOST_EXPLAINED]:
            for key in _holding(small, any_term(word)):
                found.setdefault(key, []).append(word)
    return found


def share_found(connection: sqlite3.Connection, product_keys: Sequence[int], words: Sequence[str]) -> dict[int, float]:
    """Returns product key -> the share of the words that its title and facts hold, 0..1, where it is above 0.

    A description names much that the product is not, so it does not count. Of a word in a script without spaces counts
    the share of its parts, so that two signs in common are not the word.
    """
    asked = words[:_MOST_EXPLAINED]
    found: dict[int, float] = {}
    with _indexed(connection, product_keys, _NAMES) as small:
        for word in asked:
            terms = within_words(word)[:_MOST_TERMS]
            for term in terms:
                for key in _holding(small, any_of([term])):
                    found[key] = found.get(key, 0.0) + 1 / len(terms) / len(asked)
    return found


def unnamed(connection: sqlite3.Connection, words: Sequence[str]) -> list[str]:
    """Returns those of the words that no product has in its title or facts."""
    fields = " ".join(_NAMES)
    return [
        word for word in words[:_MOST_EXPLAINED] if not count_up_to(connection, f"{{{fields}}} : ({any_term(word)})", 1)
    ]


@contextmanager
def _indexed(
    connection: sqlite3.Connection, product_keys: Sequence[int], columns: Sequence[str]
) -> Iterator[sqlite3.Connection]:
    """Lends an index that holds these columns of the products alone."""
    if not hasattr(_kept, "small"):
        _kept.small = sqlite3.connect(":memory:", isolation_level=None)
        _kept.small.execute(
            connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'lexical_words'").fetchone()[0]
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


def _holding(small: sqlite3.Connection, match: str) -> list[int]:
    return [key for (key,) in small.execute("SELECT rowid FROM lexical_words WHERE lexical_words MATCH ?", (match,))]
