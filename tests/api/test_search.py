"""Search requests: fields in, one strict reading of them, whichever way they came."""

import contextlib
import io
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from fake_engine import FakeEngine
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from api.app import create_app
from api.errors import BadRequest
from api.requests import MOST_PARTS, SEARCH_OPTIONS, check_fields, from_json, from_texts
from data.catalogue import Catalogue, parse_product
from data.settings import Settings

Photo = Callable[..., bytes]
NUMBERS = {"k": 7, "text_weight": 0.25, "diversity": 1, "freshness": 0.0}
WORDS = {"not_text": "blue", "filter": 'brand = "Acorn"', "cursor": "3"}


@pytest.fixture
def stocked(settings: Settings) -> Catalogue:
    catalogue = Catalogue(settings.home)
    for number in range(5):
        fields = {"product_id": f"p{number}", "title": f"Mug {number}", "brand": "Acorn", "price": number}
        catalogue.upsert(parse_product(fields), None)
    return catalogue


def test_multipart_form_and_json_read_every_option_alike(
    client: FlaskClient, fake_engine: FakeEngine, photo: Photo
) -> None:
    options: dict[str, Any] = {**NUMBERS, **WORDS, "text": "mug"}
    form = {name: str(value) for name, value in options.items()}
    client.post("/v1/search/image", data={**form, "box": "[1, 2,30.5,40]", "file": (io.BytesIO(photo()), "x.jpg")})
    client.post("/v1/search/image", json={**options, "product_id": "p1"})
    client.get("/v1/products/p1/similar", query_string=form)
    client.get("/v1/search/text", query_string={**{k: v for k, v in form.items() if k != "text"}, "q": "mug"})
    client.post("/v1/search/text", json={**{k: v for k, v in options.items() if k != "text"}, "q": "mug"})
    by_file, by_product, similar, words, words_json = fake_engine.requests
    assert by_file.image == photo()
    assert by_file.box == (1, 2, 30.5, 40)
    assert by_product.product_id == similar.product_id == "p1"
    for request in (by_file, by_product, similar, words, words_json):
        assert {name: getattr(request, name) for name in options} == options


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"q": "x", "k": "5"}, "k"),
        ({"q": "x", "k": True}, "k"),
        ({"q": "x", "k": 5.0}, "k"),
        ({"q": "x", "k": 0}, "k"),
        ({"q": "x", "k": 1001}, "k"),
        ({"q": "x", "text_weight": 1.5}, "text_weight"),
        ({"q": "x", "diversity": "0.5"}, "diversity"),
        ({"q": "x", "freshness": -0.1}, "freshness"),
        ({"q": "x", "freshness": [0.1]}, "freshness"),
        ({"q": "x", "understand": "false"}, "understand"),
        ({"q": "x", "understand": 0}, "understand"),
        ({"q": 5}, "q"),
        ({"q": ["x"]}, "q"),
        ({"q": "  "}, "q"),
        ({}, "q"),
        ({"q": "\ud800"}, "q"),
        ({"q": "x" * 2001}, "q"),
        ({"q": "x", "filter": {}}, "filter"),
        ({"q": "x", "limit": 5}, "limit"),
        ({"q": "x", "box": [0, 0, 1, 1]}, "box"),
    ],
)
def test_json_of_the_wrong_kind_is_refused_and_the_field_named(
    client: FlaskClient, fields: dict[str, Any], field: str
) -> None:
    response = client.post("/v1/search/text", json=fields)
    assert response.status_code == 400
    assert response.get_json()["field"] == field


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"nul", b'{"q": NaN}', b"\xff", b'"x"', b"[" * 50_000, b'{"q":"x","k":' + b"9" * 5000 + b"}"]
)
def test_a_body_that_is_no_json_object_is_400(client: FlaskClient, body: bytes) -> None:
    response = client.post("/v1/search/text", data=body, content_type="application/json")
    assert response.status_code == 400
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize("text", ["five", "1e400", "0x5", "nan", "inf", "5 5", "٥", "1_0", "9" * 50, "--1"])
def test_form_numbers_are_plain_decimal(client: FlaskClient, text: str) -> None:
    response = client.get("/v1/search/text", query_string={"q": "x", "text_weight": text})
    assert (response.status_code, response.get_json()["field"]) == (400, "text_weight")


