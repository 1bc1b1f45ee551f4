"""Photos are decoded and fetched in queues of their own, so that they hold up nobody who searches by words."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import hostile_photos as hostile
import image_corpus as corpus
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from tiny_shop import TinyShop, axis
from werkzeug.test import TestResponse

from api.app import create_app
from api.resources import Resources
from api.resources.admission import Admission, decoding
from data.settings import Settings
from engine.errors import Overloaded
from engine.search import SearchEngine

PHOTO = corpus.encoded(Image.new("RGB", (200, 200), (10, 0, 0)))  # red that `PointBackbone` reads
Ask = Callable[[FlaskClient], TestResponse]


def form(name: str, **fields: str) -> dict[str, object]:
    return {**fields, name: (io.BytesIO(PHOTO), "a.jpg")}


ROUTES: dict[str, Ask] = {
    "search": lambda client: client.post("/v1/search/image", data=form("file")),
    "search a box": lambda client: client.post("/v1/search/image", data=form("file", box="[0,0,100,100]")),
    "recommend": lambda client: client.post("/v1/recommend", data=form("file", label="mug")),
    "put": lambda client: client.put("/v1/products/b", data=form("image", product="{}")),
    "page": lambda client: client.post("/", data=form("file", fragment="1")),
}


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Flask:
    """A server with one slot and no queue for photos, over a tiny shop."""
    settings = settings.replace(threads=1, queue_size=1, deadline_s=0.05, image_roots=(tmp_path,), fetch_urls=True)
    shop = TinyShop(settings)
    shop.put("a", [axis(0)])
    shop.publish()
    monkeypatch.setattr("api.resources.app_resources.SearchEngine", partial(SearchEngine, backbone=shop.backbone))
    app = create_app(settings)
    assert held(app).readiness.warm_once()
    return app


def held(app: Flask) -> Resources:
    resources: Resources = app.extensions["lookalike"]
    return resources


@pytest.fixture
def busy(app: Flask) -> Iterator[Flask]:
    """The server while a photo is being decoded."""
    with held(app).decoding():
        yield app


@pytest.mark.parametrize("name", ROUTES)
def test_every_route_that_decodes_waits_for_a_decoder(busy: Flask, name: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(lambda: ROUTES[name](busy.test_client())).result()
    assert answer.status_code == 503
    if name != "page":
        assert answer.get_json()["code"] == "overloaded"
        assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("name", ROUTES)
def test_and_is_answered_when_there_is_one(app: Flask, name: str) -> None:
    assert ROUTES[name](app.test_client()).status_code in (200, 201)


def test_a_batch_waits_for_a_decoder_with_each_line(busy: Flask, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(PHOTO)
    lines = [{"product_id": "x", "images": ["a.jpg"]}, {"product_id": "y"}]
    body = "\n".join(map(json.dumps, lines))

    def post() -> TestResponse:
        return busy.test_client().post("/v1/products:batch", data=body, content_type="application/x-ndjson")

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(post).result()
    statuses = [json.loads(line) for line in answer.text.splitlines()]
    assert [status.get("code") for status in statuses] == ["overloaded", None]


def test_words_are_searched_while_photos_wait(busy: Flask) -> None:
    """Every request here has one slot of the engine, and the photo that is being decoded does not hold it."""
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(lambda: ROUTES["search"](busy.test_client()))
        for path in ("/v1/products/a/similar", "/livez", "/readyz"):
            assert pool.submit(busy.test_client().get, path).result().status_code == 200, path
        waiting.result()


def test_photos_that_find_the_decoders_queue_full_are_refused_before_their_form_is_read(busy: Flask) -> None:
    held(busy).decoders._queue_size = 0
    post = partial(busy.test_client().post, "/v1/search/image")
    no_form = post(data=b"x" * 20_000, content_type="multipart/form-data; boundary=x")
    assert (no_form.status_code, no_form.get_json()["code"]) == (503, "overloaded")
    assert post(data={"product_id": "a"}, content_type="multipart/form-data").status_code == 200


def test_photos_are_fetched_in_a_queue_of_their_own(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.photos.fetch_image", lambda url, settings: PHOTO)
    ask = partial(app.test_client().post, "/v1/search/image", json={"image_url": "https://example.org/a.jpg"})
    with ExitStack() as others:
        for _ in range(8):
            others.enter_context(held(app).fetches.slot())
        assert ask().status_code == 503
        assert app.test_client().get("/v1/products/a/similar").status_code == 200
    assert ask().status_code == 200


def test_few_products_are_put_at_once(app: Flask) -> None:
    with ExitStack() as others:
        for _ in range(4):
            others.enter_context(held(app).puts.slot())
        assert ROUTES["put"](app.test_client()).status_code == 503
        without = app.test_client().put("/v1/products/c", data={"product": "{}"}, content_type="multipart/form-data")
        assert without.status_code == 201


def test_a_lent_slot_is_used_by_others_and_comes_back() -> None:
    engine, photos = (Admission(slots=1, queue_size=0, deadline_s=1) for _ in range(2))
    let_in = threading.Event()

    def search() -> None:
        with engine.slot():
            let_in.set()

    engine._queue_size = 1
    with engine.slot():
        with decoding(engine, photos):
            thread = threading.Thread(target=search)
            thread.start()
            assert let_in.wait(10)
        thread.join(10)
        engine._queue_size = 0
        with ThreadPoolExecutor(1) as pool:
            late = pool.submit(lambda: engine.slot().__enter__())
            with pytest.raises(Overloaded):
                late.result()
    with engine.slot(), pytest.raises(RuntimeError), decoding(engine, photos):
        raise RuntimeError
    with engine.slot(), photos.slot():
        pass


def test_a_photo_that_is_refused_at_once_lends_no_slot() -> None:
    engine, photos = Admission(slots=1, queue_size=1, deadline_s=10), Admission(slots=1, queue_size=0, deadline_s=10)

    def search() -> None:
        with engine.slot():
            pass

    with ThreadPoolExecutor(1) as pool, photos.slot(), engine.slot():
        waiting = pool.submit(search)
        while not engine.waiting:
            assert not waiting.done()
        with pytest.raises(Overloaded), decoding(engine, photos):
            pass
        assert engine.waiting == 1  # the refused photo still holds its slot, and waits for nobody to give it back


def test_without_a_slot_nothing_is_lent() -> None:
    engine, photos = (Admission(slots=1, queue_size=0, deadline_s=1) for _ in range(2))
    with decoding(engine, photos):
        pass
    with engine.slot(), pytest.raises(Overloaded):
        ThreadPoolExecutor(1).submit(lambda: engine.slot().__enter__()).result()


def test_a_defect_of_a_decoder_is_counted(app: Flask) -> None:
    def defects() -> float:
        lines = app.test_client().get("/metrics").text.splitlines()
        prefix = 'lookalike_photos_total{outcome="defect"} '
        return next((float(line.removeprefix(prefix)) for line in lines if line.startswith(prefix)), 0)

    before = defects()
    content = hostile.palette_without_colours()
    answer = app.test_client().post("/v1/search/image", data={"file": (io.BytesIO(content), "a.png")})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "undecodable_image")
    assert defects() == before + 1


@pytest.mark.parametrize("name", hostile.too_complex())
def test_photos_that_are_too_complex_are_refused_in_plain_words(app: Flask, name: str) -> None:
    content = hostile.too_complex()[name]
    answer = app.test_client().post("/v1/search/image", data={"file": (io.BytesIO(content), "a.jpg")})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "image_too_complex")
    assert "Save it again" in answer.get_json()["detail"]
