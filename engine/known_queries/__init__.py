"""Serves what training learned about queries: learned points, related queries, and queries with several senses."""

from engine.known_queries.files import query_key
from engine.known_queries.learned import LEARNED_FILE, LearnedQueries, LearnedTextTower
from engine.known_queries.related import MOST_TEXTS, RELATED_FILE, RelatedQueries, RelatedQuery
from engine.known_queries.senses import MOST_SENSES, SENSES_FILE, Senses

__all__ = [
    "LEARNED_FILE",
    "MOST_SENSES",
    "MOST_TEXTS",
    "RELATED_FILE",
    "SENSES_FILE",
    "LearnedQueries",
    "LearnedTextTower",
    "RelatedQueries",
    "RelatedQuery",
    "Senses",
    "query_key",
]
