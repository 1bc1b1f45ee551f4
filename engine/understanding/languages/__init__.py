"""The words by which shoppers say what must hold, one file a language; `every.py` lists them."""

from engine.understanding.languages.every import FILLERS, FIXED, JOINERS, LANGUAGES, PARTICLES
from engine.understanding.languages.language import Language

__all__ = ["FILLERS", "FIXED", "JOINERS", "LANGUAGES", "PARTICLES", "Language"]
