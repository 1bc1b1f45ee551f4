"""Events, what shoppers did: searches, clicks, carts and purchases, read from logs and stored in catalog.db."""

from data.events.feed import EventRow, read_event_feed
from data.events.fields import FIELDS, SHOWN_LIMIT, TEXT_LIMITS, parse_events, search_event_id
from data.events.store import FROM_PAGE, POSITION_LIMIT, Event, Events, Shown

__all__ = [
    "FIELDS",
    "FROM_PAGE",
    "POSITION_LIMIT",
    "SHOWN_LIMIT",
    "TEXT_LIMITS",
    "Event",
    "EventRow",
    "Events",
    "Shown",
    "parse_events",
    "read_event_feed",
    "search_event_id",
]
