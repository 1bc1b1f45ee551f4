"""Tells people how a rebuild went, in ten lines; the rest is in the report and in the JSON of `--json`."""

from collections.abc import Iterator
from pathlib import Path

from data.rebuilds import LAST_FILE
from indexer.rebuild.report import REPORT_FILE
from indexer.rebuild.summary import RebuildSummary


def describe(summary: RebuildSummary, home: Path) -> str:
    """Returns the outcome and a line for each subject: changes, products, photos, quality, gates, time, report."""
    outcome = f"Generation {summary.generation} is live."
    lines = [outcome if summary.published else f"Nothing was published: {summary.reason}"]
    lines += [f"  {name:<9}{text}" for name, text in _subjects(summary, home) if text]
    return "\n".join(lines)


def _subjects(summary: RebuildSummary, home: Path) -> Iterator[tuple[str, str]]:
    counts = summary.counts
    yield "changes", _changes(summary)
    if "products" in counts:
        without = counts.get("products_without_photo", 0)
        yield "products", f"{counts['products']:,} with photos" + (f", {without:,} without" if without else "")
    if "images" in counts:
        yield "photos", f"{counts['images']:,}, {counts.get('embedded', 0):,} of them embedded now"
    yield "left out", _and_more([photo["message"] for photo in summary.unreadable], counts.get("unreadable", 0))
    yield "damaged", _and_more([photo["message"] for photo in summary.damaged], len(summary.damaged))
    yield "skipped", _skipped(summary)
    yield "quality", next((gate.detail for gate in summary.gates if gate.name == "quality"), "")
    yield "gates", _gates(summary)
    steps = ", ".join(f"{name} {value:.0f} s" for name, value in summary.seconds.items() if value >= 1)
    yield "time", steps.replace("total ", "in all ")
    if summary.published:
        yield "report", str(home / "generations" / str(summary.generation) / REPORT_FILE)
    elif counts:
        yield "details", str(home / LAST_FILE)


def _changes(summary: RebuildSummary) -> str:
    """Returns what differs from the generation that was live before; empty if the rebuild did not get that far."""
    if not summary.changes:
        return ""
    if not summary.changes["since"]:
        return "everything is new: no generation was live before"
    products = {name: group["count"] for name, group in summary.changes["products"].items()}
    photos = summary.changes["photos"]
    parts = [f"{count:,} product{'s'[count == 1 :]} {name}" for name, count in products.items() if count]
    parts += [f"{count:,} photo{'s'[count == 1 :]} {name}" for name, count in photos.items() if count]
    parts += [f"another {name}" for name in summary.changes["settings"]]
    return ", ".join(parts) or "none"


def _skipped(summary: RebuildSummary) -> str:
    """Returns the parts that were not trained; a single one with its reason."""
    names = [name.replace("_", " ") for name in summary.not_trained]
    if len(names) == 1:
        return f"{names[0]}: {next(iter(summary.not_trained.values()))}"
    return f"{', '.join(names)} (too little to learn from; the report says what each needs)" if names else ""


def _gates(summary: RebuildSummary) -> str:
    failed = [f"{gate.name} FAILED: {gate.detail}" for gate in summary.gates if not gate.passed]
    return "; ".join(failed) or (f"all {len(summary.gates)} passed" if summary.gates else "")


def _and_more(messages: list[str], count: int) -> str:
    return f"{messages[0]}" + (f" (and {count - 1:,} more)" if count > 1 else "") if messages else ""
