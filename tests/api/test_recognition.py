"""Recognition and recommendation over HTTP, against a fake at the engine's seam."""

import io
import json
from collections.abc import Callable

import pytest
from documented import expect
from fake_engine import FakeEngine
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from engine.errors import NoVoters

Photo = Callable[..., bytes]


@pytest.fixture
def shop(client: FlaskClient, photo: Photo) -> FlaskClient:
    """Four products: two red mugs, a blue mug, a red bowl."""
    for name, category, colour in (
        ("a", "Mugs", "red"),
        ("b", "Mugs", "red"),
        ("c", "Mugs", "blue"),
        ("d", "Bowls", "red"),
    ):
        facts = {"title": f"thing {name}", "category": category, "colour": colour, "price": 5}
        parts = {"product": json.dumps(facts), "image": (io.BytesIO(photo(colour)), "a.jpg")}
        assert client.put(f"/v1/products/{name}", data=parts).status_code == 201
    return client


def recognize(client: FlaskClient, content: bytes, **fields: str) -> TestResponse:
    return client.post("/v1/recognize", data={"file": (io.BytesIO(content), "a.jpg"), **fields})


def test_recognize_answers_as_documented(client: FlaskClient, photo: Photo) -> None:
    body = expect(recognize(client, photo(), k="2"), "/v1/recognize", "post", 200)
    assert [label["label"] for label in body["labels"]] == ["mug", "bowl"]
    assert set(body["voters"]) == {"softmax", "knn", "svm"}
    assert body["neighbours"][0]["image_url"] == f"/thumbs/{'0' * 64}.webp"


def test_attributes_are_suggested_as_documented(client: FlaskClient, photo: Photo) -> None:
    body = expect(recognize(client, photo(), attributes="true", category="Mugs"), "/v1/recognize", "post", 200)
    assert body["category"] == "Mugs"
    colour, *_, size = body["attributes"]
    assert colour == {"name": "colour", "value": "red", "probability": 0.9, "abstained": False, "others": []}
    assert (size["abstained"], size["others"]) == (True, ["M", "S"])
    assert body["title"] == {"text": "Red mug", "titles": 4}
    assert body["price"] == {"low": 8000, "high": 12000, "currency": "KRW", "n": 9}
    assert "attributes" not in recognize(client, photo(), attributes="false").get_json()
    in_url = client.post("/v1/recognize?attributes=true", data={"file": (io.BytesIO(photo()), "x.jpg")})
    assert "attributes" in in_url.get_json()


def test_within_narrows(client: FlaskClient, photo: Photo) -> None:
    body = recognize(client, photo(), within='["shoe", "bowl"]').get_json()
    assert [label["label"] for label in body["labels"]] == ["bowl", "shoe"]
    assert [label["label"] for label in recognize(client, photo(), within="shoe").get_json()["labels"]] == ["shoe"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [({"k": "x"}, "k"), ({"k": "0"}, "k"), ({"within": "[1]"}, "within"), ({"within": "[" * 9}, "within"),
     ({"within": "[]"}, "within"), ({"box": "1,2"}, "box"), ({"filter": "a"}, "filter"),
     ({"attributes": "perhaps"}, "attributes"), ({"category": "Mugs"}, "category"),
     ({"attributes": "true", "category": "x" * 201}, "category")],
)  # fmt: skip
def test_bad_fields_are_named(client: FlaskClient, photo: Photo, fields: dict[str, str], named: str) -> None:
    answer = recognize(client, photo(), **fields)
    assert (answer.status_code, answer.get_json()["field"]) == (400, named)


def test_a_photo_is_required(client: FlaskClient) -> None:
    answer = client.post("/v1/recognize", data={"k": "3"}, content_type="multipart/form-data")
    assert (answer.status_code, answer.get_json()["field"]) == (400, "file")
    assert client.post("/v1/recognize", json={"file": "x"}).status_code == 415


def test_without_voters_the_server_says_so(
    client: FlaskClient, photo: Photo, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object, **__: object) -> None:
        raise NoVoters("recognition needs voters; there are none.")

    monkeypatch.setattr(fake_engine, "recognise", none)
    answer = expect(recognize(client, photo()), "/v1/recognize", "post", 503)
    assert answer["code"] == "no_voters"


def test_recommend_by_label_prefers_the_colour(shop: FlaskClient) -> None:
    shop_answer = shop.post("/v1/recommend", json={"label": "Mugs", "colour": "blue", "k": 2, "filter": "price < 9"})
    hits = expect(shop_answer, "/v1/recommend", "post", 200)["hits"]
    assert hits == [] or hits[0]["product_id"] == "c"


def test_recommend_by_product_keeps_kind_and_colour(shop: FlaskClient, fake_engine: FakeEngine) -> None:
    answer = expect(shop.post("/v1/recommend", json={"product_id": "a"}), "/v1/recommend", "post", 200)
    hits = answer["hits"]
    assert answer["photo_id"] is None
    assert [hit["product_id"] for hit in hits] == ["a", "b", "c"]
    assert hits[2]["why"] == ["another colour"]
    assert fake_engine.requests[0].also == ('category = "Mugs"', 'colour IN ("red")')


def test_recommend_by_photo_takes_the_photos_colour(shop: FlaskClient, photo: Photo, fake_engine: FakeEngine) -> None:
    parts = {"file": (io.BytesIO(photo("blue")), "a.jpg"), "label": 'Mugs "x"'}
    answer = expect(shop.post("/v1/recommend", data=parts), "/v1/recommend", "post", 200)
    again = shop.post("/v1/search/image", json={"photo_id": answer["photo_id"]})
    assert again.status_code == 200  # the shopper need not send the photo again
    assert fake_engine.requests[0].also == ('category = "Mugs \\"x\\""', 'colour IN ("blue")')
    assert fake_engine.requests[0].image is not None


def test_options_of_a_recommendation_may_stand_in_the_url(shop: FlaskClient, fake_engine: FakeEngine) -> None:
    assert shop.post("/v1/recommend?colour=blue&lang=ko", json={"label": "Mugs"}).status_code == 200
    assert fake_engine.requests[0].also == ('category = "Mugs"', 'colour IN ("blue")')


def test_korean_colour_names_are_understood(shop: FlaskClient, fake_engine: FakeEngine) -> None:
    shop.post("/v1/recommend", json={"label": "Mugs", "colour": "파랑"})
    assert fake_engine.requests[0].also[-1] == 'colour IN ("blue")'


@pytest.mark.parametrize("body", [{}, {"colour": "red"}, {"label": 3}, {"label": "x" * 300}, {"label": "Mugs", "k": 0}])
def test_bad_recommendations_are_refused(client: FlaskClient, body: dict[str, object]) -> None:
    assert client.post("/v1/recommend", json=body).status_code == 400


def test_recommend_of_an_unknown_product_is_404(client: FlaskClient) -> None:
    assert client.post("/v1/recommend", json={"product_id": "nope"}).status_code == 404
