"""A client for a Lookalike server: `lookalike.Client(url, key)`. It loads no model and nothing of the server."""

from api.client.answers import (
    BatchStatus,
    Completion,
    Constraint,
    EventsAnswer,
    Facet,
    Hit,
    Product,
    Recognition,
    SearchAnswer,
    Status,
)
from api.client.calls import Client, SearchOptions

__all__ = [
    "BatchStatus",
    "Client",
    "Completion",
    "Constraint",
    "EventsAnswer",
    "Facet",
    "Hit",
    "Product",
    "Recognition",
    "SearchAnswer",
    "SearchOptions",
    "Status",
]
