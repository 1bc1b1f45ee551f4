"""The search box of docs/widget.md in real Chromium, on a page of another origin, against a real server with keys."""

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask.testing import FlaskClient
from pages_elsewhere import HostPages, serving
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from real_browser import needs_chromium
from tiny_backbone import TinyBackbone

from api.app import create_app
from data.catalogue import Catalogue
from data.keys import Keys
from data.settings import Settings
from engine.search import SearchEngine

DOCS = Path(__file__).parents[2] / "docs"
POLICY = re.search(r"```text\n(script-src [^\n]+)\n```", (DOCS / "widget.md").read_text(encoding="utf-8"))
NAMED = "https://search.shop.example"
expect.set_options(timeout=20_000)  # the first search loads the models


@dataclass(frozen=True)
class Sites:
    """The shop's site and the search server, and a product with its photo."""

    pages: HostPages
    shop: str
    server: str
    home: Path
    product_id: str
    photo: Path


@pytest.fixture(scope="module")
def sites(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """The example page on one origin; on another a server whose home has keys and is open for searches."""
    home = tmp_path_factory.mktemp("widget") / "home"
    shutil.copytree(built_home, home)
    Keys(home).create(["write"])
    catalogue = Catalogue(home)
    facts = next(iter(catalogue.iter_facts()))
    record = catalogue.photo(facts.image_sha256[0])
    assert record
    pages = HostPages()
    with serving(pages) as shop:
        settings = Settings(home=home, public_search=True, cors_origins=shop)
        with serving(create_app(settings, SearchEngine(settings, backbone=TinyBackbone()))) as server:
            page = (DOCS / "examples" / "shop-page.html").read_text(encoding="utf-8").replace(NAMED, server)
            page = page.replace('data-k="8"', 'data-k="2" data-window="new"')
            style = (DOCS / "examples" / "shop-page.css").read_text(encoding="utf-8")
            pages.files = {
                "/": ("text/html", page),
                "/ko": ("text/html", page.replace('lang="en"', 'lang="ko"')),
                "/shop-page.css": ("text/css", style),
            }
            assert POLICY
            pages.policy = f"default-src 'none'; style-src 'self'; {POLICY[1]}".replace(NAMED, server)
            yield Sites(pages, shop, server, home, facts.product.product_id, Path(record.source))


@pytest.fixture
def page(browser: Browser, sites: Sites) -> Iterator[Page]:
    """The shop's page; its test fails if a script fails in it, or a policy blocks something."""
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "olicy" in message.text else None)
    page.set_default_timeout(20_000)
    page.goto(f"{sites.shop}/")
    yield page
    page.close()
    assert complaints == []


def findings(page: Page) -> list[str]:
    found: Any = Axe().run(page).response["violations"]
    return [f"{one['id']}: {json.dumps([node['html'] for node in one['nodes']])[:300]}" for one in found]


@needs_chromium
def test_words_find_products_by_keyboard_alone(page: Page, sites: Sites) -> None:
    page.get_by_role("searchbox").focus()
    page.keyboard.type("red")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Products: 2")
    expect(page.locator("#lookalike li")).to_have_count(2)
    page.get_by_role("button", name="Show more").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#lookalike li")).to_have_count(3)
    expect(page.locator("#lookalike li").nth(2).locator("a")).to_be_focused()
    page.locator("#lookalike img").evaluate_all("all => Promise.all(all.map((one) => one.decode()))")  # each is shown
    assert findings(page) == []


