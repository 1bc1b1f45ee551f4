"""Finds products by their letters: exact codes and titles, words, and words with a typing error; kept in catalog.db."""

from data.lexical.bm25 import WordScores
from data.lexical.counts import EntryCounts
from data.lexical.holding import find_words, share_found, unnamed
from data.lexical.index import (
    FULL_TEXT,
    Texts,
    forget_texts,
    index_texts,
    is_outdated,
    mark_current,
    merge_some,
)
from data.lexical.search import (
    LexicalAnswer,
    LexicalHit,
    find_by_letters,
    has_all,
    with_titles,
)
from data.lexical.spelling import most_errors
from data.lexical.texts import key_of, letters_of, phrase_of, with_words_meant, words_of

__all__ = [
    "FULL_TEXT",
    "EntryCounts",
    "LexicalAnswer",
    "LexicalHit",
    "Texts",
    "WordScores",
    "find_by_letters",
    "find_words",
    "forget_texts",
    "has_all",
    "index_texts",
    "is_outdated",
    "key_of",
    "letters_of",
    "mark_current",
    "merge_some",
    "most_errors",
    "phrase_of",
    "share_found",
    "unnamed",
    "with_titles",
    "with_words_meant",
    "words_of",
]
