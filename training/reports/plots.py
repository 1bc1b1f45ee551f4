"""Draws the recognition report's pictures with matplotlib, as data URIs, so that the page needs no other file."""

import base64
import io
from typing import Any

from training.measures import Measured, coverage_curve

INK, ACCENT, PALE = "#1f2933", "#1f6feb", "#d0d7de"


def reliability_picture(measured: Measured) -> str:
    """Draws how often the vote was right against the probability that it gave."""
    bins = measured.reliability
    figure, axes = canvas(4.8, 4.2)
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=2, label="perfectly calibrated")
    sizes = [20 + 380 * count / max(bins.count) for count in bins.count]
    axes.scatter(bins.confidence, bins.accuracy, s=sizes, color=ACCENT, alpha=0.8, label="photos, by count")
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="probability given", ylabel="share right")
    axes.legend(loc="upper left", frameon=False, markerscale=0.5)
    return data_uri(figure)


def coverage_picture(measured: Measured) -> str:
    """Draws the share of right answers against the share of photos that the vote answers."""
    coverage, precision = coverage_curve(measured.confidence, measured.right)
    figure, axes = canvas(4.8, 4.2)
    axes.plot(coverage, precision, color=ACCENT, linewidth=2)
    answered = float(measured.answered.mean())
    axes.axvline(answered, color=INK, linestyle=":", label=f"abstains beyond {answered:.0%}")
    axes.set(xlim=(0, 1.02), xlabel="share of photos answered", ylabel="share right among them")
    axes.set_ylim(min(0.9, float(precision.min())) - 0.05, 1.01)
    axes.legend(loc="lower left", frameon=False)
    return data_uri(figure)


def canvas(width: float, height: float) -> tuple[Any, Any]:
    """Returns an empty figure of this size in inches, and its axes."""
    # The object interface needs no display and changes no global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def data_uri(figure: Any) -> str:
    """Returns the figure as a PNG in a data URI."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
