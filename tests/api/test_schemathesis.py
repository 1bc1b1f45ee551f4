"""Requests made from the OpenAPI document, right and wrong ones: every answer is as the document says.

The environment variable SCHEMATHESIS_EXAMPLES makes longer runs, for instance before a release.
"""

import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.openapi import from_dict
from tiny_backbone import TinyBackbone

from api.app import create_app
from api.openapi.document import DOCUMENT
from data.settings import Settings
from engine.search import SearchEngine

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "12"))  # of each kind per operation
RIGHT, WRONG = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
OPERATIONS = [
    (path, method, mode)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
    for mode in (RIGHT, WRONG)
    if mode is RIGHT or operation.get("parameters") or operation.get("requestBody") or item.get("parameters")
]
# (check, operation or "": all, statuses): why the finding is none.
EXPLAINED = {
    ("positive_data_acceptance", "", (400,)): "filters, cursors, dates and what goes together have their own rules",
    ("positive_data_acceptance", "", (415, 422)): "a schema says only that a photo is bytes, not which",
    ("negative_data_rejection", "", (413,)): "a field that is far too long makes the body too large",
    ("negative_data_rejection", "batch", (200,)): "a bad line is an error inside the answer",
    ("negative_data_rejection", "postEvents", (202,)): "a bad event is refused inside the answer",
    ("negative_data_rejection", "putProduct", (200, 201)): "facts are also read as people write them",
    ("negative_data_rejection", "patchProduct", (200,)): "facts are also read as people write them",
    ("not_a_server_error", "", (503,)): "documented: what is asked for cannot be answered yet, with Retry-After",
}  # fmt: skip


@schemathesis.serializer("application/x-ndjson")
def _line(_context: Any, value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


@schemathesis.deserializer("application/x-ndjson")
def _first_line(_context: Any, response: schemathesis.Response) -> Any:
    return json.loads(response.content.splitlines()[0])


def _with_all_bodies(document: dict[str, Any]) -> dict[str, Any]:
    """Returns the document with all media types of a body where a client expects them, not only the first one."""
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict) and (body := operation.get("requestBody")):
                body["content"] |= body.pop("x-also-accepts", {})
    return document


@pytest.fixture(scope="module")
def document(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    """The document of an app over a real engine and a small catalogue."""
    home = tmp_path_factory.mktemp("schemathesis") / "home"
    shutil.copytree(built_home, home)
    settings = Settings(home=home)
    app = create_app(settings, SearchEngine(settings, backbone=TinyBackbone()))
    ready = threading.Event()
    app.extensions["lookalike"].readiness.start(ready.set, lambda _reason: None)
    assert ready.wait(60)
    schema = from_dict(_with_all_bodies(app.test_client().get("/openapi.json").get_json()))
    schema.app = app
    yield schema
    app.extensions["lookalike"].readiness.stop()
    app.extensions["lookalike"].search_log.flush()


@pytest.mark.parametrize(("path", "method", "mode"), OPERATIONS)
def test_answers_are_as_documented(
    document: schemathesis.BaseSchema, path: str, method: str, mode: GenerationMode
) -> None:
    operation = DOCUMENT["paths"][path][method]["operationId"]

    @hypothesis.settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @hypothesis.given(case=document[path][method].as_strategy(generation_mode=mode))
    def ask(case: "schemathesis.Case[Any]") -> None:
        response = case.call()
        explained: list[Any] = [CHECKS.get_one(check) for check, where, statuses in EXPLAINED
                                if where in ("", operation) and response.status_code in statuses]  # fmt: skip
        case.validate_response(response, excluded_checks=explained)

    ask()
