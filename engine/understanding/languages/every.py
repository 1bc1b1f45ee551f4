"""All languages together."""

from engine.understanding.languages.english import ENGLISH
from engine.understanding.languages.korean import KOREAN

LANGUAGES = (ENGLISH, KOREAN)
JOINERS = frozenset(word for language in LANGUAGES for word in language.joiners)
FILLERS = frozenset(word for language in LANGUAGES for word in language.fillers) | JOINERS
