"""Reads the lexical index: which products have this code or title, these words, or words that differ by a typing error.

Every step reads a bounded number of entries, however large the catalogue is: what half of all products share says
little about any of them, so the rarest words and letters of a query decide.
"""

import itertools
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np

from data.database import json_list
from data.lexical.counts import MOST_ENTRIES, EntryCounts, count_up_to
from data.lexical.index import DESCRIPTION_LETTERS
from data.lexical.ranking import MOST_HITS, any_of, any_term, rank_by_words
from data.lexical.remembering import remembered
from data.lexical.texts import key_of, letters_of, phrase_of, within_words, words_of

_MOST_WORDS = 32  # of a query
_CANDIDATES = 100  # products whose spelling is compared
_MOST_TRIGRAMS = 16
CountIn = Callable[..., int]  # of an expression, and of a table other than that of the words


@dataclass(frozen=True)
class LexicalHit:
    """One product found by its letters.

    Attributes:
        evidence: `code` (an id or code is what was typed), `title` (the whole title is) or `near` (one of them differs
            by a typing error or two).
        name: which code it is, for example `sku`; "" otherwise.
    """

    product_key: int
    evidence: str
    name: str = ""


@dataclass(frozen=True)
class LexicalAnswer:
    """What a query's letters find.

    Attributes:
        first: products whose code or title was typed, exactly before nearly: they stand before all others.
        ranked: product keys by how well their words fit, best first.
        fits: how well each of them fits (BM25; Robertson and Zaragoza, 2009), above 0.
        corrected: the query with its misspelt words replaced; "" if none was.
        meant: misspelt word -> the known word in its place, where no other known word is as near.
    """

    first: tuple[LexicalHit, ...] = ()
    ranked: tuple[int, ...] = ()
    fits: tuple[float, ...] = ()
    corrected: str = ""
    meant: Mapping[str, str] = field(default_factory=dict)


def find_by_letters(connection: sqlite3.Connection, text: str, counts: EntryCounts) -> LexicalAnswer:
    """Returns what the letters of a query find among the live products.

    Args:
        counts: those remembered of this catalogue.
    """
    count = cache(partial(counts.of, connection))
    exact = _exact(connection, text)
    words = words_of(text)[:_MOST_WORDS]
    unknown = [word for word in words if not count(any_term(word)) or not _has_word(connection, word)]
    near: list[LexicalHit] = []
    corrections: dict[str, str] = {}
    meant: dict[str, str] = {}
    if (unknown or _coded(text)) and not exact:  # parts of a wrong code may be parts of other codes
        candidates = _candidates(connection, letters_of(text), count)
        near = _near(connection, key_of(text), candidates, titles=bool(unknown))
        mendable = [word for word in unknown if most_errors(letters_of(word))]
        corrections, meant = _corrections(connection, mendable, candidates) if mendable else ({}, {})
    typed = [corrections.get(word, word) for word in words]
    ranked = rank_by_words(connection, typed, count)
    keys, fits = zip(*ranked, strict=True) if ranked else ((), ())
    return LexicalAnswer(
        first=(*exact, *near),
        ranked=keys,
        fits=fits,
        corrected=" ".join(typed) if corrections else "",
        meant=meant,
    )


def has_all(connection: sqlite3.Connection, text: str) -> bool:
    """Returns whether some product has all words of a text."""
    words = words_of(text)[:_MOST_WORDS]
    return bool(words) and count_up_to(connection, " AND ".join(map(phrase_of, words)), 1) == 1


def with_titles(connection: sqlite3.Connection, titles: Iterable[str]) -> dict[str, str]:
    """Returns title -> product_id, for those of the titles that exactly one product has."""
    keys = {key_of(title): title for title in titles}
    rows = connection.execute(
        "SELECT key, min(product_id) FROM lexical_keys JOIN products USING (product_key) "
        "WHERE key IN (SELECT value FROM json_each(?)) AND kind = 'title' GROUP BY key HAVING count(*) = 1",
        (json_list(keys),),
    )
    return {keys[key]: product_id for key, product_id in rows}


def _exact(connection: sqlite3.Connection, text: str) -> list[LexicalHit]:
    """Returns the products with this code or title; after them those with a code that stands among the words."""
    whole = _with_key(connection, text, titles=True)
    if len(text.split()) > 1:
        whole += [hit for token in _coded(text) for hit in _with_key(connection, token, titles=False)]
    return list({hit.product_key: hit for hit in reversed(whole)}.values())[::-1]


