"""Sends on what a searcher does not do itself: changes, events, the operators' and the sellers' pages, thumbnails."""

import logging
import re
from urllib.parse import quote

from flask import Flask, Response, request

from api.errors import OnlySearches
from api.protection import ADMIN, scope_of
from api.resources import resources
from data.errors import ReleaseUnavailable
from data.photos import LARGER_SIDES
from data.releases import StoredThumbnails

# Thumbnails, and the originals that a comparison of two photos needs, are files of the writer.
_ELSEWHERE = ("events.post_page_click", "operations.thumbnail", "why.show")
_PAGES_ELSEWHERE = (ADMIN, "selling")
_UNRESERVED = "/:@!$&'()*+,;=~"
_SHA256 = re.compile("[0-9a-f]{64}")
_YEAR_S, _MINUTE_S = 365 * 24 * 3600, 60
_log = logging.getLogger("lookalike.searcher")


def forward_changes(app: Flask) -> None:
    """Answers 307 to what is for the writer, with its method and body kept; 503 where `writer_url` is empty.

    Thumbnails are read from `thumbs_url` where that is set, answers and has them.
    """
    app.before_request(_forward)


def serve_thumbnails(app: Flask, address: str) -> None:
    """Lets a searcher answer thumbnails itself, as far as the storage has them.

    Raises:
        SettingsError: there is no file system for this address.
    """
    stored = StoredThumbnails(address)

    def serve() -> Response | None:
        if request.endpoint != "operations.thumbnail":
            return None
        try:
            return _thumbnail(stored)
        except ReleaseUnavailable as error:
            if not resources().settings.writer_url:
                raise
            _log.warning("a thumbnail is asked of writer_url: %s", error)
            return None

    app.before_request(serve)


def _thumbnail(stored: StoredThumbnails) -> Response | None:
    name, side = str((request.view_args or {}).get("name")), request.args.get("side", "")
    if not _SHA256.fullmatch(name) or side not in ("", *map(str, LARGER_SIDES)):
        return None
    larger = stored.read(name, side) if side else None
    content = larger or stored.read(name)
    if content is None:
        return None
    response = Response(content, mimetype="image/webp")
    lasting = bool(larger or not side)  # the thumbnail in place of a larger copy may be right the next time
    response.cache_control.max_age = _YEAR_S if lasting else _MINUTE_S
    response.cache_control.public = True
    if lasting:
        response.cache_control.immutable = True
    return response


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
