"""Checks real answers against the OpenAPI document."""

import json
from typing import Any

from schema_check import faults
from werkzeug.test import TestResponse

from api.openapi.document import DOCUMENT


def expect(response: TestResponse, path: str, method: str, status: int) -> Any:
    """Checks an answer against the document and returns its body."""
    assert response.status_code == status, response.data
    answer = DOCUMENT["paths"][path][method]["responses"][str(status)]
    if not answer.get("content"):
        assert not response.data
        return None
    schema = answer["content"][response.mimetype]["schema"]
    bodies = response.data.splitlines() if response.mimetype == "application/x-ndjson" else [response.data]
    for body in bodies:
        assert list(faults(json.loads(body), schema, DOCUMENT)) == []
    return json.loads(bodies[0])
