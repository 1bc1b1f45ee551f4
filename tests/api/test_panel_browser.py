"""In real Chromium: the product panel over the results, enlarged photos, and what "back" and "forward" bring back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opened_page import PHONE, opened, wait_until
from page_server import PageServer, page_server
from playwright.sync_api import Browser, Page, expect
from real_browser import needs_chromium

PAGE_SIZE = 8
pytestmark = needs_chromium
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def server(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    with page_server(built_home, tmp_path_factory.mktemp("panel"), page_size=PAGE_SIZE) as server:
        yield server


@pytest.fixture(scope="module")
def url(server: PageServer) -> str:
    return server.url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with opened(browser, viewport={"width": 1280, "height": 800}) as page:
        page.goto(url)
        yield page


def search(page: Page, words: str) -> None:
    page.fill("#q", words)
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_contain_text(words)


def scroll(page: Page, top: int) -> None:
    page.evaluate("(top) => window.scrollTo(0, top)", top)


def test_a_hit_opens_over_the_results_and_back_leaves_them_as_they_were(page: Page) -> None:
    search(page, "disc")
    results = page.url
    page.click(".more-button")
    expect(page.locator("#hits .card")).to_have_count(2 * PAGE_SIZE)
    scroll(page, 700)
    hit = page.locator("#hits .card .title a").nth(PAGE_SIZE + 1)
    name = hit.inner_text()
    hit.click()
    panel = page.locator("#panel")
    expect(panel.locator("h1")).to_have_text(name)
    expect(panel.locator("h1")).to_be_focused()
    expect(page).to_have_title(f"{name} · Lookalike")
    assert "/p/" in page.url
    expect(panel.locator(".why")).to_contain_text("of 5 comes closest")
    sizes = page.evaluate("[...document.querySelectorAll('.card .cost')].map((one) => getComputedStyle(one).fontSize)")
    assert len(sizes) > 2 * PAGE_SIZE  # among them the similar products, on cards like the others
    assert len(set(sizes)) == 1
    place = page.evaluate("window.scrollY")
    panel.locator(".alike .title a").first.click()
    expect(panel.locator("h1")).not_to_have_text(name)
    page.go_back()
    expect(panel.locator("h1")).to_have_text(name)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(hit).to_be_focused()
    assert (page.url, page.evaluate("window.scrollY")) == (results, place)
    expect(page.locator("#hits .card")).to_have_count(2 * PAGE_SIZE)
    assert "disc" in page.title()


def test_the_close_button_leaves_all_products_that_were_opened_one_from_another(page: Page) -> None:
    search(page, "disc")
    results = page.url
    page.locator("#hits .title a").first.click()
    for _ in range(2):
        before = page.url
        page.locator("#panel .alike .title a").first.click()
        expect(page).not_to_have_url(before)
        expect(page.locator("#panel")).not_to_have_attribute("aria-busy", "true")
    page.click("#panel-close")
    page.wait_for_url(results)
    expect(page.locator("#panel")).to_be_hidden()


def test_back_and_forward_bring_pages_and_scroll_back_even_after_the_page_was_left(page: Page, url: str) -> None:
    search(page, "disc")
    page.click(".more-button")
    expect(page.locator("#hits .card")).to_have_count(2 * PAGE_SIZE)
    page.locator("#hits .similar").nth(PAGE_SIZE).click()
    expect(page.locator("#found")).to_contain_text("Similar to")
    wait_until(page, "window.scrollY === 0")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "fragment" in request.url else None)
    page.go_back()
    expect(page.locator("#found")).to_contain_text("disc")
    expect(page.locator("#hits .card")).to_have_count(2 * PAGE_SIZE)
    wait_until(page, "window.scrollY > 300")
    page.go_forward()
    expect(page.locator("#found")).to_contain_text("Similar to")
    wait_until(page, "window.scrollY === 0")
    assert asked == []
    page.go_back()
    wait_until(page, "window.scrollY > 300")
    scroll(page, 500)
    page.goto(f"{url}docs")
    page.go_back()
    expect(page.locator("#hits .card")).to_have_count(2 * PAGE_SIZE)
    wait_until(page, "window.scrollY === 500")


def test_a_reloaded_panel_is_a_page_of_its_own_and_back_still_leads_to_the_results(page: Page) -> None:
    search(page, "disc")
    page.locator("#hits .title a").first.click()
    expect(page.locator("#panel h1")).to_be_visible()
    page.reload()
    expect(page.locator("#product > .product-page h1")).to_be_visible()
    expect(page.get_by_role("link", name="Back to the results")).to_be_visible()
    page.go_back()
    expect(page.locator("#found")).to_contain_text("disc")
    page.go_forward()
    expect(page.locator("h1").last).to_be_visible()


def test_photos_are_enlarged_and_moved_by_mouse_and_keyboard(page: Page, url: str) -> None:
    product_id = "red-disc"
    page.goto(f"{url}p/{product_id}")
    page.locator("[data-zoom]").first.focus()
    page.keyboard.press("Enter")
    image = page.locator("#zoom img")
    expect(image).to_be_focused()
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert scale_of(page) == pytest.approx(2.25)
    page.keyboard.press("-")
    assert scale_of(page) == pytest.approx(1.5)
    page.keyboard.press("Enter")
    assert scale_of(page) == 1
    image.click()
    assert scale_of(page) == 2.5
    before = image.bounding_box()
    page.mouse.move(640, 400)
    page.mouse.down()
    page.mouse.move(640, 460, steps=3)
    page.mouse.up()
    after = image.bounding_box()
    assert before
    assert after
    assert scale_of(page) == 2.5
    assert after["y"] - before["y"] == pytest.approx(60, abs=6)
    page.mouse.wheel(0, 4000)
    assert scale_of(page) == 1
    page.keyboard.press("Escape")
    expect(page.locator("#zoom")).to_be_hidden()
    expect(page.locator("[data-zoom]").first).to_be_focused()


def scale_of(page: Page) -> float:
    return float(page.evaluate("new DOMMatrix(getComputedStyle(document.querySelector('#zoom img')).transform).a"))


def test_two_fingers_enlarge_a_photo(browser: Browser, url: str) -> None:
    product_id = "red-disc"
    with opened(browser, **PHONE) as page:
        page.goto(f"{url}p/{product_id}")
        page.locator("[data-zoom]").first.tap()
        expect(page.locator("#zoom")).to_be_visible()
        session = page.context.new_cdp_session(page)

        def touch(kind: str, *rows: int) -> None:
            points = [{"x": 195, "y": row, "id": place} for place, row in enumerate(rows)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", 400, 440)
        for apart in (40, 60, 80, 100, 120):
            touch("touchMove", 420 - apart, 420 + apart)
        touch("touchEnd")
        wait_until(page, "new DOMMatrix(getComputedStyle(document.querySelector('#zoom img')).transform).a > 2")


def test_without_javascript_a_hit_leads_to_its_page_and_back(browser: Browser, url: str) -> None:
    with opened(browser, java_script_enabled=False) as page:
        page.goto(f"{url}?q=disc")
        page.locator("#hits .title a").first.click()
        expect(page.locator(".product-page h1")).to_be_visible()
        page.get_by_role("link", name="Back to the results").click()
        expect(page.locator("#found")).to_contain_text("disc")


def test_pictures_are_sharp_on_a_phone_and_small_on_a_desk(browser: Browser, url: str) -> None:
    for options, side in ((PHONE, "side=640"), ({"viewport": {"width": 1280, "height": 800}}, ".webp")):
        with opened(browser, **options) as page:
            page.goto(f"{url}?q=disc")
            wait_until(page, "document.querySelector('#hits img').currentSrc")
            assert page.locator("#hits img").first.evaluate("(image) => image.currentSrc").endswith(side)


@pytest.mark.parametrize(("scheme", "locale"), [("light", "ko-KR"), ("dark", "en-US")])
def test_axe_finds_nothing_in_the_panel_the_page_and_the_last_searches(
    browser: Browser, url: str, scheme: Any, locale: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with opened(browser, **{**PHONE, "color_scheme": scheme, "locale": locale}) as page:
        page.goto(f"{url}?q=disc")
        page.locator("#hits .title a").first.click()
        expect(page.locator("#panel h1")).to_be_visible()
        found = axe.run(page).response["violations"]
        page.locator("#panel [data-zoom]").first.click()
        expect(page.locator("#zoom img")).to_be_focused()
        found += axe.run(page).response["violations"]
        page.goto(page.url.partition("&fragment")[0])
        found += axe.run(page).response["violations"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.goto(f"{url}p/none")
        found += axe.run(page).response["violations"]
        page.goto(url)
        page.click("#q")
        expect(page.locator("#recent li")).to_have_count(1)
        found += axe.run(page).response["violations"]
    assert [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found] == []
