"""The page in a Korean browser: no English word of ours, the switch, and clicks that the rebuild learns from."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from page_server import PageServer, page_server
from playwright.sync_api import Browser, FilePayload, Page, expect
from real_browser import needs_chromium

from api.resources import EXTENSION
from data.catalogue import Catalogue, product_fields
from data.events import Events
from training.behaviour import ShopBehaviour

pytestmark = needs_chromium
NAMES = {"Lookalike", "English", "API", "EUR", "Shift", "Esc"}  # the same in Korean
# Every text that people see or hear, also in dialogs that are closed and templates that wait.
TEXTS = """() => {
  const found = [document.title];
  const walk = (root) => {
    for (const one of root.querySelectorAll("*")) {
      if (one.matches("script, style, code")) continue;
      if (one.matches("noscript")) { walk(new DOMParser().parseFromString(one.textContent, "text/html")); continue; }
      for (const name of ["alt", "title", "placeholder", "aria-label", "content"])
        if (one.tagName !== "META" || one.name === "description") found.push(one.getAttribute(name) ?? "");
      for (const [name, value] of Object.entries(one.dataset))
        if (/\\s/.test(value) && name !== "judge") found.push(value.replace(/{\\w+}/g, ""));
      for (const node of one.childNodes) if (node.nodeType === 3) found.push(node.data);
      if (one.content instanceof DocumentFragment) walk(one.content);
    }
  };
  walk(document);
  return found.map((text) => text.trim()).filter(Boolean);
}"""


@pytest.fixture(scope="module")
def server(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    with page_server(built_home, tmp_path_factory.mktemp("korean"), page_size=8) as server:
        yield server


@pytest.fixture(scope="module")
def home(server: PageServer) -> Path:
    return server.catalogue.home


@pytest.fixture(scope="module")
def app(server: PageServer) -> Flask:
    return server.app


@pytest.fixture(scope="module")
def url(server: PageServer) -> str:
    return server.url


@pytest.fixture(scope="module")
def shops_own(home: Path) -> set[str]:
    """The words of the catalogue, its ids and what the program's parts are called."""
    texts = [str(value) for facts in Catalogue(home).iter_facts() for value in product_fields(facts.product).values()]
    return {word for text in texts for word in re.findall(r"[A-Za-z]+", text)}


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context(locale="ko-KR", viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield page
    context.close()


def english_left(page: Page, allowed: set[str]) -> dict[str, set[str]]:
    found = {}
    for text in page.evaluate(TEXTS):
        words = {word for word in re.findall(r"[A-Za-z]{2,}", text) if word not in allowed | NAMES}
        if words:
            found[text] = words
    return found


def about(page: Page) -> set[str]:
    """The names of the program's parts, in the footer."""
    names = page.evaluate("(document.querySelector('footer')?.innerText ?? '').split('\\n').pop()")
    return set(re.findall(r"[A-Za-z]+", names))


@pytest.mark.parametrize(
    "address",
    [
        "", "?q=disc", "?q=disc+under+30+euro&brand=Acme&like=disc-0", "?q=disc&max_price=0.01", "?q=disc&min_price=x",
        "?product=gone", "?photo=gone", "sell", "nowhere", "p/red-disc", "p/red-disc?q=disc", "p/gone",
    ],
)  # fmt: skip
def test_no_english_word_of_ours_is_left(page: Page, url: str, shops_own: set[str], address: str) -> None:
    page.goto(url + address)
    assert page.evaluate("document.documentElement.lang") == "ko"
    typed = set(re.findall(r"[A-Za-z]+", address))
    assert english_left(page, shops_own | typed | about(page)) == {}


def test_no_english_word_comes_up_while_a_photo_is_searched_by(
    page: Page, url: str, home: Path, shops_own: set[str]
) -> None:
    page.goto(url)
    facts = next(iter(Catalogue(home).iter_facts()))
    record = Catalogue(home).photo(facts.image_sha256[0])
    assert record
    allowed = shops_own | about(page)
    page.set_input_files("#file", record.source)
    page.locator("#hits .card").first.wait_for()
    page.click("#photo-open")
    page.locator("#crop").press("ArrowRight")
    expect(page.locator("#crop-note")).to_contain_text("픽셀만")
    assert english_left(page, allowed) == {}
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    with page.expect_response("**/*cursor=*"):
        page.click(".more-button")
    page.context.set_offline(True)
    page.fill("#q", "disc")
    page.keyboard.press("Enter")
    expect(page.locator(".notice[role=alert]")).to_be_visible()
    assert english_left(page, allowed) == {}


def test_the_switch_keeps_what_the_script_searched_for(page: Page, url: str) -> None:
    page.goto(url)
    page.fill("#q", "disc")
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_have_text("‘disc’ 검색 결과")
    page.get_by_role("link", name="English").click()
    expect(page.locator("#found")).to_have_text("Results for “disc”")
    page.fill("#q", "red disc")
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_have_text("Results for “red disc”")
    page.get_by_role("link", name="한국어").click()
    expect(page.locator("#found")).to_have_text("‘red disc’ 검색 결과")


def test_a_click_in_the_browser_is_learned_from(page: Page, app: Flask, home: Path, url: str) -> None:
    page.goto(url)
    page.fill("#q", "green disc")
    page.keyboard.press("Enter")
    page.locator("#hits .card").first.wait_for()
    names = [str(card.get_attribute("data-product")) for card in page.query_selector_all("#hits .card")[1:3]]
    with page.expect_response("**/v1/events/page") as told:
        page.locator(f'[data-judge="like {names[0]}"]').click()
    assert told.value.status == 202
    expect(page.locator(".chip.like")).to_be_visible()
    with page.expect_response("**/v1/events/page"):
        page.locator(f'[data-product="{names[1]}"] .similar').click()
    app.extensions[EXTENSION].search_log.flush()
    learned = ShopBehaviour.from_events(Events(home).iterate()).words
    assert sorted(learned.ranking("green disc")) == sorted(names)
    assert page.evaluate("Object.keys(localStorage)") == [
        "lookalike-recent"
    ]  # the last searches, for the shopper alone
    assert page.context.cookies() == []


def test_a_photo_over_the_servers_limit_is_told_before_it_travels(page: Page, app: Flask, url: str) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method) if request.method == "POST" else None)
    page.goto(url)
    most = app.extensions[EXTENSION].settings.max_image_bytes
    unreadable_here: FilePayload = {"name": "photo.heic", "mimeType": "image/heic", "buffer": bytes(most + 1)}
    page.set_input_files("#file", files=[unreadable_here])
    expect(page.locator(".notice h2")).to_have_text("너무 커요")
    assert sent == []
    with page.expect_file_chooser():
        page.get_by_role("link", name="다른 사진 선택").click()
