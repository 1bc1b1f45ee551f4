"""Checks who may call what: one table from endpoint to the scope it needs, and the rate limit per caller."""

import ipaddress

from flask import Flask, g, request

from api.errors import Forbidden, Unauthorized
from api.resources import resources
from data.keys import ApiKey

# Endpoints that are missing here need `admin`, so that a new route is closed until someone decides.
OPEN = "open"
ADMIN = "admin"  # the blueprint of the operators' pages, which a session's cookie opens too
SESSION_COOKIE = "lookalike_admin"
WATCH = "watch"  # what is said about the server itself: any key covers it, but `public_search` does not
SCOPE_OF = {
    "search.search_image": "search",
    "search.search_text": "search",
    "search.search_text_post": "search",
    "search.similar": "search",
    "search.related_queries": "search",
    "search.complete": "search",
    "recognition.recognize": "search",
    "recognition.recommend_products": "search",
    "products.get_product": "search",
    "products.put_product": "write",
    "products.patch_product": "write",
    "products.delete_product": "write",
    "products.batch": "write",
    "events.post_events": "write",
    "events.post_page_click": OPEN,  # it believes no more than `api.resources.page_clicks` says
    "operations.status": WATCH,
    "operations.metrics": WATCH,
    "operations.livez": OPEN,
    "operations.readyz": OPEN,
    "operations.thumbnail": OPEN,
    "admin.home": "admin",
    "admin.import_rows": "admin",
    "admin.report": "admin",
    "admin.confirm": "admin",
    "admin.go_back": "admin",
    "admin.labels": "admin",
    "admin.decide": "admin",
    "admin.log_out": "admin",
    "admin.ask_for_key": OPEN,
    "admin.log_in": OPEN,  # the view checks the key
    "openapi.document": OPEN,
    "openapi.docs": OPEN,
    "page.home": OPEN,  # the empty page; its searches call `require("search")` themselves
    "page.take_photo": "search",
    "things.things": "search",
    "why.show": "search",
    "page.photo": OPEN,  # only who knows a photo's sha256 can ask for it
    "product.show": OPEN,  # calls `require("search")` itself, to say in a page what is missing
    "widget.script": OPEN,
    "selling.ask": OPEN,  # the empty form; what it suggests calls `require("search")` itself
    "selling.take": "search",
    "selling.add": "write",
    "selling.send": "search",
    "static": OPEN,
}
_READING = {"search", WATCH}
_COVERS = {"search": _READING, "write": {*_READING, "write"}, "admin": {*_READING, "write", "admin"}}


def scope_of(endpoint: str) -> str:
    """Returns what a key must cover to call an endpoint."""
    return SCOPE_OF.get(endpoint, "admin")


def check_scopes(app: Flask) -> None:
    app.before_request(_check)


def require(scope: str) -> None:
    """Lets the request pass if it carries a key that covers `scope`, or if none is needed for that.

    Raises:
        Unauthorized: the request carries no valid key.
        Forbidden: its key does not cover `scope`.
        RateLimited: its key or address made too many requests; asked for several times, one request counts as one.
    """
    if _needs_no_key(scope):
        _count(caller_address())
        return
    found = _key()
    if found is None:
        _count(caller_address())  # so that guessing keys is slow
        raise Unauthorized("a valid API key must be sent as `Authorization: Bearer KEY`; got none.")
    _count(found.id)
    if not _covers(found, scope):
        raise Forbidden(f"this request needs a key of scope {scope}; this one has {', '.join(found.scopes)}.")


def is_allowed(scope: str) -> bool:
    """Returns whether the request may do what needs `scope`, without counting against its rate limit."""
    if _needs_no_key(scope):
        return True
    found = _key()
    return found is not None and _covers(found, scope)


def _needs_no_key(scope: str) -> bool:
    """Returns whether anybody may do what needs `scope`; who sends a key is told whether it is right, all the same."""
    held = resources()
    public = held.settings.public_search and scope == "search" and "Authorization" not in request.headers
    return not held.keys.in_use() or public


def _count(caller: str) -> None:
    if not g.get("is_counted"):
        resources().rate_limit.spend(caller)
        g.is_counted = True


def _covers(key: ApiKey, scope: str) -> bool:
    return any(scope in _COVERS.get(own, ()) for own in key.scopes)


def _check() -> None:
    # An unknown route or method has no endpoint; every caller gets 404 or 405.
    if request.endpoint is None or request.method == "OPTIONS":
        return
    scope = scope_of(request.endpoint)
    if scope != OPEN:
        require(scope)


def _key() -> ApiKey | None:
    """Returns the valid key that the request carries, or on an operator's page that its session stands for, if any."""
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return resources().keys.verify(key.strip())
    cookie = request.cookies.get(SESSION_COOKIE, "")
    return resources().sessions.key(cookie) if cookie and request.blueprint == ADMIN else None


def covers_admin(key: ApiKey) -> bool:
    """Returns whether a key opens the operators' pages."""
    return _covers(key, "admin")


def caller_address() -> str:
    """Returns the caller's IP address; for IPv6 its /64 network, since one household has that many addresses."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
