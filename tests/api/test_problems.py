"""What goes wrong is answered as a problem: the right status, no internals, the same headers as everything else."""

import pytest
from fake_engine import FakeEngine
from flask import Flask
from flask.testing import FlaskClient

import data.errors
import engine.errors
from api import problems
from api.headers import CONTENT_SECURITY_POLICY
from data.errors import LookalikeError, NoGeneration
from engine.errors import Overloaded

PATHS = ["/", "/v1/status", "/v1/nowhere", "/nowhere", "/static/page.css", "/thumbs/x.webp", "/docs", "/readyz"]


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/v1/nowhere", 404), ("GET", "/v1/products", 404), ("PUT", "/v1/search/text", 405),
    ("POST", "/v1/status", 405), ("GET", "/v1/products:batch", 405), ("GET", "/v1/search/image", 405),
    ("PATCH", "/v1/products:batch", 405),
])  # fmt: skip
def test_unknown_routes_and_methods(client: FlaskClient, method: str, path: str, status: int) -> None:
    response = client.open(path, method=method)
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    body = response.get_json()
    assert body["status"] == status
    assert {"type", "title", "status", "detail", "code"} <= set(body)
    assert ("Allow" in response.headers) == (status == 405)


@pytest.mark.parametrize("path", PATHS)
def test_security_headers_are_on_every_answer(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"]
    assert "Access-Control-Allow-Origin" not in headers


def test_an_unexpected_error_is_500_without_internals_and_logged(
    client: FlaskClient, fake_engine: FakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("secret at /srv/secret/path")

    fake_engine.on_search = fail
    response = client.get("/v1/search/text?q=x")
    assert response.status_code == 500
    assert "secret" not in response.get_data(as_text=True)
    assert "secret at /srv/secret/path" in caplog.text


def test_an_internal_error_of_ours_hides_its_text_too(client: FlaskClient, fake_engine: FakeEngine) -> None:
    def fail() -> None:
        raise data.errors.CorruptGeneration("/srv/generations/x/index.bin differs")

    fake_engine.on_search = fail
    response = client.get("/v1/search/text?q=x")
    assert (response.status_code, "/srv" in response.get_data(as_text=True)) == (500, False)


@pytest.mark.parametrize("error", [NoGeneration("none"), Overloaded("full")])
def test_what_passes_by_itself_is_503_with_retry_after(
    client: FlaskClient, fake_engine: FakeEngine, error: LookalikeError
) -> None:
    def fail() -> None:
        raise error

    fake_engine.on_search = fail
    response = client.get("/v1/search/text?q=x")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")


def test_a_browser_gets_a_page_outside_v1(client: FlaskClient) -> None:
    accept = {"Accept": "text/html"}
    assert client.get("/nowhere", headers=accept).mimetype == "text/html"
    assert client.get("/v1/nowhere", headers=accept).mimetype == "application/problem+json"


def test_the_table_finds_the_most_specific_class_first() -> None:
    kinds = [kind for kind, _ in problems.STATUS]
    for place, kind in enumerate(kinds):
        assert not any(issubclass(kind, earlier) for earlier in kinds[:place])
    assert problems.status_of(engine.errors.CursorExpired("x")) == 400
    assert problems.status_of(data.errors.UnsupportedImage("x")) == 415
    assert problems.status_of(data.errors.ImageTooLarge("x")) == 413
    assert problems.status_of(data.errors.InvalidImage("x")) == 422


def test_metrics_count_by_rule_not_by_path(client: FlaskClient) -> None:
    for path in ("/v1/products/a", "/v1/products/b", "/nowhere/1", "/nowhere/2"):
        client.get(path)
    client.open("/v1/status", method="BREW")
    text = client.get("/metrics").get_data(as_text=True)
    assert 'lookalike_requests_total{method="GET",route="/v1/products/<product_id>",status="404"} 2.0' in text
    assert 'lookalike_requests_total{method="GET",route="unknown",status="404"} 2.0' in text
    assert "BREW" not in text
    assert "lookalike_queue_depth 0.0" in text


def test_stages_reach_the_metrics(app: Flask) -> None:
    metrics = app.extensions["lookalike"].metrics
    metrics.stage("embed", 25.0)
    text = metrics.text().decode()
    assert 'lookalike_stage_seconds_count{stage="embed"} 1.0' in text
    assert 'lookalike_stage_seconds_sum{stage="embed"} 0.025' in text
