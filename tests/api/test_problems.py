"""What goes wrong is answered as a problem: the right status, no internals, the same headers as everything else."""

import io
import re
from collections.abc import Callable

import pytest
from fake_engine import FakeEngine
from flask import Flask
from flask.testing import FlaskClient

import data.errors
import engine.errors
from api import problems
from api.protection import SECURITY_HEADERS
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


PROBLEM = "application/problem+json"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get")


def test_every_error_on_every_route_and_method_is_a_problem(app: Flask, client: FlaskClient) -> None:
    paths = {re.sub(r"<[^>]+>", "x", rule.rule) for rule in app.url_map.iter_rules()}
    for path in {*paths, "/nowhere", "/v1/nowhere"}:
        for method in METHODS:
            response = client.open(path, method=method)
            if response.status_code >= 400 and path != "/admin/login":  # a page for people
                assert (path, method, response.content_type) == (path, method, PROBLEM)
                assert method == "HEAD" or response.get_json()["status"] == response.status_code
            assert response.status_code < 500 or path == "/readyz", (path, method)


BROKEN_FORMS = {
    "no boundary": ("multipart/form-data", b"junk"),
    "boundary never comes": ("multipart/form-data; boundary=x", b"junk"),
    "no end": ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nab'),
    "no headers": ("multipart/form-data; boundary=x", b"--x\r\n\r\nabc\r\n--x--"),
    "no names": ("multipart/form-data; boundary=x", b"--x\r\nA: b\r\n\r\nabc\r\n--x--"),
    "a boundary that is no ASCII": ("multipart/form-data; boundary=\xe9", b"junk"),
}


@pytest.mark.parametrize("path", ["/v1/search/image", "/v1/search/text", "/v1/recognize", "/v1/recommend", "/"])
def test_broken_forms_are_problems_that_say_so(client: FlaskClient, path: str) -> None:
    for kind, (content_type, body) in BROKEN_FORMS.items():
        response = client.post(path, data=body, content_type=content_type)
        assert (kind, response.status_code, response.content_type) == (kind, 400, PROBLEM)
        assert "the form must be whole" in response.get_json()["detail"]


def test_details_say_what_is_required_and_what_came(client: FlaskClient) -> None:
    assert (
        client.get("/v1/nowhere").get_json()["detail"] == "the path must be one of those in /docs; got '/v1/nowhere'."
    )
    assert client.open("/v1/events", method="BREW").get_json()["detail"] == (
        "the method must be one of OPTIONS, POST; got 'BREW'."
    )


@pytest.mark.parametrize("path", PATHS)
def test_security_headers_are_on_every_answer(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"] == SECURITY_HEADERS["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
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


def test_shoppers_get_shoppers_words(client: FlaskClient, fake_engine: FakeEngine, photo: Callable[..., bytes]) -> None:
    def fail() -> None:
        raise Overloaded("queue_size must be larger; got 64.")

    html = {"Accept": "text/html,*/*;q=0.8"}
    form = {"content_type": "multipart/form-data", "headers": html}
    answers = [
        client.get("/nowhere", headers=html),
        client.post("/", data={"file": (io.BytesIO(bytes(20_000_000)), "a.jpg")}, **form),
        client.post("/", data={"file": (io.BytesIO(b"no photo"), "a.jpg"), "q": "x" * 1001}, **form),
        client.post("/", data=b"junk", headers=html, content_type="text/plain"),
        client.get("/?q=" + "x" * 1001, headers=html),
        client.get("/?product=nope", headers=html),
        client.delete("/", headers=html),
    ]
    fake_engine.on_search = fail
    answers.append(client.get("/?q=mug", headers=html))
    assert [answer.status_code for answer in answers] == [404, 413, 400, 415, 400, 404, 405, 503]
    for answer in answers:
        assert answer.mimetype == "text/html"
        notice = re.sub(r"<[^>]+>", " ", answer.text[answer.text.index('class="notice"') :])
        words = notice[: notice.index("Back to") if "Back to" in notice else 400]
        assert re.search(r"[.] ", words), words
        assert not re.search(r"LOOKALIKE_|product_id|bytes|queue|Content-Type|Entity|RFC|JSON", words), words


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
    assert 'lookalike_requests_total{method="GET",route="/v1/products/<id:product_id>",status="404"} 2.0' in text
    assert 'lookalike_requests_total{method="GET",route="unknown",status="404"} 2.0' in text
    assert "BREW" not in text
    assert "lookalike_queue_depth 0.0" in text


def test_stages_reach_the_metrics(app: Flask) -> None:
    metrics = app.extensions["lookalike"].metrics
    metrics.stage("embed", 25.0)
    text = metrics.text().decode()
    assert 'lookalike_stage_seconds_count{stage="embed"} 1.0' in text
    assert 'lookalike_stage_seconds_sum{stage="embed"} 0.025' in text
