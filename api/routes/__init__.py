"""The routes of the JSON API under `/v1`, and those for operators: one blueprint per noun."""

from api.routes import events, operation, products, recognition, search
from api.routes.events import MOST_EVENTS, asks_not_to_be_followed
from api.routes.operation import status_document
from api.routes.products import PRODUCT_BYTES
from api.routes.search import likely_hits, run_search

BLUEPRINTS = tuple(noun.blueprint for noun in (search, recognition, products, events, operation))

__all__ = [
    "BLUEPRINTS",
    "MOST_EVENTS",
    "PRODUCT_BYTES",
    "asks_not_to_be_followed",
    "likely_hits",
    "run_search",
    "status_document",
]
