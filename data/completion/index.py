"""Writes the completions: every function runs in the transaction that writes the product itself.

A text that several products share is one entry, with their number. For each word of it, a row of `completion_starts`
holds the keys from there on. The rows are ordered by `rank` first, and by keys then: so a search reads the most
frequent texts first and stops when it has enough. A rank stands for a power of two of the number, so few writes move
it. The words of all entries are entries too, of the kind `word`: typing errors are mended by them.
"""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from data.completion.keystrokes import keystrokes
from data.database import json_list
from data.lexical import Texts, letters_of

START_KEYS = 24  # kept of each start
RANKS = range(48)  # of the starts of texts
WORD_RANKS = range(48, 72)
_MOST_STARTS = 8  # words of a text at which it can be found
LONGEST_TEXT = 200  # characters; longer ones are not suggested
# A text of this kind counts as if it were found 2 ** this times as often as a title.
FAVOUR = {"query": 4, "category": 2, "brand": 2, "title": 0, "word": 0}
_HIGHEST = 24


@dataclass(frozen=True)
class Entry:
    """A text that may be suggested.

    Attributes:
        number: a hash of kind and keys, so texts that differ by case or accents are one entry; 0: never suggested.
    """

    number: int
    kind: str = field(compare=False)
    text: str = field(compare=False)

    def __hash__(self) -> int:
        return self.number

    @classmethod
    def of(cls, kind: str, text: str) -> "Entry":
        """Returns the entry of a text; that of an empty or very long one has the number 0."""
        return _entry_of(kind, text) if len(text) <= LONGEST_TEXT else cls(0, kind, "")


@lru_cache(maxsize=5_000)  # many products share a brand and a category, and many texts a word
def _entry_of(kind: str, text: str) -> Entry:
    keys = keystrokes(text)
    digest = hashlib.blake2b(f"{kind} {keys}".encode(), digest_size=7).digest()
    return Entry(int.from_bytes(digest) if keys else 0, kind, " ".join(text.split()))


def index_texts(connection: sqlite3.Connection, products: Mapping[int, Texts]) -> None:
    """Writes the entries of products, by key, in place of those they had."""
    entries = {
        key: (Entry.of("title", texts.title), Entry.of("brand", texts.brand), Entry.of("category", texts.category))
        for key, texts in products.items()
    }
    changes = Counter(entry for found in entries.values() for entry in found)
    changes.subtract(_entries_of(connection, products))
    change_counts(connection, changes)
    connection.executemany(
        "INSERT OR REPLACE INTO completion_products VALUES (?, ?, ?, ?)",
        [(key, *(entry.number for entry in found)) for key, found in entries.items()],
    )


def forget_texts(connection: sqlite3.Connection, product_keys: Collection[int]) -> None:
    """Deletes the entries of products that no others share."""
    gone = Counter(_entries_of(connection, product_keys))
    change_counts(connection, {entry: -count for entry, count in gone.items()})
    connection.execute(
        "DELETE FROM completion_products WHERE product_key IN (SELECT value FROM json_each(?))",
        (json_list(product_keys),),
    )


def forget_all(connection: sqlite3.Connection) -> None:
    """Deletes all entries, before every product is indexed again."""
    for table in ("completion_entries", "completion_starts", "completion_products"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants


def change_counts(connection: sqlite3.Connection, changes: Mapping[Entry, int]) -> None:
    """Adds to the counts of entries and lets their ranks follow; entries that come to 0 are deleted.

    An entry that stays is shown as it is given, since its case or accents may have changed.
    """
    changed = {entry: change for entry, change in changes.items() if entry.number}
    if not changed:
        return
    stored = connection.execute(
        "SELECT entry, count FROM completion_entries WHERE entry IN (SELECT value FROM json_each(?))",
        (json_list(entry.number for entry in changed),),
    )
    counts: dict[int, int] = dict(stored.fetchall())
    before = {entry: counts.get(entry.number, 0) for entry in changed}
    after = {entry: max(before[entry] + change, 0) for entry, change in changed.items()}
    connection.executemany(
        "INSERT INTO completion_entries (entry, kind, text, count) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (entry) DO UPDATE SET count = excluded.count, text = excluded.text",
        sorted((entry.number, entry.kind, entry.text, count) for entry, count in after.items()),
    )
    connection.execute(
        "DELETE FROM completion_entries WHERE entry IN (SELECT value FROM json_each(?))",
        (json_list(entry.number for entry, count in after.items() if not count),),
    )
    moved = [entry for entry in changed if before[entry].bit_length() != after[entry].bit_length()]
    connection.executemany(
        "DELETE FROM completion_starts WHERE rank = ? AND keys = ? AND entry = ?",
        sorted(start for entry in moved for start in _starts(entry, before[entry])),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO completion_starts VALUES (?, ?, ?)",
        sorted(start for entry in moved for start in _starts(entry, after[entry])),
    )
    words: dict[Entry, int] = {}
    for entry in moved:
        if entry.kind != "word" and not (before[entry] and after[entry]):
            change = 1 if after[entry] else -1
            for word in set(letters_of(entry.text).split()):
                found = Entry.of("word", word)
                words[found] = words.get(found, 0) + change
    change_counts(connection, words)


def _entries_of(connection: sqlite3.Connection, product_keys: Collection[int]) -> list[Entry]:
    """Returns the entries of products, once for each product."""
    rows = connection.execute(
        "SELECT e.entry, e.kind, e.text FROM completion_products AS p "
        "JOIN completion_entries AS e ON e.entry IN (p.title, p.brand, p.category) "
        "WHERE p.product_key IN (SELECT value FROM json_each(?))",
        (json_list(product_keys),),
    )
    return [Entry(*row) for row in rows]


def _starts(entry: Entry, count: int) -> Iterator[tuple[int, str, int]]:
    """Yields the rows of `completion_starts` of an entry with this count; none if it is 0."""
    keys = keystrokes(entry.text)
    level = _HIGHEST - min(count.bit_length() + FAVOUR[entry.kind], _HIGHEST)
    places = [0, *(place + 1 for place, key in enumerate(keys) if key == " ")]
    for place in places[:_MOST_STARTS] if count else ():
        rank = WORD_RANKS[level] if entry.kind == "word" else RANKS[2 * level + (place > 0)]
        yield rank, keys[place : place + START_KEYS], entry.number
