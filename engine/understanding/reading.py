"""What one part of a text is read as."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from data.filters import Filter, parse_filter


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A part of a text, and the condition that it is read as.

    Attributes:
        start, end: the part, in characters of the text.
        condition: a filter expression; "" if only `unwanted` or `sort` is known, or if it is `needless`.
        describes: whether its words say what a product looks like, and so are still searched for.
        measures: whether it is a size: where its condition is dropped, its words find nothing but other things.
        unwanted: words that hits should not be about, where no fact holds them.
        visible: whether a photo can show it, as it shows a colour.
        sort: the order of the hits that is asked for, as a search takes it; "" if none is.
        needless: whether its words are left out, because no product has them and they say nothing of what a thing is.
        value: the shop's own word for it, where the condition names one value of a fact.
    """

    start: int
    end: int
    condition: str = ""
    describes: bool = False
    measures: bool = False
    unwanted: str = ""
    visible: bool = False
    sort: str = ""
    needless: bool = False
    value: str = ""

    @cached_property
    def filter(self) -> Filter:
        """The condition, parsed."""
        return parse_filter(self.condition)


def apart(readings: Iterable[Reading]) -> list[Reading]:
    """Returns the readings that share no letter with one before them in the list, in the order of the text."""
    kept: list[Reading] = []
    for reading in readings:
        if all(reading.end <= other.start or other.end <= reading.start for other in kept):
            kept.append(reading)
    return sorted(kept, key=lambda reading: reading.start)
