"""The words by which shoppers say what must hold, one file a language; `every.py` lists them."""

from engine.understanding.languages.every import FILLERS, JOINERS, LANGUAGES
from engine.understanding.languages.language import Language

__all__ = ["FILLERS", "JOINERS", "LANGUAGES", "Language"]
