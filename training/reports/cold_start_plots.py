"""Draws the pictures of the cold-start report."""

import numpy as np

from training.evaluation import ColdStart
from training.reports.plots import canvas, data_uri

_INK, _ACCENT, _PALE = "#1f2933", "#1f6feb", "#9ec5fe"


def shares_picture(found: ColdStart) -> str:
    """Draws the share of new products in the top 20 by ranking, beside their share of the catalogue."""
    figure, axes = canvas(6.0, 3.8)
    places = np.arange(len(found.rankings))
    spans = (("month", _ACCENT, "at most 1 month"), ("quarter", _PALE, "at most 3 months"))
    for shift, (span, colour, label) in enumerate(spans):
        shares = [100 * getattr(row, f"top20_{span}") for row in found.rankings]
        axes.bar(places + 0.36 * (shift - 0.5), shares, 0.34, color=colour, label=label)
        axes.axhline(100 * getattr(found, f"{span}_share"), color=colour, linestyle=":", linewidth=1.5)
    axes.set_xticks(places, [row.ranking for row in found.rankings])
    axes.set_ylabel("% of the top 20 (dotted: of the catalogue)")
    axes.legend(frameon=False)
    return data_uri(figure)


def trade_off_picture(found: ColdStart) -> str:
    """Draws what freshness costs: share of new products against click nDCG@20."""
    figure, axes = canvas(6.0, 3.8)
    shares = [100 * row.top20_quarter for row in found.sweep]
    axes.plot(shares, [row.ndcg20 for row in found.sweep], color=_ACCENT, marker="o", label="joint, by freshness")
    for row, share in zip(found.sweep, shares, strict=True):
        axes.annotate(f"{row.freshness:g}", (share, row.ndcg20), textcoords="offset points", xytext=(4, 4), fontsize=8)
    for row, marker in zip(found.rankings, "s^D", strict=False):
        if row.ranking != "joint":
            axes.scatter([100 * row.top20_quarter], [row.ndcg20], color=_INK, marker=marker, label=row.ranking)
    axes.set_xlabel("% of the top 20 at most 3 months old")
    axes.set_ylabel("click nDCG@20")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return data_uri(figure)
