"""Shows how far match probabilities can be relied on: both errors by kind of question, and a reliability plot."""

from collections.abc import Mapping
from typing import Any

from training.reports.plots import ACCENT, INK, PALE, canvas, data_uri

MATCH_HEAD = (
    "questions by",
    "number",
    "calibration error",
    "refused",
    "accepted",
    "right below 0.5",
    "wrong above 0.5",
)
_NAMES = {"text": "words", "photo": "photo", "mixed": "photo and words", "similar": "similar"}
_INKS = (ACCENT, INK, "#d1480f", "#2b8a3e")


def match_rows(measured: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Returns one row for each kind of question and each source of its questions, under `MATCH_HEAD`.

    Args:
        measured: what the part `match` measured; {}: nothing.
    """
    rows = []
    for kind, name in _NAMES.items():
        if kind in measured:
            found = measured[kind]
            rows.append(_row(name, found, f"{found['expected_calibration_error']:.3f}"))
            rows += [_row(f"- {source}", errors, "") for source, errors in found["sources"].items()]
    return rows


def match_picture(measured: Mapping[str, Any]) -> str:
    """Draws how often hits were right against the probability that they were given, out of fold; a data URI."""
    figure, axes = canvas(4.8, 4.2)
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=2)
    for (kind, name), ink in zip(_NAMES.items(), _INKS, strict=True):
        if kind in measured:
            bins = measured[kind]["reliability"]
            axes.plot(bins["chance"], bins["right"], color=ink, marker="o", markersize=4, label=name)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="match probability", ylabel="share of hits that are right")
    axes.legend(loc="upper left", frameon=False)
    return data_uri(figure)


def match_table(measured: Mapping[str, Any]) -> str:
    """Returns the rows as aligned text; "" if nothing was measured."""
    rows = match_rows(measured)
    if not rows:
        return ""
    lines = [MATCH_HEAD, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(MATCH_HEAD))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _row(name: str, found: Mapping[str, Any], error: str) -> tuple[str, ...]:
    rates = (found.get(rate) for rate in ("refused", "accepted", "right_below_half", "wrong_above_half"))
    return (name, str(found["questions"]), error, *("-" if rate is None else f"{rate:.3f}" for rate in rates))
