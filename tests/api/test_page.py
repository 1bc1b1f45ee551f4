"""The page as the server renders it: it works without JavaScript and never lets a shop's text become markup."""

import hashlib
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest
from fake_engine import FakeEngine
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from api.app import create_app
from api.languages import money
from api.page import photo_address
from api.page.form import PageForm, read_page_form
from data.catalogue import parse_product, product_fields
from data.columns import FacetCounts
from data.filters import parse_filter, quoted
from data.settings import Settings
from engine.search import SearchAnswer, SearchRequest
from engine.understanding import Constraint

Photo = Callable[..., bytes]
NASTY = '<script>alert("1")</script>\' onload=x & "quoted"'


def stock(client: FlaskClient, photo: Photo, count: int = 3) -> None:
    for number in range(count):
        facts = {"title": f"Mug {number}", "brand": "Acorn", "category": "Kitchen", "price": 9.5 + number,
                 "currency": "EUR", "colour": "red"}  # fmt: skip
        parts = {"product": json.dumps(facts), "image": (io.BytesIO(photo(size=(64 + number, 64))), "x.jpg")}
        assert client.put(f"/v1/products/p{number}", data=parts).status_code == 201


def test_the_empty_page_offers_starting_points(client: FlaskClient, photo: Photo) -> None:
    stock(client, photo)
    page = client.get("/").get_data(as_text=True)
    assert len(re.findall(r'href="/\?product=p\d" data-search', page)) == 3
    assert "€9.50" in page
    assert "<fieldset" not in page


def test_filters_are_the_facts_that_the_catalogue_has_with_the_chosen_values_first(
    client: FlaskClient, photo: Photo
) -> None:
    stock(client, photo)
    assert client.patch("/v1/products/p2", json={"category": "Garden", "colour": "blue"}).status_code == 200
    page = client.get("/?q=mug&category=Kitchen").get_data(as_text=True)
    assert re.findall(r'name="(\w+)" value="(\w+)" (checked)?', page[page.index("<fieldset") :]) == [
        ("category", "Kitchen", "checked"), ("category", "Garden", ""), ("colour", "red", ""), ("colour", "blue", ""),
    ]  # fmt: skip


def test_nothing_is_offered_that_needs_the_photo_which_a_product_lacks(client: FlaskClient, photo: Photo) -> None:
    stock(client, photo, 1)
    facts = {"product": json.dumps({"title": "Mug without a photo"})}
    assert client.put("/v1/products/bare", data=facts, content_type="multipart/form-data").status_code == 201
    seen, bare = re.findall(
        r'<li class="card" data-product.*?</li>', client.get("/?q=mug").get_data(as_text=True), re.S
    )
    assert [("Similar to" in card, "More like" in card, "Not Mug" in card) for card in (seen, bare)] == [
        (True, True, True), (False, False, True),
    ]  # fmt: skip
    assert "Similar products" in client.get("/p/p0").get_data(as_text=True)
    assert "Similar products" not in client.get("/p/bare").get_data(as_text=True)
    liked = client.get("/?q=mug&like=bare").get_data(as_text=True)
    assert "You liked Mug without a photo: take that back" in liked


def test_text_search_is_a_plain_form(client: FlaskClient, photo: Photo) -> None:
    stock(client, photo)
    page = client.get("/?q=mug&brand=Acorn&min_price=10").get_data(as_text=True)
    assert re.findall(r'data-product="(\w+)"', page) == ["p1", "p2"]
    assert 'value="mug"' in page
    assert 'alt="Mug 1"' in page


def send(client: FlaskClient, content: bytes, **fields: str) -> TestResponse:
    return client.post("/", data={"file": (io.BytesIO(content), "x.jpg"), **fields})


def test_photo_search_works_without_javascript_and_pages_on_by_cursor(
    client: FlaskClient, fake_engine: FakeEngine, photo: Photo
) -> None:
    stock(client, photo, 26)
    answer = send(client, photo("blue"), q="")
    assert answer.status_code == 303
    page = client.get(answer.location).get_data(as_text=True)
    assert f'src="/photos/{answer.location.partition("photo=")[2]}.jpg"' in page
    link = re.search(r'class="more-button" href="([^"]+)"', page)
    assert link
    rest = client.get(link[1].replace("&amp;", "&")).get_data(as_text=True)
    assert page.count("data-product=") + rest.count("data-product=") == 26
    assert "more-button" not in rest


