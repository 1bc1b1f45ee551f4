"""What is alike, on the page: two photos side by side, in a dialog in real Chromium and as a page of its own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_server import PageServer, page_server
from playwright.sync_api import Browser, Page, expect
from real_browser import needs_chromium

expect.set_options(timeout=20_000)
PARTS = "#why .why-parts"


@pytest.fixture(scope="module")
def server(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    with page_server(built_home, tmp_path_factory.mktemp("why"), page_size=6) as server:
        yield server


def answered(page: Page) -> None:
    """Waits for the answer to the last question; the page's address names that question already while it waits."""
    expect(page.locator("#results:not([aria-busy]) #hits .card").first).to_be_visible()


def searched(browser: Browser, server: PageServer, *, width: int = 1280, language: str = "en") -> Page:
    """Returns the page with what a photo of a red disc found."""
    page = browser.new_page(viewport={"width": width, "height": 844})
    page.set_default_timeout(20_000)
    page.goto(f"{server.url}?lang={language}")
    page.set_input_files("#file", server.photo_of("red-disc"))
    answered(page)
    return page


def shown(server: PageServer, address: str, status: int = 200) -> str:
    response = server.app.test_client().get(address, headers={"Accept": "text/html"})
    assert response.status_code == status
    return response.get_data(as_text=True)


@needs_chromium
@pytest.mark.parametrize(("width", "language", "title"), [(1280, "en", "What is alike"), (390, "ko", "닮은 부분")])
def test_a_hit_shows_what_is_alike_side_by_side(
    browser: Browser, server: PageServer, width: int, language: str, title: str
) -> None:
    page = searched(browser, server, width=width, language=language)
    button = page.locator("#hits .card .why-button").first
    size = button.bounding_box()
    assert size
    assert min(size["width"], size["height"]) >= 44
    button.click()
    expect(page.locator(PARTS)).to_contain_text(title)
    own, found = (page.locator(f"{PARTS} figure").nth(at).bounding_box() for at in (0, 1))
    assert own
    assert found
    assert own["x"] + own["width"] <= found["x"]
    assert found["x"] + found["width"] <= width
    for picture in page.locator(f"{PARTS} .spot").all():
        veil, photo = picture.locator(".veil").bounding_box(), picture.locator("img").first.bounding_box()
        assert veil == photo
        expect(picture.locator("img").first).to_have_attribute("alt", re.compile(".+: .+"))
    page.close()


@needs_chromium
def test_the_keyboard_opens_and_closes_it_and_comes_back(browser: Browser, server: PageServer) -> None:
    page = searched(browser, server)
    button = page.locator("#hits .card .why-button").nth(1)
    expect(button).to_have_attribute("aria-label", re.compile("^Show what is alike in .+"))
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator(PARTS)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#why")).not_to_be_visible()
    expect(button).to_be_focused()
    button.click()
    page.locator("#why-close").click()
    expect(page.locator("#why")).not_to_be_visible()
    page.close()


@needs_chromium
def test_it_opens_over_a_products_panel_and_leaves_it_open(browser: Browser, server: PageServer) -> None:
    page = searched(browser, server)
    page.locator("#hits .card .title a").first.click()
    page.locator("#panel .why a[data-why]").click()
    expect(page.locator(PARTS)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#why")).not_to_be_visible()
    expect(page.locator("#panel")).to_be_visible()
    page.close()


@needs_chromium
def test_a_server_that_does_not_answer_is_told_in_words(browser: Browser, server: PageServer) -> None:
    page = searched(browser, server)
    page.route("**/why/**", lambda route: route.abort())
    page.locator("#hits .card .why-button").first.click()
    expect(page.locator("#why-body")).to_have_text("This cannot be shown just now.")
    page.close()


@needs_chromium
def test_axe_finds_nothing_in_it(browser: Browser, server: PageServer) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = searched(browser, server, width=390)
    page.locator("#hits .card .why-button").first.click()
    expect(page.locator(PARTS)).to_be_visible()
    assert [fault["id"] for fault in axe.run(page).response["violations"]] == []
    page.close()


def test_without_a_script_it_is_a_page(server: PageServer) -> None:
    results = shown(server, "/?product=red-disc")
    address = re.findall(r'class="why-button" href="([^"]+)"', results)[0].replace("&amp;", "&")
    page = shown(server, address)
    assert "<title>What is alike" in page
    assert page.count('class="veil" src="data:image/png;base64,') == 2
    assert 'href="/?product=red-disc"' in page
    assert "red disc: what counts most is" in page
    assert shown(server, f"{address}&fragment=1").startswith('<div class="why-parts">')


def test_words_alone_have_nothing_to_show(server: PageServer) -> None:
    assert "why-button" not in shown(server, "/?q=disc")
    assert "why-button" in shown(server, "/?product=red-disc&q=blue")


def test_what_is_gone_is_told_in_words(server: PageServer) -> None:
    assert "No part of the two photos" in shown(server, "/why/no-such-product?product=red-disc")
    shown(server, f"/why/red-disc?photo={'0' * 64}", status=404)
    shown(server, "/why/red-disc", status=400)
