"""Writes the completions: every function runs in the transaction that writes the product itself.

A text that several products share is one entry, with their number. For each word of it, a row of `completion_starts`
holds the keys from there on. The rows are ordered by `rank` first, and by keys then: so a search reads the most
frequent texts first and stops when it has enough. A rank stands for a power of two of the number, so few writes move
it. The words of all entries are entries too, of the kind `word`: typing errors are mended by them.
"""

import hashlib
import sqlite3
from collections.abc import Collection, Iterable, Mapping
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
    changes = [(entry, 1) for found in entries.values() for entry in found]
    change_counts(connection, changes + [(entry, -1) for entry in _entries_of(connection, products)])
    connection.executemany(
        "INSERT OR REPLACE INTO completion_products VALUES (?, ?, ?, ?)",
        [(key, *(entry.number for entry in found)) for key, found in entries.items()],
    )


def forget_texts(connection: sqlite3.Connection, product_keys: Collection[int]) -> None:
    """Deletes the entries of products that no others share."""
    change_counts(connection, [(entry, -1) for entry in _entries_of(connection, product_keys)])
    connection.execute(
        "DELETE FROM completion_products WHERE product_key IN (SELECT value FROM json_each(?))",
        (json_list(product_keys),),
    )


def forget_all(connection: sqlite3.Connection) -> None:
    """Deletes all entries, before every product is indexed again."""
    for table in ("completion_entries", "completion_starts", "completion_products"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants


def change_counts(connection: sqlite3.Connection, changes: Iterable[tuple[Entry, int]]) -> None:
    """Adds to the counts of entries and lets their ranks follow; entries that come to 0 are deleted.

    An entry that stays is shown as it is first given, since its case or accents may have changed.
    """
    entries: dict[int, Entry] = {}  # by number, for that is quicker than by entry
    more: dict[int, int] = {}
    for entry, change in changes:
        if number := entry.number:
            entries.setdefault(number, entry)
            more[number] = more.get(number, 0) + change
    if not entries:
        return
    before = _counts(connection, entries)
    after = {number: max(before[number] + change, 0) for number, change in more.items()}
    connection.executemany(
        "INSERT INTO completion_entries (entry, kind, text, count) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (entry) DO UPDATE SET count = excluded.count, text = excluded.text",
        sorted((number, entry.kind, entry.text, after[number]) for number, entry in entries.items()),
    )
    connection.execute(
        "DELETE FROM completion_entries WHERE entry IN (SELECT value FROM json_each(?))",
        (json_list(number for number, count in after.items() if not count),),
    )
    moved = [number for number in entries if before[number].bit_length() != after[number].bit_length()]
    connection.executemany(
        "DELETE FROM completion_starts WHERE rank = ? AND keys = ? AND entry = ?",
        sorted(start for number in moved for start in _starts(entries[number], before[number])),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO completion_starts VALUES (?, ?, ?)",
        sorted(start for number in moved for start in _starts(entries[number], after[number])),
    )
    come_or_gone = [number for number in moved if not before[number] or not after[number]]
    changed_words = _words_of((entries[number], 1 if after[number] else -1) for number in come_or_gone)
    change_counts(connection, changed_words)


def _counts(connection: sqlite3.Connection, numbers: Collection[int]) -> dict[int, int]:
    """Returns the stored counts of entries by number; 0 where there is none."""
    stored = connection.execute(
        "SELECT entry, count FROM completion_entries WHERE entry IN (SELECT value FROM json_each(?))",
        (json_list(numbers),),
    )
    return dict.fromkeys(numbers, 0) | dict(stored.fetchall())


def _words_of(changes: Iterable[tuple[Entry, int]]) -> list[tuple[Entry, int]]:
    """Returns the entries of the words of texts that came or went; words have none themselves."""
    more: dict[str, int] = {}
    for entry, change in changes:
        if entry.kind != "word":
            for word in set(letters_of(entry.text).split()):
                more[word] = more.get(word, 0) + change
    return [(Entry.of("word", word), change) for word, change in more.items()]


def _entries_of(connection: sqlite3.Connection, product_keys: Collection[int]) -> list[Entry]:
    """Returns the entries of products, once for each product."""
    rows = connection.execute(
        "SELECT e.entry, e.kind, e.text FROM completion_products AS p "
        "JOIN completion_entries AS e ON e.entry IN (p.title, p.brand, p.category) "
        "WHERE p.product_key IN (SELECT value FROM json_each(?))",
        (json_list(product_keys),),
    )
    return [Entry(*row) for row in rows]


def _starts(entry: Entry, count: int) -> list[tuple[int, str, int]]:
    """Returns the rows of `completion_starts` of an entry with this count; none if it is 0."""
    if not count:
        return []
    keys, number = keystrokes(entry.text), entry.number
    level = _HIGHEST - min(count.bit_length() + FAVOUR[entry.kind], _HIGHEST)
    if entry.kind == "word":
        first = others = WORD_RANKS[level]
    else:
        first, others = RANKS[2 * level], RANKS[2 * level + 1]
    starts = [(first, keys[:START_KEYS], number)]
    while (keys := keys.partition(" ")[2]) and len(starts) < _MOST_STARTS:
        starts.append((others, keys[:START_KEYS], number))
    return starts
