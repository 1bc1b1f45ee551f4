"""Whole visits in real Chromium, in both languages, on a desktop and a phone: a shopper, a seller, and what goes wrong.

With JOURNEY_PICTURES set to a folder, each station leaves a picture there for people to look at, in light and dark.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from opened_page import PHONE, opened
from page_server import PageServer, page_server
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect
from real_browser import needs_chromium

from data.errors import NoGeneration, UnknownProduct
from data.keys import Keys
from engine.errors import Overloaded

pytestmark = needs_chromium
expect.set_options(timeout=20_000)
PAGE_SIZE = 8
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
LOCALES = {"en": "en-US", "ko": "ko-KR"}
# What a shopper reads, by language.
FOUND = {"en": "Products like your photo", "ko": "사진과 비슷한 상품"}
ERRORS = {
    "unreadable": {"en": "We cannot read this kind of file", "ko": "JPEG"},
    "too large": {"en": "Too large", "ko": "너무 커요"},
    "offline": {"en": "cannot be reached", "ko": "연결"},
    "busy": {"en": "Not just now", "ko": "잠시"},
    "nothing": {"en": "Nothing to search yet", "ko": "준비"},
    "deleted": {"en": "This product is no longer sold", "ko": "더 이상 판매하지 않아요"},
}


@dataclass(frozen=True)
class Visit:
    """Somebody's browser; `is_phone` decides whether filters are in a sheet."""

    page: Page
    server: PageServer
    language: str
    is_phone: bool

    def show(self, station: str) -> None:
        """Checks that nothing sticks out of the screen, and takes a picture if pictures are wanted."""
        page = self.page
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), station
        if folder := os.environ.get("JOURNEY_PICTURES"):
            for scheme in ("dark", "light"):
                page.emulate_media(color_scheme=scheme)
                name = f"{station}-{self.language}-{'phone' if self.is_phone else 'desktop'}-{scheme}.png"
                page.screenshot(path=Path(folder) / name, scale="css")

    def cards(self) -> list[str]:
        """Returns the product_ids of the hits that are shown."""
        expect(self.page.locator("#results")).not_to_have_attribute("aria-busy", "true")
        self.page.locator("#hits .card").first.wait_for()
        return [str(card.get_attribute("data-product")) for card in self.page.locator("#hits .card").all()]

    def filter(self, name: str, value: str) -> None:
        """Chooses a value of a filter, in the sheet on a phone."""
        if self.is_phone:
            self.page.click(".filter-button")
        with self.page.expect_response(lambda response: f"{name}=" in response.url):
            self.page.check(f"#filters input[name={name}][value='{value}']")
        if self.is_phone:
            self.show("06-filter-sheet")
            self.page.locator("#filters .go").click()
        expect(self.page.locator(f"#filters input[value='{value}']")).to_be_checked()


@pytest.fixture(scope="module")
def server(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    folder = tmp_path_factory.mktemp("journeys")
    with page_server(built_home, folder, page_size=PAGE_SIZE, public_search=True, max_image_bytes=2_000_000) as server:
        yield server


@pytest.fixture(params=["desktop", "phone"])
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=list(LOCALES))
def visit(request: pytest.FixtureRequest, browser: Browser, server: PageServer, size: str) -> Iterator[Visit]:
    screen = PHONE if size == "phone" else DESKTOP
    with opened(browser, locale=LOCALES[request.param], **screen) as page:
        page.goto(server.url)
        assert page.evaluate("document.documentElement.lang") == request.param
        yield Visit(page, server, request.param, size == "phone")


@pytest.fixture
def photo(server: PageServer, tmp_path: Path) -> Path:
    """A red disc as a phone takes it: large, and lying on its side, as its EXIF tag says."""
    with Image.open(server.photo_of("red-disc")) as taken:
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by a quarter to the right
        turned = taken.convert("RGB").resize((1600, 1600), Image.Resampling.NEAREST).rotate(90)
        turned.save(tmp_path / "IMG_0001.jpg", quality=90, exif=exif)
    return tmp_path / "IMG_0001.jpg"


