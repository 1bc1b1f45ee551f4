"""Finds products by their letters: exact codes and titles, words, and words with a typing error; kept in catalog.db."""

from data.lexical.index import IndexedText, forget_texts, index_texts, is_outdated, mark_current, tidy_index
from data.lexical.search import LexicalAnswer, LexicalHit, find_by_letters, find_words
from data.lexical.texts import words_of

__all__ = [
    "IndexedText",
    "LexicalAnswer",
    "LexicalHit",
    "find_by_letters",
    "find_words",
    "forget_texts",
    "index_texts",
    "is_outdated",
    "mark_current",
    "tidy_index",
    "words_of",
]
