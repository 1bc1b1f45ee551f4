"""Ranks products by how well their words fit (BM25), scoring as few of them as the best can be known from.

A product's score is the sum of what each word adds, and a frequent word adds little (the bound of MaxScore; Turtle and
Flood, "Query evaluation: strategies and optimizations", 1995). So products that hold none but the most frequent words
of a query are not scored where 200 others are sure to be better.
"""

import itertools
import math
import sqlite3
from collections.abc import Callable, Iterable, Sequence

from data.lexical.bm25 import WEIGHTS, best_of_any
from data.lexical.counts import MOST_ENTRIES, count_up_to
from data.lexical.lengths import TextLengths
from data.lexical.texts import within_words

MOST_HITS = 200
_MANY_ENTRIES = 5_000  # from here on as few products as possible are scored: BM25 takes 1 us of each
_FEW_OF_A_TERM = 400  # up to so many entries of each, FTS5 scores them as quickly by itself
_MOST_OF_A_TERM = 2.2  # k1 + 1: FTS5's BM25 gives a term less than this times its rarity
_SURELY_FEWER = 0.98  # of a remembered count
Count = Callable[[str], int]
Fits = list[tuple[int, float]]


def rank_by_words(connection: sqlite3.Connection, words: Sequence[str], count: Count, lengths: TextLengths) -> Fits:
    """Returns product keys with their fit, best first, 200 at most.

    Args:
        words: as `words_of` gives them. The rarest are used, as many as 20,000 products in all have.
        count: returns in how many products an expression is found.
        lengths: of the products' texts.
    """
    counted = sorted((count(any_term(word)), word) for word in words)
    totals = itertools.accumulate(found for found, _ in counted)
    chosen = [word for (found, word), total in zip(counted, totals, strict=True) if found and total < MOST_ENTRIES]
    if not chosen:
        return []
    if sum(found for found, word in counted if word in chosen) <= _MANY_ENTRIES:
        return _best_of_any(connection, chosen, count, lengths)
    every = " AND ".join(map(_group, chosen))
    if count_up_to(connection, every, MOST_HITS) == MOST_HITS:
        return _best(connection, every)
    return _best_by_rare_words(connection, chosen, count, lengths)


def any_term(word: str) -> str:
    """Returns the expression that finds a term of a word, but not its last sign alone: many other words end in it."""
    return any_of(within_words(word))


def any_of(terms: Iterable[str]) -> str:
    """Returns the expression that finds any of the terms."""
    return " OR ".join(f'"{term}"' for term in terms)


def _best_by_rare_words(
    connection: sqlite3.Connection, words: Sequence[str], count: Count, lengths: TextLengths
) -> Fits:
    """Returns the products that have the highest scores for any of the words, which come rarest first."""
    products = connection.execute("SELECT max(product_key) FROM products").fetchone()[0]
    ceilings = [sum(_most_added(products, count(any_of([term]))) for term in within_words(word)) for word in words]
    for rare in range(1, len(words)):
        others = sum(ceilings[rare:])
        if others >= ceilings[rare - 1]:
            continue  # the least of the rare words alone would not be better
        found = dict(_best_of_any(connection, words[:rare], count, lengths))
        if len(found) == MOST_HITS and min(found.values()) > others:
            both = f"({_any_word(words[:rare])}) AND ({_any_word(words[rare:])})"
            found.update(_best(connection, both))  # these have their whole score only now
            return sorted(found.items(), key=lambda each: (-each[1], each[0]))[:MOST_HITS]
    return _best_of_any(connection, words, count, lengths)


def _most_added(products: int, holders: int) -> float:
    """Returns what a term adds at most to a product's score.

    Args:
        products: so many at most are in the index.
        holders: of the term.
    """
    few = holders * _SURELY_FEWER
    return _MOST_OF_A_TERM * max(1e-6, math.log((products - few + 0.5) / (few + 0.5)))


def _best_of_any(connection: sqlite3.Connection, words: Sequence[str], count: Count, lengths: TextLengths) -> Fits:
    """Returns the products that have the highest scores for any of the words."""
    terms = [term for word in words for term in within_words(word)]
    found = None
    if sum(count(any_term(word)) for word in words) > _FEW_OF_A_TERM * len(terms):
        found = best_of_any(connection, terms, lengths.of(connection), MOST_HITS)
    return _best(connection, _any_word(words)) if found is None else found


def _best(connection: sqlite3.Connection, match: str) -> Fits:
    return connection.execute(
        f"SELECT rowid, -bm25(lexical_words, {WEIGHTS}) AS fit FROM lexical_words "  # noqa: S608 - constants
        "WHERE lexical_words MATCH ? ORDER BY fit DESC, rowid LIMIT ?",
        (match, MOST_HITS),
    ).fetchall()


def _any_word(words: Iterable[str]) -> str:
    return " OR ".join(map(_group, words))


def _group(word: str) -> str:
    return f"({any_term(word)})"
