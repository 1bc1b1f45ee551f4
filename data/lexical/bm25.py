"""Scores products by BM25 (Robertson and Zaragoza, 2009) as FTS5 does, with what it needs of the index at hand."""

import math
import sqlite3
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.lexical.entries import Entries, TermEntries
from data.lexical.lengths import Lengths, TextLengths
from data.lexical.remembering import remembered
from data.lexical.small_index import TOKENIZER

_K1, _B = 1.2, 0.75  # FTS5's own
_kept = threading.local()  # .small: the thread's own index, which is empty between two questions


class WordScores:
    """Scores the products of a catalogue, and remembers what it read of them. Safe to use from several threads."""

    def __init__(self) -> None:
        self.lengths, self._entries = TextLengths(), TermEntries()

    def best(
        self, connection: sqlite3.Connection, words: Sequence[Sequence[str]], most: int, *, prefer_all: bool = False
    ) -> list[tuple[int, float]] | None:
        """Returns the keys of the products that hold any of the words with their fit, best first, `most` at most.

        None if FTS5 has to score them, since a term is indexed as several.

        Args:
            words: the terms of each; a product that holds one of them holds the word.
            prefer_all: whether only products that hold every word are returned, where there are `most` of them.
        """
        stored = [[_as_indexed(term) for term in terms] for terms in words]
        if not all(term for terms in stored for term in terms):
            return None
        lengths = self.lengths.of(connection)
        found = [[self._entries.of(connection, term) for term in terms] for terms in stored]
        every = [entries for of_word in found for entries in of_word]
        keys, place = np.unique(np.concatenate([entries.keys for entries in every]), return_inverse=True)
        added = np.concatenate([_added(entries, lengths) for entries in every])
        fits = np.bincount(place, added, len(keys))
        if prefer_all and np.count_nonzero(whole := _holding_all(found, place, len(keys))) >= most:
            keys, fits = keys[whole], fits[whole]
        best = _highest(fits, most)
        return list(zip(keys[best].tolist(), fits[best].tolist(), strict=True))


def _added(entries: Entries, lengths: Lengths) -> NDArray[np.float64]:
    """Returns what a term adds to the fit of each product that holds it, float64 (n,)."""
    held = len(entries.keys)
    rarity = math.log(max(1.0, (lengths.products - held + 0.5) / (held + 0.5))) or 1e-6
    length = lengths.by_key.take(entries.keys, mode="clip") if held else np.zeros(0)
    bound = _K1 * (1 - _B + _B * length / lengths.mean)
    return rarity * (entries.often * (_K1 + 1.0) / (entries.often + bound))


def _holding_all(found: Sequence[Sequence[Entries]], place: NDArray[np.int64], products: int) -> NDArray[np.bool_]:
    """Returns which products hold every word, bool (products,).

    Args:
        found: the entries of each word's terms.
        place: int64, the product of each entry, one term's entries behind the other's.
    """
    whole, start = np.ones(products, np.bool_), 0
    for of_word in found:
        end = start + sum(len(entries.keys) for entries in of_word)
        holds = np.zeros(products, np.bool_)
        holds[place[start:end]] = True
        whole &= holds
        start = end
    return whole


def _highest(fits: NDArray[Any], most: int) -> NDArray[np.int64]:
    """Returns the places of the highest fits, `most` at most, highest first; of equal ones the first comes first."""
    high = np.arange(len(fits))
    if len(fits) > most:
        high = np.flatnonzero(fits >= np.partition(fits, -most)[-most])
    return high[np.argsort(-fits[high], kind="stable")[:most]]


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
