"""Writes `report.html` of a generation: what changed since last night, what to look at, how good it is; then details.

One self-contained page that works from disk.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from data.generations import FIGURES, Figure, GenerationFolder, main_figures
from data.rebuilds import PastRebuild, past_rebuilds
from data.storage import write_text
from engine.protocols import Floats
from indexer.rebuild.cautions import cautions_of
from indexer.rebuild.changes import Changes
from indexer.rebuild.gates import GateResult
from indexer.rebuild.job import Job
from indexer.rebuild.worst import Album
from training.reports import attributes, match, pages

REPORT_FILE = "report.html"
_NIGHTS = 60  # rebuilds in a small plot
_SAME = 0.0005


def write_report(
    job: Job,
    folder: GenerationFolder,
    *,
    gates: Sequence[GateResult],
    changes: Changes,
    vectors: Floats,
    trained_anew: bool,
) -> None:
    """Writes `report.html` into a staged generation.

    Args:
        folder: the staged generation, as it will be published.
        vectors: float32 (n, d), the points of the snapshot's photos, in row order.
        trained_anew: whether this rebuild trained the parts.
    """
    parts = folder.manifest.metrics["parts"]
    before = main_figures(job.live.manifest.metrics.get("parts", {})) if job.live else {}
    now = main_figures(parts)
    album = Album(job)
    page = pages.render_page(
        "nightly.html",
        title=f"Generation {folder.id}",
        built=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        changes=changes,
        counts=folder.manifest.counts,
        new_products=album.products(changes.added.keys) if changes.since else [],
        cautions=cautions_of(parts, job.journal.counts, now, before),
        trained_anew=trained_anew,
        tiles=[*_gate_tile(gates), *_tiles(now, before, past_rebuilds(job.settings.home))],
        worst_words=album.worst_words(folder),
        worst_photos=album.worst_photos(vectors),
        recognition=album.recognition(folder),
        lookalikes=album.lookalikes(vectors),
        gates=gates,
        match_head=match.MATCH_HEAD,
        match_rows=(rows := match.match_rows(parts.get("match", {}))),
        match_picture=match.match_picture(parts["match"]) if rows else "",
        attribute_head=attributes.ATTRIBUTE_HEAD,
        attribute_rows=attributes.attribute_rows(parts.get("attributes", {})),
        photos_left_out=job.journal.unreadable,
        details=list(_details(job, folder)),
    )
    write_text(folder.folder / REPORT_FILE, page)


def _details(job: Job, folder: GenerationFolder) -> Iterable[tuple[str, list[tuple[str, str]]]]:
    """Yields the tables that are folded away: a title, and names with values."""
    manifest = folder.manifest
    for name, measured in manifest.metrics["parts"].items():
        state = "Not trained" if measured.get("skipped") else "Trained"
        yield f"{state}: {name.replace('_', ' ')}", pages.flat_facts(measured)
    yield "Catalogue", pages.flat_facts({**manifest.counts, "seq": manifest.seq})
    yield "Backbone", pages.flat_facts({**manifest.backbone, "fingerprint": manifest.fingerprint})
    yield "Seconds", pages.flat_facts(job.journal.seconds)
    yield "Versions", pages.flat_facts(dict(manifest.versions))


def _gate_tile(gates: Sequence[GateResult]) -> list[dict[str, Any]]:
    """Returns the tile of the one comparison that is fair: both generations on the same queries."""
    found = [gate for gate in gates if gate.name == "quality" and gate.measured is not None]
    return [
        _tile(
            "Held-out queries that find their product first, both nights on the same ones", gate.measured, gate.before
        )
        for gate in found
        if gate.measured is not None
    ]


def _tiles(now: Mapping[str, float], before: Mapping[str, float], past: Sequence[PastRebuild]) -> list[dict[str, Any]]:
    return [
        {**_tile(figure.title, now[figure.name], before.get(figure.name), more_is_better=figure.more_is_better),
         **_history(figure, now[figure.name], past)}
        for figure in FIGURES
        if figure.name in now
    ]  # fmt: skip


def _tile(title: str, now: float, before: float | None, *, more_is_better: bool = True) -> dict[str, Any]:
    change = now - before if before is not None else 0.0
    is_same = abs(change) < _SAME
    better = (change > 0) == more_is_better
    return {
        "title": title,
        "now": _percent(now),
        "before": "" if before is None else _percent(before),
        "difference": "the same;" if is_same else f"{100 * change:+.1f} points, {'better' if better else 'worse'};",
        "judged": "muted" if is_same else "good" if better else "bad",
        "points": "",
    }


def _history(figure: Figure, now: float, past: Sequence[PastRebuild]) -> dict[str, Any]:
    """Returns the points of a figure over the last rebuilds, in a square of 100 by 100; empty with fewer than two."""
    values = [one.figures[figure.name] for one in past if figure.name in one.figures][: _NIGHTS - 1]
    values = [*reversed(values), now]
    if len(values) < 2:
        return {}
    low, high = min(values), max(values)
    step, height = 100 / (len(values) - 1), high - low or 1.0
    points = " ".join(f"{at * step:.1f},{100 - 100 * (value - low) / height:.1f}" for at, value in enumerate(values))
    return {"points": points, "nights": len(values), "lowest": _percent(low), "highest": _percent(high)}


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
