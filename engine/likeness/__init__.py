"""Which parts of two photos make them alike: of the photo that was searched by, and of a hit's."""

from engine.likeness.mapper import MOST_MAPS, LikenessMapper
from engine.likeness.parts import MOST_PLACES, part_of

__all__ = ["MOST_MAPS", "MOST_PLACES", "LikenessMapper", "part_of"]