def test_understanding_is_on_unless_turned_off(client: FlaskClient, fake_engine: FakeEngine) -> None:
    for query in ({}, {"understand": "true"}, {"understand": "False"}):
        assert client.get("/v1/search/text", query_string={"q": "x", **query}).status_code == 200
    client.post("/v1/search/text", json={"q": "x", "understand": False})
    assert [request.understand for request in fake_engine.requests] == [True, True, False, False]
    refused = client.get("/v1/search/text?q=x&understand=1")
    assert (refused.status_code, refused.get_json()["field"]) == (400, "understand")


def test_a_form_field_given_twice_is_refused(client: FlaskClient) -> None:
    assert client.get("/v1/search/text?q=a&q=b").get_json()["field"] == "q"


@pytest.mark.parametrize("box", ["1,2,3", "[1,2,3,x]", "[5,0,5,9]", "[9,0,1,9]", '{"a":1}', "[1,2,3,1e99]"])
def test_a_box_is_four_rising_numbers(client: FlaskClient, photo: Photo, box: str) -> None:
    response = client.post("/v1/search/image", data={"box": box, "file": (io.BytesIO(photo()), "x.jpg")})
    assert (response.status_code, response.get_json()["field"]) == (400, "box")


def test_objects_are_asked_for_with_a_photo_and_only_then_answered(
    client: FlaskClient, fake_engine: FakeEngine, photo: Photo
) -> None:
    answers = [
        client.post("/v1/search/image", data={**asked, "file": (io.BytesIO(photo()), "x.jpg")})
        for asked in ({"objects": "true"}, {"objects": "false"}, {"objects": "2"}, {"objects": "true", "text": "red"})
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 400, 400]
    assert {answer.get_json().get("field") for answer in answers[2:]} == {"objects"}
    assert [request.objects for request in fake_engine.requests] == [True, False]
    assert ["objects" in answer.get_json() for answer in answers[:2]] == [True, False]
    assert client.get("/v1/search/text?q=x&objects=true").get_json()["field"] == "objects"


def test_why_is_asked_for_with_a_photo_or_a_product(
    client: FlaskClient, fake_engine: FakeEngine, stocked: Catalogue, photo: Photo
) -> None:
    def of_photo(**fields: str) -> TestResponse:
        return client.post("/v1/search/image", data={**fields, "file": (io.BytesIO(photo()), "x.jpg")})

    asked = [
        of_photo(why="map"),
        client.post("/v1/search/image?why=map", json={"product_id": "p1"}),
        client.get("/v1/products/p1/similar?why=map"),
    ]
    assert [answer.status_code for answer in asked] == [200] * 3
    assert [request.why for request in fake_engine.requests] == ["map"] * 3
    refused = [of_photo(why="words"), client.get("/v1/search/text?q=x&why=map")]
    refused.append(client.post("/v1/search/image", json={"like": ["p1"], "why": "map"}))
    assert [(answer.status_code, answer.get_json()["field"]) for answer in refused] == [(400, "why")] * 3


def test_options_of_a_photo_may_stand_in_the_url(client: FlaskClient, fake_engine: FakeEngine, photo: Photo) -> None:
    def ask(query: str, **fields: str) -> TestResponse:
        return client.post(f"/v1/search/image?{query}", data={**fields, "file": (io.BytesIO(photo()), "x.jpg")})

    assert "objects" in ask("objects=true&k=3&utm_source=mail").get_json()
    assert [(request.objects, request.k) for request in fake_engine.requests] == [(True, 3)]
    assert (ask("k=3", k="4").status_code, ask("k=3", k="4").get_json()["field"]) == (400, "k")
    assert ask("k=many").get_json()["field"] == "k"


