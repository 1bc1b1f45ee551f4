"""Understands queries: prices, colours, brands, sizes, new things and what is not wanted become filters."""

from engine.understanding.comparing import ShownPrice
from engine.understanding.thing import thing_of
from engine.understanding.understanding import Constraint, Understanding, Understood

__all__ = ["Constraint", "ShownPrice", "Understanding", "Understood", "thing_of"]
