"""The seller's form in real Chromium, against a real server and generation, the tiny backbone and a shop's server."""

import base64
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from page_server import PageServer, page_server
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from real_browser import needs_chromium
from shop_server import SECRET, ShopServer, shop_server

from data.errors import UnknownProduct
from data.keys import Keys

PHONE, DESKTOP = (390, 844), (1280, 800)
WORDS = {"en": ("What is it?", "very likely"), "ko": ("어떤 상품인가요?", "거의 확실해요")}
SMALL_TARGETS = """[...document.querySelectorAll("a, button, select, input, textarea, label.plain")]
    .filter((one) => one.checkVisibility() && !one.closest(".skip, .visually-hidden, [type=checkbox], #file"))
    .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
    .filter(([, size]) => size.width < 44 || size.height < 44).map(([html]) => html)"""
pytestmark = needs_chromium
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def shop() -> Iterator[ShopServer]:
    with shop_server() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, built_home: Path, shop: ShopServer) -> Iterator[PageServer]:
    told = page_server(
        built_home,
        tmp_path_factory.mktemp("selling"),
        seller_callback_url=shop.url,
        seller_callback_secret=SECRET,
    )
    with told as running:
        yield running


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens pages that fail their test when the browser complains: a script error, or something the policy blocks."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def watch(text: str) -> None:
        if "Security Policy" in text:
            complaints.append(text)

    def new(size: tuple[int, int] = DESKTOP, language: str = "en", **more: Any) -> Page:
        locale = {"en": "en-US", "ko": "ko-KR"}[language]
        viewport: Any = {"width": size[0], "height": size[1]}
        contexts.append(browser.new_context(viewport=viewport, locale=locale, has_touch=size == PHONE, **more))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: watch(message.text))
        page.set_default_timeout(30_000)
        return page

    yield new
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def photo(server: PageServer) -> Path:
    """A photo of the catalogue's first product, a red disc."""
    return server.photo_of("red-disc")


def give(page: Page, photo: Path, url: str) -> None:
    """Opens the form and gives it a photo."""
    page.goto(f"{url}sell")
    page.set_input_files("#file", photo)
    if page.locator(".without-script").is_visible():
        page.locator(".without-script").click()
    expect(page.locator(".choices legend")).to_be_visible(timeout=30_000)


def exists(server: PageServer, product_id: str) -> bool:
    try:
        server.catalogue.get(product_id)
    except UnknownProduct:
        return False
    return True


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("scripts", [True, False])
def test_photo_then_choice_then_edited_then_json(
    open_page: Open, server: PageServer, photo: Path, size: tuple[int, int], language: str, scripts: bool
) -> None:
    page = open_page(size, language, java_script_enabled=scripts)
    give(page, photo, server.url)
    expect(page.locator(".choices legend")).to_have_text(WORDS[language][0])
    chosen = page.locator(".choose[aria-current]")
    expect(chosen).to_contain_text("disc")
    expect(chosen).to_contain_text(WORDS[language][1])
    assert "%" not in page.locator("main").inner_text()
    expect(page.locator("#f-title")).to_have_value("disc")
    page.fill("#f-title", "My own disc")
    page.fill("#f-category", "square")
    page.locator(".other button").click()
    expect(page.locator("#f-product_id")).to_have_value(re.compile("square-"))  # suggested anew
    expect(page.locator("#f-title")).to_have_value("My own disc")
    page.fill("#f-price", "12.50")
    page.locator("button[name=show]").click()
    expect(page.locator("#json")).to_contain_text('"price": 12.5')
    expect(page.locator("#json")).to_contain_text('"category": "square"')
    expect(page.locator("#json")).to_contain_text('"title": "My own disc"')
    if scripts:
        assert page.evaluate(SMALL_TARGETS) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scripts", [True, False])
def test_reload_and_back_keep_everything(open_page: Open, server: PageServer, photo: Path, scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts)
    give(page, photo, server.url)
    page.fill("#f-title", "My own disc")
    page.locator("button[name=show]").click()
    expect(page.locator("#json")).to_be_visible()
    page.reload()
    expect(page.locator("#f-title")).to_have_value("My own disc")
    expect(page.locator("#json")).to_be_visible()
    page.go_back()
    expect(page.locator("#json")).to_have_count(0)
    expect(page.locator(".preview img")).to_be_visible()
    if scripts:
        expect(page.locator("#f-title")).to_have_value("My own disc")