def test_a_shopper_finds_a_thing_by_its_photo(visit: Visit, photo: Path) -> None:
    page = visit.page
    visit.show("01-start")
    expect(page.locator("#take-photo")).to_be_visible(visible=visit.is_phone)
    page.set_input_files("#file", photo)
    expect(page.locator("#found")).to_have_text(FOUND[visit.language])
    assert visit.cards()[0] == "red-disc"
    visit.show("02-photo")
    _cut_out(visit)
    assert visit.cards()[0].startswith("red-")
    visit.show("04-part-of-it")
    page.fill("#q", "disc under 30 euro")
    page.keyboard.press("Enter")
    chip = page.locator(".chip.understood")
    expect(chip).to_contain_text("under 30 euro")
    visit.show("05-words-added")
    chip.click()
    expect(chip).to_have_count(0)
    expect(page.locator("#q")).to_have_value("disc")
    _narrow_and_sort(visit)
    _open_products(visit)
    shown = visit.cards()
    page.reload()
    assert visit.cards()[: len(shown)] == shown
    expect(page.locator("#photo-open img")).to_be_visible()
    _judge(visit)


def _cut_out(visit: Visit) -> None:
    """Draws a box around the disc, and searches by it alone."""
    page = visit.page
    page.click("#photo-open")
    expect(page.locator("#preview")).to_be_visible()
    frame = page.locator("#stage").bounding_box()
    assert frame
    at = [(frame["x"] + frame["width"] * share, frame["y"] + frame["height"] * share) for share in (0.1, 0.75)]
    if visit.is_phone:
        session = page.context.new_cdp_session(page)
        for kind, place in (("touchStart", at[0]), ("touchMove", at[1]), ("touchEnd", None)):
            points = [{"x": place[0], "y": place[1]}] if place else []
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    else:
        page.mouse.move(*at[0])
        page.mouse.down()
        page.mouse.move(*at[1], steps=3)
        page.mouse.up()
    visit.show("03-box")
    page.click("#crop-use")
    expect(page.locator(".chip.box")).to_be_visible()


def _narrow_and_sort(visit: Visit) -> None:
    page = visit.page
    visit.filter("brand", "Acme")
    makers = page.locator("#hits .maker")
    expect(makers.first).to_have_text("Acme")
    visit.cards()
    assert set(makers.all_inner_texts()) == {"ACME"}
    with page.expect_response(lambda response: "sort=-price" in response.url):
        page.select_option("select[name=sort]", "-price")
    visit.cards()
    costs = [float(re.sub(r"[^\d.]", "", cost)) for cost in page.locator("#hits .cost").all_inner_texts()]
    assert costs == sorted(costs, reverse=True)
    assert len(set(costs)) > 1
    visit.show("07-narrowed-and-sorted")


def _open_products(visit: Visit) -> None:
    """Opens a hit, a product like it, and goes back to the results."""
    page, panel = visit.page, visit.page.locator("#panel")
    results = page.url
    page.locator("#hits .title a").first.click()
    name = page.locator("#hits .title a").first.inner_text()
    expect(panel.locator("h1")).to_have_text(name)
    assert "/p/" in page.url
    visit.show("08-product")
    panel.locator(".alike .title a").first.click()
    expect(panel.locator("h1")).not_to_have_text(name)
    page.go_back()
    expect(panel.locator("h1")).to_have_text(name)
    page.go_back()
    expect(panel).to_be_hidden()
    assert page.url == results


def _judge(visit: Visit) -> None:
    """Asks for more like one product and not another, takes the photo away, and follows the results to their end."""
    page = visit.page
    first, second = visit.cards()[:2]
    _press(page.locator(f'[data-judge="like {second}"]'))
    expect(page.locator(".chip.like")).to_have_count(1)
    _press(page.locator(f'[data-judge="unlike {first}"]'))
    expect(page.locator(".chip.unlike")).to_have_count(1)
    assert first not in visit.cards()
    visit.show("09-liked-and-refused")
    total = page.locator(".found > p.quiet")
    expect(total).to_contain_text(re.compile(r"\d"))
    number = int(re.sub(r"\D", "", total.inner_text()))
    while page.locator(".more-button").count():
        shown = len(visit.cards())
        page.locator(".more-button").click()
        expect(page.locator("#hits .card")).not_to_have_count(shown)
    assert len(set(visit.cards())) == number
    visit.show("10-the-end")


