"""Sends on what a searcher does not do itself: changes, events, the operators' and the sellers' pages, thumbnails."""

from urllib.parse import quote

from flask import Flask, Response, request

from api.errors import OnlySearches
from api.protection import ADMIN, scope_of
from api.resources import resources

_ELSEWHERE = ("events.post_page_click", "operations.thumbnail")
_PAGES_ELSEWHERE = (ADMIN, "selling")
_UNRESERVED = "/:@!$&'()*+,;=~"


def forward_changes(app: Flask) -> None:
    """Answers 307 to what is for the writer, with its method and body kept; 503 where `writer_url` is empty."""
    app.before_request(_forward)


def _forward() -> Response | None:
    if request.endpoint is None or not _is_for_writer(request.endpoint):
        return None
    writer = resources().settings.writer_url
    if not writer:
        raise OnlySearches(
            "this server only searches; the setting writer_url (LOOKALIKE_WRITER_URL) must name the one that takes "
            "changes. Set it, or send the request there."
        )
    query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    return Response(status=307, headers={"Location": f"{writer}{quote(request.path, safe=_UNRESERVED)}{query}"})


def _is_for_writer(endpoint: str) -> bool:
    return endpoint in _ELSEWHERE or request.blueprint in _PAGES_ELSEWHERE or scope_of(endpoint) in ("write", "admin")
