"""Events, what shoppers did: searches, clicks, carts and purchases, read from logs and stored in catalog.db."""

from data.events.counts import DayCount, EventCounts, PoorQuery
from data.events.feed import EventRow, read_event_feed
from data.events.fields import FIELDS, SHOWN_LIMIT, TEXT_LIMITS, parse_events, search_event_id
from data.events.store import FROM_PAGE, KINDS, POSITION_LIMIT, Event, Events, Shown

__all__ = [
    "FIELDS",
    "FROM_PAGE",
    "KINDS",
    "POSITION_LIMIT",
    "SHOWN_LIMIT",
    "TEXT_LIMITS",
    "DayCount",
    "Event",
    "EventCounts",
    "EventRow",
    "Events",
    "PoorQuery",
    "Shown",
    "parse_events",
    "read_event_feed",
    "search_event_id",
]
