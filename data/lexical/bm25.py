"""Scores products by BM25 (Robertson and Zaragoza, 2009) as FTS5 does, with the lengths of their texts at hand."""

import math
import sqlite3
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.lexical.lengths import Lengths
from data.lexical.remembering import remembered

_WEIGHTS = {"title": 8, "brand": 4, "category": 4, "facts": 2, "description": 1}  # of a word in each column
WEIGHTS = ", ".join(map(str, _WEIGHTS.values()))  # as FTS5's function takes them
_WEIGHT = "CASE col " + " ".join(f"WHEN '{name}' THEN {weight}" for name, weight in _WEIGHTS.items()) + " END"
_K1, _B = 1.2, 0.75  # FTS5's own
TOKENIZER = "porter unicode61 remove_diacritics 2"  # of the index
_kept = threading.local()  # .small: the thread's own index, which is empty between two questions


def best_of_any(
    connection: sqlite3.Connection, terms: Sequence[str], lengths: Lengths, most: int
) -> list[tuple[int, float]] | None:
    """Returns the keys of the products that hold any of the terms with their fit, best first.

    None if FTS5 has to score them, since a term is indexed as several.
    """
    stored = [_as_indexed(term) for term in terms]
    if not all(stored):
        return None
    found = [_added(connection, term, lengths) for term in stored]
    keys, place = np.unique(np.concatenate([keys for keys, _ in found]), return_inverse=True)
    fits = np.bincount(place, np.concatenate([added for _, added in found]), len(keys))
    best = np.argsort(-fits, kind="stable")[:most]
    return list(zip(keys[best].tolist(), fits[best].tolist(), strict=True))


def _added(
    connection: sqlite3.Connection, term: str, lengths: Lengths
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Returns the products that hold a term, int64 (n,), and what it adds to the fit of each, float64 (n,)."""
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
    keys = instances[starts] >> 4
    if not len(keys):
        return keys, np.zeros(0)
    often = np.add.reduceat(instances & 15, starts).astype(np.float64)
    rarity = math.log(max(1.0, (lengths.products - len(keys) + 0.5) / (len(keys) + 0.5))) or 1e-6
    length = lengths.by_key.take(keys, mode="clip")
    bound = _K1 * (1 - _B + _B * length / lengths.mean)
    return keys, rarity * (often * (_K1 + 1.0) / (often + bound))


@remembered(10_000, longest=64)
def _as_indexed(term: str) -> str:
    """Returns a term as the index has it, without accents and endings; "" if it is several there."""
    if not hasattr(_kept, "small"):
        _kept.small = sqlite3.connect(":memory:", isolation_level=None)
        _kept.small.execute(f"CREATE VIRTUAL TABLE words USING fts5 (word, tokenize = '{TOKENIZER}')")
        _kept.small.execute("CREATE VIRTUAL TABLE terms USING fts5vocab (words, instance)")
    _kept.small.execute("BEGIN")
    try:
        _kept.small.execute("INSERT INTO words VALUES (?)", (term,))
        found = [stored for (stored,) in _kept.small.execute("SELECT term FROM terms")]
    finally:
        _kept.small.execute("ROLLBACK")
    return found[0] if len(found) == 1 else ""