def test_what_was_typed_and_not_sent_survives_a_reload(open_page: Open, server: PageServer, photo: Path) -> None:
    page = open_page()
    give(page, photo, server.url)
    page.fill("#f-description", "As good as new")
    page.reload()
    expect(page.locator("#f-description")).to_have_value("As good as new")


def test_what_is_typed_while_an_answer_is_on_its_way_stays(open_page: Open, server: PageServer, photo: Path) -> None:
    page = open_page()
    give(page, photo, server.url)
    held: list[Route] = []
    page.route("**/sell", lambda route: held.append(route), times=1)
    page.fill("#f-category", "square")
    with page.expect_request("**/sell"):
        page.locator(".other button").click()
    page.fill("#f-price", "12.50")
    held[0].continue_()
    expect(page.locator("#f-product_id")).to_have_value(re.compile("square-"))
    expect(page.locator("#f-price")).to_have_value("12.50")
    expect(page.locator("#f-price")).to_be_focused()


@pytest.mark.parametrize("scripts", [True, False])
def test_added_without_a_key_and_never_over_another_product_unasked(
    open_page: Open, server: PageServer, photo: Path, scripts: bool
) -> None:
    page = open_page(java_script_enabled=scripts)
    give(page, photo, server.url)
    name = f"sold-{scripts}"
    page.fill("#f-product_id", name)
    page.locator("button[formaction='/sell/add']").click()
    expect(page.locator("[data-outcome=added]")).to_be_visible()
    assert server.catalogue.get(name).product.category == "disc"
    page.fill("#f-product_id", "red-disc")
    page.fill("#f-title", "Mine")
    page.locator("button[formaction='/sell/add']").click()
    expect(page.locator("[data-outcome=exists]")).to_contain_text("red disc")
    assert server.catalogue.get("red-disc").product.title == "red disc"
    page.fill("#f-product_id", name)
    page.locator("input[name=replace]").check()
    page.locator("button[formaction='/sell/add']").click()
    expect(page.locator("[data-outcome=added]")).to_be_visible()
    assert server.catalogue.get(name).product.title == "Mine"


def test_added_with_a_key_that_may_write(open_page: Open, tmp_path: Path, built_home: Path) -> None:
    with page_server(built_home, tmp_path) as server:
        search, write = (Keys(server.catalogue.home).create([scope]) for scope in ("search", "write"))
        page = open_page()
        page.goto(f"{server.url}sell")
        page.set_input_files("#file", server.photo_of("red-disc"))
        enter(page, search)
        page.fill("#f-product_id", "with-a-key", timeout=30_000)
        page.locator("button[formaction='/sell/add']").click()
        enter(page, "lk_no_key_at_all")
        expect(page.locator("#key-wrong")).to_be_visible()
        assert not exists(server, "with-a-key")
        enter(page, write)
        expect(page.locator("[data-outcome=added]")).to_be_visible()
        assert exists(server, "with-a-key")
        assert page.evaluate("[localStorage.length, sessionStorage.getItem('lookalike-key')]") == [0, write]
        page.reload()
        expect(page.locator("[data-outcome=added]")).to_be_visible()


def enter(page: Page, key: str) -> None:
    page.locator("#key").fill(key)
    page.locator("#key-dialog button[value=use]").click()


@pytest.mark.parametrize("scripts", [True, False])
def test_sent_to_the_shops_own_server(
    open_page: Open, server: PageServer, shop: ShopServer, photo: Path, scripts: bool
) -> None:
    page = open_page(PHONE, "ko", java_script_enabled=scripts)
    give(page, photo, server.url)
    page.fill("#f-title", "빨간 원판")
    page.locator("button[formaction='/sell/send']").click()
    expect(page.locator("[data-outcome=sent]")).to_be_visible()
    assert shop.taken[-1]["product"]["title"] == "빨간 원판"
    assert Image.open(io.BytesIO(base64.b64decode(shop.taken[-1]["photo"]))).format == "JPEG"
    assert shop.forged == 0
    shop.status = 503
    page.locator("button[formaction='/sell/send']").click()
    expect(page.locator("[data-outcome=refused]")).to_contain_text("503")
    shop.status = 200


