"""Draws the pictures of the retrieval report."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from training.evaluation import Outcomes
from training.reports.plots import ACCENT, INK, PALE, canvas, data_uri

_FARTHEST = 1000


class _Group(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def live(self) -> dict[str, float] | None: ...
    @property
    def untrained(self) -> dict[str, float] | None: ...


def first_right_picture(live: Outcomes, untrained: Outcomes | None) -> str:
    """Draws the share of queries whose first right product is among the first k."""
    figure, axes = canvas(5.2, 4.0)
    for name, outcomes, ink in (("untrained", untrained, INK), ("live", live, ACCENT)):
        if outcomes is None:
            continue
        ranks = outcomes.figures["rank"]
        ranks = np.sort(ranks[~np.isnan(ranks)])
        if len(ranks):
            places = np.arange(1, _FARTHEST + 1)
            shares = np.searchsorted(ranks, places, side="right") / len(ranks)
            axes.plot(places, shares, color=ink, linewidth=2, linestyle="-" if ink == ACCENT else ":", label=name)
    axes.set(xscale="log", xlim=(1, _FARTHEST), ylim=(0, 1.02))
    axes.set(xlabel="first k products", ylabel="share of queries with a right one")
    axes.legend(loc="lower right", frameon=False)
    return data_uri(figure)


def groups_picture(groups: Sequence[_Group], what: str) -> str:
    """Draws nDCG@10 of each group, live beside untrained, in the order given from the top."""
    shown = [group for group in groups if group.live]
    figure, axes = canvas(6.4, 1.2 + 0.34 * max(len(shown), 1))
    for place, group in enumerate(shown):
        if group.untrained:
            axes.barh(place + 0.2, group.untrained["ndcg10"], height=0.36, color=PALE)
        if group.live:
            axes.barh(place - 0.2, group.live["ndcg10"], height=0.36, color=ACCENT)
    names = [group.name if len(group.name) <= 28 else f"{group.name[:27]}…" for group in shown]
    axes.set_yticks(range(len(shown)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.02), xlabel=f"nDCG@10 by {what}: live blue, untrained grey")
    return data_uri(figure)