def _coded(text: str) -> list[str]:
    """Returns the parts of a text that may be codes: those with a digit, and at least three letters and digits."""
    return [token for token in text.split()[:_MOST_WORDS] if re.search(r"\d", token) and len(key_of(token)) > 2]


def _with_key(connection: sqlite3.Connection, text: str, *, titles: bool) -> list[LexicalHit]:
    key = key_of(text)
    keys = {key, key.lstrip("0")} if key.isdigit() else {key}
    rows = connection.execute(
        "SELECT product_key, kind, product_id, title FROM lexical_keys JOIN products USING (product_key) "
        "WHERE key IN (SELECT value FROM json_each(?)) AND key <> '' AND (? OR kind <> 'title') LIMIT ?",
        (json_list(keys), titles, MOST_HITS),
    ).fetchall()
    order = {"product_id": 1, "title": 3}
    rows.sort(key=lambda row: (text.strip() not in row[2:], order.get(row[1], 2), row[0]))
    return [
        LexicalHit(product_key, "title") if kind == "title" else LexicalHit(product_key, "code", kind)
        for product_key, kind, _, _ in rows
    ]


def _has_word(connection: sqlite3.Connection, word: str) -> bool:
    """Returns whether a word one of whose terms is found is found as a whole."""
    return len(within_words(word)) == 1 or bool(count_up_to(connection, phrase_of(word), 1))


def _candidates(connection: sqlite3.Connection, letters: str, count: CountIn) -> list[int]:
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


def _near(
    connection: sqlite3.Connection, key: str, candidates: Sequence[int], *, titles: bool
) -> list[LexicalHit]:  # fmt: skip
    """Returns the candidates with a code or title that differs from the query by a typing error, nearest first."""
    rows = connection.execute(
        "SELECT product_key, key FROM lexical_keys WHERE product_key IN (SELECT value FROM json_each(?)) "
        "AND (? OR kind <> 'title')",
        (json_list(candidates), titles),
    ).fetchall()
    found = sorted((errors, rows[at][0]) for at, errors in _near_ones(key, [other for _, other in rows]))
    return [LexicalHit(product_key, "near") for product_key in dict.fromkeys(key for _, key in found)]


def _corrections(
    connection: sqlite3.Connection, unknown: Iterable[str], candidates: Sequence[int]
) -> tuple[dict[str, str], dict[str, str]]:
    """Returns, for the unknown words that are nearly words of candidates, the likeliest of those, and the only ones.

    With equal errors, words of titles, brands and categories come before others, and frequent words before rare ones.
    """
    rows = connection.execute(
        "SELECT title || ' ' || brand || ' ' || category, colour || ' ' || substr(description, 1, ?) || ' ' || "
        "coalesce((SELECT group_concat(value, ' ') FROM json_each(attributes)), '') "
        "FROM products WHERE product_key IN (SELECT value FROM json_each(?))",
        (DESCRIPTION_LETTERS, json_list(candidates)),
    )
    counts = Counter[str]()
    for names, others in rows:
        counts.update(_words_in(others))
        counts.update(dict.fromkeys(_words_in(names), _CANDIDATES))  # a word of one name before those of all others
    known = list(counts)
    spelled = [_word_letters(word) for word in known]
    corrections, meant = {}, {}
    for word in unknown:
        near = [(errors, -counts[known[at]], known[at]) for at, errors in _near_ones(letters_of(word), spelled)]
        if near:
            least, _, corrections[word] = min(near)
            if sum(errors == least for errors, _, _ in near) == 1:
                meant[word] = corrections[word]
    return corrections, meant


_word_letters = remembered(20_000, longest=64)(letters_of)  # candidates share most of their words


@remembered(4_000, longest=2_000)  # most have about 300 characters: a few megabytes
def _words_in(text: str) -> tuple[str, ...]:
    return tuple(words_of(text))


def most_errors(typed: str) -> int:
    """Returns how many typing errors are mended in a text of these letters."""
    return 0 if len(typed) < 4 else 1 if len(typed) < 9 else 2


def _near_ones(typed: str, others: Sequence[str]) -> list[tuple[int, int]]:
    """Returns the places of the texts that differ from the typed one by few typing errors, each with their number.

    An error is a letter too many, missing, another or swapped with its neighbour (optimal string alignment distance).
    """
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    found = process.extract(typed, others, scorer=OSA.distance, score_cutoff=most_errors(typed), limit=None)
    return [(at, int(errors)) for _, errors, at in found]
