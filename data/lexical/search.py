"""Reads the lexical index: which products have this code or title, these words, or words that differ by a typing error.

Every step reads a bounded number of entries, however large the catalogue is: what half of all products share says
little about any of them, so the rarest words and letters of a query decide.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial

from data.database import json_list
from data.lexical.bm25 import WordScores
from data.lexical.counts import EntryCounts, changes_seen, count_up_to
from data.lexical.lengths import Lengths
from data.lexical.ranking import MOST_HITS, any_term, rank_by_words
from data.lexical.spelling import alike, mended, most_errors, nearly_named
from data.lexical.texts import key_of, letters_of, phrase_of, within_words, words_of

_MOST_WORDS = 32  # of a query
_SURELY_A_TITLE = 3  # words: so long a text that is a title but for one letter was meant to be it


@dataclass(frozen=True)
class LexicalHit:
    """One product found by its letters.

    Attributes:
        evidence: `code` (an id or code is what was typed), `title` (the whole title is) or `near` (one of them differs
            by a typing error or two).
        name: which code it is, for example `sku`; "" for a title.
    """

    product_key: int
    evidence: str
    name: str = ""

    @property
    def is_near_code(self) -> bool:
        return self.evidence == "near" and bool(self.name)


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


def find_by_letters(
    connection: sqlite3.Connection,
    text: str,
    counts: EntryCounts,
    scores: WordScores,
    is_word: Callable[[str], bool],
) -> LexicalAnswer:
    """Returns what the letters of a query find among the live products.

    Args:
        counts, scores: those of this catalogue.
        is_word: tells whether a word that no product has is a word all the same, rather than a typing error.
    """
    count = cache(partial(counts.of, connection, changes_seen(connection)))
    exact = _exact(connection, text)
    words = words_of(text)[:_MOST_WORDS]
    unknown = [word for word in words if not count(any_term(word)) or not _has_word(connection, word)]
    wrong = [word for word in unknown if not is_word(word)]
    near: list[LexicalHit] = []
    corrections: dict[str, str] = {}
    meant: dict[str, str] = {}
    coded = any(not is_word(token.casefold()) for token in _coded(text))
    if not exact and (unknown or (coded and _may_be_code(text, scores.lengths.of(connection)))):
        # parts of a wrong code may be parts of other codes
        products = alike(connection, letters_of(text), count)
        titles = bool(wrong) or (bool(unknown) and len(words) >= _SURELY_A_TITLE)
        named = nearly_named(connection, key_of(text), products, titles=titles, codes=coded or bool(wrong))
        near = [LexicalHit(key, "near", "" if kind == "title" else kind) for key, kind in named.items()]
        known = [word for word in words if word not in unknown]
        corrections, meant = mended(connection, wrong, known, products)
    typed = [corrections.get(word, word) for word in words]
    ranked = rank_by_words(connection, typed, count, scores)
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


def _may_be_code(text: str, lengths: Lengths) -> bool:
    """Returns whether some code is about as long as a text, so that only typing errors may lie between them."""
    letters, errors = len(key_of(text)), most_errors(key_of(text))
    return any(abs(letters - length) <= errors for length in lengths.codes)


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
