"""Groups the hits by how well they match, in words instead of numbers that few read rightly."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.languages import gettext as _
from engine.answers import BEST, SIMILAR
from engine.search import Hit

LESS_SHOWN = 12  # less similar hits with which an answer ends
LEAST_OF_WORDS = 0.01  # match probability; words do not mean what has less
_MOST_MARKED = 4  # where more hits are best matches, the mark tells none apart


@dataclass(frozen=True)
class Group:
    """Hits in the order of the answer.

    Attributes:
        name: `near` for best matches and similar hits, `less` for less similar ones.
        title: what stands above them; empty where nothing need be said.
        best: how many of them, from the first on, are marked as best matches.
    """

    name: str
    title: str
    hits: tuple[Hit, ...]
    best: int = 0


@dataclass(frozen=True)
class Shown:
    """What one page of an answer shows.

    Attributes:
        is_last: whether the answer ends here, though the engine has more: what follows would be of no use.
    """

    groups: tuple[Group, ...]
    is_last: bool = False


def shown_of(hits: Sequence[Hit], *, judged: bool, is_first_page: bool, by_photo: bool = False) -> Shown:
    """Returns the hits in at most two groups, and whether they are the last.

    Args:
        judged: whether their probabilities say how well they match: they do not where the order is another, or where
            lookalikes of a product were asked for. Then, and where there are none, the hits are one group.
        is_first_page: whether no hits come before these.
        by_photo: whether a photo was searched by. Its lookalikes are worth seeing though they are surely not the thing
            in the photo; for words, what is surely not meant is not.

    A hit that its label, freshness or diversity put behind a worse one counts as that one does: the order is the
    answer's.
    """
    if not judged or any(hit.match_probability is None for hit in hits):
        return Shown((Group("near", "", tuple(hits)),))
    best, near = _lasting(hits, BEST), _lasting(hits, SIMILAR)
    groups = [Group("near", "", tuple(hits[:near]), best if best <= _MOST_MARKED else 0)] if near else []
    has_matches = near > 0 or not is_first_page
    less = hits[near : near + LESS_SHOWN]
    if has_matches and not by_photo:
        less = less[: _lasting(less, LEAST_OF_WORDS)]
    if less:
        # alone on the first page they need no title: the answer itself says that nothing matches clearly
        groups.append(Group("less", _("Less similar") if has_matches else "", tuple(less)))
    return Shown(tuple(groups), is_last=near < len(hits))


def _lasting(hits: Sequence[Hit], least: float) -> int:
    """Returns how many hits come before the first that is below `least`."""
    below = (place for place, hit in enumerate(hits) if (hit.match_probability or 0.0) < least)
    return next(below, len(hits))
