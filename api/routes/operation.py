"""Routes for operators, load balancers and Prometheus: status, health, metrics; and the thumbnails."""

import re
from typing import Any

from flask import Blueprint, Response, abort, request, send_file

from api.documents import json_answer
from api.problems import problem
from api.resources import resources
from data.photos import thumbnail_path

blueprint = Blueprint("operations", __name__)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_YEAR_S = 365 * 24 * 3600


@blueprint.get("/v1/status")
def status() -> Response:
    """Returns which generation is live and how much waits."""
    return json_answer(status_document())


@blueprint.get("/livez")
def livez() -> Response:
    """Returns 200 while the process runs."""
    return json_answer({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Returns 200 if this process should get traffic, else 503 with the reason."""
    if failure := resources().readiness.failure():
        return problem(503, "not_ready", f"not ready: {failure}.")
    return json_answer({"status": "ready"})


@blueprint.get("/metrics")
def metrics() -> Response:
    return Response(resources().metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


@blueprint.get("/thumbs/<name>.webp")
def thumbnail(name: str) -> Response:
    """Returns a photo's thumbnail; its name is the sha256 of the original, so it never changes."""
    path = thumbnail_path(resources().settings.home, name) if _SHA256.fullmatch(name) else None
    if path is None or not path.is_file():
        abort(404, description=f"no thumbnail has this name: {request.path}")
    response = send_file(path, mimetype="image/webp", max_age=_YEAR_S, etag=name)
    response.cache_control.immutable = True
    response.cache_control.public = True
    return response


def status_document() -> dict[str, Any]:
    """Returns the engine's status, plus readiness, waiting requests and whether the sample is installed."""
    held = resources()
    return {
        **held.engine.status(),
        "ready": not held.readiness.failure(),
        "waiting": held.admission.waiting,
        "sample": (held.settings.home / "sample").is_dir(),
    }
