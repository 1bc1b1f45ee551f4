"""The page as the server renders it: it works without JavaScript and never lets a shop's text become markup."""

import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest
from fake_engine import FakeEngine
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from api.page.form import PageForm, read_page_form
from api.page.routes import money
from data.catalogue import parse_product, product_fields
from data.filters import parse_filter, quoted

Photo = Callable[..., bytes]
NASTY = '<script>alert("1")</script>\' onload=x & "quoted"'


def stock(client: FlaskClient, photo: Photo, count: int = 3) -> None:
    for number in range(count):
        facts = {"title": f"Mug {number}", "brand": "Acorn", "category": "Kitchen", "price": 9.5 + number,
                 "currency": "EUR", "colour": "red"}  # fmt: skip
        parts = {"product": json.dumps(facts), "image": (io.BytesIO(photo(size=(64 + number, 64))), "x.jpg")}
        assert client.put(f"/v1/products/p{number}", data=parts).status_code == 201


def test_the_empty_page_offers_starting_points_and_filters(client: FlaskClient, photo: Photo) -> None:
    stock(client, photo)
    page = client.get("/").get_data(as_text=True)
    assert page.count("data-similar") == 3
    assert "<option >Acorn</option>" in page
    assert 'value="red"' in page
    assert "€9.50" in page


def test_text_search_is_a_plain_form(client: FlaskClient, photo: Photo) -> None:
    stock(client, photo)
    page = client.get("/?q=mug&brand=Acorn&min_price=10").get_data(as_text=True)
    assert re.findall(r'data-product="(\w+)"', page) == ["p1", "p2"]
    assert 'value="mug"' in page
    assert 'alt="Mug 1"' in page


def test_photo_search_works_without_javascript_and_pages_on_by_cursor(
    client: FlaskClient, fake_engine: FakeEngine, photo: Photo
) -> None:
    stock(client, photo, 26)
    page = client.post("/", data={"file": (io.BytesIO(photo("blue")), "x.jpg"), "q": ""}).get_data(as_text=True)
    assert fake_engine.requests[-1].image == photo("blue")
    link = re.search(r'class="more-button" href="([^"]+)"', page)
    assert link
    rest = client.get(link[1].replace("&amp;", "&")).get_data(as_text=True)
    assert page.count("data-product=") + rest.count("data-product=") == 26
    assert "more-button" not in rest


def test_text_pages_keep_words_and_filters(client: FlaskClient, fake_engine: FakeEngine, photo: Photo) -> None:
    stock(client, photo, 26)
    page = client.get("/?q=mug&colour=red&colour=blue&in_stock=1").get_data(as_text=True)
    link = re.search(r'class="more-button" href="([^"]+)"', page)
    assert link
    query = parse_qs(urlsplit(link[1].replace("&amp;", "&")).query)
    assert query == {"q": ["mug"], "colour": ["red", "blue"], "in_stock": ["1"], "cursor": ["24"]}
    client.get("/", query_string=query)
    assert fake_engine.requests[-1].filter == fake_engine.requests[-2].filter
    assert fake_engine.requests[-1].cursor == "24"


def test_a_fragment_is_the_results_alone(client: FlaskClient, photo: Photo) -> None:
    stock(client, photo)
    fragment = client.get("/?product=p1&fragment=1").get_data(as_text=True)
    assert "<html" not in fragment
    assert "Similar to Mug 1" in fragment


@pytest.mark.parametrize(("query", "status", "words"), [
    ("q=mug&min_price=cheap", 400, "A price must be a number"),
    ("product=none", 404, "no longer there"),
    ("cursor=" + "9" * 5000, 400, "could not be understood"),
])  # fmt: skip
def test_errors_are_shown_on_the_page(client: FlaskClient, query: str, status: int, words: str) -> None:
    response = client.get("/?" + query)
    assert response.status_code == status
    assert words in response.get_data(as_text=True)
    assert 'role="alert"' in response.get_data(as_text=True)


