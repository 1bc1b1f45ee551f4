"""In real Chromium: ways to ask by a photo, and the last searches under the empty box."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from opened_page import PHONE, opened
from page_server import PageServer, page_server
from playwright.sync_api import Browser, Page, expect
from real_browser import needs_chromium

from api.page import photo_address

pytestmark = needs_chromium
expect.set_options(timeout=20_000)
ADDRESS = "https://shop.example/photo.jpg"


@pytest.fixture(scope="module")
def server(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    with page_server(built_home, tmp_path_factory.mktemp("asking"), fetch_urls=True) as server:
        yield server


@pytest.fixture(scope="module")
def photo_file(server: PageServer) -> Path:
    return server.photo_of("red-disc")


@pytest.fixture(scope="module")
def url(server: PageServer, photo_file: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photo_address, "fetch_image", lambda url, _: photo_file.read_bytes())
        yield server.url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with opened(browser, viewport={"width": 1280, "height": 800}) as page:
        page.goto(url)
        yield page


def give(page: Page, event: str, kind: str, value: str) -> None:
    """Pastes or drops a text of a kind, such as an address, or a file, given in base64."""
    page.evaluate(
        """([event, kind, value]) => {
            const data = new DataTransfer();
            if (kind !== "file") data.setData(kind, value);
            else {
                const bytes = Uint8Array.from(atob(value), (letter) => letter.charCodeAt(0));
                data.items.add(new File([bytes], "a.png", { type: "image/png" }));
            }
            const settings = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
            const made = event === "drop" ? new DragEvent("drop", settings) : new ClipboardEvent("paste", settings);
            document.body.dispatchEvent(made);
        }""",
        [event, kind, value],
    )


@pytest.mark.parametrize(
    ("event", "kind", "value"),
    [
        ("paste", "file", ""),
        ("paste", "text/plain", f" {ADDRESS}\n"),
        ("drop", "text/uri-list", ADDRESS),
    ],
)
def test_a_photo_or_its_address_is_pasted_or_dropped(
    page: Page, photo_file: Path, event: str, kind: str, value: str
) -> None:
    give(page, event, kind, value or base64.b64encode(photo_file.read_bytes()).decode())
    expect(page.locator("#found")).to_have_text("Products like your photo")
    page.wait_for_url("**/?photo=*")
    expect(page.locator("#q")).to_have_value("")
    expect(page.locator("#photo-open img")).to_be_visible()


def test_other_pasted_text_stays_words(page: Page) -> None:
    give(page, "paste", "text/plain", "red disc")
    page.fill("#q", "https://shop.example/mug and more")
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_contain_text("and more")


def test_the_last_searches_stand_under_the_empty_box_and_go_at_a_click(page: Page, photo_file: Path) -> None:
    recent, box = page.locator("#recent"), page.locator("#q")
    box.click()
    expect(recent).to_be_hidden()
    for words in ("red disc", "blue disc", "red disc"):
        box.fill(words)
        page.keyboard.press("Enter")
        expect(page.locator("#found")).to_contain_text(words)
    page.set_input_files("#file", photo_file)
    expect(page.locator("#photo-open")).to_be_visible()
    page.goto(page.url.partition("?")[0])
    box.click()
    expect(recent.locator("li")).to_have_count(3)
    shown = [item.strip() for item in recent.locator("li").all_inner_texts()]
    assert shown == ["red disc", "red disc", "blue disc"]  # the photo was searched for with the words in the box
    expect(recent.locator("img")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_contain_text("red disc")
    expect(recent).to_be_hidden()
    box.fill("")
    box.click()
    page.click("#recent-clear")
    expect(recent).to_be_hidden()
    box.click()
    expect(recent).to_be_hidden()
    assert page.evaluate("localStorage.length") == 0


def test_a_photo_that_the_server_forgot_leaves_the_last_searches(page: Page) -> None:
    searches = json.dumps([{"q": "", "photo": "0" * 64}, {"q": "disc", "photo": ""}])
    page.evaluate("(searches) => localStorage.setItem('lookalike-recent', searches)", searches)
    page.click("#q")
    expect(page.locator("#recent li")).to_have_count(1)
    assert page.evaluate("JSON.parse(localStorage.getItem('lookalike-recent')).length") == 1


def test_the_box_is_drawn_moved_and_resized_by_touch(browser: Browser, url: str, photo_file: Path) -> None:
    with opened(browser, **PHONE) as page:
        page.goto(url)
        page.set_input_files("#file", photo_file)
        expect(page.locator("#hits .card").first).to_be_visible()
        page.tap("#photo-open")
        expect(page.locator("#preview")).to_be_visible()
        page.touchscreen.tap(4, 4)  # beside it
        expect(page.locator("#preview")).to_be_hidden()
        page.tap("#photo-open")
        expect(page.locator("#preview")).to_be_visible()
        expect(page.locator("#things-note")).to_contain_text("marked")  # what is found is there before a finger is
        frame = page.locator("#stage").bounding_box()
        assert frame
        session = page.context.new_cdp_session(page)

        def drag(start: tuple[float, float], end: tuple[float, float]) -> None:
            for kind, share in (("touchStart", 0.0), ("touchMove", 0.5), ("touchMove", 1.0), ("touchEnd", None)):
                points = [] if share is None else [{
                    "x": frame["x"] + frame["width"] * (start[0] + (end[0] - start[0]) * share),
                    "y": frame["y"] + frame["height"] * (start[1] + (end[1] - start[1]) * share),
                }]  # fmt: skip
                session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        drag((0.2, 0.2), (0.6, 0.6))
        drag((0.6, 0.6), (0.8, 0.8))  # a corner
        drag((0.4, 0.4), (0.3, 0.3))  # the whole box
        crop = page.locator("#crop").bounding_box()
        assert crop
        assert crop["width"] / frame["width"] == pytest.approx(0.6, abs=0.03)
        assert (crop["x"] - frame["x"]) / frame["width"] == pytest.approx(0.1, abs=0.03)
        expect(page.locator("#crop-note")).to_contain_text("pixels count")
        page.tap("#photo-dialog", position={"x": 8, "y": 8})  # its edge, where a finger slips, does not close it
        expect(page.locator("#crop-note")).to_contain_text("pixels count")
        page.tap("#crop-use")
        expect(page.get_by_role("link", name="Search by the whole photo again")).to_be_visible()


def test_a_box_that_is_drawn_before_the_photo_is_decoded_stays(page: Page, url: str, photo_file: Path) -> None:
    page.set_input_files("#file", photo_file)
    expect(page.locator("#hits .card").first).to_be_visible()
    page.evaluate(
        """() => {
            const waiting = [];
            HTMLImageElement.prototype.decode = () => new Promise((done) => waiting.push(done));
            window.decodeAll = () => waiting.forEach((done) => done());
        }"""
    )
    page.click("#photo-open")
    expect(page.locator("#preview")).to_have_js_property("complete", True)
    expect(page.locator("#preview")).not_to_have_js_property("naturalWidth", 0)
    frame = page.locator("#stage").bounding_box()
    assert frame
    page.mouse.move(frame["x"] + frame["width"] * 0.2, frame["y"] + frame["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] * 0.7, frame["y"] + frame["height"] * 0.7, steps=3)
    page.mouse.up()
    expect(page.locator("#crop")).to_have_class("crop drawn")
    page.evaluate("window.decodeAll()")
    page.evaluate("new Promise((done) => setTimeout(done))")  # what waits for the photo has run
    expect(page.locator("#crop")).to_have_class("crop drawn")
