"""The script `/widget.js`, which puts a search box into the pages of a shop; docs/widget.md shows how."""

import hashlib
import json
from functools import cache

from flask import Blueprint, Response, render_template, request

from api.languages import LANGUAGES, N_, texts_in

blueprint = Blueprint("widget", __name__)
_NAMED = "public, max-age=31536000, immutable"  # `?v=` names this content, so it never changes
_LATEST = "public, max-age=3600"
_TEXTS = {
    "words": N_("What are you looking for?"),
    "search": N_("Search"),
    "photo": N_("Search by photo"),
    "drop": N_("Remove the photo"),
    "yours": N_("Your photo"),
    "busy": N_("Searching…"),
    "hits": N_("Products: %(count)s"),
    "more": N_("Show more"),
    "none": N_("Nothing was found. Try other words."),
    "unsure": N_("Nothing here is a clear match; these come closest."),
    "refused": N_("This page may not search here."),
    "wait": N_("The search is busy or not ready yet. Try again in a moment."),
    "unreadable": N_("We cannot read this photo. A JPEG or PNG will do."),
    "offline": N_("The search cannot be reached. Check the connection."),
    "failed": N_("Something went wrong here, and it is not your fault. Try again later."),
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
    """Returns the script with its texts in all languages, and its version: the first digits of its sha256."""
    texts = {
        language: {name: texts_in(language).gettext(text) for name, text in _TEXTS.items()} for language in LANGUAGES
    }
    content = render_template("widget.js", texts=json.dumps(texts, ensure_ascii=False)).encode()
    return content, hashlib.sha256(content).hexdigest()[:12]
