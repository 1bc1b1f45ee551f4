"""Requests that a page of another site makes a browser send: foreign names in Host, foreign pages in Origin."""

import io
import socket
from typing import Any

import pytest
from fake_engine import FakeEngine
from flask.testing import FlaskClient

from api.app import create_app
from data.catalogue import Catalogue
from data.keys import Keys
from data.settings import Settings

FOREIGN = {"Origin": "https://evil.example"}
EVENT = {"kind": "click", "query_id": "q", "product_id": "p"}


def put(client: FlaskClient, headers: dict[str, str]) -> Any:
    return client.put("/v1/products/p", data={"product": (io.BytesIO(b"{}"), "p.json")}, headers=headers)


def changes(client: FlaskClient, headers: dict[str, str]) -> set[int]:
    """Returns the statuses of one request of each kind that changes something."""
    ndjson = {"content_type": "application/x-ndjson", "headers": headers}
    return {
        put(client, headers).status_code,
        client.patch("/v1/products/p", json={}, headers=headers).status_code,
        client.post("/v1/products:batch", data=b'{"product_id": "p"}', **ndjson).status_code,
        client.post("/v1/events", json=EVENT, headers=headers).status_code,
        client.delete("/v1/products/p", headers=headers).status_code,
    }


def make(settings: Settings, **changed: Any) -> FlaskClient:
    settings = settings.replace(**changed)
    return create_app(settings, FakeEngine(Catalogue(settings.home))).test_client()


@pytest.mark.parametrize("host", [
    "localhost", "localhost:8080", "LOCALHOST:8080", "localhost.:80", "shop.localhost:8080", "127.0.0.1:8080",
    "127.8.8.8", "[::1]:8080", "192.168.1.5:8080", "[fe80::1]", socket.gethostname(),
])  # fmt: skip
def test_names_of_this_machine_and_addresses_are_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/v1/status", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "evillocalhost", "0x7f.1",
    "2130706433", "127.1",
])  # fmt: skip
def test_other_names_are_refused_except_for_health_checks(client: FlaskClient, host: str) -> None:
    headers = {"Host": host}
    for path in ("/v1/status", "/", "/v1/search/text?q=mug", "/static/page.css", "/nowhere", "/metrics", "/docs"):
        answer = client.get(path, headers=headers)
        assert (path, answer.status_code, answer.mimetype) == (path, 421, "application/problem+json")
        assert "allowed_hosts" in answer.get_json()["detail"]
    assert put(client, headers).status_code == 421
    assert client.get("/livez", headers=headers).status_code == 200
    assert client.get("/readyz", headers=headers).get_json()["code"] == "not_ready"


@pytest.mark.parametrize(
    "host", ["a b", "[::1", "x/y", "a@b", "é.example", "localhost:port", "a,b", "localhost:999999"]
)
def test_what_is_no_host_is_a_bad_request(client: FlaskClient, host: str) -> None:
    answer = client.get("/v1/status", headers={"Host": host})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_request")


def test_a_shopper_at_a_wrong_name_gets_a_page(client: FlaskClient) -> None:
    answer = client.get("/", headers={"Host": "evil.example", "Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (421, "text/html")
    assert "Use the shop" in answer.text


def test_allowed_hosts_name_further_names(settings: Settings) -> None:
    client = make(settings, allowed_hosts="Search.Example, other.example")
    assert client.get("/v1/status", headers={"Host": "search.example"}).status_code == 200
    assert client.get("/v1/status", headers={"Host": "OTHER.example:8443"}).status_code == 200
    assert client.get("/v1/status", headers={"Host": "localhost"}).status_code == 200
    assert client.get("/v1/status", headers={"Host": "evil.example"}).status_code == 421
    assert make(settings, allowed_hosts="*").get("/v1/status", headers={"Host": "evil.example"}).status_code == 200


def test_keys_need_no_names_unless_names_are_set(settings: Settings) -> None:
    key = {"Authorization": f"Bearer {Keys(settings.home).create(['write'])}", "Host": "search.example"}
    assert make(settings).get("/v1/status", headers=key).status_code == 200
    assert make(settings, allowed_hosts="other.example").get("/v1/status", headers=key).status_code == 421


@pytest.mark.parametrize("headers", [
    FOREIGN, {"Origin": "null"}, {"Origin": "http://localhost:3000"}, {"Origin": "http://localhost.evil.example"},
    {"Origin": ""}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
])  # fmt: skip
def test_a_foreign_page_changes_nothing(client: FlaskClient, settings: Settings, headers: dict[str, str]) -> None:
    assert put(client, {}).status_code == 201
    assert changes(client, headers) == {403}
    assert put(client, headers).get_json()["code"] == "foreign_page"
    assert client.get("/v1/products/p", headers=headers).status_code == 200
    assert client.post("/v1/search/text", json={"q": "mug"}, headers=headers).status_code == 200


@pytest.mark.parametrize("headers", [
    {}, {"Origin": "http://localhost"}, {"Origin": "https://localhost"},
    {"Origin": "http://localhost:8080", "Host": "localhost:8080"}, {"Origin": "http://[::1]:8", "Host": "[::1]:8"},
    {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"},
])  # fmt: skip
def test_programs_and_the_own_page_change_what_they_like(client: FlaskClient, headers: dict[str, str]) -> None:
    assert changes(client, headers) == {200, 201, 202, 204}


def test_the_origin_of_a_named_host_is_not_foreign(settings: Settings) -> None:
    client = make(settings, allowed_hosts="search.example")
    behind_a_proxy = {"Host": "search.example", "Origin": "https://search.example:8443"}
    assert put(client, behind_a_proxy).status_code == 201
    assert put(client, {"Host": "search.example", **FOREIGN}).status_code == 403
    assert put(make(settings, allowed_hosts="*"), FOREIGN).status_code == 403


def test_with_keys_the_key_decides(settings: Settings) -> None:
    key = {"Authorization": f"Bearer {Keys(settings.home).create(['write'])}"}
    client = make(settings)
    assert put(client, {**FOREIGN, **key}).status_code == 201
    assert put(client, FOREIGN).status_code == 401


def test_the_pages_own_search_by_photo_works_from_anywhere(client: FlaskClient) -> None:
    data = {"q": "mug"}
    assert client.post("/", data=data, content_type="multipart/form-data", headers=FOREIGN).status_code == 200