@pytest.mark.parametrize("sent", ["json", "data"])
def test_options_of_every_posted_search_may_stand_in_the_url(
    client: FlaskClient, fake_engine: FakeEngine, photo: Photo, sent: str
) -> None:
    known = client.post("/v1/search/image", data={"file": (io.BytesIO(photo()), "x.jpg")}).get_json()["photo_id"]
    fake_engine.requests.clear()

    def ask(path: str, **fields: str) -> TestResponse:
        return client.post(path, **{sent: fields})

    assert ask("/v1/search/text?k=3&like=p1&like=p2&lang=ko", q="mug").status_code == 200
    assert ask("/v1/search/image?k=4&diversity=0.5", photo_id=known).status_code == 200
    words, image = fake_engine.requests
    assert (words.text, words.k, words.like) == ("mug", 3, ("p1", "p2"))
    assert (image.image, image.k, image.diversity) == (photo(), 4, 0.5)
    twice = ask("/v1/search/text?q=cup", q="mug")
    assert (twice.status_code, twice.get_json()["field"]) == (400, "q")
    assert "in the body and in the URL" in twice.get_json()["detail"]
    assert ask("/v1/search/text", q="mug", lang="ko").get_json()["field"] == "lang"
    assert ask("/v1/search/text?k=many", q="mug").get_json()["field"] == "k"


def test_image_search_wants_exactly_one_source(client: FlaskClient, fake_engine: FakeEngine, photo: Photo) -> None:
    none = client.post("/v1/search/image", json={"k": 3})
    both = client.post("/v1/search/image", data={"product_id": "p1", "file": (io.BytesIO(photo()), "x.jpg")})
    plain = client.post("/v1/search/image", data={"file": "not a file"})
    named = client.post("/v1/search/image", data={"photo": (io.BytesIO(photo()), "x.jpg")})
    files = {"file": (io.BytesIO(photo()), "x.jpg"), "product": (io.BytesIO(b"{}"), "p.json")}
    beside = client.post("/v1/search/image", data=files)
    boxed = client.post("/v1/search/image", json={"product_id": "p1", "box": [0, 0, 5, 5]})
    assert [answer.status_code for answer in (none, both, plain, named, beside, boxed)] == [400] * 6
    assert fake_engine.requests == []


def test_a_cursor_may_stand_alone(client: FlaskClient, stocked: Catalogue) -> None:
    first = client.get("/v1/search/text?q=mug&k=2").get_json()
    rest = client.post("/v1/search/text", json={"cursor": first["next_cursor"], "k": 10}).get_json()
    assert [hit["product_id"] for hit in first["hits"] + rest["hits"]] == [f"p{number}" for number in range(5)]
    assert rest["next_cursor"] is None


def test_urls_are_off_by_default(client: FlaskClient, fake_engine: FakeEngine) -> None:
    response = client.post("/v1/search/image", json={"image_url": "http://169.254.169.254/"})
    assert (response.status_code, response.get_json()["field"]) == (400, "image_url")
    assert fake_engine.requests == []


