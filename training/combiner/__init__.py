"""Trains the combiner of photos and words on changes that the catalogue's facts show, and on what shoppers chose."""

from training.combiner.changes import Changes, find_changes
from training.combiner.part import train

__all__ = ["Changes", "find_changes", "train"]