def test_without_a_generation_the_page_says_so(client: FlaskClient, fake_engine: FakeEngine) -> None:
    fake_engine.generation = None
    assert "Nothing to search yet" in client.get("/").get_data(as_text=True)
    response = client.get("/?q=mug")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert "Not just now" in response.get_data(as_text=True)


def test_no_results(client: FlaskClient, photo: Photo) -> None:
    stock(client, photo)
    assert "No matches" in client.get("/?q=zebra").get_data(as_text=True)
    assert "Nothing passes these filters" in client.get("/?q=mug&max_price=1").get_data(as_text=True)


class _Tags(HTMLParser):
    """Collects scripts, event attributes and inline styles."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if (tag == "script" and "src" not in names) or tag == "style":
            self.found.append(tag)
        self.found += [name for name in names if name == "style" or name.startswith("on")]


def test_a_hit_leads_to_its_page_in_the_shop(client: FlaskClient, photo: Photo) -> None:
    address = "https://shop.example/mug?a=1&b=%22"
    parts = {"product": json.dumps({"title": "Mug", "url": address}), "image": (io.BytesIO(photo()), "x.jpg")}
    assert client.put("/v1/products/a%2Fb", data=parts).status_code == 201
    page = client.get("/?q=mug").get_data(as_text=True)
    assert '<a href="https://shop.example/mug?a=1&amp;b=%22" rel="noopener">Mug</a>' in page
    assert client.get("/?product=a/b").status_code == 200


def test_a_shops_text_never_becomes_markup(client: FlaskClient, photo: Photo) -> None:
    facts = dict.fromkeys(("title", "brand", "category", "colour", "description"), NASTY)
    parts = {"product": json.dumps({**facts, "price": 3, "currency": "<b>"}), "image": (io.BytesIO(photo()), "x.jpg")}
    assert client.put("/v1/products/%3Cb%3E%22x", data=parts).status_code == 201
    for path in ("/", "/?q=script", "/?product=%3Cb%3E%22x", "/?q=%3Cscript%3Ex&brand=%22%3E%3Cb%3E&colour=%3Ci%3E"):
        page = client.get(path).get_data(as_text=True)
        tags = _Tags()
        tags.feed(page)
        assert tags.found == []
        assert "<script>alert" not in page


@given(st.text(max_size=60).filter(lambda text: not any(0xD800 <= ord(letter) <= 0xDFFF for letter in text)))
def test_any_value_can_be_quoted_in_a_filter(text: str) -> None:
    chosen = parse_filter(f"brand = {quoted(text)}")
    assert chosen.matches({"brand": text}) == bool(text)
    assert not chosen.matches({"brand": text + "x"})


def test_the_form_as_a_filter_means_what_the_shopper_chose() -> None:
    form = read_page_form(MultiDict([
        ("brand", 'A"c\\me'), ("colour", "red"), ("colour", "blue"), ("colour", ""), ("min_price", "5"),
        ("max_price", "10.50"), ("in_stock", "1"),
    ]))  # fmt: skip
    chosen = parse_filter(form.filter())
    fits = {"product_id": "x", "brand": 'a"C\\ME', "colour": "Blue", "price": 10.5, "in_stock": True}

    def passes(**changes: object) -> bool:
        return chosen.matches(product_fields(parse_product({**fits, **changes})))

    assert passes()
    assert not any([passes(brand="acme"), passes(colour="green"), passes(price=10.51), passes(price=4.99),
                    passes(in_stock=False), passes(price=None)])  # fmt: skip
    assert form.filter_count == 4
    assert PageForm().filter() == ""


@pytest.mark.parametrize(
    ("price", "currency", "shown"),
    [(1234.5, "USD", "$1,234.50"), (19000, "KRW", "₩19,000"), (9.5, "", "9.50"), (9.5, "won", "won9.50"),
     (None, "USD", "")],
)  # fmt: skip
def test_prices_are_shown_as_their_currency_is_written(price: float | None, currency: str, shown: str) -> None:
    assert money(price, currency) == shown
