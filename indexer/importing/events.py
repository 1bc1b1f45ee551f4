"""The import of what shoppers did: a log of searches, clicks, carts and purchases goes into the catalogue's events."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from data.catalogue import RowProblem
from data.errors import InvalidEvent, InvalidFeed
from data.events import Event, EventRow, Events, parse_events, read_event_feed
from data.progress import track
from data.readers import BadRow
from data.settings import Settings
from indexer.errors import IndexerError
from indexer.importing.report import ReportFile

_BATCH_ROWS = 5_000
_SHOWN_PROBLEMS = 10


@dataclass(frozen=True, kw_only=True)
class EventImportReport:
    """What an import of events did.

    Attributes:
        rows: rows that were read.
        events: events that the good rows gave; `stored` of them are new, `duplicates` were stored before.
        unknown_products: events that name a product which the catalogue never had; stored, and marked.
        refused: rows that gave no event.
        codes: how many problems of each code the rows had.
        problems: the first few of them.
    """

    source: str
    rows: int
    events: int
    stored: int
    duplicates: int
    unknown_products: int
    refused: int
    codes: dict[str, int] = field(default_factory=dict)
    problems: tuple[RowProblem, ...] = ()
    took_s: float = 0.0

    def fields(self) -> dict[str, Any]:
        """Returns the report as plain JSON values."""
        return {**asdict(self), "problems": [asdict(item) for item in self.problems]}


def import_events(
    settings: Settings, path: Path, *, format: str = "auto", report: Path | None = None
) -> EventImportReport:
    """Adds the events of a log; importing the same log again changes nothing.

    Args:
        format: auto, csv or jsonl, see `data.events.read_event_feed`.
        report: JSONL file for the problems, one a line; it appears when the import ends.

    Raises:
        InvalidFeed: the log cannot be read, or none of its rows gives an event.
        IndexerError: a file cannot be written; the batches before stay, and the same import again goes on from there.
    """
    started = time.monotonic()
    events, counts, codes = Events(settings.home), Counter[str](), Counter[str]()
    shown: list[RowProblem] = []
    try:
        with ReportFile(report) as report_file:
            for rows in _batches(track(read_event_feed(path, format), "import-events", unit="rows")):
                good, problems = _parsed(rows)
                stored = events.store(good)
                counts.update(
                    rows=len(rows), events=len(good), stored=stored.new, duplicates=stored.duplicates,
                    unknown_products=stored.unknown_products, refused=len(problems),
                )  # fmt: skip
                codes.update(problem.code for problem in problems)
                shown += problems[: _SHOWN_PROBLEMS - len(shown)]
                report_file.add(problems)
    except OSError as error:
        raise IndexerError(
            f"import-events must be able to write; got {error}. Make room or check the rights, then import again."
        ) from error
    if not counts["events"]:
        first = f" The first: line {shown[0].line}: {shown[0].message}" if shown else ""
        raise InvalidFeed(f"a log must give at least one event; got {counts['refused']} bad rows in {path}.{first}")
    names = ("rows", "events", "stored", "duplicates", "unknown_products", "refused")
    return EventImportReport(
        source=str(path), **{name: counts[name] for name in names}, codes=dict(sorted(codes.items())),
        problems=tuple(shown), took_s=round(time.monotonic() - started, 3),
    )  # fmt: skip


def describe_events(report: EventImportReport, report_file: Path | None = None) -> str:
    """Returns the report for people: the counts, then the problems by kind and the first few of them."""
    lines = [
        f"{report.events:,} events ({report.stored:,} new, {report.duplicates:,} known already) of {report.rows:,} "
        f"rows, {report.refused:,} rows refused"
    ]
    if report.unknown_products:
        lines.append(f"{report.unknown_products:,} events name a product that is not in the catalogue; kept and marked")
    if report.codes:
        lines.append("Problems: " + ", ".join(f"{code} {count:,}" for code, count in report.codes.items()))
        lines += [f"  line {item.line}: {item.message}" for item in report.problems]
        if (left := report.refused - len(report.problems)) > 0:
            where = f"see {report_file}" if report_file else "give --report FILE to see them all"
            lines.append(f"  and {left:,} more; {where}")
    return "\n".join(lines)


def _batches(rows: Iterator[EventRow | BadRow]) -> Iterator[list[EventRow | BadRow]]:
    batch: list[EventRow | BadRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= _BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _parsed(rows: list[EventRow | BadRow]) -> tuple[list[Event], list[RowProblem]]:
    events: list[Event] = []
    problems: list[RowProblem] = []
    for row in rows:
        if isinstance(row, BadRow):
            problems.append(RowProblem(row.line, "", row.code, row.message))
            continue
        try:
            events += parse_events(row.fields)
        except InvalidEvent as error:
            named = row.fields.get("product_id")
            product_id = named[:200].encode("utf-8", "replace").decode() if isinstance(named, str) else ""
            problems.append(RowProblem(row.line, product_id, error.code, str(error)))
    return events, problems
