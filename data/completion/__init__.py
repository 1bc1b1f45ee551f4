"""Completes what is being typed: logged queries, titles, brands and categories that go on like it; in catalog.db."""

from data.completion.index import forget_all, forget_texts, index_texts
from data.completion.queries import QueryChange, changed_queries, write_queries
from data.completion.search import DEFAULT_K, MOST_COMPLETIONS, MOST_TYPED, Completion, complete

__all__ = [
    "DEFAULT_K",
    "MOST_COMPLETIONS",
    "MOST_TYPED",
    "Completion",
    "QueryChange",
    "changed_queries",
    "complete",
    "forget_all",
    "forget_texts",
    "index_texts",
    "write_queries",
]