@needs_chromium
def test_a_photo_finds_its_product_and_words_are_added_to_it(page: Page, sites: Sites) -> None:
    sent: list[str] = []
    page.on("request", lambda asked: sent.append(asked.post_data or "") if "/v1/" in asked.url else None)
    page.set_input_files("#lookalike input[type=file]", sites.photo)
    link = page.locator("#lookalike li a").first
    expect(link).to_be_visible()
    assert page.locator("#lookalike li a").first.get_attribute("href") in (
        f"{sites.server}/p/{sites.product_id}",
        f"https://shop.example/{sites.product_id}",
    )
    page.get_by_role("searchbox").fill("disc")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Products: ")
    assert 'name="photo_id"' in sent[-1]
    assert 'name="text"' in sent[-1]
    page.get_by_role("button", name="Remove the photo").click()
    expect(page.get_by_role("searchbox")).to_be_focused()
    assert findings(page) == []


@needs_chromium
def test_what_a_shopper_opens_is_told_once(page: Page, sites: Sites) -> None:
    page.get_by_role("searchbox").fill("disc")
    page.get_by_role("searchbox").press("Enter")
    for _ in range(2):
        with page.expect_response(lambda got: got.url.endswith("/v1/events/page") and got.status == 202):
            page.locator("#lookalike li a").first.click()
    with closing(sqlite3.connect(sites.home / "catalog.db")) as database:
        assert database.execute("SELECT COUNT(*) FROM events WHERE kind = 'click'").fetchone() == (1,)


@needs_chromium
def test_a_korean_page_gets_a_korean_box(page: Page, sites: Sites) -> None:
    page.goto(f"{sites.shop}/ko")
    page.get_by_role("searchbox", name="무엇을 찾으세요?").fill("red")
    page.get_by_role("button", name="검색", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("상품")
    page.emulate_media(color_scheme="dark")
    assert findings(page) == []


@needs_chromium
def test_shoppers_are_told_what_is_wrong(page: Page, sites: Sites) -> None:
    page.set_input_files(
        "#lookalike input[type=file]", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no photo"}
    )
    expect(page.get_by_role("status")).to_have_text("We cannot read this photo. A JPEG or PNG will do.")
    page.get_by_role("searchbox").fill("red")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("#lookalike li").first).to_be_visible()


@needs_chromium
def test_what_is_transparent_travels_as_white(page: Page, tmp_path: Path) -> None:
    Image.new("RGBA", (64, 64)).save(tmp_path / "cut-out.png")
    page.evaluate(
        """() => {
            const append = FormData.prototype.append;
            FormData.prototype.append = function (name, ...value) {
                if (name === "file") window.sent = value[0];
                append.call(this, name, ...value);
            };
        }"""
    )
    with page.expect_response("**/v1/search/image"):
        page.set_input_files("#lookalike input[type=file]", tmp_path / "cut-out.png")
    pixel = page.evaluate(
        """async () => {
            const paper = new OffscreenCanvas(1, 1).getContext("2d");
            paper.drawImage(await createImageBitmap(window.sent), 0, 0);
            return [...paper.getImageData(0, 0, 1, 1).data];
        }"""
    )
    assert pixel == [255, 255, 255, 255]


@needs_chromium
def test_a_page_that_is_not_listed_learns_nothing(browser: Browser, sites: Sites) -> None:
    with serving(sites.pages) as stranger:
        page = browser.new_page()
        page.goto(stranger)
        page.get_by_role("searchbox").fill("red")
        page.get_by_role("searchbox").press("Enter")
        expect(page.get_by_role("status")).to_have_text("The search cannot be reached. Check the connection.")
        assert page.locator("#lookalike li").count() == 0
        page.close()


def test_the_script_is_small_and_kept_by_its_version(client: FlaskClient) -> None:
    answer = client.get("/widget.js")
    version = answer.get_etag()[0]
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("text/javascript", "public, max-age=3600")
    assert len(answer.data) <= 12_000
    assert "immutable" in client.get(f"/widget.js?v={version}").headers["Cache-Control"]
    assert client.get("/widget.js?v=0a1b2c3d4e5f").headers["Cache-Control"] == "public, max-age=3600"
    assert client.get("/widget.js", headers={"If-None-Match": f'"{version}"'}).status_code == 304
