"""The seller's form over HTTP, against a fake at the engine's seam, a real catalogue and a real server of the shop."""

import base64
import html
import io
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from fake_engine import FakeEngine
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from shop_server import SECRET, ShopServer, shop_server
from werkzeug.test import TestResponse

from api.app import create_app
from api.selling import callback
from data.catalogue import Catalogue
from data.errors import NoGeneration, ProductExists
from data.keys import Keys
from data.settings import Settings
from engine.suggesting import Suggestions

Photo = Callable[..., bytes]


def fields_of(page: TestResponse) -> dict[str, str]:
    """Returns what a browser would send from the form of a page, but for its buttons and boxes."""
    found = re.findall(r'<input (?:id="\S+" |type="hidden" )name="([^"]+)" value="([^"]*)"', page.text)
    areas = re.findall(r'<textarea id="\S+" name="([^"]+)"[^>]*>([^<]*)<', page.text)
    chosen = re.findall(r'<select id="\S+" name="([^"]+)".*?<option value="([^"]*)" selected', page.text, re.DOTALL)
    return {name: html.unescape(value) for name, value in (*found, *areas, *chosen)}


def send(
    client: FlaskClient, path: str = "/sell", fields: Mapping[str, str] | None = None, *, photo: bytes | None = None
) -> TestResponse:
    parts: dict[str, Any] = {**(fields or {}), **({"file": (io.BytesIO(photo), "a.jpg")} if photo is not None else {})}
    return client.post(path, data=parts, content_type="multipart/form-data")


def press(
    client: FlaskClient, path: str = "/sell", fields: Mapping[str, str] | None = None, *, photo: bytes | None = None
) -> TestResponse:
    """Presses a button and returns the page that the answer leads to."""
    answer = send(client, path, fields, photo=photo)
    assert answer.status_code == 303, answer.text
    return client.get(answer.headers["Location"])


def outcome(page: TestResponse) -> str:
    found = re.search(r'data-outcome="(\w+)"', page.text)
    return found[1] if found else ""


def test_a_photo_fills_the_form_in_and_says_how_likely_in_words(client: FlaskClient, photo: Photo) -> None:
    empty = client.get("/sell")
    assert (empty.status_code, fields_of(empty)) == (200, {})
    page = press(client, photo=photo())
    form = fields_of(page)
    assert re.findall(r'name="choose" value="(\w+)"', page.text) == ["mug", "bowl", "shoe"]
    assert "%" not in re.sub(r"<script.*?</script>|data:[^\"]*", "", page.text)
    assert form["category"] == "mug"
    assert (form["title"], form["colour"], form["attr.handmade"], form["attr.size"]) == ("Red mug", "red", "true", "")
    assert "From the words of 4 similar titles." in page.text
    assert "Similar things cost ₩8,000 to ₩12,000." in page.text
    assert "Our guess: very likely" in page.text
    assert page.text.count("We are not sure.") == 1
    assert client.get(f"/photos/{form['photo']}.jpg").status_code == 200


def test_reload_shows_the_same_and_old_pages_stay(client: FlaskClient, photo: Photo) -> None:
    first = send(client, photo=photo()).headers["Location"]
    before = client.get(first).text
    press(client, "/sell", {**fields_of(client.get(first)), "title": "My own mug"})
    assert client.get(first).text == before
    assert client.get(first).text == before


