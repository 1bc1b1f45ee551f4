"""All languages together."""

from data.lexical import key_of
from engine.understanding.languages.english import ENGLISH
from engine.understanding.languages.korean import KOREAN

LANGUAGES = (ENGLISH, KOREAN)
JOINERS = frozenset(word for language in LANGUAGES for word in language.joiners)
FILLERS = frozenset(word for language in LANGUAGES for word in language.fillers) | JOINERS
FIXED = frozenset(key_of(phrase) for language in LANGUAGES for phrase in language.fixed)
PARTICLES = sorted((end for language in LANGUAGES for end in language.particles), key=len, reverse=True)
