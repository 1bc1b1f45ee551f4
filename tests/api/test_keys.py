"""API keys: open without any, closed from the first one on, each request by its scope."""

import io
import json
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.protection import guard
from data.keys import Keys
from data.settings import Settings

OPEN_PATHS = ["/", "/livez", "/docs", "/openapi.json", "/static/page.css"]


@pytest.fixture
def bearer(settings: Settings) -> Callable[..., dict[str, str]]:
    """Makes a key and returns the header that carries it."""

    def make(*scopes: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {Keys(settings.home).create(scopes)}"}

    return make


def test_without_any_key_the_server_is_open(client: FlaskClient) -> None:
    assert client.get("/v1/search/text?q=a").status_code == 200
    assert client.put("/v1/products/p", data={"product": "{}"}, content_type="multipart/form-data").status_code == 201


def test_every_endpoint_has_a_scope(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(guard.SCOPE_OF)


def test_scopes(client: FlaskClient, bearer: Callable[..., dict[str, str]]) -> None:
    requests = {
        "search": lambda headers: client.get("/v1/search/text?q=a", headers=headers),
        "read": lambda headers: client.get("/v1/status", headers=headers),
        "write": lambda headers: client.put(
            "/v1/products/p", data={"product": "{}"}, content_type="multipart/form-data", headers=headers
        ),
        "batch": lambda headers: client.post(
            "/v1/products:batch", data=b"", content_type="application/x-ndjson", headers=headers
        ),
    }
    search, write, admin = bearer("search"), bearer("write"), bearer("admin")
    assert [requests[name]({}).status_code for name in requests] == [401] * 4
    assert [requests[name](search).status_code for name in requests] == [200, 200, 403, 403]
    assert [requests[name](write).status_code for name in requests] == [200, 200, 201, 200]
    assert [requests[name](admin).status_code for name in requests] == [200, 200, 200, 200]


@pytest.mark.parametrize("path", OPEN_PATHS)
def test_what_stays_open(client: FlaskClient, bearer: Callable[..., dict[str, str]], path: str) -> None:
    bearer("search")
    assert client.get(path).status_code == 200


def test_an_unknown_route_stays_404(client: FlaskClient, bearer: Callable[..., dict[str, str]]) -> None:
    bearer("search")
    assert client.get("/v1/nowhere").status_code == 404


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer x", "Basic {key}", "{key}", "Bearer {key}x"])
def test_wrong_keys_are_401_and_told_how(client: FlaskClient, settings: Settings, header: str) -> None:
    key = Keys(settings.home).create(["admin"])
    response = client.get("/v1/status", headers={"Authorization": header.format(key=key)})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert key not in response.get_data(as_text=True)


def test_a_revoked_key_is_refused_at_once_and_the_server_stays_closed(client: FlaskClient, settings: Settings) -> None:
    keys = Keys(settings.home)
    header = {"Authorization": f"Bearer {keys.create(['search'])}"}
    assert client.get("/v1/status", headers=header).status_code == 200
    keys.revoke(keys.list()[0].id)
    assert client.get("/v1/status", headers=header).status_code == 401
    assert client.get("/v1/status").status_code == 401


def test_the_page_searches_with_a_key_only(
    client: FlaskClient, bearer: Callable[..., dict[str, str]], photo: Callable[..., bytes]
) -> None:
    header = bearer("search")
    closed = client.get("/?q=mug")
    assert closed.status_code == 401
    assert closed.headers["WWW-Authenticate"].startswith("Bearer")
    assert 'data-status="401"' in closed.get_data(as_text=True)
    assert client.get("/?q=mug", headers=header).status_code == 200
    assert client.post("/", data={"file": (io.BytesIO(photo()), "x.jpg")}).status_code == 401
    assert client.post("/", data={"file": (io.BytesIO(photo()), "x.jpg")}, headers=header).status_code == 303


def test_the_starters_do_not_leak_the_catalogue(
    client: FlaskClient, bearer: Callable[..., dict[str, str]], photo: Callable[..., bytes]
) -> None:
    header = bearer("write")
    parts = {"product": json.dumps({"title": "Unreleased"}), "image": (io.BytesIO(photo()), "x.jpg")}
    assert client.put("/v1/products/p", data=parts, headers=header).status_code == 201
    assert "Unreleased" not in client.get("/").get_data(as_text=True)
    assert "Unreleased" in client.get("/", headers=bearer("search")).get_data(as_text=True)


def test_guessing_keys_is_rate_limited(settings: Settings, app: Flask) -> None:
    from api.app import create_app

    client = create_app(settings.replace(rate_limit=3), app.extensions["lookalike"].engine).test_client()
    Keys(settings.home).create(["search"])
    wrong = {"Authorization": "Bearer lk_0123456789ab_" + "x" * 43}
    assert [client.get("/v1/status", headers=wrong).status_code for _ in range(5)] == [401, 401, 401, 429, 429]
    page = client.get("/?q=mug", headers={"Accept": "text/html"})
    assert (page.status_code, page.mimetype) == (429, "text/html")
    assert 0 < int(page.headers["Retry-After"]) <= 20


@pytest.mark.parametrize(
    ("path", "fields", "photos", "status"),
    [("/sell", {}, 1, 303), ("/", {"fragment": "1"}, 1, 200), ("/", {"q": "mug"}, 0, 200)],
)
def test_a_form_sent_to_a_page_counts_as_one_request(
    settings: Settings,
    app: Flask,
    photo: Callable[..., bytes],
    path: str,
    fields: dict[str, str],
    photos: int,
    status: int,
) -> None:
    from api.app import create_app

    client = create_app(settings.replace(rate_limit=2), app.extensions["lookalike"].engine).test_client()
    chosen = (photo(), "x.jpg") if photos else (b"", "")  # what a browser sends
    answers = [client.post(path, data={**fields, "file": (io.BytesIO(chosen[0]), chosen[1])}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 429]
    assert answers[2].headers["Retry-After"] == "30"
