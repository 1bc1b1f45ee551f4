"""Products over HTTP: put, patch, get, delete; what is acknowledged is in the catalogue and its features are made."""

import hashlib
import io
import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from documented import expect
from fake_engine import FakeEngine
from flask.testing import FlaskClient
from PIL import Image

from data.catalogue import Catalogue
from data.errors import NoGeneration
from data.photos import larger
from data.settings import Settings

Photo = Callable[..., bytes]
IDS = ["plain", "with space", "dots.and..more", "빨간 머그", "a%b", "a?b#c&d=e", "emoji-🍎", "'quotes\"", "...",
       "a/b", "/a", "a//b", "a/b/", "a%2Fb", "back\\slash"]  # fmt: skip


def put(client: FlaskClient, product_id: str, facts: Any, *photos: bytes) -> Any:
    parts: dict[str, Any] = {"product": facts if isinstance(facts, str) else json.dumps(facts)}
    if photos:
        parts["image"] = [(io.BytesIO(photo), f"{number}.jpg") for number, photo in enumerate(photos)]
    url = f"/v1/products/{quote(product_id, safe='')}"
    return client.put(url, data=parts, content_type="multipart/form-data")


@pytest.mark.parametrize("product_id", IDS)
def test_any_product_id_makes_the_whole_round(client: FlaskClient, photo: Photo, product_id: str) -> None:
    url = f"/v1/products/{quote(product_id, safe='')}"
    created = put(client, product_id, {"title": "Mug", "price": 5}, photo())
    assert (created.status_code, created.get_json()["product_id"]) == (201, product_id)
    assert client.get(url).get_json() == created.get_json()
    patched = client.patch(url, json={"price": 4.5, "title": None})
    assert (patched.get_json()["price"], patched.get_json()["title"]) == (4.5, "")
    assert client.get(url + "/similar").status_code == 200
    assert client.delete(url).status_code == 204
    assert [client.get(url).status_code, client.delete(url).status_code, client.patch(url, json={}).status_code] == [
        404
    ] * 3


def test_a_product_can_be_only_created(client: FlaskClient, photo: Photo) -> None:
    def create(title: str) -> Any:
        parts = {"product": json.dumps({"title": title}), "image": (io.BytesIO(photo()), "a.jpg")}
        return client.put("/v1/products/p", data=parts, headers={"If-None-Match": "*"})

    path = "/v1/products/{product_id}"
    expect(create("First"), path, "put", 201)
    assert expect(create("Second"), path, "put", 412)["code"] == "product_exists"
    assert client.get("/v1/products/p").get_json()["title"] == "First"
    client.delete("/v1/products/p")
    expect(create("Third"), path, "put", 201)


def test_the_address_of_a_product_comes_with_it(client: FlaskClient, photo: Photo) -> None:
    address = "https://shop.example/p?a=1"
    assert put(client, "p", {"title": "mug", "url": address}, photo()).get_json()["url"] == address
    assert client.get("/v1/products/p").get_json()["url"] == address
    assert client.get("/v1/search/text?q=mug").get_json()["hits"][0]["url"] == address
    refused = client.patch("/v1/products/p", json={"url": "javascript:alert(1)"})
    assert (refused.status_code, refused.get_json()["code"]) == (400, "bad_url")
    assert client.patch("/v1/products/p", json={"url": None}).get_json()["url"] == ""


def test_put_embeds_before_it_answers_and_keeps_photos_unless_it_brings_some(
    client: FlaskClient, fake_engine: FakeEngine, photo: Photo
) -> None:
    red, blue = photo("red"), photo("blue")
    assert put(client, "p", {"title": "a"}, red, blue).status_code == 201
    names = [hashlib.sha256(content).hexdigest() for content in (red, blue)]
    assert fake_engine.embedded == names
    kept = put(client, "p", {"title": "b"})
    assert (kept.status_code, kept.get_json()["title"]) == (200, "b")
    assert [image["image_id"] for image in kept.get_json()["images"]] == names
    replaced = put(client, "p", {"title": "b"}, blue)
    assert [image["image_id"] for image in replaced.get_json()["images"]] == names[1:]
    assert put(client, "p", {"title": "b"}, blue).status_code == 200


def test_a_put_that_fails_changes_nothing(client: FlaskClient, settings: Settings, photo: Photo) -> None:
    put(client, "p", {"title": "before"}, photo())
    truncated = put(client, "p", {"title": "after"}, photo("blue"), photo("green")[:200])
    assert truncated.status_code == 422
    assert "number 2" in truncated.get_json()["detail"]
    assert put(client, "p", {"title": "after"}, b"GIF89a not allowed").status_code in (415, 422)
    assert put(client, "p", {"title": "after"}, b"").status_code in (415, 422)
    assert put(client, "p", {"title": "after"}, photo(size=(8, 8))).status_code in (413, 422)
    assert put(client, "p", {"title": "after"}, b"\xff" * (settings.max_image_bytes + 1)).status_code == 413
    facts = client.get("/v1/products/p").get_json()
    assert (facts["title"], len(facts["images"])) == ("before", 1)


def test_a_put_that_is_refused_stores_no_photo(client: FlaskClient, settings: Settings, photo: Photo) -> None:
    assert put(client, "p", {}, photo("red"), photo("blue"), photo("green")[:200]).status_code == 422
    assert not [path for path in settings.home.glob("*/*/*") if path.is_file()]