def test_another_category_keeps_what_was_typed_and_suggests_the_rest_anew(
    client: FlaskClient, photo: Photo, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = fields_of(press(client, photo=photo()))
    asked = []
    suggest = fake_engine.suggest

    def remember(image: bytes, **options: Any) -> Suggestions:
        asked.append(options["category"])
        return suggest(image, **options)

    monkeypatch.setattr(fake_engine, "suggest", remember)
    page = press(client, "/sell", {**form, "title": "My own mug", "price": "12", "choose": "bowl"})
    again = fields_of(page)
    assert asked == ["bowl"]
    assert (again["category"], again["title"], again["price"]) == ("bowl", "My own mug", "12")
    assert again["product_id"].startswith("bowl-")  # it was not typed
    assert re.findall(r'value="(\w+)" aria-current', page.text) == ["bowl"]
    cleared = fields_of(press(client, "/sell", {**again, "colour": "", "attr.handmade": "false"}))
    assert (cleared["colour"], cleared["attr.handmade"]) == ("", "false")


def test_an_unsure_vote_says_so_and_offers_all_categories(
    client: FlaskClient, photo: Photo, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Mugs", "Hats"):
        parts = {"product": json.dumps({"category": name}), "image": (io.BytesIO(photo()), "a.jpg")}
        assert client.put(f"/v1/products/{name}", data=parts).status_code == 201
    suggest = fake_engine.suggest

    def unsure(image: bytes, **options: Any) -> Suggestions:
        seen = suggest(image, **options)
        return Suggestions(**{**vars(seen), "abstained": True, "category": options["category"]})

    monkeypatch.setattr(fake_engine, "suggest", unsure)
    page = press(client, photo=photo())
    assert "We are not sure: choose yourself." in page.text
    assert ('<option value="Hats">' in page.text, '<option value="Mugs">' in page.text) == (True, True)
    assert "title" not in fields_of(page)
    chosen = fields_of(press(client, "/sell", {**fields_of(page), "category": "Hats"}))
    assert (chosen["category"], chosen["title"]) == ("Hats", "Red mug")


def test_it_ends_in_json_that_the_catalogue_takes(client: FlaskClient, photo: Photo) -> None:
    form = fields_of(press(client, photo=photo()))
    page = press(client, "/sell", {**form, "title": "Mug <b>", "price": "9.50", "currency": "EUR", "show": "json"})
    shown = re.search(r'<pre id="json"[^>]*>(.*?)</pre>', page.text, re.DOTALL)
    assert shown
    product = json.loads(html.unescape(shown[1]))
    assert product == {
        "product_id": form["product_id"], "title": "Mug <b>", "category": "mug", "price": 9.5, "currency": "EUR",
        "colour": "red", "attributes": {"handmade": True},
    }  # fmt: skip
    put = client.put(f"/v1/products/{product['product_id']}", data={"product": json.dumps(product)},
                     content_type="multipart/form-data")  # fmt: skip
    assert put.status_code == 201


def test_adding_never_overwrites_a_product_unasked(client: FlaskClient, photo: Photo, settings: Settings) -> None:
    form = fields_of(press(client, photo=photo()))
    added = press(client, "/sell/add", form)
    assert outcome(added) == "added"
    facts = Catalogue(settings.home).get(form["product_id"])
    assert (facts.product.title, facts.product.attributes, len(facts.image_sha256)) == (
        "Red mug",
        {"handmade": True},
        1,
    )
    other = {**form, "title": "Another mug"}
    asked = press(client, "/sell/add", other)
    assert (outcome(asked), "A product has it already: Red mug." in asked.text) == ("exists", True)
    assert Catalogue(settings.home).get(form["product_id"]).product.title == "Red mug"
    assert outcome(press(client, "/sell/add", {**other, "replace": "1"})) == "added"
    assert Catalogue(settings.home).get(form["product_id"]).product.title == "Another mug"


def test_of_two_sellers_at_once_one_gets_the_number(app: Flask, photo: Photo, settings: Settings) -> None:
    form = fields_of(press(app.test_client(), photo=photo()))
    start = threading.Barrier(2)
    found: list[str] = []

    def add(title: str) -> None:
        start.wait()
        found.append(outcome(press(app.test_client(), "/sell/add", {**form, "title": title})))

    threads = [threading.Thread(target=add, args=(title,)) for title in ("One", "Two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["added", "exists"]
    with pytest.raises(ProductExists):
        Catalogue(settings.home).check_new(form["product_id"])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({"price": "a lot"}, "bad_price"), ({"product_id": " "}, "no_number"), ({"product_id": "a/../b"}, "invalid"),
     ({"attr.size": "x" * 30_000}, "invalid")],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/sell/add", "/sell/send", "/sell"])
def test_what_cannot_be_kept_is_said_in_words(
    callback_client: FlaskClient, photo: Photo, path: str, changes: dict[str, str], expected: str
) -> None:
    form = {**fields_of(press(callback_client, photo=photo())), **changes, "show": "json"}
    page = press(callback_client, path, form)
    assert outcome(page) == expected
    name, text = next(iter(changes.items()))
    assert fields_of(page)[name] == text


@pytest.fixture
def shop() -> Iterator[ShopServer]:
    with shop_server() as running:
        yield running


@pytest.fixture
def callback_client(app: Flask, settings: Settings, shop: ShopServer) -> FlaskClient:
    told = settings.replace(seller_callback_url=shop.url, seller_callback_secret=SECRET)
    return create_app(told, app.extensions["lookalike"].engine).test_client()


def test_the_shops_server_gets_the_offer_signed(callback_client: FlaskClient, shop: ShopServer, photo: Photo) -> None:
    form = fields_of(press(callback_client, photo=photo()))
    assert outcome(press(callback_client, "/sell/send", form)) == "sent"
    assert outcome(press(callback_client, "/sell/send", form)) == "sent"
    [first, again] = shop.taken
    assert first["product"]["title"] == "Red mug"
    assert Image.open(io.BytesIO(base64.b64decode(first["photo"]))).format == "JPEG"
    assert first["offer"] == again["offer"]  # so the shop can tell that it is the same
    press(callback_client, "/sell/send", {**form, "title": "Another"})
    assert shop.taken[2]["offer"] != first["offer"]
    assert shop.forged == 0


def test_a_shop_that_says_no_or_is_not_there_is_told(
    callback_client: FlaskClient, shop: ShopServer, photo: Photo
) -> None:
    form = fields_of(press(callback_client, photo=photo()))
    for status in (500, 302):  # a redirect is not followed
        shop.status = status
        page = press(callback_client, "/sell/send", form)
        assert (outcome(page), f"answered {status}" in page.text) == ("refused", True)
    assert len(shop.taken) == 2
    settings = callback_client.application.extensions["lookalike"].settings
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        alone = create_app(settings.replace(seller_callback_url=url)).test_client()
        assert outcome(press(alone, "/sell/send", {**form, "photo": ""})) == "unreachable"


def test_a_shop_that_never_answers_is_waited_for_a_while_only(
    app: Flask, settings: Settings, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback, "_TOTAL_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        told = settings.replace(seller_callback_url=url, seller_callback_secret=SECRET)
        client = create_app(told, app.extensions["lookalike"].engine).test_client()
        form = fields_of(press(client, photo=photo()))
        monkeypatch.setattr(callback, "_TIMEOUT_S", 120)
        assert outcome(press(client, "/sell/send", form)) == "unreachable"


def test_without_an_address_nothing_can_be_sent(client: FlaskClient, photo: Photo) -> None:
    page = press(client, photo=photo())
    assert "/sell/send" not in page.text
    assert send(client, "/sell/send", fields_of(page)).status_code == 404


@pytest.mark.parametrize("path", ["/sell/add", "/sell/send"])
def test_another_sites_page_changes_nothing(
    callback_client: FlaskClient, shop: ShopServer, photo: Photo, path: str
) -> None:
    form = fields_of(press(callback_client, photo=photo()))
    headers = {"Origin": "https://evil.example"}
    answer = callback_client.post(path, data=form, content_type="multipart/form-data", headers=headers)
    assert (answer.status_code, shop.taken) == (403, [])


def test_a_damaged_photo_is_said_in_words_and_what_was_typed_stays(client: FlaskClient, photo: Photo) -> None:
    form = fields_of(press(client, photo=photo()))
    whole = photo("blue", (640, 480))
    page = send(client, "/sell", {**form, "title": "My own mug"}, photo=whole[: len(whole) // 3])
    assert (page.status_code, "data-status" in page.text) == (422, True)
    assert fields_of(page)["title"] == "My own mug"
    page = send(client, "/sell", {**form, "title": "My own mug"}, photo=b"")
    assert (page.status_code, "This photo cannot be read." in page.text) == (422, True)
    page = send(client, photo=b"no photo")
    assert (page.status_code, "A JPEG or PNG photo will do." in page.text) == (415, True)


def test_a_photo_or_an_offer_that_is_gone_is_said(client: FlaskClient, photo: Photo, app: Flask) -> None:
    assert client.get(f"/sell?offer={'0' * 64}").status_code == 404
    form = fields_of(press(client, photo=photo()))
    gone = press(client, "/sell", {**form, "photo": "0" * 64, "title": "My own mug"})
    assert gone.status_code == 404
    assert "Choose it once more." in gone.text
    assert fields_of(gone)["title"] == "My own mug"
    assert send(client, "/sell/add", {**form, "photo": "0" * 64}).status_code == 404


def test_before_the_first_rebuild_the_form_is_filled_in_by_hand(
    client: FlaskClient, photo: Photo, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object, **__: object) -> None:
        raise NoGeneration("nothing is live.")

    monkeypatch.setattr(fake_engine, "suggest", none)
    form = fields_of(press(client, photo=photo()))
    assert (form["title"], form["product_id"][:6]) == ("", "offer-")
    assert outcome(press(client, "/sell/add", {**form, "title": "First of all"})) == "added"


def test_where_nothing_is_kept_the_form_works_all_the_same(app: Flask, settings: Settings, photo: Photo) -> None:
    client = create_app(settings.replace(photo_id_minutes=0), app.extensions["lookalike"].engine).test_client()
    page = send(client, photo=photo())
    assert (page.status_code, fields_of(page)["title"]) == (200, "Red mug")
    assert outcome(send(client, "/sell/add", fields_of(page))) == "no_number"  # it is made of the photo's digits
    assert outcome(send(client, "/sell/add", {**fields_of(page), "product_id": "mug-1"})) == "added"


def test_with_keys_in_use_each_step_asks_for_its_own(client: FlaskClient, photo: Photo, settings: Settings) -> None:
    address = send(client, photo=photo()).headers["Location"]
    form = fields_of(client.get(address))
    keys = {scope: {"Authorization": f"Bearer {Keys(settings.home).create([scope])}"} for scope in ("search", "write")}
    assert client.get("/sell").status_code == 200
    refused = client.get(address)
    assert (refused.status_code, 'data-status="401"' in refused.text, "Red mug" in refused.text) == (401, True, False)
    assert "Red mug" in client.get(address, headers=keys["search"]).text
    statuses = [
        client.post("/sell/add", data=form, content_type="multipart/form-data", headers=header).status_code
        for header in ({}, keys["search"], keys["write"])
    ]
    assert statuses == [401, 403, 303]


def test_an_offer_that_is_far_too_long_is_refused(client: FlaskClient, photo: Photo) -> None:
    form = fields_of(press(client, photo=photo()))
    assert send(client, "/sell", {**form, "description": "가" * 40_000}).status_code == 400
