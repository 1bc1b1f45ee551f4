"""Stores events (searches, clicks, carts and purchases) in catalog.db, and reads them back for training."""

import json
import re
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from data.database import Connections, json_list, moment_text
from data.errors import InvalidEvent

FROM_PAGE = "page:"
KINDS = ("search", "click", "add_to_cart", "purchase")
TEXT_LIMIT = 20_000
POSITION_LIMIT = 1_000_000
_HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair
# A row without words and photo takes both from its search: the one whose event id is the row's query id, or else the
# first page with the same query id. A row without a position takes it from what the pages of that search showed.
_ITERATE = """
SELECT e.event_id, e.kind, e.at, e.session, e.query_id,
       iif(e.query_text = '' AND e.photo_sha256 = '', coalesce(s.query_text, ''), e.query_text),
       iif(e.query_text = '' AND e.photo_sha256 = '', coalesce(s.photo_sha256, ''), e.photo_sha256),
       e.product_id, e.known_product,
       coalesce(e.position,
           (SELECT json_extract(j.value, '$[1]') FROM json_each(s.shown) AS j
            WHERE json_extract(j.value, '$[0]') = e.product_id LIMIT 1),
           (SELECT json_extract(j.value, '$[1]')
            FROM events AS p INDEXED BY searches_by_query, json_each(p.shown) AS j
            WHERE e.product_id != '' AND e.query_id != '' AND p.query_id = e.query_id AND p.kind = 'search'
            AND json_extract(j.value, '$[0]') = e.product_id ORDER BY p.at, p.event_id LIMIT 1)),
       e.shown
FROM events AS e
LEFT JOIN events AS s ON e.query_id != '' AND s.event_id = coalesce(
    (SELECT f.event_id FROM events AS f
     WHERE f.event_id = e.query_id AND f.kind = 'search' AND f.event_id != e.event_id),
    (SELECT f.event_id FROM events AS f
     WHERE f.query_id = e.query_id AND f.kind = 'search' AND f.event_id != e.event_id
     ORDER BY f.at, f.event_id LIMIT 1))
WHERE (e.at, e.event_id) > (?, ?) AND e.kind IN (SELECT value FROM json_each(?))
ORDER BY e.at, e.event_id LIMIT ?
"""
_THAT_SHOWED = """
SELECT e.event_id, e.kind, e.at, e.session, e.query_id, e.query_text, e.photo_sha256, e.product_id, e.known_product,
       e.position, e.shown
FROM events AS e INDEXED BY searches_by_query
WHERE e.kind = 'search' AND e.query_id = ?
AND EXISTS (SELECT 1 FROM json_each(e.shown) AS j WHERE json_extract(j.value, '$[0]') = ?)
ORDER BY e.at, e.event_id LIMIT 1
"""
_WITH_QUERY = "(query_text != '' OR photo_sha256 != '' OR session != '')"
_COLUMNS = (
    "event_id, kind, at, session, query_id, query_text, photo_sha256, product_id, known_product, position, shown, "
    "no_match"
)