def test_a_delete_may_purge(client: FlaskClient, settings: Settings, photo: Photo) -> None:
    put(client, "p", {}, photo())
    put(client, "q", {}, photo())
    for wrong in ("?purge=yes", "?purge=true&purge=true", "?purg=true"):
        assert client.delete(f"/v1/products/p{wrong}").status_code == 400
    assert client.delete("/v1/products/p?purge=false").status_code == 204
    kept = [path for path in settings.home.glob("*/*/*") if path.is_file()]
    assert len(kept) == 2, "deleted, but not purged"
    assert client.delete("/v1/products/q?purge=true").status_code == 204
    assert client.delete("/v1/products/p?purge=true").status_code == 204, "deleted before, and purged now"
    assert client.delete("/v1/products/p?purge=true").status_code == 404
    assert not [path for path in settings.home.glob("*/*/*") if path.is_file()]


@pytest.mark.parametrize(
    "facts",
    ["", "nope", "[]", '{"price": -1}', '{"price": true}', '{"product_id": "other"}', '{"title": []}',
     '{"created_at": "yesterday"}', '{"attributes": {"a": {}}}', '{"price": NaN}'],
)  # fmt: skip
def test_bad_facts_are_400(client: FlaskClient, facts: str) -> None:
    assert put(client, "p", facts).status_code == 400
    assert client.get("/v1/products/p").status_code == 404


def test_a_product_id_that_would_be_changed_is_refused(client: FlaskClient) -> None:
    for product_id in (" p", "p ", "a\nb\x00", "x" * 201):
        assert put(client, product_id, {}).status_code == 400
    assert put(client, "a/../b", {}).status_code == 400


def test_the_product_part_may_be_a_file(client: FlaskClient) -> None:
    part = {"product": (io.BytesIO(b'{"title": "from a file"}'), "p.json")}
    response = client.put("/v1/products/p", data=part, content_type="multipart/form-data")
    assert (response.status_code, response.get_json()["title"]) == (201, "from a file")


def test_facts_beside_the_product_part_are_refused(client: FlaskClient) -> None:
    parts = {"product": "{}", "title": "lost"}
    response = client.put("/v1/products/p", data=parts, content_type="multipart/form-data")
    assert (response.status_code, response.get_json()["field"]) == (400, "title")


def test_ten_photos_and_no_more(client: FlaskClient, photo: Photo) -> None:
    colours = ["red", "blue", "green", "white", "black", "grey", "pink", "brown", "orange", "purple", "navy"]
    assert put(client, "p", {}, *map(photo, colours[:10])).status_code == 201
    assert put(client, "p", {}, *map(photo, colours)).status_code in (400, 413)


def test_patch_takes_facts_only(client: FlaskClient) -> None:
    put(client, "p", {"title": "a"})
    unknown = client.patch("/v1/products/p", json={"images": []})
    assert (unknown.status_code, unknown.get_json()["code"]) == (400, "unknown_field")
    assert client.patch("/v1/products/p", data="x", content_type="text/plain").status_code == 415


def test_two_patches_at_once_do_not_undo_each_other(client: FlaskClient, settings: Settings) -> None:
    put(client, "p", {})
    fields = [f"a{number}" for number in range(8)]
    app = client.application

    def patch(field: str) -> None:
        for value in range(5):
            title = {"title": field} if field == "a0" else {field.replace("a", "attr.x"): value}
            assert app.test_client().patch("/v1/products/p", json=title).status_code == 200

    threads = [threading.Thread(target=patch, args=(field,)) for field in fields]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    facts = Catalogue(settings.home).get("p").product
    assert facts.title == "a0"
    assert dict(facts.attributes) == {f"x{number}": 4.0 for number in range(1, 8)}


def test_before_the_first_publish_a_product_is_taken(
    client: FlaskClient, fake_engine: FakeEngine, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_photos: Any) -> None:
        raise NoGeneration("none")

    monkeypatch.setattr(fake_engine, "embed_new", refuse)
    assert put(client, "p", {}, photo()).status_code == 201


def test_thumbnails_are_served_by_hash_alone(client: FlaskClient, photo: Photo) -> None:
    image = put(client, "p", {}, photo()).get_json()["images"][0]
    response = client.get(image["image_url"])
    assert response.status_code == 200
    assert response.data[8:12] == b"WEBP"
    assert response.content_type == "image/webp"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in response.headers["Cache-Control"]
    for name in ("../../catalog.db", "0" * 64, "A" * 64, "0" * 63, image["image_id"] + "0", "%2e%2e%2fcatalog"):
        assert client.get(f"/thumbs/{name}.webp").status_code == 404


def test_larger_copies_are_made_when_they_are_asked_for(
    client: FlaskClient, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = put(client, "p", {}, photo("blue", (1500, 1000))).get_json()["images"][0]
    sizes = {}
    for side in ("", "640", "1280"):
        response = client.get(image["image_url"], query_string={"side": side} if side else {})
        sizes[side] = Image.open(io.BytesIO(response.data)).size
        assert "immutable" in response.headers["Cache-Control"]
    assert sizes == {"": (320, 213), "640": (640, 427), "1280": (1280, 853)}
    monkeypatch.setattr(larger, "encode_thumbnail", lambda _: pytest.fail("the copy is kept"))
    assert client.get(image["image_url"] + "?side=640").status_code == 200
    assert client.get(image["image_url"] + "?side=999").status_code == 400
    assert client.get(f"/thumbs/{'0' * 64}.webp?side=640").status_code == 404


def test_where_the_original_is_gone_the_thumbnail_stands_in(
    client: FlaskClient, photo: Photo, settings: Settings
) -> None:
    image = put(client, "p", {}, photo("blue", (1500, 1000))).get_json()["images"][0]
    (settings.home / "uploads" / image["image_id"][:2] / image["image_id"]).unlink()
    response = client.get(image["image_url"] + "?side=640")
    assert Image.open(io.BytesIO(response.data)).size == (320, 213)
    assert "immutable" not in response.headers["Cache-Control"]
    assert response.cache_control.max_age == 60
