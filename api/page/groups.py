"""Groups the hits by how well they match, in words instead of numbers that few read rightly."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.languages import gettext as _
from engine.search import Hit

BEST, SIMILAR = 0.5, 0.15  # least match probability of a best match, and of a hit that is not less similar
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


def groups_of(hits: Sequence[Hit], *, judged: bool, is_first_page: bool) -> list[Group]:
    """Returns the hits in at most two groups.

    Args:
        judged: whether their probabilities say how well they match: they do not where the order is another, or where
            lookalikes of a product were asked for. Then, and where there are none, the hits are one group.
        is_first_page: whether no hits come before these.

    A hit that freshness or diversity put behind a worse one counts as that one does: the order is the answer's.
    """
    if not judged or any(hit.match_probability is None for hit in hits):
        return [Group("near", "", tuple(hits))]
    best, near = _lasting(hits, BEST), _lasting(hits, SIMILAR)
    groups = [Group("near", "", tuple(hits[:near]), best if best <= _MOST_MARKED else 0)] if near else []
    if near < len(hits):
        # alone on the first page they need no title: the answer itself says that nothing matches clearly
        title = _("Less similar") if near or not is_first_page else ""
        groups.append(Group("less", title, tuple(hits[near:])))
    return groups


def _lasting(hits: Sequence[Hit], least: float) -> int:
    """Returns how many hits come before the first that is below `least`."""
    below = (place for place, hit in enumerate(hits) if (hit.match_probability or 0.0) < least)
    return next(below, len(hits))
