"""Remembers which products hold a term, for the terms that many hold, and follows the catalogue's changes.

To read an entry of the index takes a third of a microsecond, and frequent words are asked for again and again.
"""

import sqlite3
import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.lexical.counts import changes_seen
from data.lexical.lengths import MOST_BEHIND
from data.lexical.small_index import indexed_alone

WEIGHTS = {"title": 8, "brand": 4, "category": 4, "facts": 2, "description": 1}  # of a word in each column
_WEIGHT = "CASE col " + " ".join(f"WHEN '{name}' THEN {weight}" for name, weight in WEIGHTS.items()) + " END"
_LEAST = 200  # entries of a term that is remembered
_MOST = 2_000_000  # entries remembered, of 8 bytes
_FEW_CHANGED = 100  # products; after more changes a term is read anew


@dataclass(frozen=True)
class Entries:
    """The products that hold a term, in one state of the catalogue.

    Attributes:
        seq: how many changes it has seen.
        keys: int32 (n,), ascending.
        often: int32 (n,), how often each holds the term, counted by the weights of the columns.
    """

    seq: int
    keys: NDArray[np.int32]
    often: NDArray[np.int32]


class TermEntries:
    """The entries of a catalogue's terms. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Entries] = OrderedDict()  # the term asked for last at the end
        self._count = 0

    def of(self, connection: sqlite3.Connection, term: str) -> Entries:
        """Returns the entries of a term, as the index has it, in the state that the connection reads or a newer one."""
        seq = changes_seen(connection)
        with self._lock:
            known = self._known.get(term)
        if known is None or seq < known.seq - MOST_BEHIND:
            found = _read(connection, term, seq)
        else:
            found = known if seq <= known.seq else _followed(connection, term, known, seq)
        self._remember(term, found)
        return found

    def _remember(self, term: str, found: Entries) -> None:
        with self._lock:
            if (before := self._known.pop(term, None)) is not None:
                self._count -= len(before.keys)
            if len(found.keys) >= _LEAST:
                self._known[term] = found
                self._count += len(found.keys)
            while self._count > _MOST:
                self._count -= len(self._known.popitem(last=False)[1].keys)


def _read(connection: sqlite3.Connection, term: str, seq: int) -> Entries:
    connection.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.lexical_instances USING fts5vocab (main, lexical_words, instance)"
    )
    # All come as one text: making a Python object of each would take most of the time.
    text = connection.execute(
        f"SELECT group_concat(doc * 16 + {_WEIGHT}) FROM temp.lexical_instances WHERE term = ?",  # noqa: S608 - constants
        (term,),
    ).fetchone()[0]
    instances = np.fromstring(text or "", np.int64, sep=",")
    starts = np.flatnonzero(np.diff(instances >> 4, prepend=-1))
    often = np.add.reduceat(instances & 15, starts) if len(starts) else starts
    return Entries(seq, (instances[starts] >> 4).astype(np.int32), often.astype(np.int32))


def _followed(connection: sqlite3.Connection, term: str, known: Entries, seq: int) -> Entries:
    """Returns the entries with those of changed products made anew."""
    changed = [
        key
        for (key,) in connection.execute(
            "SELECT product_key FROM products WHERE filter_seq > ? LIMIT ?", (known.seq, _FEW_CHANGED + 1)
        )
    ]
    if len(changed) > _FEW_CHANGED:
        return _read(connection, term, seq)
    with indexed_alone(connection, changed, tuple(WEIGHTS)) as small:
        new = _read(small, term, seq)
    kept = np.flatnonzero(~np.isin(known.keys, changed))
    keys = np.concatenate([known.keys[kept], new.keys])
    order = np.argsort(keys)
    return Entries(seq, keys[order], np.concatenate([known.often[kept], new.often])[order])
