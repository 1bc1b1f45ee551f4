"""Turns what the page in a shopper's browser says was opened into events, and believes only as much as it must.

Anybody can send such a click, since a shopper has no key. So it counts only for a product that a search of this server
showed, by the place where it was shown; once for the same session, words and product; and only a few times for the
same words and product from one address. A search belongs to the first session that names it. What else a shop reports,
carts and purchases, the page cannot claim.
"""

import hashlib
import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from api.resources.rate_limit import RateLimit
from api.resources.search_log import SearchLog
from data.events import FROM_PAGE, Event

PER_MINUTE = 300  # clicks of one address; behind a proxy all shoppers have the same one
PER_DAY = 50  # of them for the same words or photo, and the same product
_QUERY_ID = re.compile("[0-9a-f]{16}")  # as the engine makes them; a shop's own ids may be easy to guess
_KEPT = 20_000  # searches whose session is known, and addresses' counts
_DAY_S = 24 * 3600


@dataclass(frozen=True)
class PageClick:
    """A hit that a shopper opened, liked or asked lookalikes of; `session` is a random text, made for one tab."""

    session: str
    query_id: str
    product_id: str


class PageClicks:
    """Makes events of clicks; safe to use from several threads.

    Args:
        search_log: where the searches are found that showed what was clicked.
        clock: seconds, monotonic.
    """

    def __init__(self, search_log: SearchLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._search_log, self._clock = search_log, clock
        self._rate = RateLimit(PER_MINUTE, clock=clock)
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, str] = OrderedDict()  # query_id -> the session that it belongs to
        self._counts: OrderedDict[str, int] = OrderedDict()  # address, question and product -> clicks on this day
        self._day = 0

    def event(self, click: PageClick, address: str) -> Event | None:
        """Returns the event of a click; None if it counts for nothing.

        Raises:
            RateLimited: too many clicks came from this address.
        """
        self._rate.spend(address)
        if not (click.session and _QUERY_ID.fullmatch(click.query_id)):
            return None
        search = self._search_log.search_that_showed(click.product_id, click.query_id)
        if search is None:
            return None
        question = search.photo_sha256 or search.query_text.casefold()
        if not question or not self._is_within_limits(click, _digest(address, question, click.product_id)):
            return None
        return Event(
            event_id=FROM_PAGE + _digest(click.session, question, click.product_id),
            kind="click",
            at=datetime.now(UTC),
            session=click.session,
            query_id=click.query_id,
            product_id=click.product_id,
        )

    def _is_within_limits(self, click: PageClick, counted: str) -> bool:
        with self._lock:
            if self._session_of(click) != click.session:
                return False
            day = int(self._clock() // _DAY_S)
            if day != self._day:
                self._day = day
                self._counts.clear()
            count = self._counts.pop(counted, 0) + 1
            self._counts[counted] = count
            _drop_oldest(self._counts)
            return count <= PER_DAY

    def _session_of(self, click: PageClick) -> str:
        session = self._sessions.setdefault(click.query_id, click.session)
        _drop_oldest(self._sessions)
        return session


def _drop_oldest(kept: "OrderedDict[str, str] | OrderedDict[str, int]") -> None:
    if len(kept) > _KEPT:
        kept.popitem(last=False)


def _digest(*texts: str) -> str:
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:32]
