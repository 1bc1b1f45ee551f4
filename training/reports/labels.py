"""Shows the photos whose label may be wrong: as text, as CSV and as one self-contained HTML file."""

import csv
import io
from pathlib import Path
from typing import Any

from data.catalogue import LabelDoubt
from data.storage import write_text
from training.evaluation import COLUMNS, CheckedLabels, doubt_rows
from training.reports.pages import render_page, thumbnail

_PICTURES = 120
_LINES = 20


def describe(checked: CheckedLabels) -> str:
    """Returns the strongest doubts as text, one a line, and what to do."""
    lines = [_summary(checked)]
    for doubt in checked.doubts[:_LINES]:
        best, probability = doubt.guesses[0]
        lines.append(
            f"{doubt.photo}  {doubt.label} ({doubt.probability:.0%})  looks like {best} ({probability:.0%})  "
            f"{', '.join(doubt.products[:3])}"
        )
    if len(checked.doubts) > _LINES:
        lines.append(f"... and {len(checked.doubts) - _LINES} more, with less reason: see --report or --csv.")
    if checked.doubts:
        lines.append("Decide at /admin/labels, with --keep PHOTO and --correct PHOTO=LABEL, or in a file: --csv FILE.")
    return "\n".join(lines)


def write_csv(path: Path, checked: CheckedLabels) -> None:
    """Writes the doubts as a CSV to be filled in; it appears whole or not at all."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(doubt_rows(checked.doubts))
    write_text(path, "\ufeff" + out.getvalue())  # the mark tells Excel that it is UTF-8, where labels are Korean


def write_report(path: Path, checked: CheckedLabels) -> None:
    """Writes the report; it appears whole or not at all."""
    write_text(path, render(checked))


def render(checked: CheckedLabels) -> str:
    """Returns the report as HTML. Every name from outside is escaped by the template."""
    return render_page(
        "labels.html",
        title="Labels that may be wrong",
        summary=_summary(checked),
        learned=checked.learned,
        cards=[_card(checked, doubt) for doubt in checked.doubts[:_PICTURES]],
        more=max(0, len(checked.doubts) - _PICTURES),
        decisions=checked.decisions,
    )


def _card(checked: CheckedLabels, doubt: LabelDoubt) -> dict[str, Any]:
    return {
        "photo": doubt.photo,
        "picture": thumbnail(lambda: checked.read(doubt.photo), checked.settings),
        "label": doubt.label,
        "guesses": doubt.guesses,
        "note": ", ".join(doubt.products[:3]),
    }


def _summary(checked: CheckedLabels) -> str:
    left_out = f" Photos not looked at: {checked.left_out:,}." if checked.left_out else ""
    return (
        f"{checked.photos:,} photos were checked ({checked.label_kind}); out of fold, the vote names the label of "
        f"{checked.right:.1%}.{left_out} Labels in doubt: {len(checked.doubts):,}, the strongest doubt first; "
        f"decided before: {len(checked.decisions):,}."
    )
