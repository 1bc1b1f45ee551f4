"""Stores what each search asked and showed, so that a later click only needs to name its `query_id`."""

import hashlib
import logging
import threading
import time
from collections import deque
from datetime import UTC, datetime

from data.errors import LookalikeError
from data.events import Event, Events, Shown, search_event_id
from engine.answers import Cursor
from engine.errors import InvalidQuery
from engine.search import SearchAnswer, SearchRequest

_log = logging.getLogger("lookalike.api")
SHOWN = 100  # hits stored of one answer; nobody looks further
QUEUED = 10_000  # events that wait for the disk; more are dropped
_BATCH = 500
_GATHER_S = 0.2
_WARN_EVERY_S = 60.0


class SearchLog:
    """Stores search events in batches, in its own thread; never blocks a query and never makes one fail.

    An answer is sent before its event is on disk: a process that is killed loses the events of about the last 0.2 s,
    one that exits normally loses none. If the disk is slower than the searches, events are dropped and that is logged.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._lock = threading.Lock()
        self._waiting: deque[Event] = deque()
        self._on_way: list[Event] = []  # to the disk
        self._writer: threading.Thread | None = None
        self._dropped, self._warned = 0, -_WARN_EVERY_S

    def record(self, request: SearchRequest, answer: SearchAnswer) -> None:
        """Queues the event of an answer, to be stored."""
        event = _event(request, answer)
        if event is None:
            return
        with self._lock:
            if len(self._waiting) >= QUEUED:
                self._drop(1)
                return
            self._waiting.append(event)
            if self._writer is None:
                # The thread ends when no event waits. It is no daemon, so the process waits for it before it exits.
                self._writer = threading.Thread(target=self._write, name="search-log")
                self._writer.start()

    def search_that_showed(self, product_id: str, query_id: str) -> Event | None:
        """Returns the page of a search that showed a product, also one that is not on disk yet; None: there is none."""
        with self._lock:
            recent = [event for event in (*self._on_way, *self._waiting) if event.query_id == query_id]
        for event in recent:
            if any(shown.product_id == product_id for shown in event.shown):
                return event
        return self._events.search_that_showed(product_id, query_id)

    def flush(self) -> None:
        """Waits until every event recorded so far is on disk or was dropped."""
        if (writer := self._writer) is not None:
            writer.join()

    def _write(self) -> None:
        while True:
            time.sleep(_GATHER_S)
            with self._lock:
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                self._on_way = batch
                if not batch:
                    self._writer = None
                    return
            try:
                self._events.append(batch)
            except (LookalikeError, OSError) as error:
                with self._lock:
                    self._drop(len(batch), str(error))

    def _drop(self, count: int, reason: str = "the disk is slower than the searches") -> None:
        """Counts lost events and logs their number once a minute; the caller holds the lock."""
        self._dropped += count
        if time.monotonic() - self._warned >= _WARN_EVERY_S:
            self._warned = time.monotonic()
            _log.warning("%d search events were not stored so far: %s", self._dropped, reason)


def _event(request: SearchRequest, answer: SearchAnswer) -> Event | None:
    """Returns the event of one page of hits; None if nothing can be learned from it."""
    first = 0
    if request.cursor:
        try:
            first = Cursor.decode(request.cursor).offset
        except InvalidQuery:
            return None
    words = " ".join(request.text.split())
    photo = hashlib.sha256(request.image).hexdigest() if request.image is not None else ""
    if not (words or photo or first) or not answer.query_id:
        return None
    return Event(
        event_id=search_event_id(answer.query_id, first),
        kind="search",
        at=datetime.now(UTC),
        query_id=answer.query_id,
        query_text=words,
        photo_sha256=photo,
        no_match=answer.no_match or not answer.hits if not first else None,
        shown=tuple(Shown(hit.product_id, first + place) for place, hit in enumerate(answer.hits[:SHOWN])),
    )
