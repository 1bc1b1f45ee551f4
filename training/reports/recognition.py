"""Writes the recognition report as one self-contained HTML file."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.storage import write_text
from engine.protocols import Floats
from training.evaluation import Evaluation
from training.measures import Measured
from training.reports.confusion import confusion_of
from training.reports.pages import flat_facts, render_page, thumbnail
from training.reports.plots import coverage_picture, reliability_picture

_GALLERY = 36
_SMALLEST = 10


def write_report(path: Path, evaluation: Evaluation) -> None:
    """Writes the report; it appears whole or not at all."""
    write_text(path, render(evaluation))


def render(evaluation: Evaluation) -> str:
    """Returns the report as HTML. Every name from outside is escaped by the template."""
    measured = evaluation.measured
    by_label = measured.by_label()
    shown = [figures for figures in by_label if figures.support]
    return render_page(
        "recognition.html",
        title=evaluation.title,
        models=evaluation.models,
        figures=measured.figures(),
        facts=flat_facts(evaluation.facts),
        alone=(evaluation.facts.get("choices") or {}).get("alone", ""),
        by_label=sorted(shown, key=lambda figures: (figures.f1 or 0, figures.label)),
        smallest=sorted(shown, key=lambda figures: (figures.support, figures.label))[:_SMALLEST],
        confusion=confusion_of(measured),
        reliability=reliability_picture(measured),
        coverage=coverage_picture(measured),
        mistakes=cards_of(evaluation, measured.mistakes()[:_GALLERY]),
        mistake_count=int((~measured.right).sum()),
        suspects=cards_of(evaluation, measured.suspects()[:_GALLERY]),
    )


def cards_of(evaluation: Evaluation, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Returns what the gallery shows of photos: the picture, its label, and what the voters said."""
    return [_card(evaluation, int(row)) for row in rows]


def _card(evaluation: Evaluation, row: int) -> dict[str, Any]:
    measured = evaluation.measured
    best: list[int] = measured.best[-1, row, :3].tolist()
    scores: Floats = measured.scores[-1, row, :3]
    return {
        "photo": measured.keys[row],
        "picture": thumbnail(lambda: evaluation.read(measured.keys[row]), evaluation.settings),
        "label": measured.labels[measured.y[row]],
        "guesses": [(measured.labels[label], float(score)) for label, score in zip(best, scores, strict=True)],
        "note": _first_of_each(measured, row),
    }


def _first_of_each(measured: Measured, row: int) -> str:
    from engine.recognition import NAMES

    return ", ".join(f"{name}: {measured.labels[measured.best[at, row, 0]]}" for at, name in enumerate(NAMES))
