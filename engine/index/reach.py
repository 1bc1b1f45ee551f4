"""Says through how many lists a search looks: by the hits wanted, the share of rows allowed, and the kind of query."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from engine.errors import InvalidModel
from engine.index.lists import LISTS_FILE
from engine.protocols import Aim

RARE = 1 / 20  # the share of the rows that `rare` is measured for
_RARER = 1.5  # so many more lists for rarer rows: twice as rare, 2 ** 1.5 as many
_MOST_LISTS = 1 << 20
_MOST_KINDS = 8


@dataclass(frozen=True)
class Reach:
    """How many lists a search looks through.

    Attributes:
        ten: for up to 10 hits.
        hundred: for up to 100 hits, if that is more.
        thousand: for up to 1,000 hits, and in proportion for more.
    """

    ten: int
    hundred: int
    thousand: int

    def lists(self, k: int) -> int:
        """Returns how many lists a search for `k` hits looks through."""
        if k <= 10:
            return self.ten
        return max(self.ten, self.hundred, 0 if k <= 100 else self.thousand * max(k, 1000) // 1000)


@dataclass(frozen=True)
class Reaches:
    """How far searches look.

    Attributes:
        all: where all rows are allowed.
        rare: where any twentieth of them is; None: not known, so through all lists.
    """

    all: Reach
    rare: Reach | None = None

    def lists(self, k: int, share: float, most: int) -> int:
        """Returns how many lists a search for `k` hits looks through where this share of the rows is allowed.

        Between all rows and a twentieth of them, the lists grow by a power of the share.

        Args:
            most: how many lists there are.
        """
        lists = self.all.lists(k)
        rare = most if self.rare is None else max(lists, self.rare.lists(k))
        if share < RARE:
            wanted = rare * math.pow(RARE / share, _RARER)
        else:
            wanted = lists * math.pow(rare / lists, math.log(share) / math.log(RARE))
        return min(most, math.ceil(wanted))


@dataclass(frozen=True)
class Tuned:
    """How far searches look, as it was measured.

    Attributes:
        any: enough for every kind of query.
        kinds: kind of query (see `Aim`) -> what is enough for that.
    """

    any: Reaches
    kinds: Mapping[str, Reaches] = field(default_factory=dict)

    def of(self, aim: Aim) -> Reaches:
        """Returns what is enough for a kind of query."""
        return self.kinds.get(aim.kind, self.any)

    def to_json(self) -> dict[str, Any]:
        """Returns plain JSON values, which `read_tuned` reads."""
        return _written(self.any) | {"kinds": {kind: _written(found) for kind, found in self.kinds.items()}}


def read_tuned(facts: dict[str, Any]) -> Tuned:
    """Returns what `Tuned.to_json` wrote, also before it knew kinds of queries.

    Raises:
        InvalidModel: it is something else.
    """
    kinds = facts.get("kinds", {})
    if not isinstance(kinds, dict) or len(kinds) > _MOST_KINDS:
        raise InvalidModel(f"{LISTS_FILE} must name few kinds of queries; got {kinds!r:.200}. Rebuild.")
    return Tuned(_reaches(facts), {kind: _reaches(found) for kind, found in kinds.items()})


def _written(reaches: Reaches) -> dict[str, Any]:
    return asdict(reaches.all) | ({} if reaches.rare is None else {"filtered": asdict(reaches.rare)})


def _reaches(facts: Any) -> Reaches:
    reach = _reach(facts)
    return Reaches(reach, _reach(facts["filtered"]) if "filtered" in facts else None)


def _reach(facts: Any) -> Reach:
    named = [facts.get(each.name) for each in fields(Reach)] if isinstance(facts, dict) else []
    counts = [count for count in named if type(count) is int and 0 < count <= _MOST_LISTS]
    if not counts or len(counts) < len(named):
        raise InvalidModel(f"{LISTS_FILE} must say how many lists are searched; got {facts!r:.200}. Rebuild.")
    return Reach(*counts)