def _press(button: Locator) -> None:
    button.scroll_into_view_if_needed()
    button.press("Enter")


def test_a_seller_offers_a_thing_by_its_photo(visit: Visit, photo: Path) -> None:
    page, catalogue = visit.page, visit.server.catalogue
    key, name = Keys(catalogue.home).create(["write"]), f"offered-{visit.language}-{visit.is_phone}"
    page.goto(f"{visit.server.url}sell")
    visit.show("11-sell")
    page.set_input_files("#file", photo)
    expect(page.locator(".choose[aria-current]")).to_contain_text("disc")
    visit.show("12-sell-filled-in")
    page.fill("#f-category", "square")
    page.locator(".other button").click()
    expect(page.locator(".choose[aria-current]")).to_have_count(0)
    page.locator(".choose", has_text="disc").click()
    expect(page.locator("#f-category")).to_have_value("disc")
    page.fill("#f-title", "빨간 원판")
    page.fill("#f-price", "12.50")
    page.fill("#f-product_id", name)
    page.locator("button[name=show]").click()
    expect(page.locator("#json")).to_contain_text('"price": 12.5')
    visit.show("13-sell-json")
    page.locator("button[formaction='/sell/add']").click()
    page.fill("#key", key)
    visit.show("14-sell-key")
    page.locator("#key-dialog button[value=use]").click()
    expect(page.locator("[data-outcome=added]")).to_be_visible()
    assert catalogue.get(name).product.title == "빨간 원판"
    visit.show("15-sell-added")
    page.locator("[data-outcome=added] a").first.click()
    assert visit.cards()[0] == "red-disc"
    visit.server.catalogue.delete(name)
    page.goto(f"{visit.server.url}p/{name}")
    expect(page.locator("main")).to_contain_text(ERRORS["deleted"][visit.language])
    visit.show("16-no-longer-sold")
    with pytest.raises(UnknownProduct):
        catalogue.get(name)


def test_what_goes_wrong_is_said_with_a_way_on(
    visit: Visit, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, notice = visit.page, visit.page.locator(".notice").first
    (tmp_path / "note.jpg").write_text("no photo")
    page.set_input_files("#file", tmp_path / "note.jpg")
    expect(notice).to_contain_text(ERRORS["unreadable"][visit.language])
    visit.show("17-unreadable")
    large: FilePayload = {"name": "a.heic", "mimeType": "image/heic", "buffer": bytes(2_000_001)}
    page.set_input_files("#file", files=[large])
    expect(notice).to_contain_text(ERRORS["too large"][visit.language])
    visit.show("18-too-large")
    page.context.set_offline(True)
    page.fill("#q", "disc")
    page.keyboard.press("Enter")
    expect(notice).to_contain_text(ERRORS["offline"][visit.language])
    visit.show("19-offline")
    page.context.set_offline(False)
    notice.get_by_role("link").click()
    assert visit.cards()

    def refuse(error: Exception) -> None:
        def fail(*_: object) -> NoReturn:
            raise error

        monkeypatch.setattr(visit.server.engine, "search", fail)
        page.reload()

    refuse(Overloaded("planted"))
    expect(notice).to_contain_text(ERRORS["busy"][visit.language])
    visit.show("20-busy")
    said = notice.bounding_box()
    assert said
    assert said["width"] > 320, "it is not squeezed into the column of the filters"
    refuse(NoGeneration("planted"))
    expect(notice).to_contain_text(ERRORS["nothing"][visit.language])
    visit.show("21-nothing-published")
    monkeypatch.undo()
    notice.get_by_role("link").click()
    assert visit.cards()
