"""Serves the files of the pages under a folder named after their content, so that browsers may keep them for a year.

Scripts import each other by relative names, so all of them lie in one such folder: if one file changes, the folder's
name does, and no page mixes old and new ones.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, send_from_directory

FOLDER = Path(__file__).with_name("static")
_FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_AGAIN = "public, no-cache"  # under another name, as of an older version's page: the file may change


@cache
def static_version() -> str:
    """Returns 12 hex digits that change with any file's name or content."""
    found = hashlib.sha256()
    for path in sorted(FOLDER.iterdir()):
        found.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()[:12]


def serve_static(app: Flask) -> None:
    """Adds the endpoint `static`; `url_for('static', filename=...)` names the folder of the present version."""
    for rule in ("/static/<path:filename>", "/static/<version>/<path:filename>"):
        app.add_url_rule(rule, endpoint="static", view_func=_send, methods=["GET"])

    @app.url_defaults
    def name_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("version", static_version())


def _send(filename: str, version: str = "") -> Response:
    response = send_from_directory(FOLDER, filename, conditional=True, etag=True)
    response.headers["Cache-Control"] = _FOR_GOOD if version == static_version() else _ASK_AGAIN
    return response
