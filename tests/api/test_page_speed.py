"""What makes the page quick, in real Chromium: few bytes, hits on the first screen, and nothing that jumps.

Seconds depend on the machine and what else runs on it: `benchmarks/page_on_a_phone.py` measures them.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opened_page import PHONE, opened
from page_on_a_phone import NETWORK, OBSERVE
from page_server import PageServer, page_server
from playwright.sync_api import Browser, Page, ViewportSize, expect
from real_browser import needs_chromium

MOST_BYTES = 60_000
MOST_SHIFT = 0.02
SCREENS = [(320, 640), (390, 844), (768, 1024), (1280, 800), (2560, 1300)]
pytestmark = needs_chromium
expect.set_options(timeout=20_000)  # the first search loads the models


@pytest.fixture(scope="module")
def server(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    with page_server(built_home, tmp_path_factory.mktemp("speed")) as server:
        yield server


@pytest.fixture(scope="module")
def photo_file(server: PageServer) -> Path:
    return server.photo_of("red-disc")


@pytest.fixture(scope="module")
def url(server: PageServer) -> str:
    return server.url


def first_card(page: Page) -> float:
    """Returns where the first hit begins, as a share of the screen's height."""
    card = page.locator("#hits .card").first
    card.wait_for()
    place, size = card.bounding_box(), page.viewport_size
    assert place
    assert size
    return place["y"] / size["height"]


def test_the_hits_of_words_and_photos_begin_on_the_first_screen(browser: Browser, url: str, photo_file: Path) -> None:
    with opened(browser) as page:
        page.goto(f"{url}?q=red+disc+under+30+euro")
        by_words = {size: first_card(_resized(page, *size)) for size in SCREENS}
        page.set_input_files("#file", photo_file)
        expect(page.locator("#photo-open")).to_be_visible()
        by_photo = {size: first_card(_resized(page, *size)) for size in SCREENS}
    assert max(by_words.values()) < 0.6, by_words
    assert max(by_photo.values()) < 0.6, by_photo


def _resized(page: Page, width: int, height: int) -> Page:
    page.set_viewport_size(ViewportSize(width=width, height=height))
    return page


def test_the_page_travels_in_few_bytes_and_nothing_on_it_jumps(browser: Browser, url: str, photo_file: Path) -> None:
    with opened(browser, **PHONE) as page:
        page.add_init_script(OBSERVE)
        session = page.context.new_cdp_session(page)
        arrived = _count_bytes(session)
        session.send("Network.emulateNetworkConditions", NETWORK)
        page.goto(url, wait_until="networkidle")
        assert 5_000 < arrived["text"] < MOST_BYTES, arrived
        page.set_input_files("#file", photo_file)
        expect(page.locator("#hits .card").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert arrived["text"] < MOST_BYTES, arrived
        page.goto(f"{url}?q=disc", wait_until="networkidle")
        assert page.evaluate("window.largest.startTime") > 0
        assert page.evaluate("window.shifts") <= MOST_SHIFT


def _count_bytes(session: Any) -> Counter[str]:
    """Returns a count that grows with the bytes that arrive: of pictures, and of all that is `text`."""
    kinds: dict[str, str] = {}
    arrived: Counter[str] = Counter()

    def count(event: dict[str, Any]) -> None:
        is_picture = kinds.get(event["requestId"]) == "Image"
        arrived["pictures" if is_picture else "text"] += event["encodedDataLength"]

    session.send("Network.enable")
    session.on("Network.responseReceived", lambda event: kinds.update({event["requestId"]: event["type"]}))
    session.on("Network.loadingFinished", count)
    return arrived


def test_pictures_come_before_scripts_and_only_those_on_the_first_screen_at_once(browser: Browser, url: str) -> None:
    with opened(browser, **PHONE) as page:
        page.goto(f"{url}?q=disc", wait_until="networkidle")
        eager = page.locator("#hits img:not([loading=lazy])")
        assert {image.get_attribute("fetchpriority") for image in eager.all()} == {"high"}
        assert eager.count() == 4
        scripts = page.locator("head script, head link[rel=modulepreload]").all()
        assert {script.get_attribute("fetchpriority") for script in scripts} == {"low"}
        assert page.locator("#results img:not([width][height])").count() == 0
