"""Pages of other origins: which answers they may read, what they may send, and who may show the page in a frame."""

import io
from typing import Any

import pytest
from fake_engine import FakeEngine
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.app import create_app
from data.catalogue import Catalogue
from data.keys import Keys
from data.settings import Settings

SHOP, OTHER = "https://shop.example", "https://other.example"
ALLOW = "Access-Control-Allow-Origin"


def make(settings: Settings, **changed: Any) -> FlaskClient:
    settings = settings.replace(**changed)
    return create_app(settings, FakeEngine(Catalogue(settings.home))).test_client()


def preflight(client: FlaskClient, origin: str, method: str, path: str) -> TestResponse:
    return client.options(path, headers={"Origin": origin, "Access-Control-Request-Method": method})


def allowed(answer: TestResponse) -> tuple[str | None, ...]:
    """Returns what a preflight allows: origin, method and headers."""
    names = (ALLOW, "Access-Control-Allow-Methods", "Access-Control-Allow-Headers")
    return tuple(answer.headers.get(name) for name in names)


def test_without_the_setting_no_origin_is_named(client: FlaskClient) -> None:
    answer = client.get("/v1/search/text?q=a", headers={"Origin": SHOP})
    assert (answer.status_code, answer.headers.get(ALLOW), answer.headers.get("Vary")) == (200, None, None)
    assert allowed(preflight(client, SHOP, "GET", "/v1/status")) == (None, None, None)


@pytest.mark.parametrize("path", ["/v1/search/text?q=a", "/v1/search/text", "/v1/nowhere", "/thumbs/x.webp"])
def test_a_listed_origin_reads_answers_and_errors(settings: Settings, path: str) -> None:
    client = make(settings, cors_origins=f"{SHOP}, http://localhost:3000")
    for origin in (SHOP, "http://localhost:3000"):
        answer = client.get(path, headers={"Origin": origin})
        assert (answer.headers[ALLOW], answer.headers["Vary"]) == (origin, "Origin")
        assert answer.headers["Access-Control-Expose-Headers"] == "Retry-After"
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("origin", [
    "", "null", OTHER, "http://shop.example", "https://shop.example:8443", "https://shop.example.evil.example",
    "https://a.shop.example", "https://shop.example/",
])  # fmt: skip
def test_other_origins_are_not_named_but_caches_are_told(settings: Settings, origin: str) -> None:
    answer = make(settings, cors_origins=SHOP).get("/v1/search/text?q=a", headers={"Origin": origin})
    assert (answer.status_code, answer.headers.get(ALLOW), answer.headers["Vary"]) == (200, None, "Origin")


def test_pages_are_never_read_by_other_origins(settings: Settings) -> None:
    client = make(settings, cors_origins="*")
    for path in ("/", "/sell", "/docs", "/static/page.css", "/readyz"):
        assert ALLOW not in client.get(path, headers={"Origin": OTHER}).headers, path


def test_a_listed_origin_may_send_a_key_and_change_what_it_covers(settings: Settings) -> None:
    client = make(settings, cors_origins=SHOP)
    key = {"Authorization": f"Bearer {Keys(settings.home).create(['write'])}", "Origin": SHOP}
    asked = preflight(client, SHOP, "PUT", "/v1/products/a/b")
    assert allowed(asked) == (SHOP, "PUT", "Authorization, Content-Type")
    assert (asked.status_code, asked.headers["Access-Control-Max-Age"]) == (200, "3600")
    body = {"product": (io.BytesIO(b"{}"), "p.json")}
    assert client.put("/v1/products/a/b", data=body, headers=key).headers[ALLOW] == SHOP
    assert allowed(preflight(client, OTHER, "PUT", "/v1/products/a/b"))[0] is None
    assert allowed(preflight(client, SHOP, "TRACE", "/v1/products/p"))[1] is None
    refused = client.get("/v1/search/text?q=a", headers={"Origin": SHOP})
    assert (refused.status_code, refused.headers[ALLOW]) == (401, SHOP)


def test_without_keys_a_listed_origin_searches_but_changes_nothing(settings: Settings) -> None:
    client = make(settings, cors_origins=SHOP)
    assert client.post("/v1/search/text", json={"q": "mug"}, headers={"Origin": SHOP}).status_code == 200
    answer = client.delete("/v1/products/p", headers={"Origin": SHOP})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "foreign_page")


def test_any_origin_searches_without_a_key_and_nothing_more(settings: Settings) -> None:
    client = make(settings, cors_origins="*")
    assert client.get("/v1/search/text?q=a", headers={"Origin": OTHER}).headers[ALLOW] == "*"
    assert allowed(preflight(client, OTHER, "POST", "/v1/search/image")) == ("*", "POST", "Content-Type")
    assert allowed(preflight(client, OTHER, "PUT", "/v1/products/p")) == (None, None, None)
    assert client.get("/v1/status", headers={"Origin": OTHER}).headers.get(ALLOW) is None


def test_frames_are_for_the_origins_named(settings: Settings, client: FlaskClient) -> None:
    assert "frame-ancestors 'none'" in client.get("/").headers["Content-Security-Policy"]
    framed = make(settings, frame_ancestors=f"self, {SHOP}").get("/").headers["Content-Security-Policy"]
    assert framed.endswith(f"frame-ancestors 'self' {SHOP}")


def test_anybody_searches_a_public_home_but_only_keys_change_it(settings: Settings) -> None:
    key = {"Authorization": f"Bearer {Keys(settings.home).create(['write'])}"}
    client = make(settings, public_search=True)
    product = {"product": (io.BytesIO(b'{"title": "Mug"}'), "p.json")}
    assert client.put("/v1/products/p", data=product, headers=key).status_code == 201
    for path in ("/v1/search/text?q=mug", "/v1/products/p", "/v1/products/p/similar", "/v1/queries/complete?q=m", "/"):
        assert (path, client.get(path).status_code) == (path, 200)
    assert client.get("/?q=mug").status_code == 200
    for path in ("/v1/status", "/metrics"):
        assert (path, client.get(path).status_code, client.get(path, headers=key).status_code) == (path, 401, 200)
    event = {"kind": "click", "query_id": "q", "product_id": "p"}
    assert client.post("/v1/events", json=event).status_code == 401
    assert client.delete("/v1/products/p").status_code == 401
    assert client.get("/v1/search/text?q=mug", headers={"Authorization": "Bearer lk_wrong"}).status_code == 401


def test_a_public_page_says_nothing_about_the_server_and_asks_for_no_key(settings: Settings) -> None:
    Keys(settings.home).create(["write"])
    page = make(settings, public_search=True).get("/?q=mug").text
    assert "Locked" not in page
    assert "Generation" not in page
    assert 'data-status="401"' not in page
    assert "Locked" in make(settings).get("/").text


def test_strangers_of_a_public_home_are_counted_by_address(settings: Settings) -> None:
    Keys(settings.home).create(["write"])
    client = make(settings, public_search=True, rate_limit=2)
    asked = [client.get("/v1/search/text?q=a") for _ in range(3)]
    assert [answer.status_code for answer in asked] == [200, 200, 429]
    other = client.get("/v1/search/text?q=a", environ_overrides={"REMOTE_ADDR": "10.1.1.1"})
    assert other.status_code == 200
