"""The words of a catalogue: the values that its facts have, and which products hold which words."""

from data.vocabulary.lookups import Wording
from data.vocabulary.values import Literal, Vocabulary

__all__ = ["Literal", "Vocabulary", "Wording"]
