"""The route on which a shop reports what its shoppers did: searches, clicks, carts and purchases."""

import logging
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response

from api.documents import json_answer
from api.errors import BadRequest
from api.requests import from_json_list, limit_body, read_body, require_type
from api.resources import resources
from data.errors import InvalidEvent, LookalikeError
from data.events import FIELDS, Event, parse_events

blueprint = Blueprint("events", __name__)
MOST_EVENTS = 1_000  # in one request
BODY_BYTES = 4_000_000
_log = logging.getLogger("lookalike.api")


@blueprint.post("/v1/events")
def post_events() -> Response:
    """Stores one event or a list; answers 202 once the valid ones are durable, and lists the refused ones."""
    limit_body(BODY_BYTES)
    require_type("application/json")
    items = from_json_list(read_body())
    if len(items) > MOST_EVENTS:
        raise BadRequest(f"a request must hold at most {MOST_EVENTS} events; got {len(items)}. Send several.")
    events: list[Event] = []
    refused: list[dict[str, Any]] = []
    now = datetime.now(UTC)
    for index, item in enumerate(items):
        try:
            events += parse_events(_one_event(item), now=now)
        except InvalidEvent as error:
            refused.append({"index": index, "code": error.code, "message": str(error)})
    stored = resources().events.store(events)
    _keep_photos(events)
    document = {
        "accepted": stored.new,
        "duplicates": stored.duplicates,
        "unknown_products": stored.unknown_products,
        "refused": refused,
    }
    return json_answer(document, 202)


def _keep_photos(events: list[Event]) -> None:
    """Keeps the features of photos whose search led to a choice, for training. The events are durable already."""
    chosen = [event for event in events if event.product_id]
    try:
        resources().engine.keep_photos({name for event in chosen for name in (event.query_id, event.photo_sha256)})
    except (LookalikeError, OSError) as error:
        _log.warning("the photo of a search could not be kept for training: %s", error)


def _one_event(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise InvalidEvent(f"an event must be a JSON object; got {type(item).__name__}.")
    if item.get("kind") is None:
        raise InvalidEvent("kind must be given; got nothing.", code="bad_kind")
    if unknown := sorted(set(item) - set(FIELDS)):
        raise InvalidEvent(f"fields must be among {', '.join(FIELDS)}; got {unknown[0]!r:.100}.", code="unknown_field")
    return item
