"""The words by which shoppers of each language say what must hold; a further language is one more file in this list."""

from engine.understanding.languages.english import ENGLISH
from engine.understanding.languages.korean import KOREAN
from engine.understanding.languages.language import Language

LANGUAGES = (ENGLISH, KOREAN)

__all__ = ["LANGUAGES", "Language"]
