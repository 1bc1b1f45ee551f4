"""What shoppers read when something goes wrong: in both languages, without a setting's name or bytes, with a way on."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from fake_engine import FakeEngine
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from api.app import create_app
from api.languages import LANGUAGES
from api.problems import STATUS, shopper_words
from data.errors import InvalidImage
from data.settings import Settings
from engine.errors import Overloaded

Photo = Callable[..., bytes]
NOT_FOR_SHOPPERS = re.compile(r"LOOKALIKE|bytes|megapixels|\b[a-z]+_[a-z_]+\b|`|바이트")
WAYS = {"retry", "photo", "filters", "key", "start", "none"}


def test_every_error_has_words_in_both_languages(app: Flask) -> None:
    for language in LANGUAGES:
        with app.test_request_context(f"/?lang={language}"):
            of_errors = [shopper_words(status, kind.__new__(kind)) for kind, status in STATUS]
            of_codes = [shopper_words(422, InvalidImage("", code=code)) for code in ("url_refused", "image_too_small")]
            of_statuses = [shopper_words(status) for status in (400, 401, 404, 405, 413, 415, 429, 500, 503, 507)]
            for words in (*of_errors, *of_codes, *of_statuses):
                assert words.way_on in WAYS
                for text in (words.title, words.sentence):
                    assert not NOT_FOR_SHOPPERS.search(text)
                    assert bool(re.search("[가-힣]", text)) == (language == "ko"), text


def picture(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(out, "PNG")
    return out.getvalue()


GOOD = picture(64, 64)


@pytest.mark.parametrize(
    ("content", "status", "title", "korean"),
    [
        (b"this is no photo", 415, "Not a photo", "사진이 아니에요"),
        (GOOD[: len(GOOD) // 2], 422, "Damaged photo", "사진을 읽을 수 없어요"),
        (GOOD + b"\0" * 20_000, 413, "Too large", "너무 커요"),
        (picture(400, 300), 413, "Too large", "너무 커요"),
        (picture(8, 8), 422, "Too small", "너무 작아요"),
        (picture(800, 20), 422, "Too narrow", "너무 좁아요"),
    ],
)
def test_a_photo_that_cannot_be_used(
    settings: Settings, fake_engine: FakeEngine, content: bytes, status: int, title: str, korean: str
) -> None:
    limits = settings.replace(max_image_bytes=20_000, max_pixels=100_000)
    client = create_app(limits, fake_engine).test_client()
    for language, heading in (("en", title), ("ko", korean)):
        parts = {"file": (io.BytesIO(content), "x.jpg")}
        answer = client.post(f"/?lang={language}", data=parts)
        notice = notice_of(answer.get_data(as_text=True))
        assert answer.status_code == status
        assert heading in notice
        assert "data-pick" in notice
        assert not NOT_FOR_SHOPPERS.search(re.sub("<[^>]+>", "", notice))


def notice_of(page: str) -> str:
    """Returns the notice of a page, but not those of its templates."""
    found = re.search(r'<section class="notice".*?</section>', page[page.index("<main") :], re.S)
    assert found
    return found[0]


def busy() -> None:
    raise Overloaded("too many queries wait; the limit is LOOKALIKE_QUEUE_SIZE.")


@pytest.mark.parametrize(
    ("address", "change", "status", "title", "way_on"),
    [
        ("/?q=mug", {"on_search": busy}, 503, "Not just now", 'href="/?q=mug" data-search>Try again'),
        ("/?q=mug", {"generation": None}, 503, "Nothing to search yet", 'href="/?q=mug" data-search>Try again'),
        ("/?q=mug&min_price=x&brand=a", {}, 400, "That did not work", 'href="/?q=mug" data-search>Take the filters'),
        ("/?photo=gone", {}, 404, "Your photo is gone", "data-pick"),
        ("/?product=gone", {}, 404, "No longer here", 'href="/">Start again'),
        ("/nowhere", {}, 404, "Nothing is here", 'href="/">Start again'),
    ],
)
def test_every_error_page_has_a_way_on(
    client: FlaskClient,
    fake_engine: FakeEngine,
    address: str,
    change: dict[str, Any],
    status: int,
    title: str,
    way_on: str,
) -> None:
    for name, value in change.items():
        setattr(fake_engine, name, value)
    answer = client.get(address, headers={"Accept": "text/html"})
    notice = notice_of(answer.get_data(as_text=True))
    assert answer.status_code == status
    assert title in notice
    assert way_on in notice
    assert not NOT_FOR_SHOPPERS.search(re.sub("<[^>]+>", "", notice))


def test_too_many_requests(settings: Settings, fake_engine: FakeEngine) -> None:
    client = create_app(settings.replace(rate_limit=1), fake_engine).test_client()
    client.get("/?q=mug")
    answer = client.get("/?q=mug&lang=ko")
    assert answer.status_code == 429
    assert "조금만 천천히요" in notice_of(answer.get_data(as_text=True))


def test_a_home_without_a_generation_names_its_command_only_to_the_owner(
    client: FlaskClient, fake_engine: FakeEngine
) -> None:
    fake_engine.generation = None
    page = client.get("/").get_data(as_text=True)
    before, _, folded = page.partition("<details>")
    assert "Nothing to search yet" in before
    assert "lookalike rebuild" not in before
    assert "<summary>Is this your shop?</summary>" in folded
    assert "lookalike rebuild" in folded


def test_programs_get_the_developers_words_whatever_the_language(client: FlaskClient) -> None:
    answer = client.get("/v1/search/text?q=mug&filter=brand", headers={"Accept-Language": "ko", "Cookie": "lang=ko"})
    assert answer.status_code == 400
    assert not re.search("[가-힣]", answer.get_data(as_text=True))
