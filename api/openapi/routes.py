"""The routes `/openapi.json` and `/docs`, which is the same document as a page without any outside asset."""

from typing import Any

from flask import Blueprint, Response, render_template

from api.documents import json_answer
from api.openapi.document import DOCUMENT
from api.problems import STATUS

blueprint = Blueprint("openapi", __name__)
_METHODS = ("get", "post", "put", "patch", "delete")


@blueprint.get("/openapi.json")
def document() -> Response:
    return json_answer(DOCUMENT)


@blueprint.get("/docs")
def docs() -> Response:
    problems = sorted((status, kind.code, _first_line(kind.__doc__)) for kind, status in STATUS)
    page = render_template("docs.html", document=DOCUMENT, operations=_operations(), problems=problems)
    return Response(page, mimetype="text/html")


def _operations() -> dict[str, list[dict[str, Any]]]:
    """Returns the operations by tag, each with its path, method and all its parameters."""
    by_tag: dict[str, list[dict[str, Any]]] = {}
    for path, item in DOCUMENT["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = item[method]
                parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
                entry = {**operation, "path": path, "method": method, "parameters": parameters}
                by_tag.setdefault(operation["tags"][0], []).append(entry)
    return by_tag


def _first_line(text: str | None) -> str:
    return (text or "").strip().split("\n")[0]
