"""The script `/widget.js`, which puts a search box into the pages of a shop; docs/widget.md shows how."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, request

blueprint = Blueprint("widget", __name__)
_FILE = Path(__file__).parents[1] / "static" / "widget.js"
_NAMED = "public, max-age=31536000, immutable"  # `?v=` names this content, so it never changes
_LATEST = "public, max-age=3600"


@blueprint.get("/widget.js")
def script() -> Response:
    """Returns the script; a browser keeps it for an hour, or for a year if `?v=` names the version that it is."""
    content, version = _script()
    response = Response(content, mimetype="text/javascript")
    response.headers["Cache-Control"] = _NAMED if request.args.get("v") == version else _LATEST
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # also for pages that ask for isolation
    response.set_etag(version)
    return response.make_conditional(request)


@cache
def _script() -> tuple[bytes, str]:
    """Returns the script and its version: the first digits of its sha256."""
    content = _FILE.read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:12]