def test_the_photo_is_kept_small_and_without_what_its_file_told(client: FlaskClient, fake_engine: FakeEngine) -> None:
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x010E], exif[0x0112] = "taken at home", 6  # description; turned by a quarter
    Image.new("RGB", (3000, 1500), "blue").save(out, "JPEG", exif=exif)
    address = send(client, out.getvalue(), q="in red").location
    assert parse_qs(urlsplit(address).query)["q"] == ["in red"]
    client.get(address)
    kept = fake_engine.requests[-1].image or b""
    with Image.open(io.BytesIO(kept)) as image:
        assert (image.size, image.format, dict(image.getexif())) == ((512, 1024), "JPEG", {})
    photo_id = hashlib.sha256(kept).hexdigest()
    assert client.get(f"/photos/{photo_id}.jpg").data == kept
    assert client.post("/v1/search/image", json={"photo_id": photo_id}).get_json()["photo_id"] == photo_id


def test_one_request_answers_hits_and_what_the_photo_shows(client: FlaskClient, photo: Photo) -> None:
    stock(client, photo)
    parts = send(client, photo("blue"), fragment="1", category="mug").get_data(as_text=True)
    assert parts.count("data-part=") == 4
    assert re.findall(r'<a class="chip label"[^>]*?( aria-current="true")?>(\w+)</a>', parts) == [
        (' aria-current="true"', "mug"), ("", "bowl"), ("", "shoe"),
    ]  # fmt: skip
    assert '<input type="hidden" name="photo" value="' in parts


def test_a_photo_that_is_gone_is_asked_for_again_in_a_shoppers_words(client: FlaskClient, photo: Photo) -> None:
    page = client.get("/?photo=" + "0" * 64)
    assert page.status_code == 404
    assert "Choose it once more" in page.get_data(as_text=True)
    assert client.get(f"/photos/{'0' * 64}.jpg").status_code == 404


