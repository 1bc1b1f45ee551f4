"""The OpenAPI document names every route, and real answers are as it says."""

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from documented import expect
from flask import Flask
from flask.testing import FlaskClient
from schema_check import faults

from api.openapi.document import DOCUMENT

Photo = Callable[..., bytes]
# for people
NOT_IN_IT = {
    "/",
    "/p/{product_id}",
    "/why/{product_id}",
    "/sell",
    "/sell/add",
    "/sell/send",
    "/docs",
    "/static/{filename}",
    "/static/{version}/{filename}",
    "/photos/{photo_id}.jpg",
    "/photos/{photo_id}/things",
    "/widget.js",
}


def test_every_route_and_method_is_documented(app: Flask) -> None:
    served: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule).replace("/thumbs/{name}", "/thumbs/{image_id}")
        if path not in NOT_IN_IT and not path.startswith("/admin"):
            assert rule.methods is not None, path
            served.setdefault(path, set()).update(method.lower() for method in rule.methods - {"HEAD", "OPTIONS"})
    documented = {path: set(item) - {"parameters"} for path, item in DOCUMENT["paths"].items()}
    assert served == documented


def test_every_reference_leads_somewhere(client: FlaskClient) -> None:
    text = client.get("/openapi.json").get_data(as_text=True)
    names = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert names <= set(DOCUMENT["components"]["schemas"])
    identifiers = [operation["operationId"] for item in DOCUMENT["paths"].values()
                   for method, operation in item.items() if method != "parameters"]  # fmt: skip
    assert len(identifiers) == len(set(identifiers))


def test_real_answers_are_as_documented(client: FlaskClient, photo: Photo) -> None:
    facts = {"title": "Red mug", "price": 9.5, "currency": "EUR", "created_at": "2026-01-01", "attributes": {"size": 3}}
    parts = {"product": json.dumps(facts), "image": (io.BytesIO(photo()), "a.jpg")}
    product = "/v1/products/{product_id}"
    expect(client.put("/v1/products/p", data=parts), product, "put", 201)
    expect(
        client.put("/v1/products/p", data={"product": "{}"}, content_type="multipart/form-data"), product, "put", 200
    )
    expect(client.patch("/v1/products/p", json=facts), product, "patch", 200)
    expect(client.get("/v1/products/p"), product, "get", 200)
    batch = client.post("/v1/products:batch", data=b'{"product_id": "q"}\n{}\n', content_type="application/x-ndjson")
    expect(batch, "/v1/products:batch", "post", 200)
    upload = {"file": (io.BytesIO(photo()), "a.jpg")}
    answer = expect(client.post("/v1/search/image", data=upload), "/v1/search/image", "post", 200)
    assert answer["hits"]
    expect(client.get("/v1/search/text?q=mug&k=1"), "/v1/search/text", "get", 200)
    expect(client.post("/v1/search/text", json={"q": "mug"}), "/v1/search/text", "post", 200)
    expect(client.get("/v1/products/p/similar"), "/v1/products/{product_id}/similar", "get", 200)
    related = expect(client.get("/v1/queries/related?q=mug&k=2"), "/v1/queries/related", "get", 200)
    assert [query["text"] for query in related["queries"]] == ["mug 0", "mug 1"]
    expect(client.get("/v1/queries/related"), "/v1/queries/related", "get", 400)
    path = "/v1/queries/complete"
    assert expect(client.get(f"{path}?q=red+m"), path, "get", 200)["completions"] == [
        {"text": "Red mug", "kind": "title", "product_id": "p"}
    ]
    expect(client.get(path), path, "get", 400)
    expect(client.get("/v1/status"), "/v1/status", "get", 200)
    expect(client.get("/livez"), "/livez", "get", 200)
    expect(client.get("/readyz"), "/readyz", "get", 503)
    expect(client.delete("/v1/products/p"), product, "delete", 204)
    expect(client.delete("/v1/products/p"), product, "delete", 404)
    expect(client.get("/v1/search/text"), "/v1/search/text", "get", 400)


OPERATIONS = {
    operation["operationId"]: {**operation, "path": path, "method": method,
                               "parameters": [*item.get("parameters", []), *operation.get("parameters", [])]}
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_has_examples_that_are_as_their_schemas_say(name: str) -> None:
    operation = OPERATIONS[name]
    body = operation.get("requestBody", {}).get("content", {})
    good = [answer.get("content", {}) for status, answer in operation["responses"].items() if status.startswith("2")]
    for media in [*body.values(), *(media for content in good for media in content.values())]:
        if media["schema"].get("format") != "binary":
            schema = media["schema"].get("oneOf", [media["schema"]])[0]
            assert list(faults(media["example"], schema, DOCUMENT)) == []
    for parameter in operation["parameters"]:
        assert "example" in parameter or not parameter.get("required")
        if "example" in parameter:
            assert list(faults(parameter["example"], parameter["schema"], DOCUMENT)) == []


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (True, {"type": "integer"}),
        ("x", {"type": "number"}),
        ({}, {"required": ["a"]}),
        ({"b": 1}, {"properties": {}}),
        ([1, "x"], {"items": {"type": "integer"}}),
        (3, {"maximum": 2}),
    ],
)
def test_the_checker_itself_finds_faults(value: Any, schema: dict[str, Any]) -> None:
    assert list(faults(value, schema, DOCUMENT))


def test_the_docs_page_is_whole_and_loads_nothing_from_outside(client: FlaskClient) -> None:
    page = client.get("/docs").get_data(as_text=True)
    for path in DOCUMENT["paths"]:
        assert path in page
    assert 'id="problem-bad_filter"' in page
    assert not re.search(r'(src|href|action)="(https?:)?//', page)
    assert not re.search(r"<style|<script(?! src=)| style=|onclick=", page)
