"""The route on which a shop reports what its shoppers did: searches, clicks, carts and purchases."""

import logging
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, request

from api.documents import json_answer
from api.errors import BadRequest
from api.protection import caller_address
from api.requests import from_json, from_json_list, limit_body, read_body, require_type
from api.resources import PageClick, resources
from data.errors import InvalidEvent, LookalikeError
from data.events import FIELDS, TEXT_LIMITS, Event, parse_events

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


@blueprint.post("/v1/events/page")
def post_page_click() -> Response:
    """Takes what the page says a shopper opened; it needs no key, and counts within the limits of `PageClicks`."""
    limit_body(0)
    require_type("application/json")
    fields = from_json(read_body())
    click = PageClick(**{name: _short_text(fields, name) for name in ("session", "query_id", "product_id")})
    if unknown := sorted(set(fields) - set(vars(click))):
        raise BadRequest(
            f"fields must be among {', '.join(vars(click))}; got {unknown[0]!r:.100}.", field=unknown[0][:100]
        )
    held = resources()
    wanted = held.settings.page_events and not asks_not_to_be_followed()
    event = held.page_clicks.event(click, caller_address()) if wanted else None
    stored = held.events.store([event]).new if event else 0
    if event and stored:
        _keep_photos([event])
    return json_answer({"accepted": stored}, 202)


def asks_not_to_be_followed() -> bool:
    """Returns whether the browser sends Do Not Track or Global Privacy Control."""
    return "1" in (request.headers.get("DNT"), request.headers.get("Sec-GPC"))


def _short_text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_LIMITS[name]:
        raise BadRequest(f"{name} must be text of 1 to {TEXT_LIMITS[name]} characters.", field=name)
    return value


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