def test_where_urls_are_on_the_fetched_photo_is_searched_by(
    settings: Settings, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.photos.fetch_image", lambda url, _settings: f"bytes of {url}".encode())
    client = create_app(settings.replace(fetch_urls=True), fake_engine).test_client()
    client.post("/v1/search/image", json={"image_url": "https://shop.example/a.jpg", "box": [0, 0, 20, 20]})
    assert fake_engine.requests[0].image == b"bytes of https://shop.example/a.jpg"
    assert fake_engine.requests[0].box == (0, 0, 20, 20)


@pytest.mark.parametrize("size_bytes", [60_000, 64_000, 65_536, 131_072, 1_000_000, 9_999_999])
def test_photos_of_any_allowed_size_arrive_whole(client: FlaskClient, fake_engine: FakeEngine, size_bytes: int) -> None:
    content = random.Random(size_bytes).randbytes(size_bytes)
    lines = (b"\r\n" * size_bytes)[:size_bytes]  # what a search for the boundary stumbles over most
    for body in (content, lines, b"--" + lines[:-2]):
        response = client.post("/v1/search/image", data={"file": (io.BytesIO(body), "x.jpg"), "text": "mug"})
        assert response.status_code == 200, response.data
        assert fake_engine.requests.pop().image == body


def test_facets_sort_and_caps_reach_the_engine(client: FlaskClient, fake_engine: FakeEngine) -> None:
    options = {"facets": "brand,attr.shoe size", "sort": "-price", "max_per": "brand:2"}
    assert client.get("/v1/search/text", query_string={"q": "mug", **options}).status_code == 200
    assert client.post("/v1/search/text", json={"q": "mug", **options}).status_code == 200
    for asked in fake_engine.requests:
        assert (asked.facets, asked.sort, asked.max_per) == tuple(options.values())
    for name, value in {"facets": "brand,nothing", "sort": "cheap", "max_per": "brand"}.items():
        response = client.get("/v1/search/text", query_string={"q": "mug", name: value})
        assert (response.status_code, response.get_json()["field"]) == (400, name)


def test_a_bad_filter_names_its_position(client: FlaskClient, stocked: Catalogue) -> None:
    response = client.get("/v1/search/text", query_string={"q": "mug", "filter": "price < < 3"})
    assert (response.status_code, response.get_json()["position"]) == (400, 8)


def test_an_unknown_product_is_404(client: FlaskClient) -> None:
    assert client.get("/v1/products/none/similar").status_code == 404
    assert client.post("/v1/search/image", json={"product_id": "none"}).status_code == 404


def test_before_the_first_publish_searches_are_503_with_retry_after(
    client: FlaskClient, fake_engine: FakeEngine
) -> None:
    fake_engine.generation = None
    response = client.get("/v1/search/text?q=mug")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert response.get_json()["code"] == "no_generation"


def test_the_answer_has_the_documented_shape(client: FlaskClient, stocked: Catalogue) -> None:
    answer = client.get("/v1/search/text?q=mug&k=1").get_json()
    assert set(answer) == {
        "photo_id",
        "query_id", "generation", "pending", "took_ms", "hits", "next_cursor", "no_match", "did_you_mean", "understood",
        "total", "facets",
    }  # fmt: skip
    assert set(answer["hits"][0]) == {
        "product_id", "score", "match_probability", "image_id", "image_url", "title", "brand", "price", "currency",
        "category", "colours", "fresh", "why", "url",
    }  # fmt: skip


def test_wrong_types_sizes_and_methods(client: FlaskClient, settings: Settings, photo: Photo) -> None:
    assert client.post("/v1/search/image", data=photo(), content_type="image/jpeg").status_code == 415
    assert client.post("/v1/search/text", data="q=x", content_type="text/plain").status_code == 415
    big = io.BytesIO(b"\xff" * (settings.max_image_bytes + 1))
    assert client.post("/v1/search/image", data={"file": (big, "x.jpg")}).status_code == 413
    huge = io.BytesIO(b"\xff" * (settings.max_image_bytes + 200_000))
    assert client.post("/v1/search/image", data={"file": (huge, "x.jpg")}).status_code == 413
    assert client.post("/v1/search/text", data={"q": "x" * 200_000}).status_code == 413
    many = {f"f{number}": "x" for number in range(MOST_PARTS)}
    assert client.post("/v1/search/image", data={**many, "file": (io.BytesIO(photo()), "x")}).status_code == 413
    wrong = client.delete("/v1/search/image")
    assert (wrong.status_code, set(wrong.headers["Allow"].split(", "))) == (405, {"OPTIONS", "POST"})


@example({"text_weight": "0\x1f"})
@given(st.dictionaries(st.sampled_from([*SEARCH_OPTIONS, "box", "q", "odd"]), st.text(max_size=30)))
def test_any_form_is_read_or_refused(fields: dict[str, str]) -> None:
    try:
        checked = check_fields(from_texts(MultiDict(fields)), (*SEARCH_OPTIONS, "box", "q"))
    except BadRequest:
        return
    assert set(checked) == {name for name, value in fields.items() if value != ""}


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=4))
def test_any_json_value_is_read_or_refused(value: Any) -> None:
    for name in (*SEARCH_OPTIONS, "box", "q", "product_id", "image_url"):
        with contextlib.suppress(BadRequest):
            check_fields(from_json(json.dumps({name: value}).encode()), (name,))