def test_a_damaged_photo_is_said_and_the_next_one_works(open_page: Open, server: PageServer, photo: Path) -> None:
    page = open_page(PHONE)
    page.goto(f"{server.url}sell")
    damaged: Any = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff\xe0 no photo"}
    page.set_input_files("#file", damaged)
    expect(page.locator(".notice[role=alert]")).to_be_focused()
    page.set_input_files("#file", photo)
    expect(page.locator("#f-category")).to_have_value("disc")
    expect(page.locator(".notice")).to_have_count(0)


def test_two_sellers_at_once_do_not_meet(open_page: Open, server: PageServer) -> None:
    pages = [open_page(), open_page(PHONE, "ko")]
    photos = [server.photo_of("red-disc"), server.photo_of("blue-bar")]
    for page in pages:
        page.goto(f"{server.url}sell")
    for page, path in zip(pages, photos, strict=True):
        page.set_input_files("#file", path)
    for page, category in zip(pages, ("disc", "bar"), strict=True):
        expect(page.locator("#f-category")).to_have_value(category, timeout=30_000)
        page.fill("#f-title", f"my {category}")
    for page in pages:
        page.locator("button[name=show]").click()
    for page, category in zip(pages, ("disc", "bar"), strict=True):
        expect(page.locator("#json")).to_contain_text(f'"title": "my {category}"')


def test_a_large_photo_is_shrunk_before_it_travels_and_can_be_dropped_and_pasted(
    open_page: Open, server: PageServer
) -> None:
    out = io.BytesIO()
    Image.effect_noise((2400, 1800), 60).convert("RGB").save(out, "JPEG", quality=95)
    page = open_page()
    sizes: list[int] = []
    page.on("request", lambda request: sizes.append(len(request.post_data_buffer or b"")))
    for event in ("drop", "paste"):
        page.goto(f"{server.url}sell")
        page.evaluate(
            """([event, content]) => {
                const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
                const data = new DataTransfer();
                data.items.add(new File([bytes], "photo.jpg", { type: "image/jpeg" }));
                const made = event === "drop"
                    ? new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data })
                    : new ClipboardEvent("paste", { bubbles: true, clipboardData: data });
                document.body.dispatchEvent(made);
            }""",
            [event, base64.b64encode(out.getvalue()).decode()],
        )
        expect(page.locator(".preview img")).to_be_visible(timeout=30_000)
    assert len(out.getvalue()) > 1_500_000
    assert max(sizes) < 400_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_axe_finds_nothing(open_page: Open, server: PageServer, photo: Path, language: str, scheme: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page(PHONE, language, color_scheme=scheme)
    page.goto(f"{server.url}sell")
    found = axe.run(page).response["violations"]
    give(page, photo, server.url)
    found += axe.run(page).response["violations"]
    page.locator("button[name=show]").click()
    expect(page.locator("#json")).to_be_visible()
    found += axe.run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


def test_the_keyboard_alone_is_enough(open_page: Open, server: PageServer, photo: Path) -> None:
    page = open_page()
    give(page, photo, server.url)
    expect(page.locator(".choices legend")).to_be_focused()  # what is new is led to
    page.keyboard.press("Tab")
    expect(page.locator(".choose").first).to_be_focused()
    page.locator("#f-title").focus()
    page.keyboard.press("End")
    page.keyboard.type(" of mine")
    page.keyboard.press("Enter")  # saves; it must not press the first choice or add anything
    expect(page.locator("#f-title")).to_have_value("disc of mine")
    expect(page.locator("[data-outcome]")).to_have_count(0)
    expect(page).to_have_url(re.compile("offer="))
    expect(page.locator("#sell-parts")).not_to_have_attribute("aria-busy", "true")
    page.locator("button[name=show]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#result")).to_be_focused()