def test_the_address_of_a_photo_in_place_of_words_is_searched_by(
    settings: Settings, fake_engine: FakeEngine, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def fetch(url: str, _: Settings) -> bytes:
        asked.append(url)
        return photo("blue")

    monkeypatch.setattr(photo_address, "fetch_image", fetch)
    client = create_app(settings.replace(fetch_urls=True), fake_engine).test_client()
    stock(client, photo)
    answer = client.get("/", query_string={"q": " https://shop.example/a.jpg ", "brand": "Acorn"})
    assert (answer.status_code, asked) == (303, ["https://shop.example/a.jpg"])
    assert re.fullmatch(r"/\?photo=[0-9a-f]{64}&brand=Acorn", answer.location)
    assert "Products like your photo" in client.get(answer.location).get_data(as_text=True)
    client.get("/?q=mug+https://shop.example/a.jpg")
    assert (fake_engine.requests[-1].text, len(asked)) == ("mug https://shop.example/a.jpg", 1)


def test_an_empty_file_is_said_and_no_file_is_no_photo(client: FlaskClient) -> None:
    for name, status in (("photo", 422), ("", 200)):  # browsers send a part without a name where no file was chosen
        part = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n\r\n--b--\r\n'
        answer = client.post("/", data=part, content_type="multipart/form-data; boundary=b")
        assert (answer.status_code, 'data-status="422"' in answer.text) == (status, status == 422)


def test_where_addresses_are_not_fetched_the_page_says_what_to_do(client: FlaskClient) -> None:
    answer = client.get("/?q=https://shop.example/a.jpg")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.get_data(as_text=True)
    assert "LOOKALIKE" not in answer.get_data(as_text=True)


def test_where_photos_are_not_kept_the_answer_comes_at_once(
    settings: Settings, fake_engine: FakeEngine, photo: Photo
) -> None:
    client = create_app(settings.replace(photo_id_minutes=0), fake_engine).test_client()
    stock(client, photo, 26)
    answer = send(client, photo("blue"))
    assert answer.status_code == 200
    link = re.search(r'class="more-button" href="([^"]+)"', answer.get_data(as_text=True))
    assert link
    assert link[1] == "/?cursor=24"
    found = client.post("/v1/search/image", data={"file": (io.BytesIO(photo()), "x.jpg")}).get_json()
    assert found["photo_id"] is None


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


def test_words_are_first_asked_without_what_they_do_not_mean(
    client: FlaskClient, fake_engine: FakeEngine, photo: Photo
) -> None:
    stock(client, photo)

    def asked(path: str) -> list[tuple[float, int]]:
        fake_engine.requests.clear()
        assert client.get(path).status_code == 200
        return [(request.min_probability, request.less_likely) for request in fake_engine.requests]

    assert asked("/?q=mug") == [(0.01, 0)]
    assert asked("/?q=zebra") == [(0.01, 0), (0.0, 0)]  # nothing is left then: what comes closest is shown
    assert asked("/?q=mug&sort=price") == [(0.15, 0)]
    assert asked("/?q=mug&wide=1") == [(0.15, 12)]
    assert asked("/?product=p1") == [(0.0, 0)]
    photo_address = send(client, photo("blue")).location
    assert asked(photo_address) == [(0.15, 12)]
    assert asked(f"{photo_address}&sort=price") == [(0.15, 12)]  # the same products in another order


def test_what_other_values_would_give_is_asked_for_few_facts(
    client: FlaskClient, fake_engine: FakeEngine, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock(client, photo)
    search = fake_engine.search

    def counting(asked: SearchRequest) -> SearchAnswer:
        return replace(search(asked), facets={name.lstrip("~"): FacetCounts() for name in asked.facets.split(",")})

    monkeypatch.setattr(fake_engine, "search", counting)

    def counted_again(path: str) -> set[str]:
        fake_engine.requests.clear()
        assert client.get(path).status_code == 200
        return {asked.facets for asked in fake_engine.requests if asked.k == 1}

    assert counted_again("/?q=mug") == set()
    assert counted_again("/?q=mug&brand=Acorn") == {"brand"}
    assert counted_again(chosen := "/?q=mug&brand=Acorn&category=Kitchen&colour=red") == {"brand", "category", "colour"}
    monkeypatch.setattr("api.page.search._MOST_COUNTED_AGAIN", 2)
    assert len(counted_again(chosen)) == 2


def test_where_nothing_tells_what_fits_only_the_closest_are_sorted(
    client: FlaskClient, fake_engine: FakeEngine, photo: Photo
) -> None:
    stock(client, photo)
    photo_address = send(client, photo("blue")).location

    def asked(path: str) -> int:
        assert client.get(path).status_code == 200
        return fake_engine.requests[-1].closest

    judged = ("/?q=mug&like=p1", "/?q=mug&unlike=p1", "/?like=p1", "/?product=p1", f"{photo_address}&like=p1")
    assert [asked(f"{path}&sort=price") for path in judged] == [24] * len(judged)
    others = ("/?q=mug&sort=price", f"{photo_address}&sort=price", *judged)
    assert [asked(path) for path in others] == [0] * len(others)


def test_the_list_of_orders_shows_the_one_that_the_words_ask_for(
    client: FlaskClient, fake_engine: FakeEngine, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock(client, photo)
    search, best = fake_engine.search, '<option value="">Best match first</option>'
    asked = (Constraint("cheapest", sort="price"),)
    assert best in client.get("/?q=mug").get_data(as_text=True)
    monkeypatch.setattr(fake_engine, "search", lambda request: replace(search(request), understood=asked))
    page = client.get("/?q=mug").get_data(as_text=True)
    assert '<option value="">Lowest price first</option>' in page  # empty, so that the next words are not sorted by it
    assert page.count("Lowest price first") == 1
    assert best not in page
    assert '<option value="relevance" >Best match first</option>' in page
    by_relevance = client.get("/?q=mug&sort=relevance").get_data(as_text=True)
    assert '<option value="relevance" selected>Best match first</option>' in by_relevance
    assert '<option value="-price" selected>' in client.get("/?q=mug&sort=-price").get_data(as_text=True)


def test_words_that_find_little_lead_to_what_is_less_similar(
    client: FlaskClient, fake_engine: FakeEngine, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock(client, photo)
    way_on = "Show less similar products"
    assert way_on not in client.get("/?q=mug").get_data(as_text=True)  # nobody can tell how well they match
    monkeypatch.setattr(fake_engine, "likely", lambda *_: 1)
    assert 'href="/?q=mug&amp;wide=1" data-search>Show less similar' in client.get("/?q=mug").get_data(as_text=True)
    assert way_on not in client.get("/?q=mug&wide=1").get_data(as_text=True)
    monkeypatch.setattr(fake_engine, "likely", lambda *_: 0)
    assert way_on not in client.get("/?q=mug").get_data(as_text=True)  # what comes closest is shown already


def test_a_fragment_is_the_results_alone(client: FlaskClient, photo: Photo) -> None:
    stock(client, photo)
    fragment = client.get("/?product=p1&fragment=1").get_data(as_text=True)
    assert 'data-url="/?product=p1"' in fragment
    assert "<html" not in fragment
    assert "Similar to Mug 1" in fragment


def test_liked_and_unliked_products_are_links_and_chips_that_take_them_back(
    client: FlaskClient, fake_engine: FakeEngine, photo: Photo
) -> None:
    stock(client, photo)
    page = client.get("/?q=mug&like=p1&unlike=gone").get_data(as_text=True)
    assert (fake_engine.requests[-1].like, fake_engine.requests[-1].unlike) == (("p1",), ("gone",))
    links = dict(re.findall(r'href="([^"]+)" (?:data-search )?aria-label="([^"]+)"', page.replace("&amp;", "&")))
    by_label = {label: parse_qs(urlsplit(url).query) for url, label in links.items()}
    assert by_label["More like Mug 0"] == {"q": ["mug"], "like": ["p1", "p0"], "unlike": ["gone"]}
    assert by_label["You liked Mug 1: take that back"] == {"q": ["mug"], "unlike": ["gone"]}
    assert by_label["Not Mug 1"] == {"q": ["mug"], "unlike": ["gone", "p1"]}
    assert re.findall(r'class="chip (?:un)?like" href="([^"]+)" data-search\s*><span>([^<]+)</span>', page) == [
        ("/?q=mug&amp;unlike=gone", "Like: Mug 1"), ("/?q=mug&amp;like=p1", "Not like: gone"),
    ]  # fmt: skip
    assert re.findall(r'type="hidden" name="(\w*like)" value="(\w+)"', page) == [("like", "p1"), ("unlike", "gone")]


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
    assert "Nothing to search yet" in response.get_data(as_text=True)


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
        is_data = names.get("type") == "application/ld+json"  # which no browser runs
        if (tag == "script" and "src" not in names and not is_data) or tag == "style":
            self.found.append(tag)
        self.found += [name for name in names if name == "style" or name.startswith("on")]


def test_a_shops_text_never_becomes_markup(client: FlaskClient, photo: Photo) -> None:
    facts = dict.fromkeys(("title", "brand", "category", "colour", "description"), NASTY)
    parts = {"product": json.dumps({**facts, "price": 3, "currency": "<b>"}), "image": (io.BytesIO(photo()), "x.jpg")}
    assert client.put("/v1/products/%3Cb%3E%22x", data=parts).status_code == 201
    for path in (
        "/",
        "/?q=script",
        "/p/%3Cb%3E%22x",
        "/p/%3Cb%3E%22x?q=script&query_id=q1",
        "/?product=%3Cb%3E%22x",
        "/?q=%3Cscript%3Ex&brand=%22%3E%3Cb%3E&colour=%3Ci%3E",
    ):
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
        ("brand", 'A"c\\me'), ("brand", "Oak"), ("colour", "red"), ("colour", "blue"), ("colour", ""),
        ("min_price", "5"), ("max_price", "10.50"), ("in_stock", "1"),
    ]))  # fmt: skip
    chosen = parse_filter(form.filter())
    fits = {"product_id": "x", "brand": 'a"C\\ME', "colour": "Blue", "price": 10.5, "in_stock": True}

    def passes(**changes: object) -> bool:
        return chosen.matches(product_fields(parse_product({**fits, **changes})))

    assert passes()
    assert passes(brand="oak")
    assert not any([passes(brand="acme"), passes(colour="green"), passes(price=10.51), passes(price=4.99),
                    passes(in_stock=False), passes(price=None)])  # fmt: skip
    assert form.filter_count == 6
    assert PageForm().filter() == ""


@pytest.mark.parametrize(
    ("price", "currency", "shown"),
    [(1234.5, "USD", "$1,234.50"), (19000, "KRW", "₩19,000"), (9.5, "", "9.50"), (9.5, "won", "won9.50"),
     (None, "USD", "")],
)  # fmt: skip
def test_prices_are_shown_as_their_currency_is_written(price: float | None, currency: str, shown: str) -> None:
    assert money(price, currency) == shown
