"""The import of what shoppers did: a log of searches, clicks, carts and purchases goes into the catalogue's events."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from data.catalogue import RowProblem
from data.errors import InvalidEvent, InvalidFeed
from data.events import Event, EventRow, Events, parse_events, read_event_feed
from data.progress import track
from data.readers import BadRow
from data.settings import Settings
from indexer.errors import IndexerError
from indexer.importing.report import ImportReport, Tally, counted, problem_file

_BATCH_ROWS = 5_000


@dataclass(frozen=True, kw_only=True)
class EventReport(ImportReport):
    """What an import of events did.

    Attributes:
        rows: rows that were read.
        events: events that the good rows gave; `stored` of them are new, `duplicates` were stored before.
        unknown_products: events that name a product which the catalogue never had; stored, and marked.
        refused: rows that gave no event.
    """

    rows: int = 0
    events: int = 0
    stored: int = 0
    duplicates: int = 0
    unknown_products: int = 0
    refused: int = 0

    @property
    def summary(self) -> str:
        return (
            f"{counted(self.events, 'event')} ({self.stored:,} new, {self.duplicates:,} known already) of "
            f"{counted(self.rows, 'row')}, {counted(self.refused, 'row')} refused"
        )

    @property
    def remark(self) -> str:
        if not self.unknown_products:
            return ""
        return f"{counted(self.unknown_products, 'event')} of products that are not in the catalogue; kept and marked"


def import_events(settings: Settings, path: Path, *, format: str = "auto", report: Path | None = None) -> EventReport:
    """Adds the events of a log; importing the same log again changes nothing.

    Args:
        format: auto, csv or jsonl, see `data.events.read_event_feed`.
        report: JSONL file for the problems, one a line; it appears when the import ends.

    Raises:
        InvalidFeed: the log cannot be read, or none of its rows gives an event.
        IndexerError: a file cannot be written; the batches before stay, and the same import again goes on from there.
    """
    events = Events(settings.home)
    try:
        with problem_file(report) as out:
            tally = Tally(path, out)
            feed = track(read_event_feed(path, format), "import-events", unit="rows")
            while rows := list(islice(feed, _BATCH_ROWS)):
                good, problems = _parsed(rows)
                stored = events.store(good)
                tally.counts.update(
                    rows=len(rows), events=len(good), stored=stored.new, duplicates=stored.duplicates,
                    unknown_products=stored.unknown_products, refused=len(problems),
                )  # fmt: skip
                tally.add_problems(problems)
    except OSError as error:
        raise IndexerError(
            f"import-events must be able to write; got {error}. Make room or check the rights, then import again."
        ) from error
    if not tally.counts["events"]:
        raise InvalidFeed(
            f"a log must give at least one event; got {tally.counts['refused']} bad rows in {path}."
            + tally.first_problem
        )
    return EventReport(**tally.fields())


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
