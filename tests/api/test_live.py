"""Products over HTTP meet the real engine: what is acknowledged is found, or gone, in the very next search."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from shape_catalogue import draw_catalogue, draw_shape
from tiny_backbone import TinyBackbone

from api.app import create_app
from data.generations import GenerationFolder
from data.settings import Settings
from engine.search import SearchEngine
from indexer.importing import import_feed
from indexer.rebuild import rebuild


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", space_dim=24, image_roots=(tmp_path / "feed",))


@pytest.fixture
def client(settings: Settings, tmp_path: Path) -> FlaskClient:
    import_feed(settings, draw_catalogue(tmp_path / "feed", texts=False))
    rebuild(settings, backbone=TinyBackbone())
    return a_server(settings)


def a_server(settings: Settings) -> FlaskClient:
    return create_app(settings, SearchEngine(settings, backbone=TinyBackbone())).test_client()


def a_photo(colour: str, shape: str, place: int) -> bytes:
    out = io.BytesIO()
    draw_shape(colour, shape, place).save(out, "PNG")
    return out.getvalue()


def found(client: FlaskClient, photo: bytes, **options: Any) -> list[str]:
    response = client.post("/v1/search/image", data={"file": (io.BytesIO(photo), "x.png"), **options})
    assert response.status_code == 200, response.data
    return [hit["product_id"] for hit in response.get_json()["hits"]]


def put(client: FlaskClient, product_id: str, facts: dict[str, Any], *photos: bytes) -> int:
    parts: dict[str, Any] = {"product": json.dumps(facts)}
    if photos:
        parts["image"] = [(io.BytesIO(photo), "x.png") for photo in photos]
    return client.put(f"/v1/products/{product_id}", data=parts, content_type="multipart/form-data").status_code


def test_put_patch_delete_show_in_the_next_search_and_after_a_restart(client: FlaskClient, settings: Settings) -> None:
    photo = a_photo("magenta", "square", 7)
    assert found(client, photo, k="1") != ["new"]
    assert put(client, "new", {"title": "new", "price": 3}, photo) == 201
    assert found(client, photo, k="1") == ["new"]
    assert found(client, photo, filter="price < 5") == ["new"]
    assert found(a_server(settings), photo, k="1") == ["new"]
    client.patch("/v1/products/new", json={"price": 7})
    assert found(client, photo, filter="price < 5") == []
    assert put(client, "new", {"title": "new"}, a_photo("lime", "bar", 3)) == 200
    assert found(client, a_photo("lime", "bar", 3), k="1") == ["new"]
    assert client.delete("/v1/products/new").status_code == 204
    assert "new" not in found(client, photo, k="100")
    assert "new" not in found(a_server(settings), photo, k="100")


def test_a_product_of_the_generation_is_replaced_and_deleted_live(client: FlaskClient) -> None:
    red, magenta = a_photo("red", "disc", 0), a_photo("magenta", "square", 7)
    assert found(client, red, k="1") == ["red-disc"]
    assert put(client, "red-disc", {"title": "changed"}, magenta) == 200
    assert found(client, magenta, k="1") == ["red-disc"]
    assert found(client, red, k="1") != ["red-disc"]
    assert client.delete("/v1/products/red-disc").status_code == 204
    assert "red-disc" not in found(client, magenta, k="100")
    assert client.get("/v1/products/red-disc/similar").status_code == 404


def test_a_batch_is_found_in_the_next_search(client: FlaskClient, settings: Settings) -> None:
    photo = a_photo("magenta", "square", 7)
    (settings.image_roots[0] / "magenta.png").write_bytes(photo)
    lines = [{"product_id": "batched", "images": ["magenta.png"]}, {"product_id": "blue-disc", "delete": True}]
    body = "\n".join(map(json.dumps, lines))
    assert client.post("/v1/products:batch", data=body, content_type="application/x-ndjson").status_code == 200
    assert found(client, photo, k="1") == ["batched"]
    assert "blue-disc" not in found(client, a_photo("blue", "disc", 0), k="100")


@pytest.mark.parametrize("facts", [{"title": "Ginger two"}, {"title": "Ginger one"}])
def test_a_put_finds_a_product_that_an_import_brought_without_features(
    client: FlaskClient, settings: Settings, tmp_path: Path, facts: dict[str, Any]
) -> None:
    photo = a_photo("magenta", "square", 7)
    (tmp_path / "p.png").write_bytes(photo)
    (tmp_path / "new.csv").write_text("product_id,title,image\nnew-1,Ginger one,p.png\n")
    import_feed(settings, tmp_path / "new.csv")  # as another process does; it leaves the photo to the rebuild
    for _ in range(2):  # the second one looks again for the photo, and would not for a while
        assert "new-1" not in found(client, photo, k="100")
    assert put(client, "new-1", facts, photo) == 200
    assert found(client, photo, k="1") == ["new-1"]
    assert client.get("/v1/products/new-1").get_json()["title"] == facts["title"]


def test_words_find_a_product_that_came_after_training_by_its_photo_alone(
    generation: GenerationFolder, settings: Settings
) -> None:
    client = a_server(settings)
    assert put(client, "new", {"price": 3}, a_photo("red", "disc", 77)) == 201
    answer = client.get("/v1/search/text?q=red%20disc&k=2").get_json()
    assert {hit["product_id"] for hit in answer["hits"]} == {"new", "red-disc"}
    assert answer["generation"] == generation.id


def test_what_the_engine_refuses_is_a_400_that_says_why(client: FlaskClient) -> None:
    photo = a_photo("red", "disc", 0)
    outside = {"file": (io.BytesIO(photo), "x.png"), "box": "[900,900,950,950]"}
    assert client.post("/v1/search/image", data=outside).status_code == 400
    assert client.get("/v1/search/text?q=x&cursor=nonsense").status_code == 400
    svg = {"file": (io.BytesIO(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "x.jpg")}
    assert client.post("/v1/search/image", data=svg).status_code == 415
    assert client.post("/v1/search/image", data={"file": (io.BytesIO(photo[:-40]), "x.png")}).status_code == 422


def test_pages_by_cursor_hold_every_product_once(client: FlaskClient) -> None:
    seen: list[str] = []
    page = client.get("/v1/products/red-disc/similar?k=5").get_json()
    while True:
        seen += [hit["product_id"] for hit in page["hits"]]
        if page["next_cursor"] is None:
            break
        page = client.get(
            "/v1/products/red-disc/similar", query_string={"k": 5, "cursor": page["next_cursor"]}
        ).get_json()
    assert len(seen) == len(set(seen)) == 23
    assert seen == [hit["product_id"] for hit in client.get("/v1/products/red-disc/similar?k=50").get_json()["hits"]]
