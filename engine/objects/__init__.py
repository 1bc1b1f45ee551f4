"""Several things in one photo: where they are, and the products that each of them may be."""

from engine.objects.find import MOST_HITS, ObjectFinder
from engine.objects.proposals import MOST_OBJECTS, proposals

__all__ = ["MOST_HITS", "MOST_OBJECTS", "ObjectFinder", "proposals"]
