"""Serves what training learned about queries: learned points, related queries, senses, and rivals."""

from engine.known_queries.files import query_key
from engine.known_queries.learned import LEARNED_FILE, LearnedQueries, LearnedTextTower
from engine.known_queries.related import MOST_TEXTS, RELATED_FILE, RelatedQueries, RelatedQuery
from engine.known_queries.rivals import MOST_RIVALS, RIVALS_FILE, Rivals
from engine.known_queries.senses import MOST_SENSES, SENSES_FILE, Senses

__all__ = [
    "LEARNED_FILE",
    "MOST_RIVALS",
    "MOST_SENSES",
    "MOST_TEXTS",
    "RELATED_FILE",
    "RIVALS_FILE",
    "SENSES_FILE",
    "LearnedQueries",
    "LearnedTextTower",
    "RelatedQueries",
    "RelatedQuery",
    "Rivals",
    "Senses",
    "query_key",
]
