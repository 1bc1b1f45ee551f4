"""Events, what shoppers did: searches, clicks, carts and purchases, read from logs and stored in catalog.db."""

from data.events.feed import EventRow, read_event_feed
from data.events.fields import FIELDS, parse_events, search_event_id
from data.events.store import Event, Events, Shown

__all__ = ["FIELDS", "Event", "EventRow", "Events", "Shown", "parse_events", "read_event_feed", "search_event_id"]
