"""The things in a photo as buttons over it, in real Chromium, against a real server and the tiny backbone."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from page_server import PageServer, page_server
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect
from real_browser import needs_chromium
from shape_catalogue import draw_shape

expect.set_options(timeout=20_000)
pytestmark = needs_chromium
THINGS = "#things .thing button"


@pytest.fixture(scope="module")
def server(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    with page_server(built_home, tmp_path_factory.mktemp("things")) as server:
        yield server


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of a red disc at the left and a blue square at the right."""
    photo = Image.new("RGB", (700, 480), (240, 240, 235))
    photo.paste(draw_shape("red", "disc").resize((320, 320)), (20, 40))
    photo.paste(draw_shape("blue", "square").resize((320, 320)), (330, 150))
    path = tmp_path_factory.mktemp("table") / "table.png"
    photo.save(path)
    return path


def opened(browser: Browser, url: str, photo: Path, *, width: int = 1280, height: int = 900) -> Page:
    """Returns the page with the photo opened large, and all things in it marked."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(20_000)
    page.goto(url)
    page.set_input_files("#file", photo)
    answered(page)
    page.click("#photo-open")
    expect(page.locator(THINGS)).to_have_count(2)
    return page


def answered(page: Page) -> None:
    """Waits for the answer to the last question; the page's address names that question already while it waits."""
    expect(page.locator("#results:not([aria-busy]) #hits .card").first).to_be_visible()


def test_a_thing_is_searched_by_when_its_button_is_pressed(browser: Browser, server: PageServer, table: Path) -> None:
    page = opened(browser, server.url, table)
    expect(page.locator("#things-note")).to_contain_text("2 things are marked")
    boxes = [json.loads(one.get_attribute("data-box") or "") for one in page.locator("#things .thing").all()]
    left = min(range(2), key=lambda at: boxes[at][0])
    with page.expect_response(lambda response: "box=" in response.url):
        page.locator(THINGS).nth(left).click()
    expect(page.locator("#photo-dialog")).not_to_be_visible()
    expect(page.get_by_role("link", name="Search by the whole photo again")).to_be_visible()
    answered(page)
    assert json.loads(page.evaluate("document.forms.search.elements.box.value")) == boxes[left]
    assert str(page.locator("#hits .card").first.get_attribute("data-product")).startswith("red")
    page.close()


def keep(waiting: list[Route], route: Route) -> None:
    waiting.append(route)


def tops(page: Page) -> list[float]:
    """Returns how far below the window's top the photo and the button under it begin, in pixels."""
    places = [page.locator(part).bounding_box() for part in ("#stage", "#crop-use")]
    return [place["y"] for place in places if place]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_nothing_moves_under_a_finger_when_the_things_are_found(
    browser: Browser, server: PageServer, table: Path, language: str
) -> None:
    for width, height in ((1280, 900), (390, 844), (320, 640)):
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(20_000)
        waiting: list[Route] = []
        page.route("**/photos/*/things", partial(keep, waiting))
        page.goto(f"{server.url}?lang={language}")
        page.set_input_files("#file", table)
        answered(page)
        with page.expect_request("**/photos/*/things"):
            page.click("#photo-open")
        expect(page.locator("#preview")).not_to_have_js_property("naturalWidth", 0)
        before = tops(page)
        waiting[0].continue_()
        expect(page.locator(THINGS)).to_have_count(2)
        assert tops(page) == pytest.approx(before, abs=1), width
        page.close()


def test_buttons_lie_where_the_things_are_and_are_large_enough(
    browser: Browser, server: PageServer, table: Path
) -> None:
    for width, height in ((1280, 900), (390, 844), (320, 640)):
        page = opened(browser, server.url, table, width=width, height=height)
        photo = page.locator("#preview").bounding_box()
        assert photo
        places = []
        for button in page.locator(THINGS).all():
            size = button.bounding_box()
            assert size
            assert min(size["width"], size["height"]) >= 44
            places.append((size["x"] + size["width"] / 2 - photo["x"]) / photo["width"])
        assert sorted(places) == pytest.approx([160 / 700, 470 / 700], abs=0.1)
        page.close()


def test_the_keyboard_reaches_each_thing_and_says_which_it_is(
    browser: Browser, server: PageServer, table: Path
) -> None:
    page = opened(browser, server.url, table)
    page.locator("#crop").focus()
    names = []
    for _ in range(2):
        page.keyboard.press("Tab")
        names.append(str(page.evaluate("document.activeElement.getAttribute('aria-label')")))
    assert [name.startswith(f"Search by thing {number} of 2: ") for number, name in enumerate(names, 1)] == [True] * 2
    with page.expect_response(lambda response: "box=" in response.url):
        page.keyboard.press("Enter")
    answered(page)
    page.close()


def test_a_box_can_still_be_drawn_from_a_button_on_and_hides_the_things(
    browser: Browser, server: PageServer, table: Path
) -> None:
    page = opened(browser, server.url, table)
    button = page.locator(THINGS).first.bounding_box()
    assert button
    x, y = button["x"] + button["width"] / 2, button["y"] + button["height"] / 2

    def drag(across: int, down: int) -> None:
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + across, y + down, steps=4)
        page.mouse.up()

    drag(90, 70)
    expect(page.locator("#crop-note")).to_contain_text("pixels count")
    expect(page.locator(THINGS).first).to_be_hidden()
    drawn = page.locator("#crop").bounding_box()
    assert drawn
    assert (drawn["x"], drawn["y"]) == pytest.approx((x, y), abs=3)
    assert (drawn["width"], drawn["height"]) == pytest.approx((90, 70), abs=3)
    page.click("#crop-reset")
    expect(page.locator(THINGS).first).to_be_visible()
    page.close()


def test_the_note_is_in_the_language_of_the_page(browser: Browser, server: PageServer, table: Path) -> None:
    page = opened(browser, f"{server.url}?lang=ko", table)
    expect(page.locator("#things-note")).to_contain_text("2가지")
    page.close()
