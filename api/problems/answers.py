"""Answers errors as RFC 9457 problem JSON, with one table from error class to HTTP status."""

import json
import logging
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from api.errors import (
    BadRequest,
    Forbidden,
    ForeignPage,
    OnlySearches,
    RateLimited,
    ReleaseNotHere,
    Unauthorized,
    UnknownPhoto,
    WrongHost,
)
from api.problems.shopper_words import shopper_words
from data.errors import (
    DecoderBusy,
    DecodersUnavailable,
    HomeGone,
    ImageTooLarge,
    InvalidFilter,
    InvalidImage,
    InvalidLabel,
    InvalidProduct,
    KeysGone,
    LookalikeError,
    NoGeneration,
    ProductExists,
    ReleaseUnavailable,
    UnknownProduct,
    UnsupportedImage,
)
from data.storage import is_full
from engine.errors import IndexUnavailable, InvalidQuery, NoVoters, Overloaded

_log = logging.getLogger("lookalike.api")
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
# The most specific class first: the first that fits decides.
STATUS: tuple[tuple[type[LookalikeError], int], ...] = (
    (BadRequest, 400),
    (InvalidFilter, 400),
    (InvalidQuery, 400),
    (InvalidProduct, 400),
    (InvalidLabel, 400),
    (Unauthorized, 401),
    (ForeignPage, 403),
    (Forbidden, 403),
    (UnknownPhoto, 404),
    (UnknownProduct, 404),
    (ProductExists, 412),
    (DecoderBusy, 503),
    (ImageTooLarge, 413),
    (UnsupportedImage, 415),
    (InvalidImage, 422),
    (WrongHost, 421),
    (RateLimited, 429),
    (DecodersUnavailable, 503),
    (Overloaded, 503),
    (IndexUnavailable, 503),
    (NoGeneration, 503),
    (ReleaseUnavailable, 503),
    (NoVoters, 503),
    (HomeGone, 503),
    (KeysGone, 503),
    (OnlySearches, 503),
    (ReleaseNotHere, 503),
)
DISK_FULL = "The server's disk takes no more, so nothing was changed. Try again once its operator has made room."
INTERNAL = "The server could not answer this request. The cause is in its log."


def answer_errors(app: Flask) -> None:
    """Makes `app` answer every error as a problem, or as a small page if a browser asks."""
    app.register_error_handler(LookalikeError, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    app.after_request(_say_when_to_try_again)


def status_of(error: LookalikeError) -> int:
    """Returns the HTTP status of an error; 500 if the client cannot correct it."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def wants_page() -> bool:
    """Returns whether the caller is a browser that opens a page, rather than a program."""
    return request.accept_mimetypes.best_match([MEDIA_TYPE, "text/html"]) == "text/html"


def problem(status: int, code: str, detail: str, **members: Any) -> Response:
    """Returns one problem answer (RFC 9457).

    Args:
        code: stable name of the error; `code_of(status)` where the status says all.
        members: extension members such as `position` or `field`; empty ones are left out.
    """
    body = {
        "type": f"/docs#problem-{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **{name: value for name, value in members.items() if value not in (None, "")},
    }
    return Response(json.dumps(body, ensure_ascii=False), status=status, content_type=MEDIA_TYPE)


def headers_for(error: LookalikeError | None) -> dict[str, str]:
    """Returns the headers that say how to do better: when to come again, or that a key is needed."""
    if isinstance(error, RateLimited):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": 'Bearer realm="lookalike"'}
    return {}


def code_of(status: int) -> str:
    """Returns the code of an error that is known by its HTTP status alone, for example "not_found"."""
    return HTTPStatus(status).phrase.lower().replace(" ", "_").replace("-", "_")


def _say_when_to_try_again(response: Response) -> Response:
    if response.status_code == 503:
        response.headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    return response


def _refused(error: LookalikeError) -> Response:
    status = status_of(error)
    if status == 500:
        return _unexpected(error)
    members = {"position": getattr(error, "position", None), "field": getattr(error, "field", None)}
    response = _answer(status, error.code, str(error), error, **members)
    response.headers.update(headers_for(error))
    return response


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # a redirect that the router asks for
        return Response(status=status, headers=error.get_headers(request.environ))
    response = _answer(status, code_of(status), _detail(error, status))
    for name, value in error.get_headers(request.environ):
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _detail(error: HTTPException, status: int) -> str:
    """Returns what is required and what came, where Werkzeug's own words would not say it."""
    if status == 404 and error.description == NotFound.description:
        return f"the path must be one of those in /docs; got {request.path[:200]!r}."
    if isinstance(error, MethodNotAllowed):
        return f"the method must be one of {', '.join(sorted(error.valid_methods or ()))}; got {request.method[:20]!r}."
    if status == 413:
        parts = f", and {request.max_form_parts} parts of a form" if "multipart" in request.mimetype else ""
        return f"the request must be smaller; its limit is {request.max_content_length} bytes in all{parts}."
    return error.description or HTTPStatus(status).phrase


def _unexpected(error: Exception) -> Response:
    if is_full(error):
        _log.error("%s %s failed, the disk is full: %s", request.method, request.path, error)
        return _answer(507, "disk_full", DISK_FULL)
    _log.exception("%s %s failed", request.method, request.path, exc_info=error)
    return _answer(500, "internal", INTERNAL)


def _answer(status: int, code: str, detail: str, error: LookalikeError | None = None, **members: Any) -> Response:
    if request.path.startswith("/v1") or not wants_page():
        return problem(status, code, detail, **members)
    page = render_template("error.html", words=shopper_words(status, error))
    return Response(page, status=status, mimetype="text/html")
