"""Reads the completions: the most frequent texts that go on like what was typed, typing errors allowed.

Every step reads a bounded number of rows, however large the catalogue is.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from data.completion.index import FAVOUR, RANKS, START_KEYS, WORD_RANKS
from data.completion.keystrokes import keystrokes
from data.database import json_list
from data.lexical import has_all, most_errors, with_titles

MOST_TYPED = 200  # characters
MOST_COMPLETIONS = 20
DEFAULT_K = 8
_READ_FOR_EACH = 3  # rows for each completion wanted; some are the same text, or a query that nothing answers any more
_READ_LONG = 200  # rows, where what was typed is longer than the keys that a row holds
_WORDS_COMPARED = 1000
_TRIED = 3  # words that a misspelt one may stand for
_AFTER_ALL = "\U0010ffff"


@dataclass(frozen=True)
class Completion:
    """A text that goes on like what was typed.

    Attributes:
        kind: `query` (shoppers searched it), `title`, `brand` or `category`.
        product_id: the product, if it is the title of exactly one; "" otherwise.
    """

    text: str
    kind: str
    product_id: str = ""


@dataclass(frozen=True)
class _Found:
    kind: str
    text: str
    count: int


def complete(connection: sqlite3.Connection, text: str, k: int) -> list[Completion]:
    """Returns up to k texts that hold what was typed, from the beginning of one of their words on, best first.

    Typing errors are mended only where nothing goes on like it.
    """
    typed = keystrokes(text)
    if not typed:
        return []
    if text[-1].isspace():
        typed += " "
    found = _continuing(connection, typed, k)
    if not found:
        for mended in _mended(connection, typed):
            found |= {key: each for key, each in _continuing(connection, mended, k).items() if key not in found}
    best = list(found.values())[:k]
    ids = with_titles(connection, [each.text for each in best if each.kind == "title" and each.count == 1])
    return [Completion(each.text, each.kind, ids.get(each.text, "")) for each in best]


def _continuing(connection: sqlite3.Connection, typed: str, k: int) -> dict[str, _Found]:
    """Returns texts by their keys without spaces, best first; of several kinds with equal keys, the most frequent."""
    head = typed[:START_KEYS]
    rows = connection.execute(
        "SELECT e.kind, e.text, e.count, s.rank, coalesce(p.deleted, 1) FROM json_each(?) AS r "
        "CROSS JOIN completion_starts AS s ON s.rank = r.value AND s.keys >= ? AND s.keys < ? "
        "CROSS JOIN completion_entries AS e USING (entry) LEFT JOIN products AS p USING (product_key) LIMIT ?",
        (json_list(RANKS), head, head + _AFTER_ALL, _READ_FOR_EACH * k if len(typed) <= START_KEYS else _READ_LONG),
    ).fetchall()
    rows.sort(key=lambda row: (row[3], -row[2] << FAVOUR[row[0]]))
    found: dict[str, _Found] = {}
    for kind, text, count, _, unanswered in rows:
        keys = keystrokes(text)
        key = keys.replace(" ", "")
        if len(found) == k or key in found or f" {typed}" not in f" {keys}":
            continue
        if kind != "query" or not unanswered or has_all(connection, text):
            found[key] = _Found(kind, text, count)
    return found


def _mended(connection: sqlite3.Connection, typed: str) -> Iterator[str]:
    """Yields what may have been meant: each unknown word is replaced by the known one nearest to it."""
    *words, last = typed.split(" ")
    meant = [_nearest(connection, word, whole=True)[0] for word in words]
    for nearest in _nearest(connection, last, whole=False):
        mended = " ".join([*meant, nearest])
        if mended != typed:
            yield mended


def _nearest(connection: sqlite3.Connection, word: str, *, whole: bool) -> list[str]:
    """Returns the known words, or beginnings of them, that differ least from a word; itself if it is known or alone.

    They begin with its first key, or its second where that stands first by mistake: errors there are rare.
    """
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    errors = most_errors(word)
    if not errors or _words(connection, word, word + ("\0" if whole else _AFTER_ALL), 1):
        return [word]
    heads = (word[:2], word[0], word[1])
    near = dict.fromkeys(
        known for head in heads for known in _words(connection, head, head + _AFTER_ALL, _WORDS_COMPARED)
    )
    lengths = (START_KEYS,) if whole else (len(word) - 1, len(word), len(word) + 1)
    meant = list(dict.fromkeys(known[:length] for known in near for length in lengths))
    found = process.extract(word, meant, scorer=OSA.distance, score_cutoff=errors, limit=_TRIED)
    return [text for text, _, _ in found] or [word]


def _words(connection: sqlite3.Connection, first: str, end: str, most: int) -> list[str]:
    """Returns the keys of known words from `first` on and before `end`, the most frequent first."""
    rows = connection.execute(
        "SELECT s.keys FROM json_each(?) AS r "
        "CROSS JOIN completion_starts AS s ON s.rank = r.value AND s.keys >= ? AND s.keys < ? LIMIT ?",
        (json_list(WORD_RANKS), first, end, most),
    )
    return [keys for (keys,) in rows]
