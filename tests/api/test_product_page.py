"""A product's own page: all that is known of it, the way back to the search, and what is said when it is gone."""

import io
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from fake_engine import FakeEngine
from flask.testing import FlaskClient

from data.errors import NoGeneration
from data.keys import Keys
from data.settings import Settings
from engine.answers import MAX_TEXT

Photo = Callable[..., bytes]
BROWSER = {"Accept": "text/html"}
URL = "https://shop.example/mug?a=1&b=%22"
FACTS = {
    "title": "Red mug", "description": "First line.\n<b>Second</b> line.", "brand": "Acorn", "category": "Kitchen",
    "price": 9.5, "currency": "EUR", "colour": "red", "url": URL, "in_stock": False,
    "attributes": {"material": "stoneware", "shoe_size": 42, "hand_made": True},
}  # fmt: skip
IDS = [
    "plain",
    "with space",
    "빨간 머그",
    "a%b",
    "a?b#c&d=e",
    "'quotes\"<b>",
    "...",
    "a/b",
    "/a",
    "a//b",
    "a/b/",
    "a%2Fb",
]


def put(client: FlaskClient, product_id: str, facts: dict[str, Any], *contents: bytes) -> None:
    images = [(io.BytesIO(content), "x.jpg") for content in contents]
    parts: dict[str, Any] = {"product": json.dumps(facts), "image": images}
    url = f"/v1/products/{quote(product_id, safe='')}"
    assert client.put(url, data=parts, content_type="multipart/form-data").status_code == 201


@pytest.fixture
def mug(client: FlaskClient, photo: Photo) -> str:
    put(client, "mug", FACTS, photo("red"), photo("blue"))
    put(client, "other", {"title": "Other mug"}, photo("green"))
    return "mug"


def shown(client: FlaskClient, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.get_data(as_text=True)


def test_a_product_is_shown_with_its_photos_and_facts(client: FlaskClient, mug: str) -> None:
    page = shown(client, "/p/mug")
    images = client.get("/v1/products/mug").get_json()["images"]
    assert re.findall(r'href="(/thumbs/\w+.webp)\?side=1280" data-zoom', page) == [one["image_url"] for one in images]
    assert re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page) == [
        ("Brand", "Acorn"), ("Category", "Kitchen"), ("Colour", "red"),
        ("Hand made", "Yes"), ("Material", "stoneware"), ("Shoe size", "42"),
    ]  # fmt: skip
    for words in ("Red mug</h1>", "€9.50", "Out of stock", "First line.\n&lt;b&gt;Second&lt;/b&gt; line."):
        assert words in page
    assert 'href="https://shop.example/mug?a=1&amp;b=%22" rel="noopener"' in page


def test_similar_products_lead_to_their_own_pages(client: FlaskClient, fake_engine: FakeEngine, mug: str) -> None:
    page = shown(client, "/p/mug?q=red")
    assert 'href="/p/other?q=red" data-panel' in page
    assert 'href="/?product=mug"' in page
    assert (fake_engine.requests[-1].product_id, fake_engine.requests[-1].k) == ("mug", 8)


def test_the_search_stays_in_the_address_for_the_way_back_and_says_why(client: FlaskClient, mug: str) -> None:
    page = shown(client, "/?q=mug&brand=Acorn&in_stock=")
    link = re.search(r'href="([^"]+)" data-panel>Red mug', page)
    assert link
    assert link[1] == "/p/mug?q=mug&amp;brand=Acorn&amp;query_id=q1"
    page = shown(client, link[1].replace("&amp;", "&"))
    assert 'href="/?q=mug&amp;brand=Acorn"' in page
    assert "Its texts have your words: mug" in page
    assert "Photo 1 of 2 comes closest" in page
    assert "Why this was found" not in shown(client, "/p/mug?q=mug&query_id=old")


@pytest.mark.parametrize("product_id", IDS)
def test_any_id_has_a_page_that_hits_lead_to(client: FlaskClient, photo: Photo, product_id: str) -> None:
    put(client, product_id, {"title": "Odd mug"}, photo())
    link = re.search(r'href="([^"]+)" data-panel>Odd mug', shown(client, "/?q=odd"))
    assert link
    page = shown(client, link[1].replace("&amp;", "&"))
    assert json.loads(re.findall(r'ld\+json">(.*?)</script>', page)[0])["sku"] == product_id


def test_search_engines_read_the_facts(client: FlaskClient, mug: str) -> None:
    page = shown(client, "/p/mug")
    facts = json.loads(re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)[0])
    assert (facts["@type"], facts["name"], facts["brand"]["name"]) == ("Product", "Red mug", "Acorn")
    assert facts["offers"] == {"@type": "Offer", "price": 9.5, "priceCurrency": "EUR", "url": URL,
                               "availability": "https://schema.org/OutOfStock"}  # fmt: skip
    assert facts["image"][0].startswith("http://localhost/thumbs/")


def test_a_product_that_never_was_is_told_in_a_shoppers_words(client: FlaskClient, mug: str) -> None:
    assert client.get("/p/none?q=red").content_type == "application/problem+json"
    response = client.get("/p/none?q=red", headers=BROWSER)
    page = response.get_data(as_text=True)
    assert response.status_code == 404
    assert "This product is no longer there." in page
    assert 'href="/?q=red">Back to the results' in page
    assert "<html" not in client.get("/p/none?fragment=1", headers=BROWSER).get_data(as_text=True)


def test_a_deleted_product_is_no_longer_sold_and_leads_to_similar_ones(client: FlaskClient, mug: str) -> None:
    put(client, "mug-2", {"title": "Red mug with a lid"})
    client.delete("/v1/products/mug")
    assert client.get("/p/mug").status_code == 404  # a program
    response = client.get("/p/mug?q=red", headers=BROWSER)
    page = response.get_data(as_text=True)
    assert response.status_code == 410
    assert "This product is no longer sold." in page
    assert 'href="/p/mug-2?q=red" data-panel>Red mug with a lid' in page
    assert 'href="/?q=red">Back to the results' in page
    assert "Acorn" not in page, "nothing else of it is shown"
    part = client.get("/p/mug?fragment=1", headers=BROWSER)
    assert (part.status_code, "<html" in part.text, "mug-2" in part.text) == (410, False, True)
    client.delete("/v1/products/mug?purge=true")
    assert client.get("/p/mug", headers=BROWSER).status_code == 404


def test_the_long_title_of_a_deleted_product_is_cut_to_what_a_search_takes(
    client: FlaskClient, fake_engine: FakeEngine
) -> None:
    put(client, "long", {"title": "red mug " * 200})
    client.delete("/v1/products/long")
    assert client.get("/p/long", headers=BROWSER).status_code == 410
    assert len(fake_engine.requests[-1].text) == MAX_TEXT


def test_without_a_generation_the_facts_are_still_there(
    client: FlaskClient, fake_engine: FakeEngine, mug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise NoGeneration("none")

    monkeypatch.setattr(fake_engine, "on_search", refuse)
    page = shown(client, "/p/mug")
    assert "Red mug</h1>" in page
    assert 'id="alike"' not in page


def test_a_shop_with_keys_shows_products_to_their_holders_alone(
    client: FlaskClient, settings: Settings, mug: str
) -> None:
    key = Keys(settings.home).create(["search"])
    response = client.get("/p/mug", headers=BROWSER)
    assert response.status_code == 401
    assert "Red mug" not in response.get_data(as_text=True)
    assert client.get("/p/mug", headers={"Authorization": f"Bearer {key}"}).status_code == 200
