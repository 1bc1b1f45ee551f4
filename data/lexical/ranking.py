"""Ranks products by how well their words fit (BM25), by the rarest words where the words have very many entries."""

import itertools
import sqlite3
from collections.abc import Callable, Iterable, Sequence

from data.lexical.bm25 import WordScores
from data.lexical.counts import MOST_ENTRIES, count_up_to
from data.lexical.entries import WEIGHTS
from data.lexical.remembering import remembered
from data.lexical.texts import within_words

MOST_HITS = 200
_MANY_ENTRIES = 5_000  # from here on products that hold every word are looked for before others
_FEW_OF_A_TERM = 400  # up to so many entries of each, FTS5 scores them as quickly by itself
_WEIGHTS = ", ".join(map(str, WEIGHTS.values()))  # as FTS5's function takes them
Count = Callable[[str], int]
Fits = list[tuple[int, float]]


def rank_by_words(connection: sqlite3.Connection, words: Sequence[str], count: Count, scores: WordScores) -> Fits:
    """Returns product keys with their fit, best first, 200 at most.

    Args:
        words: as `words_of` gives them. The rarest are used, as many as 20,000 products in all have.
        count: returns in how many products an expression is found.
        scores: of the catalogue.
    """
    counted = sorted((count(any_term(word)), word) for word in words)
    totals = itertools.accumulate(found for found, _ in counted)
    chosen = [each for each, total in zip(counted, totals, strict=True) if each[0] and total < MOST_ENTRIES]
    if not chosen:
        return []
    words, entries = [word for _, word in chosen], sum(found for found, _ in chosen)
    terms, prefer_all, best = [within_words(word) for word in words], entries > _MANY_ENTRIES, None
    if entries > _FEW_OF_A_TERM * sum(map(len, terms)):
        best = scores.best(connection, terms, MOST_HITS, prefer_all=prefer_all)
    return _best(connection, words, prefer_all=prefer_all) if best is None else best


@remembered(10_000, longest=64)  # a search asks for each of its words several times
def any_term(word: str) -> str:
    """Returns the expression that finds a term of a word, but not its last sign alone: many other words end in it."""
    return any_of(within_words(word))


def any_of(terms: Iterable[str]) -> str:
    """Returns the expression that finds any of the terms."""
    return " OR ".join(f'"{term}"' for term in terms)


def _best(connection: sqlite3.Connection, words: Iterable[str], *, prefer_all: bool) -> Fits:
    """Returns what `WordScores.best` does, as FTS5 scores it."""
    groups = [f"({any_term(word)})" for word in words]
    every = " AND ".join(groups)
    has_all = prefer_all and count_up_to(connection, every, MOST_HITS) == MOST_HITS
    return connection.execute(
        f"SELECT rowid, -bm25(lexical_words, {_WEIGHTS}) AS fit FROM lexical_words "  # noqa: S608 - constants
        "WHERE lexical_words MATCH ? ORDER BY fit DESC, rowid LIMIT ?",
        (every if has_all else " OR ".join(groups), MOST_HITS),
    ).fetchall()
