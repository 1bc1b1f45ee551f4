"""Liked and unliked products and several photos, as HTTP, the commands and the library read them."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_engine import FakeEngine
from flask.testing import FlaskClient
from tiny_shop import TinyShop, axis, photo_of
from werkzeug.datastructures import MultiDict

import engine.search
import lookalike
from data.settings import Settings
from engine.answers import MOST_LIKED, MOST_PHOTOS
from engine.search import SearchEngine

Photo = Callable[..., bytes]


def test_likes_are_repeated_fields_or_a_json_list(client: FlaskClient, fake_engine: FakeEngine, photo: Photo) -> None:
    pairs = [("like", "a,b"), ("like", "c"), ("unlike", "d"), ("unlike", "")]
    client.get("/v1/search/text", query_string=MultiDict([("q", "mug"), *pairs]))
    client.post("/v1/search/text", data=MultiDict([("q", "mug"), *pairs]))
    client.post("/v1/search/image", data=MultiDict([("file", (io.BytesIO(photo()), "x.jpg")), *pairs]))
    client.post("/v1/search/text", json={"q": "mug", "like": ["a,b", "c"], "unlike": ["d"]})
    assert [(asked.like, asked.unlike) for asked in fake_engine.requests] == [(("a,b", "c"), ("d",))] * 4


def test_likes_alone_are_a_search_of_either_kind(client: FlaskClient, fake_engine: FakeEngine) -> None:
    assert client.get("/v1/search/text?like=a").status_code == 200
    assert client.post("/v1/search/image", json={"like": ["a"]}).status_code == 200
    assert all(asked.likes_alone for asked in fake_engine.requests)
    assert client.get("/v1/search/text?unlike=a").get_json()["field"] == "q"
    assert client.get("/v1/search/text?like=").status_code == 400


@pytest.mark.parametrize("value", ["a", {"a": 1}, [1], [None], ["x" * 201], ["x"] * (MOST_LIKED + 1), [["a"]]])
def test_what_is_no_list_of_ids_is_refused(client: FlaskClient, value: object) -> None:
    answer = client.post("/v1/search/text", json={"q": "x", "like": value})
    assert (answer.status_code, answer.get_json()["field"]) == (400, "like")


def test_as_many_likes_as_allowed_fit_into_one_form(client: FlaskClient, fake_engine: FakeEngine, photo: Photo) -> None:
    ids = [("like", f"{number:0200}") for number in range(MOST_LIKED)]
    ids += [("unlike", f"u{number:0199}") for number in range(MOST_LIKED)]
    files = [("file", (io.BytesIO(photo()), "x.jpg")) for _ in range(MOST_PHOTOS)]
    answer = client.post("/v1/search/image", data=MultiDict([*ids, *files, ("text", "mug"), ("k", "3")]))
    assert answer.status_code == 200
    (asked,) = fake_engine.requests
    assert (len(asked.like), len(asked.unlike), len(asked.photos)) == (MOST_LIKED, MOST_LIKED, MOST_PHOTOS)


def test_the_first_photo_is_the_image_and_the_others_its_sides(client: FlaskClient, fake_engine: FakeEngine) -> None:
    sides = [b"front", b"side", b"back"]
    client.post("/v1/search/image", data=MultiDict([("file", (io.BytesIO(side), "x.jpg")) for side in sides]))
    assert fake_engine.requests[0].photos == tuple(sides)
    files = [("file", (io.BytesIO(b"x"), "x.jpg")) for _ in range(MOST_PHOTOS + 1)]
    refused = client.post("/v1/search/image", data=MultiDict(files))
    assert (refused.status_code, refused.get_json()["field"]) == (400, "file")


def test_the_command_and_the_library_take_them_too(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = TinyShop(settings)
    for name, point in {"a": axis(0), "b": axis(1), "ab": [0.7, 0.7, *[0.0] * 6], "c": axis(2)}.items():
        shop.put(name, [point])
    shop.publish()
    engines = SearchEngine(settings, backbone=shop.backbone)
    monkeypatch.setattr(engine.search, "SearchEngine", lambda *_, **__: engines)
    front, side = tmp_path / "front.png", tmp_path / "side.png"
    front.write_bytes(photo_of(0))
    side.write_bytes(photo_of(1))
    home = ["--home", str(settings.home)]
    photos = ["--image", str(front), "--image", str(side)]
    lookalike.main([*home, "search", *photos, "--json"])
    assert json.loads(capsys.readouterr().out)["hits"][0]["product_id"] == "ab"
    lookalike.main([*home, "search", "--image", str(front), "--like", "c", "--unlike", "a", "--json"])
    assert json.loads(capsys.readouterr().out)["hits"][0]["product_id"] == "c"
    library = lookalike.Shop(settings, backbone=shop.backbone)
    assert library.search(image=[front, side])[0].product_id == "ab"
    assert library.search(like=["a", "b"])[0].product_id == "ab"
