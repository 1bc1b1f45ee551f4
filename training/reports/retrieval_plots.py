"""Draws the pictures of the retrieval report."""

import numpy as np

from training.evaluation import Outcomes
from training.reports.plots import ACCENT, INK, canvas, data_uri

_FARTHEST = 1000


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
