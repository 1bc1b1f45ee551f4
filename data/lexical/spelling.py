"""Finds what a misspelt text was meant to be: the products whose letters are most alike, and the words nearest to it.

An error is a letter too many, missing, another or swapped with its neighbour (optimal string alignment distance).
"""

import itertools
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from data.database import json_list
from data.lexical.counts import MOST_ENTRIES, count_up_to
from data.lexical.index import DESCRIPTION_LETTERS
from data.lexical.ranking import any_of, any_term
from data.lexical.remembering import remembered
from data.lexical.texts import letters_of, phrase_of, words_of

_CANDIDATES = 100  # products whose spelling is compared
_MOST_TRIGRAMS = 16
_MOST_MEANT = 8  # words that a misspelt one may stand for
CountIn = Callable[..., int]  # of an expression, and of a table other than that of the words
Mended = dict[str, str]


def alike(connection: sqlite3.Connection, letters: str, count: CountIn) -> list[int]:
    """Returns the products that share most of the rarer groups of three letters with the query."""
    # Each term's keys come as one text: making a Python object of each row would take most of the time.
    found = [
        connection.execute(
            "SELECT group_concat(rowid) FROM lexical_letters WHERE lexical_letters MATCH ?", (f'"{term}"',)
        ).fetchone()[0]
        for term in _rarest_trigrams(letters, count)
    ]
    keys, shared = np.unique(np.fromstring(",".join(filter(None, found)), np.int64, sep=","), return_counts=True)
    best: list[int] = keys[np.argsort(-shared, kind="stable")[:_CANDIDATES]].tolist()
    return best


def _rarest_trigrams(letters: str, count: CountIn) -> list[str]:
    """Returns the rarest groups of three letters, as many as `MOST_ENTRIES` products in all have.

    Each is counted up to that number: the table of all counts would read every product that has a frequent one.
    """
    trigrams = {letters[at : at + 3] for at in range(min(len(letters), 200) - 2)}
    counted = sorted((count(any_of([term]), "lexical_letters"), term) for term in trigrams)
    totals = itertools.accumulate(found for found, _ in counted)
    chosen = [term for (found, term), total in zip(counted, totals, strict=True) if found and total <= MOST_ENTRIES]
    return chosen[:_MOST_TRIGRAMS]


def nearly_named(
    connection: sqlite3.Connection, key: str, products: Sequence[int], *, titles: bool, codes: bool
) -> dict[int, str]:
    """Returns the products with a title or code that differs from the query by a typing error, nearest first.

    Beside each stands which it is: `title`, or the name of the code, for example `sku`.

    Args:
        titles, codes: which of them it may be.
    """
    rows = connection.execute(
        "SELECT product_key, kind, key FROM lexical_keys WHERE product_key IN (SELECT value FROM json_each(?)) "
        "AND CASE kind WHEN 'title' THEN ? ELSE ? END",
        (json_list(products), titles, codes),
    ).fetchall()
    found = sorted((errors, *rows[at][:2]) for at, errors in _near_ones(key, [other for _, _, other in rows]))
    nearest: dict[int, str] = {}
    for _, product, kind in found:
        nearest.setdefault(product, kind)
    return nearest


def mended(
    connection: sqlite3.Connection, unknown: Iterable[str], known: Sequence[str], products: Sequence[int]
) -> tuple[Mended, Mended]:
    """Returns, for the unknown words that are nearly words of the shop, the likeliest of those, and the only ones.

    With equal errors, words of titles, brands and categories come before others, and frequent words before rare ones.
    A word that no product has together with most of the known words is not what was meant: a watch for 여자 (women) is
    not one for 의자 (a chair).

    Args:
        known: the other words of the query.
        products: what `alike` returned for the query.
    """
    likeliest, only = {}, {}
    wrong = [word for word in unknown if most_errors(letters_of(word))]
    near = _nearest(connection, wrong, products) if wrong else {}
    for word in wrong:
        # one error may change every group of three letters of a short word
        found = near.get(word) or _nearest(connection, [word], _beginning_alike(connection, word)).get(word, [])
        fitting = [(errors, meant) for errors, meant in found if _goes_with(connection, meant, known)]
        if fitting:
            likeliest[word] = fitting[0][1]
            if sum(errors == fitting[0][0] for errors, _ in fitting) == 1:
                only[word] = likeliest[word]
    return likeliest, only


def _beginning_alike(connection: sqlite3.Connection, word: str) -> list[int]:
    """Returns products with a word that begins like this one; none in a large catalogue, where too many are to be read.

    Two neighbours of the first three letters may be swapped.
    """
    if connection.execute("SELECT max(product_key) FROM products").fetchone()[0] > MOST_ENTRIES:
        return []
    heads = {word[:2], word[1] + word[0], word[0] + word[2]} if word.isascii() else {word[0]}
    rows = connection.execute(
        "SELECT rowid FROM lexical_words WHERE lexical_words MATCH ?",
        (" OR ".join(f'"{head}" *' for head in sorted(heads)),),
    ).fetchall()
    return [key for (key,) in rows[:: max(1, len(rows) // _CANDIDATES)]]


def _goes_with(connection: sqlite3.Connection, word: str, known: Sequence[str]) -> bool:
    """Tells whether some product has a word together with another, for most of the other words."""
    phrase = phrase_of(word)
    together = [count_up_to(connection, f"({phrase}) AND ({any_term(other)})", 1) for other in known]
    return not known or 2 * sum(together) > len(known)


def _nearest(
    connection: sqlite3.Connection, wrong: Iterable[str], products: Sequence[int]
) -> dict[str, list[tuple[int, str]]]:
    """Returns, for each wrong word, the words of the products nearest to it with their errors, the likeliest first."""
    rows = connection.execute(
        "SELECT title || ' ' || brand || ' ' || category, colour || ' ' || substr(description, 1, ?) || ' ' || "
        "coalesce((SELECT group_concat(value, ' ') FROM json_each(attributes)), '') "
        "FROM products WHERE product_key IN (SELECT value FROM json_each(?))",
        (DESCRIPTION_LETTERS, json_list(products)),
    ).fetchall()
    names, others = zip(*rows, strict=True) if rows else ((), ())
    counts = Counter(itertools.chain.from_iterable(map(_words_in, others)))
    for word, count in Counter(itertools.chain.from_iterable(map(_words_in, names))).items():
        counts[word] += count * _CANDIDATES  # a word of one name before those of all others
    known = list(counts)
    spelled = [_word_letters(word) for word in known]
    found = {}
    for word in wrong:
        near = sorted((errors, -counts[known[at]], known[at]) for at, errors in _near_ones(letters_of(word), spelled))
        found[word] = [(errors, meant) for errors, _, meant in near[:_MOST_MEANT]]
    return found


_word_letters = remembered(20_000, longest=64)(letters_of)  # candidates share most of their words


@remembered(4_000, longest=2_000)  # most have about 300 characters: a few megabytes
def _words_in(text: str) -> tuple[str, ...]:
    return tuple(words_of(text))


def most_errors(typed: str) -> int:
    """Returns how many typing errors are mended in a text of these letters."""
    return 0 if len(typed) < 4 else 1 if len(typed) < 9 else 2


def _near_ones(typed: str, others: Sequence[str]) -> list[tuple[int, int]]:
    """Returns the places of the texts that differ from the typed one by few typing errors, each with their number."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    found = process.extract(typed, others, scorer=OSA.distance, score_cutoff=most_errors(typed), limit=None)
    return [(at, int(errors)) for _, errors, at in found]
