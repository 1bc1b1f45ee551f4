"""Queries that a generation knows: learned from clicks, related to each other, with several senses."""

from engine.known_queries.learned import LearnedQueries, LearnedTextTower
from engine.known_queries.related import MOST_TEXTS, RelatedQueries, RelatedQuery, query_key
from engine.known_queries.senses import MOST_SENSES, Senses

__all__ = [
    "MOST_SENSES",
    "MOST_TEXTS",
    "LearnedQueries",
    "LearnedTextTower",
    "RelatedQueries",
    "RelatedQuery",
    "Senses",
    "query_key",
]
