"""How many terms the texts of each product have, and how long codes are, kept in memory to answer searches quicker.

BM25 needs the terms of every product that it scores. FTS5 has them in a table of its own, and looks each product up
there, which takes most of BM25's time.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from data.database import json_list
from data.lexical.counts import changes_seen

_ROWS_AT_ONCE = 20_000
MOST_BEHIND = 1_000  # changes; a state that is older than this is another catalogue's, such as a backup
_MOST_CHANGED = 20_000  # products; after more changes, such as an import, all lengths are read anew
_SOUND = "typeof(sz) = 'blob'"  # what a disk has damaged costs only itself
_MOST_BYTES = 5  # of a varint
Row = tuple[int, bytes]


@dataclass(frozen=True)
class Lengths:
    """The lengths in one state of the catalogue.

    Attributes:
        seq: how many changes it has seen.
        by_key: int32, the terms of each product, by product_key; 0: it is not in the index.
        products: how many are in the index.
        terms: of all of them.
        codes: how many letters and digits ids and other codes have; perhaps some that no code has any more.
    """

    seq: int
    by_key: NDArray[np.int32]
    products: int
    terms: int
    codes: frozenset[int]

    @property
    def mean(self) -> float:
        """How many terms a product has on average."""
        return self.terms / self.products if self.terms and self.products else 1.0


class TextLengths:
    """The lengths of a catalogue's texts; follows its changes. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: Lengths | None = None

    def of(self, connection: sqlite3.Connection) -> Lengths:
        """Returns the lengths in the state that the connection reads, or in one that is a little newer."""
        with self._lock:
            known, seq = self._known, changes_seen(connection)
            if known is None or seq < known.seq - MOST_BEHIND:
                known = _read(connection, seq)
            elif seq > known.seq:
                known = _followed(connection, known, seq)
            self._known = known
            return known


def _read(connection: sqlite3.Connection, seq: int) -> Lengths:
    rows = connection.execute(f"SELECT id, sz FROM lexical_words_docsize WHERE {_SOUND}")  # noqa: S608 - a constant
    blocks = list(_blocks(rows))
    by_key = np.zeros(1 + max((int(keys[-1]) for keys, _ in blocks), default=0), np.int32)
    for keys, lengths in blocks:
        by_key[keys] = lengths
    codes = connection.execute("SELECT DISTINCT length(key) FROM lexical_keys WHERE kind <> 'title'")
    products = sum(len(keys) for keys, _ in blocks)
    return Lengths(seq, by_key, products, int(by_key.sum(dtype=np.int64)), frozenset(length for (length,) in codes))


def _followed(connection: sqlite3.Connection, known: Lengths, seq: int) -> Lengths:
    rows = connection.execute(
        "SELECT product_key FROM products WHERE filter_seq > ? LIMIT ?", (known.seq, _MOST_CHANGED + 1)
    )
    changed = [key for (key,) in rows]
    if len(changed) > _MOST_CHANGED:
        return _read(connection, seq)
    by_key = np.zeros(max([len(known.by_key) - 1, *changed]) + 1, np.int32)
    by_key[: len(known.by_key)] = known.by_key
    before = by_key[changed]
    by_key[changed] = 0
    sizes = connection.execute(
        f"SELECT id, sz FROM lexical_words_docsize WHERE id IN (SELECT value FROM json_each(?)) AND {_SOUND}",  # noqa: S608
        (json_list(changed),),
    )
    for keys, lengths in _blocks(sizes):
        by_key[keys] = lengths
    now = by_key[changed]
    codes = connection.execute(
        "SELECT DISTINCT length(key) FROM lexical_keys "
        "WHERE product_key IN (SELECT value FROM json_each(?)) AND kind <> 'title'",
        (json_list(changed),),
    )
    products = known.products + int(np.count_nonzero(now)) - int(np.count_nonzero(before))
    terms = known.terms + int(now.sum()) - int(before.sum())
    return Lengths(seq, by_key, products, terms, known.codes.union(length for (length,) in codes))


def _blocks(rows: Iterable[Row]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32]]]:
    """Yields keys and lengths of rows with the number of terms of each text, one behind the other as SQLite's varints.

    A varint has seven bits in each byte, the highest first; all bytes but its last have the eighth bit too.
    """
    listed = iter(rows)
    while block := list(islice(listed, _ROWS_AT_ONCE)):
        data = np.frombuffer(b"".join([*(sizes for _, sizes in block), b"\0"]), np.uint8)
        last = np.flatnonzero(data < 128)
        behind = np.repeat(last, np.diff(last, prepend=-1)) - np.arange(len(data))
        values = (data & 127).astype(np.int64) << 7 * np.minimum(behind, _MOST_BYTES - 1)
        starts = np.cumsum([0, *(len(sizes) for _, sizes in block)])[:-1]
        keys = np.fromiter((key for key, _ in block), np.int64, len(block))
        yield keys, np.minimum(np.add.reduceat(values, starts), np.iinfo(np.int32).max).astype(np.int32)
