"""`lookalike.Client` against a real server with keys: every call, its typed answers, retries and errors."""

import dataclasses
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pages_elsewhere import serving
from shape_catalogue import draw_shape
from tiny_backbone import TinyBackbone

import lookalike
from api.app import create_app
from api.client import Completion, answers
from api.openapi.document import DOCUMENT
from data.errors import SettingsError
from data.keys import Keys
from data.settings import Settings
from engine.search import SearchEngine

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shop(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[lookalike.Client]:
    """A client with a key of scope `write`, of a server over a small catalogue."""
    home = tmp_path_factory.mktemp("client") / "home"
    shutil.copytree(built_home, home)
    settings = Settings(home=home)
    key = Keys(home).create(["write"])
    with (
        serving(create_app(settings, SearchEngine(settings, backbone=TinyBackbone()))) as url,
        lookalike.Client(url, key, timeout_s=60) as client,
    ):
        yield client


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    draw_shape("red", "disc", 80).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def ids(answer: Any) -> list[str]:
    return [hit.product_id for hit in answer.hits]


def test_words_find_products_with_every_kind_of_option(shop: lookalike.Client) -> None:
    found = shop.search("disc", k=3, facets="brand,price", filter="price < 1000", understand=False, unlike=["red-disc"])
    assert all(found_id.endswith("-disc") for found_id in ids(found))
    assert "red-disc" not in ids(found)
    assert found.facets["brand"].values[0].count > 0
    assert found.facets["price"].ranges[0].count > 0
    following = shop.search(cursor=found.next_cursor or "", k=3)
    assert len(following.hits) == 3
    assert not set(ids(found)) & set(ids(following))
    assert shop.search("disc under 15 euro").understood[0].filter == "price < 15"


def test_a_photo_as_path_bytes_id_or_several_sides(shop: lookalike.Client, photo: Path) -> None:
    by_path = shop.search(image=photo, k=3)
    assert ids(by_path)[0] == "red-disc"
    assert ids(shop.search(image=str(photo), k=3)) == ids(by_path)
    assert ids(shop.search(image=photo.read_bytes(), k=3)) == ids(by_path)
    assert by_path.photo_id
    assert ids(shop.search(photo_id=by_path.photo_id, k=3)) == ids(by_path)
    assert ids(shop.search("blue", image=[photo, photo], understand=False, like=["red-bar"], k=2))
    assert ids(shop.search(image=photo, box=(0, 0, 50, 50), k=2))
    assert len(ids(shop.search(product_id="red-disc", k=2))) == 2
    for of_a_photo in ({"box": (0, 0, 50, 50)}, {"objects": True}, {"why": "map"}):
        with pytest.raises(lookalike.ClientError, match="one of file"):
            shop.search("red", **of_a_photo)


def test_the_parts_that_are_alike_are_told(shop: lookalike.Client, photo: Path) -> None:
    assert {hit.why_map for hit in shop.search(image=photo).hits} == {None}
    for hit in (shop.search(image=photo, why="map").hits[0], shop.similar("red-disc", why="map").hits[0]):
        assert hit.why_map is not None
        part = hit.why_map.hit
        assert (part.image_id, part.width, part.height, len(part.box)) == (hit.image_id, 64, 64, 4)
        assert max(max(row) for row in part.grid) == 1


def test_similar_recommended_recognised_and_completed(shop: lookalike.Client, photo: Path) -> None:
    assert len(ids(shop.similar("red-disc", text="blue", k=2, like=["blue-bar", "blue-disc"]))) == 2
    seen = shop.recognise(photo, k=2, within=["disc", "bar"])
    assert {label.label for label in seen.labels} == {"disc", "bar"}
    assert seen.voters["svm"][0].label
    assert (seen.attributes, seen.title) == ((), None)
    told = shop.recognise(photo, attributes=True, category="disc")
    assert told.category == "disc"
    assert told.price
    assert told.price.low <= told.price.high
    assert ids(shop.recommend(label=seen.labels[0].label, image=photo, k=2))
    assert isinstance(shop.complete("red d", k=1)[0], Completion)


def test_products_are_put_changed_read_and_deleted(shop: lookalike.Client, photo: Path) -> None:
    put = shop.put({"product_id": "a/b ä?", "title": "Mug", "price": 9.5, "currency": "EUR"}, images=[photo])
    assert (put.product_id, put.price, len(put.images)) == ("a/b ä?", 9.5, 1)
    assert shop.patch("a/b ä?", title="Cup", price=None) == shop.get("a/b ä?")
    assert (shop.get("a/b ä?").title, shop.get("a/b ä?").price) == ("Cup", None)
    statuses = shop.batch([{"product_id": "new"}, {"price": 3}, {"product_id": "new", "delete": True}])
    assert [status.status for status in statuses] == ["created", "error", "deleted"]
    assert statuses[1].detail
    shop.delete("a/b ä?", purge=True)
    with pytest.raises(lookalike.ClientError) as refused:
        shop.get("a/b ä?")
    error = refused.value
    assert (error.status, error.title, error.code) == (404, "Not Found", "unknown_product")
    assert "a/b ä?" in error.detail
    assert isinstance(error, lookalike.LookalikeError)


def test_equal_events_of_one_call_count_each_and_a_repeated_one_once(shop: lookalike.Client) -> None:
    click = {"kind": "click", "query_id": "q", "product_id": "red-disc", "position": 0}
    assert shop.events([click, click]).accepted == 2
    assert shop.events([{**click, "event_id": "e"}, {**click, "event_id": "e"}]).duplicates == 1
    assert shop.events([{"kind": "nothing"}]).refused[0].code == "bad_kind"
    status = shop.status()
    assert status.counts["products"] > 20
    assert status.generation


def test_a_wrong_key_is_an_error_that_says_so_and_no_repr_shows_a_key(shop: lookalike.Client) -> None:
    url = repr(shop).split("'")[1]
    stranger = lookalike.Client(url, "lk_secret")
    with pytest.raises(lookalike.ClientError) as refused:
        stranger.search("disc")
    assert (refused.value.status, refused.value.code) == (401, "unauthorized")
    assert "lk_secret" not in f"{stranger!r} {refused.value}"


class Busy:
    """Answers so many requests with an error, then with a status document."""

    def __init__(self, times: int, status: str, headers: list[tuple[str, str]]) -> None:
        self.left, self.status, self.headers = times, status, headers

    def __call__(self, _environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.left -= 1
        if self.left >= 0:
            start_response(self.status, self.headers)
            return [b"<html>a proxy's page</html>"]
        start_response("200 OK", [])
        return [b'{"generation": null, "ready": true, "waiting": 0, "sample": false, "news": 1}']


@pytest.mark.parametrize("status", ["503 Busy", "429 Slow down"])
def test_busy_servers_are_asked_again_when_they_say(status: str) -> None:
    app = Busy(2, status, [("Retry-After", "0")])
    with serving(app) as url:
        assert lookalike.Client(url).status().ready
        app.left, app.headers = 1, []
        assert lookalike.Client(url).status().ready
        app.left, app.headers = 2, [("Retry-After", "0")]
        with pytest.raises(lookalike.ClientError) as given_up:
            lookalike.Client(url, retries=1).status()
    assert (str(given_up.value.status), given_up.value.code) == (status[:3], "error")


def test_other_errors_are_not_asked_again_and_redirects_not_followed() -> None:
    for status in ("500 Broken", "302 Found"):
        app = Busy(1, status, [("Location", "/elsewhere")])
        with serving(app) as url, pytest.raises(lookalike.ClientError, match=status):
            lookalike.Client(url).status()
        assert app.left == 0


def test_no_server_is_an_error_without_a_status() -> None:
    with serving(Busy(0, "", [])) as url:
        pass
    with pytest.raises(lookalike.ClientError, match="must answer") as gone:
        lookalike.Client(url, retries=0).status()
    assert (gone.value.status, gone.value.code) == (0, "no_answer")
    with pytest.raises(SettingsError, match="http or https address"):
        lookalike.Client("localhost:8080")
    for key in ("lk_비밀", "lk_\r\nHost: elsewhere"):
        with pytest.raises(SettingsError, match="key must be an API key"):
            lookalike.Client(url, key)


SCHEMA_OF = {"Hit": "Hit", "SearchAnswer": "SearchAnswer", "Recognition": "Recognition", "Product": "Product",
             "EventsAnswer": "EventsAnswer", "BatchStatus": "BatchStatus", "Status": "Status",
             "Constraint": "Constraint", "Facet": "Facet",
             "WhyMap": "WhyMap", "PhotoPart": "PhotoPart"}  # fmt: skip


@pytest.mark.parametrize("name", SCHEMA_OF)
def test_the_fields_are_those_of_the_document(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][SCHEMA_OF[name]]
    for one in dataclasses.fields(getattr(answers, name)):
        documented = one.metadata.get("json", one.name)
        assert documented in schema["properties"]
        has_default = one.default is not dataclasses.MISSING or one.default_factory is not dataclasses.MISSING
        assert (documented in schema["required"]) or has_default, documented


def test_the_client_loads_nothing_of_the_server() -> None:
    program = "import lookalike, sys; lookalike.Client('http://x'); "
    program += "print([name for name in ('flask', 'numpy', 'PIL', 'engine') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    light = "import lookalike, sys; print('urllib3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", light], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_examples_of_the_document_run(
    shop: lookalike.Client, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photo.jpg").write_bytes(photo.read_bytes())
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) >= 3
    monkeypatch.setattr(lookalike, "Client", lambda *_, **__: shop, raising=False)
    names: dict[str, Any] = {}
    for example in examples:
        exec(example, names)  # noqa: S102
    assert names["hits"]
