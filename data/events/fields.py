"""Turns the fields of a request or a log row into events, with one set of rules for HTTP and for files."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from data.errors import InvalidEvent
from data.events.store import FROM_PAGE, KINDS, POSITION_LIMIT, Event, Shown

SHOWN_LIMIT = 1_000
FIELDS = (
    "event_id", "kind", "at", "query_id", "query_text", "photo_sha256", "product_id", "position", "shown", "session",
)  # fmt: skip
# One row may also hold a whole search: the products shown, clicked, put into the cart and bought.
OUTCOMES = {"clicked": "click", "added_to_cart": "add_to_cart", "purchased": "purchase"}
TEXT_LIMITS = {
    "event_id": 200,
    "query_id": 200,
    "query_text": 2_000,
    "photo_sha256": 64,
    "product_id": 200,
    "session": 200,
}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NOT_STORED = re.compile("[\0\ud800-\udfff]")


def parse_events(fields: Mapping[str, Any], *, now: datetime | None = None) -> list[Event]:
    """Checks one object or row and returns its events.

    Fields with a `kind` are one event. Fields without one are a whole search: `shown`, and the products `clicked`,
    `added_to_cart` and `purchased`; the first event is the search, with the query id as its id.

    Args:
        fields: names to raw values (texts from CSV, typed values from JSON); `time` is another name for `at`. None and
            "" count as not given.
        now: time of an event that has none; None: every event must have a time.

    Raises:
        InvalidEvent: a rule is broken; `code` is one of unknown_field, bad_kind, bad_text, bad_time, missing_time,
            bad_position, bad_shown, missing_product, missing_query.
    """
    given = {name: value for name, value in fields.items() if value not in (None, "")}
    if "time" in given:
        given.setdefault("at", given.pop("time"))
    _check_names(given)
    at = _moment(given.get("at"), now)
    texts = {name: _text(name, given.get(name)) for name in TEXT_LIMITS}
    if texts["photo_sha256"] and not _SHA256.fullmatch(texts["photo_sha256"]):
        raise InvalidEvent("photo_sha256 must be 64 hex digits in lower case.", code="bad_text")
    if texts["event_id"].startswith(FROM_PAGE):
        raise InvalidEvent(
            f"event_id must not begin with {FROM_PAGE}: such ids are those of the page.", code="bad_text"
        )
    shown = _shown(given.get("shown"))
    if "kind" not in given:
        return _whole_search(given, at, texts, shown)
    kind = given["kind"]
    if kind not in KINDS:
        raise InvalidEvent(f"kind must be one of {', '.join(KINDS)}; got {kind!r:.100}.", code="bad_kind")
    if others := sorted(set(given) & set(OUTCOMES)):
        raise InvalidEvent(f"a row with a kind must not have {others[0]}; leave kind out.", code="unknown_field")
    return [_event(kind, at, texts, _position(given.get("position")), shown)]


def _event(kind: str, at: datetime, texts: Mapping[str, str], position: int | None, shown: tuple[Shown, ...]) -> Event:
    if kind != "search" and not texts["product_id"]:
        raise InvalidEvent(f"product_id must be given with kind {kind}; got nothing.", code="missing_product")
    if not (texts["query_id"] or texts["query_text"] or texts["photo_sha256"]):
        raise InvalidEvent(
            "query_id, query_text or photo_sha256 must be given, so that the event belongs to a search; got none.",
            code="missing_query",
        )
    event_id = texts["event_id"]
    if not event_id and kind == "search" and texts["query_id"]:
        event_id = search_event_id(texts["query_id"], shown[0].position if shown else 0)
    event_id = event_id or _content_id(kind, at, texts, position, shown)
    return Event(
        event_id=event_id, kind=kind, at=at, position=position, shown=shown, session=texts["session"],
        query_id=texts["query_id"], query_text=texts["query_text"], photo_sha256=texts["photo_sha256"],
        product_id=texts["product_id"],
    )  # fmt: skip


def search_event_id(query_id: str, first_position: int) -> str:
    """Returns the event id of one page of a search: the query id, plus the first position on later pages."""
    return query_id if first_position == 0 else f"{query_id}.{first_position}"


def _whole_search(
    given: Mapping[str, Any], at: datetime, texts: Mapping[str, str], shown: tuple[Shown, ...]
) -> list[Event]:
    if texts["product_id"] or "position" in given or texts["event_id"]:
        raise InvalidEvent("a row with product_id, position or event_id must have a kind; got none.", code="bad_kind")
    query_id = texts["query_id"] or _content_id("search", at, texts, None, shown)
    texts = {**texts, "query_id": query_id}
    if not (texts["query_text"] or texts["photo_sha256"]):
        raise InvalidEvent("query_text or photo_sha256 must be given; got neither.", code="missing_query")
    events = [_event("search", at, texts, None, shown)]
    places = {item.product_id: item.position for item in shown}
    for name, kind in OUTCOMES.items():
        for item in _products(name, given.get(name)):
            events.append(_event(kind, at, {**texts, "product_id": item}, places.get(item), ()))
    return events


def _check_names(given: Mapping[str, Any]) -> None:
    for name in given:
        if name not in FIELDS and name not in OUTCOMES:
            raise InvalidEvent(
                f"fields must be among {', '.join((*FIELDS, *OUTCOMES))}; got {name!r:.100}.", code="unknown_field"
            )


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidEvent(f"{name} must be text; got {type(value).__name__}.", code="bad_text")
    text = value.strip()
    if len(text) > TEXT_LIMITS[name] or _NOT_STORED.search(text):
        raise InvalidEvent(
            f"{name} must be Unicode of at most {TEXT_LIMITS[name]} characters without NUL; got {text!r:.60}.",
            code="bad_text",
        )
    return text


def _moment(value: Any, now: datetime | None) -> datetime:
    if value is None and now is not None:
        return now
    if value is None:
        raise InvalidEvent("at must be given; got nothing. Add the time of the event.", code="missing_time")
    try:
        moment = datetime.fromisoformat(value.strip())
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        if 1970 <= moment.year < 9999:
            return moment
    except (ValueError, OverflowError, AttributeError):
        pass
    raise InvalidEvent(
        f"at must be an ISO 8601 time after 1970; got {value!r:.100}. Write 2026-11-01T09:30:00Z.", code="bad_time"
    )


def _position(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,6}\s*", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < POSITION_LIMIT:
        raise InvalidEvent(
            f"position must be a whole number from 0 to {POSITION_LIMIT - 1}; got {value!r:.100}.", code="bad_position"
        )
    return value


def _shown(value: Any) -> tuple[Shown, ...]:
    """Returns what a search showed, from product ids in order or objects of `product_id` and `position`."""
    if value is None:
        return ()
    items = _listed("shown", value)
    if len(items) > SHOWN_LIMIT:
        raise InvalidEvent(f"shown must have at most {SHOWN_LIMIT} products; got {len(items)}.", code="bad_shown")
    shown = []
    for place, item in enumerate(items):
        named = isinstance(item, dict) and set(item) <= {"product_id", "position"}
        position = _position(item.get("position")) if named else None
        product_id = _text("product_id", item.get("product_id") if named else item)
        if not product_id:
            raise InvalidEvent(f"shown must list product ids; got {item!r:.100}.", code="bad_shown")
        shown.append(Shown(product_id, place if position is None else position))
    return tuple(shown)


def _products(name: str, value: Any) -> list[str]:
    if value is None:
        return []
    products = [_text("product_id", item) for item in _listed(name, value)]
    return list(dict.fromkeys(product for product in products if product))[:SHOWN_LIMIT]


def _listed(name: str, value: Any) -> list[Any]:
    if isinstance(value, str):
        return [part for part in value.split(";") if part.strip()]
    if not isinstance(value, list):
        raise InvalidEvent(f"{name} must be a list of products; got {type(value).__name__}.", code="bad_shown")
    return value


def _content_id(
    kind: str, at: datetime, texts: Mapping[str, str], position: int | None, shown: tuple[Shown, ...]
) -> str:
    """Returns an id that equal events share, so that the same file or request sent again changes nothing."""
    places = [[item.product_id, item.position] for item in shown]
    content = [kind, at.isoformat(), *(texts[name] for name in TEXT_LIMITS), position, places]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
