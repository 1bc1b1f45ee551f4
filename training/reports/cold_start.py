"""Shows the cold-start evaluation as text and as one self-contained HTML file."""

from collections.abc import Callable
from pathlib import Path

from data.storage import write_text
from training.evaluation import MOST_LOSS, ColdStart, Figures
from training.reports.pages import render_page

_NAMES = {
    "behaviour": "behaviour so far",
    "joint": "joint embedding",
    "blended": "both blended",
}


def describe(found: ColdStart) -> str:
    """Returns both tables and the freshness sweep as text."""
    lines = [
        f"{found.queries:,} queries ({found.clicked_queries:,} clicked after {found.split}), {found.products:,} "
        f"products, {found.month_share:.1%} of them at most 1 month old, {found.quarter_share:.1%} at most 3 months"
    ]
    for top in (100, 20):
        lines += ["", f"Share of new products in the top {top} (each query once | weighted by its frequency)"]
        lines += _table(found.rankings, top, lambda row: _NAMES[row.ranking])
    lines += ["", "Freshness, on the joint embedding, in the top 20"]
    lines += _table(found.sweep, 20, lambda row: f"freshness {row.freshness:.1f}")
    lines += ["", _suggestion(found), *(f"WARNING: {warning}" for warning in found.warnings)]
    return "\n".join(lines)


def write_report(path: Path, found: ColdStart) -> None:
    """Writes the report; it appears whole or not at all."""
    from training.reports.cold_start_plots import shares_picture, trade_off_picture

    page = render_page(
        "cold_start.html",
        title="Cold start",
        found=found,
        names=_NAMES,
        suggestion=_suggestion(found),
        shares=shares_picture(found),
        trade_off=trade_off_picture(found),
    )
    write_text(path, page)


def _suggestion(found: ColdStart) -> str:
    return (
        f"freshness {found.suggested_freshness:g} is the highest that costs at most {MOST_LOSS:.0%} of the joint "
        "embedding's click nDCG@20."
    )


def _table(rows: tuple[Figures, ...], top: int, name: Callable[[Figures], str]) -> list[str]:
    has_truth = rows[0].ndcg20_true is not None
    head = [
        "",
        "<= 1 month",
        "<= 3 months",
        "click nDCG@20",
        "of those shown",
        "shown later",
        *(["true nDCG@20"] if has_truth else []),
    ]
    cells = [head]
    for row in rows:
        month, quarter = (
            f"{getattr(row, f'top{top}_{age}'):.1%} | {getattr(row, f'top{top}_{age}_weighted'):.1%}"
            for age in ("month", "quarter")
        )
        figures = [f"{row.ndcg20:.3f} | {row.ndcg20_weighted:.3f}", f"{row.ndcg20_seen:.3f}", f"{row.shown20:.0%}"]
        truth = [f"{row.ndcg20_true:.3f}"] if row.ndcg20_true is not None else []
        cells.append([name(row), month, quarter, *figures, *truth])
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
