"""Lets pages of the origins in the setting `cors_origins` call the API from a shopper's browser (CORS).

A browser shows an answer to a page of another origin only if the answer names that origin, and asks beforehand (a
preflight) whether it may send a key or change something. An origin that is listed may do what its key allows; with `*`,
the pages of any other site may search, without a key. No cookie plays a part: those of this server open its own pages.

Source of the headers: the Fetch standard, https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from api.protection.foreign_pages import ANY
from api.protection.guard import OPEN, SCOPE_OF
from api.resources import resources

_PATHS = ("/v1/", "/thumbs/", "/openapi.json")  # no page: those of other sites have no business in them
_ASKED_AGAIN_S = 3600  # after which a browser asks beforehand once more


def allow_other_origins(app: Flask) -> None:
    app.after_request(_add)


def _add(response: Response) -> Response:
    allowed = resources().settings.cors_origin_names
    if not allowed or not request.path.startswith(_PATHS):
        return response
    response.vary.add("Origin")
    origin = request.headers.get("Origin", "").lower()
    is_listed = origin in allowed
    if is_listed or (ANY in allowed and _is_reading()):
        response.headers["Access-Control-Allow-Origin"] = origin if is_listed else ANY
        response.headers["Access-Control-Expose-Headers"] = "Retry-After"
        if _asked_method():
            _answer_preflight(response, "Authorization, Content-Type" if is_listed else "Content-Type")
    return response


def _answer_preflight(response: Response, headers: str) -> None:
    response.vary.add("Access-Control-Request-Method")
    response.headers["Access-Control-Allow-Methods"] = _asked_method()
    response.headers["Access-Control-Allow-Headers"] = headers
    response.headers["Access-Control-Max-Age"] = str(_ASKED_AGAIN_S)


def _asked_method() -> str:
    """Returns the method that a preflight asks for; "" if this request is none, or the path does not know it."""
    method = request.headers.get("Access-Control-Request-Method", "") if request.method == "OPTIONS" else ""
    return method if method and _endpoint(method) else ""


def _is_reading() -> bool:
    endpoint = _endpoint(request.headers.get("Access-Control-Request-Method", request.method))
    return SCOPE_OF.get(endpoint, "admin") in (OPEN, "search")


def _endpoint(method: str) -> str:
    try:
        return str(current_app.url_map.bind("").match(request.path, method=method)[0])
    except HTTPException:
        return ""
