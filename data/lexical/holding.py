"""Tells which words a few products hold, by a small index in memory of these products alone."""

import sqlite3
from collections.abc import Sequence

from data.lexical.counts import count_up_to
from data.lexical.ranking import any_of
from data.lexical.small_index import indexed_alone
from data.lexical.texts import holding_terms

_MOST_EXPLAINED = 8  # words
_MOST_TERMS = 4  # of one word
_NAMES = ("title", "brand", "category", "facts")
_FIELDS = f"{{{' '.join(_NAMES)}}}"


def find_words(
    connection: sqlite3.Connection, product_keys: Sequence[int], words: Sequence[str]
) -> dict[int, list[str]]:
    """Returns product key -> those of the words that the product's texts hold, for the given products."""
    found: dict[int, list[str]] = {}
    with indexed_alone(connection, product_keys, (*_NAMES, "description")) as small:
        for word in words[:_MOST_EXPLAINED]:
            for key in _holding(small, any_of(holding_terms(word))):
                found.setdefault(key, []).append(word)
    return found


def share_found(connection: sqlite3.Connection, product_keys: Sequence[int], words: Sequence[str]) -> dict[int, float]:
    """Returns product key -> the share of the words that its title and facts hold, 0..1, where it is above 0.

    A description names much that the product is not, so it does not count. Of a word in a script without spaces counts
    the share of its parts, so that two signs in common are not the word.
    """
    asked = words[:_MOST_EXPLAINED]
    found: dict[int, float] = {}
    with indexed_alone(connection, product_keys, _NAMES) as small:
        for word in asked:
            terms = holding_terms(word)[:_MOST_TERMS]
            for term in terms:
                for key in _holding(small, any_of([term])):
                    found[key] = found.get(key, 0.0) + 1 / len(terms) / len(asked)
    return found


def unnamed(connection: sqlite3.Connection, words: Sequence[str], product_keys: Sequence[int]) -> dict[str, list[int]]:
    """Returns those of the words that no product has in its title or facts.

    Beside each stand those of the given products that have it in their description.
    """
    terms = {word: any_of(holding_terms(word)) for word in words[:_MOST_EXPLAINED]}
    found = [word for word in terms if not _is_held(connection, f"{_FIELDS} : ({terms[word]})")]
    described = [word for word in found if _is_held(connection, terms[word])]
    held = find_words(connection, product_keys, described) if described else {}
    return {word: [key for key, own in held.items() if word in own] for word in found}


def _is_held(connection: sqlite3.Connection, match: str) -> bool:
    return count_up_to(connection, match, 1) > 0


def _holding(small: sqlite3.Connection, match: str) -> list[int]:
    return [key for (key,) in small.execute("SELECT rowid FROM lexical_words WHERE lexical_words MATCH ?", (match,))]
