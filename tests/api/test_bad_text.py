"""JSON, forms, query strings and paths that are no valid text: 400 and a problem everywhere, and nothing is stored."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.errors import BadRequest
from api.requests.form_texts import MOST_FIELDS, TRACKER_PREFIXES, TRACKERS
from api.requests.json_text import MAX_DEPTH, read_json

Photo = Callable[..., bytes]
DEEP = b"[" * 40 + b"]" * 40
BAD_JSON: dict[str, bytes] = {
    "lone surrogate": b'{"NAME": "\\ud800"}',
    "lone surrogate in a list": b'{"NAME": ["a", ["\\udfff"]]}',
    "lone surrogate as a name": b'{"\\ud800": 1, "NAME": "x"}',
    "lone surrogate as an inner name": b'{"NAME": {"\\ud83d": 1}}',
    "infinity": b'{"NAME": Infinity}',
    "NaN": b'{"NAME": NaN}',
    "a float beyond all floats": b'{"NAME": 1e999}',
    "a huge number": b'{"NAME": ' + b"9" * 10_000 + b"}",
    "65 bits": b'{"NAME": 18446744073709551616}',
    "not UTF-8": b'{"NAME": "\xff"}',
    "a surrogate in UTF-8": b'{"NAME": "\xed\xa0\x80"}',
    "UTF-16": '{"NAME": "x"}'.encode("utf-16"),
    "two marks": b'\xef\xbb\xbf\xef\xbb\xbf{"NAME": "x"}',
    "deep": b'{"NAME": ' + DEEP + b"}",
    "very deep": b"[" * 100_000,
    "deep objects": b'{"NAME":' * 10_000,
    "a name twice": b'{"NAME": "a", "NAME": "b"}',
    "an inner name twice": b'{"NAME": {"a": 1, "a": 1}}',
    "empty": b"",
    "a mark alone": b"\xef\xbb\xbf",
    "cut short": b'{"NAME": "x',
    "a list": b"[[]]",
    "text": b'"x"',
    "a number": b"1",
    "null": b"null",
}
SEND: dict[str, tuple[str, Callable[[FlaskClient, bytes], Any]]] = {
    "search/text": ("q", lambda client, body: post(client, "/v1/search/text", body)),
    "search/image": ("product_id", lambda client, body: post(client, "/v1/search/image", body)),
    "recommend": ("label", lambda client, body: post(client, "/v1/recommend", body)),
    "patch": ("title", lambda client, body: client.patch("/v1/products/p", data=body, content_type="application/json")),
    "put": ("title", lambda client, body: client.put("/v1/products/p", data={"product": (io.BytesIO(body), "p.json")})),
    "events": ("kind", lambda client, body: post(client, "/v1/events", body)),
}  # fmt: skip


def post(client: FlaskClient, path: str, body: bytes) -> Any:
    return client.post(path, data=body, content_type="application/json")


@pytest.fixture
def shop(client: FlaskClient) -> FlaskClient:
    assert (
        client.put("/v1/products/p", data={"product": (io.BytesIO(b'{"title": "Mug"}'), "p.json")}).status_code == 201
    )
    return client


@pytest.mark.parametrize("route", SEND)
def test_bad_json_is_a_problem_on_every_route(shop: FlaskClient, route: str) -> None:
    name, send = SEND[route]
    for kind, body in BAD_JSON.items():
        response = send(shop, body.replace(b"NAME", name.encode()))
        if (route, kind) == ("events", "a list"):  # a list of events is right; what is in it is refused one by one
            assert [refused["code"] for refused in response.get_json()["refused"]] == ["bad_event"]
        else:
            assert (kind, response.status_code, response.mimetype) == (kind, 400, "application/problem+json")
            assert response.get_json()["status"] == 400
    assert shop.get("/v1/products/p").get_json()["title"] == "Mug"


@pytest.mark.parametrize("route", SEND)
def test_one_byte_order_mark_is_skipped(shop: FlaskClient, route: str) -> None:
    good = {"search/text": {"q": "mug"}, "search/image": {"product_id": "p"}, "recommend": {"product_id": "p"},
            "patch": {"title": "Mug"}, "put": {"title": "Mug"},
            "events": {"kind": "click", "product_id": "p", "query_id": "x"}}  # fmt: skip
    response = SEND[route][1](shop, b"\xef\xbb\xbf" + json.dumps(good[route]).encode())
    assert response.status_code in (200, 202), response.get_data(as_text=True)


def test_one_bad_line_is_one_bad_status(client: FlaskClient) -> None:
    good = [b'{"product_id": "before", "title": "t"}', b'{"product_id": "after", "title": "t"}']
    for kind, body in BAD_JSON.items():
        bad = body.replace(b"NAME", b"product_id").replace(b"\n", b"") or b"{}"
        response = client.post(
            "/v1/products:batch", data=b"\n".join([good[0], bad, good[1]]), content_type="application/x-ndjson"
        )
        statuses = [json.loads(line)["status"] for line in response.get_data().splitlines()]
        assert (kind, response.status_code, len(statuses), statuses[1]) == (kind, 200, 3, "error")
        for name, status in (("before", statuses[0]), ("after", statuses[2])):
            assert (kind, status) == (kind, "created")
            assert client.delete(f"/v1/products/{name}").status_code == 204


def test_a_bad_line_that_deletes_is_refused_too(shop: FlaskClient) -> None:
    lines = [
        b'{"product_id": "\\ud800", "delete": true}',
        b'{"product_id": ["p"], "delete": true}',
        b'{"delete": true}',
    ]
    response = shop.post("/v1/products:batch", data=b"\n".join(lines), content_type="application/x-ndjson")
    assert [json.loads(line)["code"] for line in response.get_data().splitlines()] == [
        "bad_request", "bad_text", "missing_product_id",
    ]  # fmt: skip


def test_the_deepest_json_that_is_read() -> None:
    def nested(levels: int) -> str:
        return "[" * levels + "]" * levels

    assert read_json('{"a": ' + nested(MAX_DEPTH - 1) + "}")
    with pytest.raises(BadRequest, match="nested at most 32"):
        read_json('{"a": ' + nested(MAX_DEPTH) + "}")
    assert read_json(f"{2**63 - 1}") == 2**63 - 1
    with pytest.raises(BadRequest, match="64 bits"):
        read_json(f"{2**63}")


@pytest.mark.parametrize("text", ["%ff", "%ED%A0%80", "a%C3"])
def test_bytes_that_are_no_utf8_are_refused_in_urls_and_forms(client: FlaskClient, photo: Photo, text: str) -> None:
    urlencoded = {"content_type": "application/x-www-form-urlencoded"}
    answers = [
        client.get(f"/v1/search/text?q={text}"),
        client.get(f"/v1/search/text?q=mug&{text}=1"),
        client.get(f"/v1/products/{text}"),
        client.delete(f"/v1/products/p?purge={text}"),
        client.put(f"/v1/products/{text}", data={"product": (io.BytesIO(b"{}"), "p.json")}),
        client.post("/v1/search/text", data=f"q={text}", **urlencoded),
        client.post("/v1/recommend", data=f"label={text}", **urlencoded),
        client.get(f"/?q={text}"),
    ]
    assert [(answer.status_code, answer.mimetype) for answer in answers] == [(400, "application/problem+json")] * 8


def test_bytes_that_are_no_utf8_are_refused_in_parts(shop: FlaskClient) -> None:
    def part(name: bytes, value: bytes) -> Any:
        body = b'--b\r\nContent-Disposition: form-data; name="' + name + b'"\r\n\r\n' + value + b"\r\n--b--\r\n"
        return {"data": body, "content_type": "multipart/form-data; boundary=b"}

    answers = [
        shop.post("/v1/search/text", **part(b"q", b"\xff")),
        shop.post("/v1/search/image", **part(b"text", b"\xed\xa0\x80")),
        shop.post("/v1/recommend", **part(b"label", b"\xff")),
        shop.post("/v1/recommend", **part(b"\xff", b"x")),
        shop.put("/v1/products/p", **part(b"product", b'{"title": "\xff"}')),
    ]
    assert [answer.status_code for answer in answers] == [400] * 5


@pytest.mark.parametrize("rest", [b"", b'; filename="a.jpg"', b"; name"])
def test_parts_without_a_name_are_refused(shop: FlaskClient, rest: bytes) -> None:
    named = b'--b\r\nContent-Disposition: form-data; name="q"\r\n\r\nmug\r\n'
    body = named + b"--b\r\nContent-Disposition: form-data" + rest + b"\r\n\r\nx\r\n--b--\r\n"
    form = {"data": body, "content_type": "multipart/form-data; boundary=b"}
    answers = [shop.post(path, **form) for path in ("/v1/search/text", "/v1/search/image", "/v1/recognize", "/")]
    answers.append(shop.put("/v1/products/p", **form))
    assert {answer.status_code for answer in answers} == {400}


def test_trackers_in_links_are_ignored_and_other_parameters_are_not(shop: FlaskClient) -> None:
    trackers = "&".join(f"{name}=%C0%AF" for name in (*TRACKERS, *(f"{start}x" for start in TRACKER_PREFIXES)))
    for path in ("/v1/search/text?q=mug", "/v1/products/p/similar?k=1", "/v1/queries/related?q=mug", "/?q=Mug"):
        assert shop.get(f"{path}&{trackers}&_=1&_=2").status_code == 200, path
    assert shop.get("/v1/search/text?q=mug&foo=1").get_json()["field"] == "foo"
    assert shop.post("/v1/search/text", json={"q": "mug", "utm_source": "x"}).get_json()["field"] == "utm_source"
    assert shop.delete("/v1/products/p?utm_source=x&force=1").get_json()["field"] == "force"
    assert shop.delete("/v1/products/p?utm_source=x").status_code == 204


def test_a_query_string_with_too_many_parameters_is_refused(client: FlaskClient) -> None:
    assert client.get("/v1/search/text?q=x" + "&_=1" * (MOST_FIELDS - 1)).status_code == 200
    assert client.get("/v1/search/text?q=x" + "&_=1" * MOST_FIELDS).status_code == 400


def test_zero_bytes_harm_nothing(app: Flask, client: FlaskClient, photo: Photo) -> None:
    for path in ("/v1/search/text?q=a%00b", "/v1/products/a%00b", "/v1/search/text?q=x&filter=title%3D%22a%00%22"):
        assert client.get(path).status_code in (200, 400, 404), path
    assert client.put("/v1/products/a%00b", data={"product": (io.BytesIO(b"{}"), "p.json")}).status_code == 400


@pytest.mark.parametrize("part", [b'filename="a.png"\r\nContent-Type: image/png', b'nam="x"', b"", b"\x05name=q"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/search/image"), ("POST", "/v1/recommend"), ("POST", "/v1/recognize"), ("POST", "/sell"),
     ("PUT", "/v1/products/a")],
)  # fmt: skip
def test_a_part_without_a_name_is_refused(
    client: FlaskClient, photo: Photo, method: str, path: str, part: bytes
) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="product"\r\n\r\n{}\r\n'
    body = head + b"--b\r\nContent-Disposition: form-data;" + part + b"\r\n\r\n" + photo() + b"\r\n--b--\r\n"
    answer = client.open(path, method=method, data=body, content_type="multipart/form-data; boundary=b")
    assert answer.status_code == 400, answer.data
