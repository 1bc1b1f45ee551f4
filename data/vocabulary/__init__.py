"""The words of a catalogue: the values that its facts have, and which products hold which words."""

from data.vocabulary.lookups import NAMES, TEXTS, TITLES, Wording
from data.vocabulary.values import Literal, Vocabulary

__all__ = ["NAMES", "TEXTS", "TITLES", "Literal", "Vocabulary", "Wording"]
