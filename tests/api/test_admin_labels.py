"""The operators' page of doubtful labels: who may open it, what it shows, and deciding with one click."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pages_elsewhere import serving
from playwright.sync_api import Browser
from real_browser import needs_chromium
from tiny_backbone import TinyBackbone

from api.app import create_app
from data.catalogue import KEEP, Catalogue, LabelDoubt, PhotoLabels
from data.keys import Keys
from data.settings import Settings
from engine.search import SearchEngine

HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def labels(built_home: Path, settings: Settings) -> PhotoLabels:
    """A home with 30 doubtful labels, and a category whose name is an attack."""
    shutil.copytree(built_home, settings.home)
    catalogue = Catalogue(settings.home)
    catalogue.patch("red-disc", {"category": HOSTILE})
    shown = [("red-disc", HOSTILE), *((f"{colour}-bar", "bar") for colour in ("red", "green", "blue", "gold", "cyan"))]
    doubts = [
        LabelDoubt(photo=photo, label=label, probability=0.02, guesses=(("disc", 0.9), ("square", 0.05), (label, 0.02)))
        for product_id, label in shown
        for photo in catalogue.get(product_id).image_sha256
    ]
    found = PhotoLabels(settings.home, "category")
    found.note_doubts(doubts, photos=120)
    return found


@pytest.fixture
def app(labels: PhotoLabels, settings: Settings) -> Flask:
    return create_app(settings, SearchEngine(settings, backbone=TinyBackbone()))


def decide(client: FlaskClient, labels: PhotoLabels, **fields: str) -> int:
    """Posts a decision about the strongest doubt; returns the status."""
    doubt = labels.open_doubts()[0]
    form = {"of": "category", "photo": doubt.photo, "label": doubt.label, **fields}
    return client.post("/admin/labels", data=form).status_code


def test_nobody_without_an_admin_key_sees_or_decides(
    client: FlaskClient, labels: PhotoLabels, settings: Settings
) -> None:
    write = {"Authorization": f"Bearer {Keys(settings.home).create(['write'])}"}
    assert client.get("/admin/labels").headers["Location"] == "/admin/login"
    assert client.get("/admin/labels", headers=write).status_code == 403
    assert client.post("/admin/labels", headers=write, data={"action": "keep"}).status_code == 403
    assert decide(client, labels, action="keep") == 303
    assert labels.decisions() == []


def test_a_foreign_page_decides_nothing(client: FlaskClient, labels: PhotoLabels) -> None:
    doubt = labels.open_doubts()[0]
    form = {"of": "category", "photo": doubt.photo, "label": doubt.label, "action": "keep"}
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}):
        assert client.post("/admin/labels", data=form, headers=headers).status_code == 403
    assert labels.decisions() == []


def test_the_page_shows_photos_labels_and_guesses_a_page_at_a_time(client: FlaskClient) -> None:
    assert "30 labels are in doubt." in client.get("/admin").get_data(as_text=True)
    page = client.get("/admin/labels").get_data(as_text=True)
    assert "<script>alert" not in page
    assert (page.count("/thumbs/"), page.count(">disc · 90 %<")) == (24, 24)
    assert "Page 1 of 2" in page
    assert page.count(">red-disc</a>") == 5
    last = client.get("/admin/labels?page=2&of=category").get_data(as_text=True)
    assert last.count("/thumbs/") == 6
    for odd in ("page=x", "page=999999", "of=attr.nothing", "of=%00", "of=' OR 1=1"):
        assert client.get(f"/admin/labels?{odd}").status_code == 200


def test_a_click_keeps_or_corrects_and_can_be_undone(client: FlaskClient, labels: PhotoLabels) -> None:
    first, second = labels.open_doubts()[:2]
    assert decide(client, labels, corrected="disc") == 303
    assert decide(client, labels, action="keep") == 303
    decided = {found.photo: found.corrected for found in labels.decisions()}
    assert decided == {first.photo: "disc", second.photo: KEEP}
    assert len(labels.open_doubts()) == 28
    page = client.get("/admin/labels").get_data(as_text=True)
    assert "was corrected to disc" in page
    form = {"of": "category", "photo": first.photo, "label": first.label, "action": "undo"}
    assert client.post("/admin/labels", data=form).status_code == 303
    assert labels.open_doubts()[0].photo == first.photo


def test_a_decision_that_makes_no_sense_is_refused(client: FlaskClient, labels: PhotoLabels) -> None:
    assert decide(client, labels, corrected="dics") == 400
    assert decide(client, labels) == 400
    assert decide(client, labels, photo="0" * 64, action="keep") == 400
    assert decide(client, labels, label="disc", action="keep") == 400
    assert decide(client, labels, corrected="d" * 20_000) in (400, 413)
    assert labels.decisions() == []


def test_a_label_that_the_feed_has_changed_is_in_doubt_no_more(labels: PhotoLabels, settings: Settings) -> None:
    Catalogue(settings.home).patch("red-bar", {"category": "disc"})
    assert len(labels.open_doubts()) == 25


def test_without_a_check_the_page_names_the_command(client: FlaskClient, settings: Settings) -> None:
    page = client.get("/admin/labels?of=attr.size").get_data(as_text=True)
    assert "lookalike evaluate labels --label attr.size" in page


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with serving(app) as url:
        yield url


@needs_chromium
def test_in_a_browser_on_a_phone_and_a_desktop(browser: Browser, url: str, labels: PhotoLabels) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for width, locale, words in ((390, "ko-KR", "그대로 두기"), (1280, "en-GB", "Keep")):
        before = labels.open_doubts()[0]
        page = browser.new_page(viewport={"width": width, "height": 844}, locale=locale, color_scheme="dark")
        page.goto(f"{url}/admin/labels")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        violations = axe.run(page).response["violations"]
        page.click(f"#doubt-1 button:has-text('{words}')")
        page.wait_for_selector(f"#decided ~ ul img[src*='{before.photo}']")
        assert labels.open_doubts()[0].photo != before.photo
        assert [found["id"] for found in violations] == []
