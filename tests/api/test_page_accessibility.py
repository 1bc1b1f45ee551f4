"""The pages for people who hear them, see them in colours of their own, or want nothing to move; in both languages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opened_page import opened
from page_server import PageServer, page_server
from playwright.sync_api import Browser, Page, expect
from real_browser import needs_chromium

pytestmark = needs_chromium
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
expect.set_options(timeout=20_000)  # the first search loads the models


@pytest.fixture(scope="module")
def server(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    with page_server(built_home, tmp_path_factory.mktemp("accessible"), page_size=8) as server:
        yield server


@pytest.fixture(scope="module")
def url(server: PageServer) -> str:
    return server.url


@pytest.fixture(scope="module")
def photo(server: PageServer) -> Path:
    return server.photo_of("red-disc")


@pytest.mark.parametrize(
    ("language", "scheme", "viewport"),
    [
        ("en-US", "light", PHONE), ("en-US", "dark", DESKTOP), ("ko-KR", "light", DESKTOP), ("ko-KR", "dark", PHONE),
    ],
)  # fmt: skip
def test_axe_finds_nothing(
    browser: Browser, url: str, photo: Path, language: str, scheme: Any, viewport: dict[str, int]
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found: list[Any] = []

    def look(page: Page) -> None:
        found.extend((page.url, fault["id"], [node["html"] for node in fault["nodes"]])
                     for fault in axe.run(page).response["violations"])  # fmt: skip

    with opened(browser, locale=language, color_scheme=scheme, viewport=viewport) as page:
        page.goto(url)
        look(page)
        page.set_input_files("#file", photo)
        page.locator("#hits .card").first.wait_for()
        look(page)
        page.click("#photo-open")
        look(page)
        page.goto(f"{url}?q=disc+under+30+euro&like=red-disc&brand=Acme")
        page.locator("#q").press_sequentially(" ")
        if viewport == PHONE:
            page.click(".filter-button")
        look(page)
        page.goto(f"{url}?q=disc")
        page.locator(".card .title a").first.click()
        expect(page.locator("#panel h1")).to_be_focused()
        look(page)
        for address in ("p/red-disc", "?photo=gone", "?q=disc&min_price=x", "?q=disc&max_price=0.1", "nowhere", "sell"):
            page.goto(url + address)
            look(page)
    assert found == []


def test_a_search_leads_to_the_heading_and_says_how_many(browser: Browser, url: str) -> None:
    with opened(browser) as page:
        page.goto(url)
        page.fill("#q", "disc")
        page.keyboard.press("Enter")
        expect(page.locator("#found")).to_be_focused()
        count = page.locator("#hits .card").count()
        expect(page.get_by_role("status")).to_have_text(f"{count} products are shown")
        page.click(".more-button")
        page.locator("#hits .card").nth(count).wait_for()
        more = page.locator("#hits .card").count() - count
        expect(page.get_by_role("status")).to_have_text(f"{more} products are shown")
        page.fill("input[name=min_price]", "x")
        page.keyboard.press("Enter")
        expect(page.locator(".notice h2")).to_have_text("That did not work")
        expect(page.get_by_role("status")).to_have_text("")
        page.get_by_role("link", name="Take the filters away").click()
        expect(page.locator("#found")).to_be_visible()


def test_forced_colours_show_what_is_chosen(browser: Browser, url: str, photo: Path) -> None:
    with opened(browser, forced_colors="active") as page:
        page.goto(url)
        page.set_input_files("#file", photo)
        page.locator(".chip.label").first.click()
        expect(page.locator(".chip.label").first).to_have_attribute("aria-current", "true")
        outlines = page.evaluate(
            "[...document.querySelectorAll('.chip')].map((chip) => getComputedStyle(chip).outlineStyle)"
        )
        assert outlines.count("solid") == 1
        page.locator("#q").press_sequentially("re")
        page.get_by_role("option").nth(1).wait_for()
        page.keyboard.press("ArrowDown")
        grounds = page.evaluate(
            "[...document.querySelectorAll('[role=option]')].map((one) => getComputedStyle(one).backgroundColor)"
        )
        assert grounds[0] not in grounds[1:]


def test_nothing_moves_for_who_wants_no_motion(browser: Browser, url: str, photo: Path) -> None:
    for motion, moves in (("no-preference", True), ("reduce", False)):
        with opened(browser, reduced_motion=motion) as page:
            page.goto(url)
            page.route("**/", lambda route: None if route.request.method == "POST" else route.continue_())
            page.set_input_files("#file", photo)
            expect(page.locator(".ghost").first).to_be_visible()
            assert bool(page.evaluate("document.getAnimations().length")) == moves
