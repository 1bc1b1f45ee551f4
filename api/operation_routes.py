"""Is it up, what is live, how fast: for operators, load balancers and Prometheus; and the thumbnails."""

import re
from typing import Any

from flask import Blueprint, Response, abort, request, send_file

from api.documents import json_answer
from api.problems import RETRY_AFTER_S, problem
from api.resources import resources
from data.photos import thumbnail_path

blueprint = Blueprint("operations", __name__)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_YEAR_S = 365 * 24 * 3600


@blueprint.get("/v1/status")
def status() -> Response:
    """What is live and what waits."""
    return json_answer(status_document())


@blueprint.get("/livez")
def livez() -> Response:
    """The process answers."""
    return json_answer({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """This process should get traffic, or 503 and why not."""
    if failure := resources().readiness.failure():
        response = problem(503, "not_ready", f"not ready: {failure}.")
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response
    return json_answer({"status": "ready"})


@blueprint.get("/metrics")
def metrics() -> Response:
    return Response(resources().metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


@blueprint.get("/thumbs/<name>.webp")
def thumbnail(name: str) -> Response:
    """A photo re-encoded by the project; its name is the sha256 of the original, so it never changes."""
    path = thumbnail_path(resources().settings.home, name) if _SHA256.fullmatch(name) else None
    if path is None or not path.is_file():
        abort(404, description=f"no thumbnail has this name: {request.path}")
    response = send_file(path, mimetype="image/webp", max_age=_YEAR_S, etag=name)
    response.cache_control.immutable = True
    response.cache_control.public = True
    return response


def status_document() -> dict[str, Any]:
    """Returns the engine's status with what the server adds to it."""
    held = resources()
    return {
        **held.engine.status(),
        "ready": not held.readiness.failure(),
        "waiting": held.admission.waiting,
        "sample": (held.settings.home / "sample").is_dir(),
    }