@dataclass(frozen=True)
class Shown:
    """A product that a search showed, at a position from 0."""

    product_id: str
    position: int


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that a shopper did. Texts are "" where they do not apply.

    Attributes:
        event_id: unique; the same id again is the same event. One that begins with FROM_PAGE was told by the search
            page in a shopper's browser, any other by the shop.
        kind: one of KINDS.
        at: when it happened, with a time zone.
        query_id: the search that it belongs to.
        photo_sha256: the photo searched with.
        product_id: what was clicked, put into the cart or bought.
        position: place of that product in the answer, from 0.
        shown: what a search showed.
        known_product: whether the catalogue had `product_id` (also as deleted) when the event came in; set by `append`.
        no_match: whether nothing matched a search; None: not known. It is counted, not read back.
    """

    event_id: str
    kind: str
    at: datetime
    session: str = ""
    query_id: str = ""
    query_text: str = ""
    photo_sha256: str = ""
    product_id: str = ""
    position: int | None = None
    shown: tuple[Shown, ...] = ()
    known_product: bool = False
    no_match: bool | None = None

    def __post_init__(self) -> None:
        if not self.event_id or self.kind not in KINDS:
            raise InvalidEvent(
                f"an event must have an id and a kind among {', '.join(KINDS)}; "
                f"got {self.event_id!r:.100} and {self.kind!r:.100}."
            )
        if self.at.tzinfo is None or not 1970 <= self.at.year < 9999:
            raise InvalidEvent(f"an event's time must have a zone and be after 1970; got {self.at.isoformat()}.")
        texts = (self.event_id, self.session, self.query_id, self.query_text, self.photo_sha256, self.product_id)
        for text in (*texts, *(item.product_id for item in self.shown)):
            if len(text) > TEXT_LIMIT or _HALF.search(text):
                raise InvalidEvent(f"an event's texts must be Unicode of at most {TEXT_LIMIT} characters.")
        for position in (self.position or 0, *(item.position for item in self.shown)):
            if not 0 <= position < POSITION_LIMIT:
                raise InvalidEvent(f"positions must be from 0 to {POSITION_LIMIT}; got {position}.")


@dataclass(frozen=True)
class Stored:
    """What `Events.store` did with the events it was given, as numbers of events.

    Attributes:
        new: stored now.
        duplicates: not stored, because their id was stored before or was given twice.
        unknown_products: of all given, those that name a product that the catalogue has never had.
    """

    new: int
    duplicates: int
    unknown_products: int


class Events:
    """The events of one catalogue; safe to use from several threads and processes."""

    def __init__(self, home: Path) -> None:
        self._connections = Connections(home)

    def append(self, events: Sequence[Event]) -> int:
        """Stores events in one transaction; durable when it returns. An event whose id is already stored is skipped.

        Returns:
            How many were new.
        """
        return self.store(events).new

    def store(self, events: Sequence[Event]) -> Stored:
        """Stores events as `append` does; returns more counts."""
        with self._connections.writing() as connection:
            known = _known(connection, {event.product_id for event in events if event.product_id})
            cursor = connection.executemany(
                f"INSERT OR IGNORE INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                [_row(event, event.product_id in known) for event in events],
            )
            new = max(cursor.rowcount, 0)
        unknown = sum(bool(event.product_id) and event.product_id not in known for event in events)
        return Stored(new, len(events) - new, unknown)

    @property
    def count(self) -> int:
        """How many events are stored."""
        count: int = self._connections.query("SELECT count(*) FROM events")[0][0]
        return count

    def search_that_showed(self, product_id: str, query_id: str) -> Event | None:
        """Returns the page of a search, named by its `query_id`, that showed a product; None: none is stored."""
        rows = self._connections.query(_THAT_SHOWED, (query_id, product_id))
        return _event(rows[0]) if rows else None

    def photos(self) -> set[str]:
        """Returns the sha256 of every photo that was searched with."""
        rows = self._connections.query("SELECT DISTINCT photo_sha256 FROM events WHERE photo_sha256 != ''")
        return {sha256 for (sha256,) in rows}

    def forget(self, before: datetime) -> int:
        """Deletes the events from before a time; returns how many."""
        with self._connections.writing() as connection:
            return connection.execute("DELETE FROM events WHERE at < ?", (moment_text(before),)).rowcount

    def forget_queries(self, before: datetime) -> int:
        """Empties words, photo and session of the events from before a time; returns of how many.

        What was shown, clicked and bought stays; the training learns nothing more from these searches.
        """
        with self._connections.writing() as connection:
            return connection.execute(
                f"UPDATE events SET query_text = '', photo_sha256 = '', session = '' WHERE at < ? AND {_WITH_QUERY}",  # noqa: S608 - a constant
                (moment_text(before),),
            ).rowcount

    def state(self) -> list[Any]:
        """Returns numbers and times that differ after events came in or were forgotten."""
        return list(self._connections.query(f"SELECT count(*), min(at), max(at), sum({_WITH_QUERY}) FROM events")[0])  # noqa: S608

    def count_between(
        self, since: datetime, until: datetime | None = None, kinds: Collection[str] = KINDS
    ) -> int:  # fmt: skip
        """Returns the number of events from `since` on and before `until`."""
        end = moment_text(until) if until else "9999"
        count: int = self._connections.query(
            "SELECT count(*) FROM events WHERE at >= ? AND at < ? AND kind IN (SELECT value FROM json_each(?))",
            (moment_text(since), end, json_list(kinds)),
        )[0][0]
        return count

    def time_at(self, share: float) -> datetime | None:
        """Returns the time before which `share` (0..1) of the events happened; None if there are no events."""
        rows = self._connections.query(
            "SELECT at FROM events ORDER BY at, event_id LIMIT 1 OFFSET ?", (int(share * max(self.count - 1, 0)),)
        )
        return datetime.fromisoformat(rows[0][0]) if rows else None

    def iterate(
        self, kinds: Collection[str] = KINDS, since: datetime | None = None, batch: int = 1000
    ) -> Iterator[Event]:
        """Yields events by time, then by id; memory does not grow with their number.

        An event whose `query_id` names a search (by the search's `query_id` or `event_id`) takes missing words, photo
        and position from it.

        Args:
            kinds: only events of these kinds.
            since: only events at this time or later.
        """
        after = (moment_text(since) if since else "", "")
        while True:
            rows = self._connections.query(_ITERATE, (*after, json_list(kinds), batch))
            yield from map(_event, rows)
            if len(rows) < batch:
                return
            after = (rows[-1][2], rows[-1][0])


def _known(connection: sqlite3.Connection, product_ids: Collection[str]) -> set[str]:
    found = connection.execute(
        "SELECT product_id FROM products WHERE product_id IN (SELECT value FROM json_each(?))",
        (json_list(product_ids),),
    )
    return {product_id for (product_id,) in found}


def _row(event: Event, is_known: bool) -> tuple[Any, ...]:
    return (
        event.event_id,
        event.kind,
        moment_text(event.at),
        event.session,
        event.query_id,
        event.query_text,
        event.photo_sha256,
        event.product_id,
        int(is_known),
        event.position,
        json.dumps([[item.product_id, item.position] for item in event.shown], ensure_ascii=False),
        event.no_match,
    )


def _event(row: Any) -> Event:
    return Event(
        event_id=row[0],
        kind=row[1],
        at=datetime.fromisoformat(row[2]),
        session=row[3],
        query_id=row[4],
        query_text=row[5],
        photo_sha256=row[6],
        product_id=row[7],
        known_product=bool(row[8]),
        position=row[9],
        shown=tuple(Shown(product_id, position) for product_id, position in json.loads(row[10])),
    )
