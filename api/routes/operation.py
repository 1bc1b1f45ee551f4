"""Routes for operators, load balancers and Prometheus: status, health, metrics; and the thumbnails."""

import re
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, request, send_file

from api.documents import json_answer
from api.errors import BadRequest
from api.problems import problem
from api.resources import follower, resources
from data.errors import LookalikeError
from data.photos import LARGER_SIDES, larger_copy, thumbnail_path

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
    """Returns a photo's thumbnail, or with `side` a larger copy; named by the sha256 of the original."""
    path = thumbnail_path(resources().settings.home, name) if _SHA256.fullmatch(name) else None
    if path is None or not path.is_file():
        abort(404, description=f"no thumbnail has this name: {request.path}")
    side = request.args.get("side", "")
    if side not in ("", *map(str, LARGER_SIDES)):
        raise BadRequest(f"side must be one of {LARGER_SIDES}, or left out for 320; got {side!r:.100}.", field="side")
    larger = _larger(name, int(side)) if side else None
    lasting = bool(larger or not side)  # the thumbnail in place of a larger copy may be right the next time
    response = send_file(larger or path, mimetype="image/webp", max_age=_YEAR_S if lasting else 60, etag=name + side)
    if lasting:
        response.cache_control.immutable = True
    response.cache_control.public = True
    return response


def _larger(name: str, side: int) -> Path | None:
    """Returns a larger copy of a photo; None if it cannot be made now: the thumbnail will do."""
    held = resources()
    try:
        return larger_copy(held.intake, name, side, held.decoding)
    except (LookalikeError, OSError):  # also a full disk, or a home that this process may only read
        return None


def status_document() -> dict[str, Any]:
    """Returns the engine's status, plus readiness, waiting requests and whether the sample is installed."""
    held, following = resources(), follower()
    facts = held.engine.status()
    if following is not None:
        facts |= {"release": held.release or None, "problem": facts["problem"] or following.problem}
    return {
        **facts,
        "ready": not held.readiness.failure(),
        "waiting": held.admission.waiting,
        "sample": (held.settings.home / "sample").is_dir(),
    }
