"""Collects what the operators' first page shows, as plain values; each part is bounded."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api.admin.charts import Bar, Line, bars_of, line_of
from api.languages import N_
from data.catalogue import PhotoLabels, checked_kinds
from data.database import FILE_NAME
from data.errors import CorruptGeneration
from data.events import KINDS, EventCounts, PoorQuery
from data.generations import FIGURES, GenerationFolder, GenerationStore, main_figures
from data.rebuilds import PastRebuild

REPORT_FILE = "report.html"
DAYS = 30
_NIGHTS = 60  # rebuilds in a chart
_POOR = 50
# The texts of `data.generations.FIGURES`, where the catalogue of translations finds them.
TITLES = (
    N_("Photos that find their product first"),
    N_("Words: 1 / place of the first right product, on average"),
    N_("Photos whose category is recognised"),
    N_("Searches by words that have an answer, but are told there is none"),
    N_("Searches by words for what is not in the catalogue, but get an answer"),
    N_("Searches by photo that have an answer, but are told there is none"),
    N_("Searches by photo of what is not in the catalogue, but get an answer"),
)
KIND_NAMES = dict(zip(KINDS, (N_("Searches"), N_("Clicks"), N_("Added to cart"), N_("Purchases")), strict=True))


@dataclass(frozen=True)
class Kept:
    """A generation that can be rolled back to, or is live.

    Attributes:
        age_s: seconds since it was built.
        figures: title and value of its main figures.
        has_report: whether it holds a report.
    """

    id: str
    created_at: datetime
    age_s: float
    counts: Mapping[str, int]
    fingerprint: str
    figures: tuple[tuple[str, float], ...]
    has_report: bool


@dataclass(frozen=True)
class Chart:
    """A figure over the last rebuilds."""

    title: str
    line: Line


@dataclass(frozen=True)
class Activity:
    """What shoppers did on each of the last days: a name, the sum, and a bar for each day."""

    name: str
    total: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Poor:
    """Searches of the last days that nothing matched: with words, others, and the words by frequency."""

    with_words: int
    others: int
    queries: tuple[PoorQuery, ...]


def current_generation(home: Path) -> str:
    """Returns the generation that is to be served; a server may need a moment to switch. Empty: none, or unreadable."""
    try:
        return GenerationStore(home).current_id() or ""
    except CorruptGeneration:
        return ""


def kept_generations(home: Path) -> list[Kept]:
    """Returns the generations that can be read, newest first; their manifests are read, not all their files."""
    return [_kept(folder) for folder in GenerationStore(home).list()]


def _kept(folder: GenerationFolder) -> Kept:
    manifest = folder.manifest
    created_at = datetime.fromisoformat(manifest.created_at)
    found = main_figures(manifest.metrics.get("parts", {}))
    return Kept(
        folder.id,
        created_at,
        (datetime.now(UTC) - created_at).total_seconds(),
        manifest.counts,
        manifest.fingerprint,
        tuple((figure.title, found[figure.name]) for figure in FIGURES if figure.name in found),
        folder.has(REPORT_FILE),
    )


def charts_of(rebuilds: Sequence[PastRebuild]) -> list[Chart]:
    """Returns the main figures over the last published rebuilds.

    Args:
        rebuilds: newest first.
    """
    published = [one for one in reversed(rebuilds[:_NIGHTS]) if one.published]
    charts = []
    for figure in FIGURES:
        values = [one.figures[figure.name] for one in published if figure.name in one.figures]
        if (line := line_of(values)) is not None:
            charts.append(Chart(figure.title, line))
    return charts


def activity(home: Path) -> list[Activity]:
    """Returns the events of the last 30 days by kind; kinds without any are left out."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=DAYS - 1)
    days = [f"{first + timedelta(days=day):%Y-%m-%d}" for day in range(DAYS)]
    counts = {(found.kind, found.day): found.count for found in EventCounts(home).by_day(first)}
    shown = []
    for kind, name in KIND_NAMES.items():
        by_day = [(day, counts.get((kind, day), 0)) for day in days]
        if total := sum(count for _, count in by_day):
            shown.append(Activity(name, total, tuple(bars_of(by_day))))
    return shown


def poor_searches(home: Path) -> Poor:
    """Returns the searches of the last 30 days that nothing matched."""
    since, counts = datetime.now(UTC) - timedelta(days=DAYS), EventCounts(home)
    return Poor(*counts.poor_searches(since), tuple(counts.poor_queries(since, _POOR)))


def doubted_labels(home: Path) -> int | None:
    """Returns how many labels of photos are in doubt, of the kind that was checked last; None: none was."""
    return next((len(PhotoLabels(home, kind).open_doubts()) for kind in checked_kinds(home)), None)


def room(home: Path) -> Iterator[tuple[str, int]]:
    """Yields what takes room and how many bytes; the parts that would take long to count are left out."""
    disk = shutil.disk_usage(home)
    yield N_("Free on the disk"), disk.free
    yield N_("Size of the disk"), disk.total
    yield N_("Catalogue and events"), _bytes(home.glob(f"{FILE_NAME}*"))
    yield N_("Features"), _bytes(home.glob("features/*/*"))
    yield N_("Generations"), _bytes(home.glob("generations/*/*"))
    yield N_("Memory of this process"), _resident()


def _bytes(paths: Iterator[Path]) -> int:
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size
        except OSError:  # deleted meanwhile
            continue
    return total


def _resident() -> int:
    """Returns the bytes of memory that this process holds now."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    return 0
