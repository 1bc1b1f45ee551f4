"""The page in real Chromium, against a real server, a real generation and the tiny backbone."""

import base64
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tiny_backbone import TinyBackbone
from werkzeug.serving import make_server

from api.app import create_app
from api.page import form as page_form
from data.catalogue import Catalogue
from data.generations import GenerationFolder
from data.keys import Keys
from data.settings import Settings
from engine.search import SearchEngine

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PAGE_SIZE = 8
WIDTHS = [(1280, 900), (390, 844), (360, 640)]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs Chromium at {CHROMIUM}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def url(settings: Settings, generation: GenerationFolder, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(page_form, "PAGE_SIZE", PAGE_SIZE)
    app = create_app(settings, SearchEngine(settings, backbone=TinyBackbone()))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A page that fails its test when the browser complains: a script error, or something the policy blocks."""
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Security Policy" in message.text else None)
    page.goto(url)
    yield page
    page.close()
    assert complaints == []


@pytest.fixture
def picture(settings: Settings, generation: GenerationFolder) -> tuple[str, Path]:
    """A product and the file of its first photo."""
    catalogue = Catalogue(settings.home)
    facts = next(iter(catalogue.iter_facts()))
    record = catalogue.photo(facts.image_sha256[0])
    assert record
    return facts.product.product_id, Path(record.source)


def hits(page: Page) -> list[str]:
    page.wait_for_selector("#hits > li")
    return [str(card.get_attribute("data-product")) for card in page.query_selector_all("#hits > li")]


def test_a_photo_then_a_part_of_it_then_similar_products(page: Page, picture: tuple[str, Path]) -> None:
    product_id, path = picture
    page.set_input_files("#file", path)
    assert hits(page)[0] == product_id
    expect(page.locator("#preview")).to_be_visible()
    frame = page.locator("#stage").bounding_box()
    assert frame
    with page.expect_response(lambda response: response.request.method == "POST") as cropped:
        page.mouse.move(frame["x"] + frame["width"] * 0.25, frame["y"] + frame["height"] * 0.25)
        page.mouse.down()
        page.mouse.move(frame["x"] + frame["width"] * 0.75, frame["y"] + frame["height"] * 0.75, steps=4)
        page.mouse.up()
    assert cropped.value.ok
    size = page.evaluate(
        "[document.querySelector('#preview').naturalWidth, ...JSON.parse(document.querySelector('#box').value)]"
    )
    assert size[1] == pytest.approx(size[0] * 0.25, abs=3)
    assert size[3] == pytest.approx(size[0] * 0.75, abs=3)
    expect(page.locator("#found")).to_have_text("Products like your photo")
    first = hits(page)[0]
    page.locator("#hits .similar").first.click()
    expect(page.locator("#found")).to_contain_text("Similar to")
    assert first not in hits(page)
    assert page.locator("#photo").is_hidden()
    page.go_back()


def test_labels_appear_as_chips_and_narrow_the_search(
    page: Page, picture: tuple[str, Path], settings: Settings
) -> None:
    product_id, path = picture
    page.set_input_files("#file", path)
    chips = page.locator("#labels button")
    chips.first.wait_for()
    assert chips.count() <= 5
    label, share = chips.first.evaluate("(chip) => [chip.firstChild.textContent, chip.lastChild.textContent]")
    assert label == next(facts for facts in Catalogue(settings.home).iter_facts()).product.category
    assert 2 <= int(share.removesuffix("%")) <= 100
    with page.expect_response(lambda response: "/v1/recognize" not in response.url and response.ok):
        chips.first.click()
    expect(chips.first).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".filters")).to_have_attribute("open", "")
    expect(page.locator("select[name=category]")).to_have_value(label)
    shown = {facts.product.product_id: facts.product.category for facts in Catalogue(settings.home).iter_facts()}
    expect(page.locator("#hits > li").first).to_have_attribute("data-product", product_id)
    assert {shown[hit] for hit in hits(page)} == {label}


def test_a_seller_gets_up_to_three_categories(page: Page, url: str, picture: tuple[str, Path]) -> None:
    page.goto(f"{url}sell")
    page.set_input_files("input[type=file]", picture[1])
    page.get_by_role("button", name="Suggest").click()
    suggestions = page.locator(".suggestions a")
    suggestions.first.wait_for()
    assert 1 <= suggestions.count() <= 3
    assert "%" in suggestions.first.inner_text()
    suggestions.first.click()
    assert hits(page)


def test_a_photo_can_be_dropped_and_pasted(page: Page, picture: tuple[str, Path]) -> None:
    product_id, path = picture
    content = base64.b64encode(path.read_bytes()).decode()
    for event in ("drop", "paste"):
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
            [event, content],
        )
        assert hits(page)[0] == product_id
        page.click("#photo-remove")
        expect(page.locator("#hits")).to_have_count(0)


def test_words_filters_and_more(page: Page) -> None:
    page.fill("#q", "red")
    page.keyboard.press("Enter")
    first = hits(page)
    assert "q=red" in page.url
    page.click(".more-button")
    page.locator("#hits > li").nth(len(first)).wait_for()
    both = hits(page)
    assert both[: len(first)] == first
    assert len(set(both)) == len(both) == 2 * PAGE_SIZE
    page.click(".filters summary")
    with page.expect_response(lambda response: "brand=Acme" in response.url):
        page.select_option("select[name=brand]", "Acme")
    expect(page.locator("#hits .maker").first).to_have_text("Acme")
    assert set(page.locator("#hits .maker").all_inner_texts()) == {"ACME"}
    page.reload()
    assert page.locator("select[name=brand]").input_value() == "Acme"
    assert set(page.locator("#hits .maker").all_inner_texts()) == {"ACME"}
    page.fill("input[name=min_price]", "cheap")
    page.keyboard.press("Enter")
    expect(page.locator(".notice")).to_contain_text("A price must be a number")
    with page.expect_response(lambda response: "max_price=15" in response.url):
        page.fill("input[name=min_price]", "")
        page.fill("input[name=max_price]", "15")
        page.keyboard.press("Enter")
    expect(page.locator("#hits > li").first).to_be_visible()
    assert all(float(cost.strip("€")) <= 15 for cost in page.locator("#hits .cost").all_inner_texts())


def test_a_file_that_is_no_photo_is_told_plainly(page: Page, tmp_path: Path) -> None:
    (tmp_path / "note.jpg").write_text("this is no photo")
    page.set_input_files("#file", tmp_path / "note.jpg")
    expect(page.locator(".notice[role=alert]")).to_contain_text("not a photo")


def test_it_works_by_keyboard_alone(page: Page, picture: tuple[str, Path]) -> None:
    page.set_input_files("#file", picture[1])
    hits(page)
    page.locator("#crop").focus()
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("#crop-note")).to_contain_text("pixels count")
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.keyboard.press("Escape")
    expect(page.locator("#crop-note")).to_have_text("The whole photo counts.")
    page.locator("#hits .similar").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_contain_text("Similar to")


@pytest.mark.parametrize(("width", "height"), WIDTHS)
def test_nothing_sticks_out_and_every_picture_has_words(
    page: Page, picture: tuple[str, Path], width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.set_input_files("#file", picture[1])
    hits(page)
    page.click(".filters summary")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].every((image) => image.alt)")
    page.evaluate("Promise.all([...document.images].slice(0, 4).map((image) => image.decode()))")


def test_without_javascript_words_are_found(browser: Browser, url: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url)
    page.fill("#q", "red")
    page.click(".go")
    assert hits(page)
    context.close()


def test_a_shop_with_keys_asks_for_one_and_keeps_it_for_the_tab(browser: Browser, url: str, settings: Settings) -> None:
    key = Keys(settings.home).create(["search"])
    page = browser.new_page()
    page.goto(url + "?q=red")
    expect(page.locator("#key-dialog")).to_be_visible()
    assert page.locator("#hits").count() == 0
    page.fill("#key", "wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#key-dialog")).to_be_visible()
    page.fill("#key", key)
    page.keyboard.press("Enter")
    assert hits(page)
    assert page.evaluate("sessionStorage.getItem('lookalike-key')") == key
    assert key not in page.url
    page.reload()
    assert hits(page)
    page.close()
