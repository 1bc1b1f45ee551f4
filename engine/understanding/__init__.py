"""Understands queries: prices, colours, brands, sizes, new things and what is not wanted become filters."""

from engine.understanding.comparing import ShownPrice
from engine.understanding.goods import is_listed, listed_goods
from engine.understanding.head_word import head_word
from engine.understanding.heard_brands import HeardBrands
from engine.understanding.measures import is_measure
from engine.understanding.newness import DATED_AHEAD_DAYS
from engine.understanding.understanding import Constraint, Understanding, Understood

__all__ = [
    "DATED_AHEAD_DAYS",
    "Constraint",
    "HeardBrands",
    "ShownPrice",
    "Understanding",
    "Understood",
    "head_word",
    "is_listed",
    "is_measure",
    "listed_goods",
]
