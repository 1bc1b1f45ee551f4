"""Trains the combiner of photos and words on changes of one fact that the catalogue's own products show."""

from training.combiner.changes import Changes, find_changes
from training.combiner.part import train

__all__ = ["Changes", "find_changes", "train"]
