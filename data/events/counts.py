"""Counts what shoppers did, for people: events by day, and the searches that nothing matched."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from data.database import Connections, moment_text


@dataclass(frozen=True)
class DayCount:
    """How many events of one kind there were on one day (UTC, ISO 8601)."""

    day: str
    kind: str
    count: int


@dataclass(frozen=True)
class PoorQuery:
    """Words that nothing matched: how often they were searched for so, and when last."""

    text: str
    count: int
    last: datetime


class EventCounts:
    """Counts over the events of one catalogue."""

    def __init__(self, home: Path) -> None:
        self._connections = Connections(home)

    def by_day(self, since: datetime) -> list[DayCount]:
        """Returns the events since a time, by day and kind."""
        rows = self._connections.query(
            "SELECT substr(at, 1, 10) AS day, kind, count(*) FROM events WHERE at >= ? GROUP BY day, kind ORDER BY day",
            (moment_text(since),),
        )
        return [DayCount(*row) for row in rows]

    def poor_queries(self, since: datetime, most: int) -> list[PoorQuery]:
        """Returns the words that nothing matched since a time, the most frequent first; see `Event.no_match`."""
        rows = self._connections.query(
            "SELECT min(query_text), count(*) AS times, max(at) FROM events "
            "WHERE no_match = 1 AND at >= ? AND query_text != '' "
            "GROUP BY lower(query_text) ORDER BY times DESC, max(at) DESC LIMIT ?",
            (moment_text(since), most),
        )
        return [PoorQuery(text, count, datetime.fromisoformat(last)) for text, count, last in rows]

    def poor_searches(self, since: datetime) -> tuple[int, int]:
        """Returns how many searches since a time nothing matched: those with words, and those by photo alone."""
        row = self._connections.query(
            "SELECT coalesce(sum(query_text != ''), 0), coalesce(sum(query_text = ''), 0) FROM events "
            "WHERE no_match = 1 AND at >= ?",
            (moment_text(since),),
        )[0]
        return int(row[0]), int(row[1])
