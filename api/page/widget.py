"""The script `/widget.js`, which puts a search box into the pages of a shop; docs/widget.md shows how."""

import hashlib
import json
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, request

from api.languages import LANGUAGES, N_, texts_in

blueprint = Blueprint("widget", __name__)
_FILE = Path(__file__).parents[1] / "static" / "widget.js"
_NAMED = "public, max-age=31536000, immutable"  # `?v=` names this content, so it never changes
_LATEST = "public, max-age=3600"
_TEXTS = {
    "words": N_("What are you looking for?"),
    "search": N_("Search"),
    "photo": N_("Search by photo"),
    "drop": N_("Remove photo"),
    "yours": N_("Your photo"),
    "none": N_("Nothing was found. Try other words."),
    "unsure": N_("Nothing here is a clear match; these come closest."),
    "busy": N_("Searching…"),
    "more": N_("Show more"),
    "refused": N_("This search is not open to this page."),
    "wait": N_("The search is busy or not ready yet. Try again in a moment."),
    "unreadable": N_("This photo cannot be read. A JPEG or PNG will do."),
    "offline": N_("The search cannot be reached. Check the connection."),
    "failed": N_("That did not work. Try again."),
}


@blueprint.get("/widget.js")
def script() -> Response:
    """Returns the script; a browser keeps it for an hour, or for a year if `?v=` names the version that it is."""
    content, version = _script()
    response = Response(content, mimetype="text/javascript")
    response.headers["Cache-Control"] = _NAMED if request.args.get("v") == version else _LATEST
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # also for pages that ask for isolation
    response.set_etag(version)
    response.make_conditional(request)
    return response


@cache
def _script() -> tuple[bytes, str]:
    """Returns the script with its texts in every language, and its version: the first digits of its sha256."""
    texts = {language: _texts_in(language) for language in LANGUAGES}
    code = _FILE.read_text(encoding="utf-8").replace("TEXTS", json.dumps(texts, ensure_ascii=False), 1)
    content = code.encode()
    return content, hashlib.sha256(content).hexdigest()[:12]


def _texts_in(language: str) -> dict[str, str | list[str]]:
    catalogue = texts_in(language)
    products = [catalogue.ngettext("%(count)s product", "%(count)s products", count) for count in (1, 2)]
    return {name: catalogue.gettext(text) for name, text in _TEXTS.items()} | {"hits": products}
