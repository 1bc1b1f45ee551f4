"""The page in real Chromium, against a real server, a real generation and the tiny backbone."""

import base64
import dataclasses
import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, Page, Request, expect
from real_browser import needs_chromium, served
from tiny_backbone import TinyBackbone

from api.app import create_app
from api.page import form as page_form
from api.page.groups import Group, Shown
from api.resources.query_photos import QueryPhotos
from data.catalogue import Catalogue
from data.generations import GenerationFolder
from data.keys import Keys
from data.settings import Settings
from engine.search import SearchEngine

expect.set_options(timeout=20_000)  # the first search loads the models
PAGE_SIZE = 8
WIDTHS = [(2560, 1300), (1280, 900), (390, 844), (320, 640)]
# Links, buttons and menus that are under 44 pixels on a side. A title's link covers its whole card; filters beside the
# results are smaller where there is a mouse.
SMALL_TARGETS = """[...document.querySelectorAll("a, button, select")]
    .filter((one) => one.checkVisibility() && !one.closest(".title, .skip, footer, a.choice"))
    .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
    .filter(([, size]) => size.width < 44 || size.height < 44).map(([html]) => html)"""
# links and buttons of which a word goes over the edge
CUT_WORDS = """[...document.querySelectorAll("a, button")]
    .filter((one) => one.checkVisibility() && !one.closest(".title, .skip") && one.scrollWidth > one.clientWidth + 1
        && getComputedStyle(one).display !== "inline")
    .map((one) => one.outerHTML.slice(0, 80))"""
# marks of a card's photo that reach under its button
COVERED_MARKS = """[...document.querySelectorAll(".card:has(.why-button) .badges span")]
    .filter((mark) => mark.getBoundingClientRect().right
        > mark.closest(".card").querySelector(".why-button span").getBoundingClientRect().left)
    .map((mark) => mark.textContent)"""
pytestmark = needs_chromium


@pytest.fixture
def app(settings: Settings, generation: GenerationFolder, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(page_form, "PAGE_SIZE", PAGE_SIZE)
    return create_app(settings, SearchEngine(settings, backbone=TinyBackbone()))


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with served(app) as url:
        yield url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A page that fails its test when the browser complains: a script error, or something the policy blocks."""
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Security Policy" in message.text else None)
    page.set_default_timeout(20_000)
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


def answered(page: Page) -> None:
    """Waits for the answer to the last question; the page's address names that question already while it waits."""
    expect(page.locator("#results:not([aria-busy]) #hits .card").first).to_be_visible()


def hits(page: Page) -> list[str]:
    answered(page)
    return [str(card.get_attribute("data-product")) for card in page.query_selector_all("#hits .card")]


def test_a_photo_then_a_part_of_it_then_similar_products(page: Page, picture: tuple[str, Path]) -> None:
    product_id, path = picture
    page.set_input_files("#file", path)
    assert hits(page)[0] == product_id
    page.click("#photo-open")
    expect(page.locator("#preview")).to_be_visible()
    draw(page, (0.25, 0.25), (0.75, 0.75))
    draw(page, (0.75, 0.75), (0.6, 0.7))  # drags a corner
    draw(page, (0.4, 0.4), (0.5, 0.4))  # moves the box
    page.click("#crop-use")
    expect(page.get_by_role("link", name="Search by the whole photo again")).to_be_visible()
    size = page.evaluate(
        "[document.querySelector('#preview').naturalWidth, ...JSON.parse(document.forms.search.elements.box.value)]"
    )
    assert size[1] == pytest.approx(size[0] * 0.35, abs=3)
    assert size[3] == pytest.approx(size[0] * 0.7, abs=3)
    assert size[4] == pytest.approx(size[0] * 0.7, abs=3)
    expect(page.locator("#found")).to_have_text("Products like your photo")
    first = hits(page)[0]
    page.locator("#hits .similar").first.click()
    expect(page.locator("#found")).to_contain_text("Similar to")
    assert first not in hits(page)
    expect(page.locator("#photo-open")).to_have_count(0)
    page.go_back()
    expect(page.locator("#found")).to_have_text("Products like your photo")
    expect(page.get_by_role("link", name="Search by the whole photo again")).to_be_visible()


def draw(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drags the pointer from one place of the large photo to another, both as shares of its width and height."""
    frame = page.locator("#stage").bounding_box()
    assert frame
    page.mouse.move(frame["x"] + frame["width"] * start[0], frame["y"] + frame["height"] * start[1])
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] * end[0], frame["y"] + frame["height"] * end[1], steps=4)
    page.mouse.up()


def test_a_photo_travels_small_and_once(page: Page, picture: tuple[str, Path], tmp_path: Path) -> None:
    with Image.open(picture[1]) as image:
        image.resize((3000, 2250)).save(tmp_path / "large.png")
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    page.set_input_files("#file", tmp_path / "large.png")
    assert hits(page)[0] == picture[0]
    first = hits(page)
    page.locator("#filters input[name=brand]").first.check()
    page.wait_for_url("**brand=**")
    page.fill("#q", "red")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=red**")
    assert len(sent) == 1
    assert sent[0].sizes()["requestBodySize"] < 300_000
    assert not any("/photos/" in str(source) for source in page.evaluate("[...document.images].map((i) => i.src)"))
    assert Image.open(io.BytesIO(kept_photo(page))).size == (1024, 768)
    page.goto(page.url.partition("?")[0] + "?photo=" + str(page.evaluate("document.forms.search.elements.photo.value")))
    assert hits(page) == first


def kept_photo(page: Page) -> bytes:
    photo_id = page.evaluate("document.forms.search.elements.photo.value")
    return page.request.get(f"{page.url.partition('?')[0]}photos/{photo_id}.jpg").body()


def test_a_photo_can_be_stopped_on_its_way_and_the_server_may_forget_it(
    page: Page, picture: tuple[str, Path], app: Flask
) -> None:
    page.route("**/", lambda route: None if route.request.method == "POST" else route.continue_())
    page.set_input_files("#file", picture[1])
    expect(page.locator("#progress")).to_be_visible()
    page.click("#cancel")
    expect(page.locator("#travel")).to_be_hidden()
    expect(page.locator(".ghost")).to_have_count(0)
    page.unroute("**/")
    page.set_input_files("#file", picture[1])
    assert hits(page)[0] == picture[0]
    held = app.extensions["lookalike"]
    app.extensions["lookalike"] = dataclasses.replace(held, query_photos=QueryPhotos(1))
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.locator("#filters input[value=Acme]").check()
    page.wait_for_url("**brand=Acme")
    answered(page)
    assert set(page.locator("#hits .maker").all_inner_texts()) == {"ACME"}


def test_labels_appear_as_chips_and_narrow_the_search(
    page: Page, picture: tuple[str, Path], settings: Settings
) -> None:
    product_id, path = picture
    page.set_input_files("#file", path)
    chips = page.locator(".chip.label")
    chips.first.wait_for()
    assert chips.count() <= 5
    label = chips.first.inner_text()
    assert label == next(facts for facts in Catalogue(settings.home).iter_facts()).product.category
    chips.first.click()
    expect(chips.first).to_have_attribute("aria-current", "true")
    expect(page.locator(f"#filters input[value='{label}']")).to_be_checked()
    shown = {facts.product.product_id: facts.product.category for facts in Catalogue(settings.home).iter_facts()}
    expect(page.locator("#hits .card").first).to_have_attribute("data-product", product_id)
    assert {shown[hit] for hit in hits(page)} == {label}


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
        page.get_by_role("link", name="Remove the photo").click()
        expect(page.locator("#hits")).to_have_count(0)


def test_words_filters_and_more(page: Page) -> None:
    page.fill("#q", "disc")
    page.keyboard.press("Enter")
    first = hits(page)
    assert "q=disc" in page.url
    brands = page.locator("#filters [data-facet=brand] .choice").all_inner_texts()
    counted = dict(brand.split("\n") for brand in brands)
    page.click(".more-button")
    page.locator("#hits .card").nth(len(first)).wait_for()
    both = hits(page)
    assert both[: len(first)] == first
    assert len(set(both)) == len(both) == 2 * PAGE_SIZE
    with page.expect_response(lambda response: "brand=Acme" in response.url):
        page.check("input[value=Acme]")
    expect(page.locator("input[value=Acme]")).to_be_focused()
    expect(page.locator(".found p")).to_have_text(f"{counted['Acme']} products")
    brands = page.locator("#filters [data-facet=brand] .choice").all_inner_texts()
    assert dict(brand.split("\n") for brand in brands) == counted  # what another brand would give
    expect(page.locator("#hits .maker").first).to_have_text("Acme")
    assert set(page.locator("#hits .maker").all_inner_texts()) == {"ACME"}
    page.reload()
    assert page.locator("input[value=Acme]").is_checked()
    assert set(page.locator("#hits .maker").all_inner_texts()) == {"ACME"}
    page.fill("input[name=min_price]", "cheap")
    page.keyboard.press("Enter")
    expect(page.locator(".notice")).to_contain_text("A price must be a number")
    with page.expect_response(lambda response: "max_price=15" in response.url):
        page.fill("input[name=min_price]", "")
        page.fill("input[name=max_price]", "15")
        page.keyboard.press("Enter")
    answered(page)
    assert all(float(cost.strip("€")) <= 15 for cost in page.locator("#hits .cost").all_inner_texts())


def test_hits_can_be_sorted_and_narrowed_to_a_range_of_prices(page: Page) -> None:
    page.fill("#q", "disc")
    page.keyboard.press("Enter")
    hits(page)
    page.focus("select[name=sort]")
    with page.expect_response(lambda response: "sort=-price" in response.url):
        page.select_option("select[name=sort]", "-price")
    expect(page.locator("select[name=sort]")).to_be_focused()
    answered(page)
    costs = [float(cost.strip("€")) for cost in page.locator("#hits .cost").all_inner_texts()]
    assert costs == sorted(costs, reverse=True)
    part = page.locator("#filters a.choice").first
    text = part.inner_text().split()
    part.click()
    expect(page.locator(".found p")).to_have_text(f"{text[-1]} products")
    expect(page.locator("input[name=min_price]")).to_have_value(text[0])


def test_what_was_understood_is_a_chip_that_takes_it_back(page: Page) -> None:
    page.fill("#q", "disc under 30 euro")
    page.keyboard.press("Enter")
    chip = page.locator(".chip.understood")
    expect(chip).to_have_text("under 30 euro")
    chip.click()
    expect(page.locator(".chip.understood")).to_have_count(0)
    expect(page.locator("#q")).to_have_value("disc")
    assert page.url.endswith("/?q=disc")


def test_words_are_completed_and_chosen_by_keyboard(page: Page, settings: Settings) -> None:
    title = next(iter(Catalogue(settings.home).iter_facts())).product.title
    box, options = page.get_by_role("combobox"), page.get_by_role("option")
    box.press_sequentially(title[:-2])
    expect(options.first).to_have_text(title)
    expect(box).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    assert box.get_attribute("aria-activedescendant") == options.first.get_attribute("id")
    page.keyboard.press("ArrowUp")
    assert box.get_attribute("aria-activedescendant") is None
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(box).to_have_attribute("aria-expanded", "false")
    expect(box).to_have_value(title[:-2])
    box.press_sequentially(title[-2])
    expect(options.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_contain_text(title)
    expect(page.get_by_role("listbox")).to_be_hidden()


def test_hits_are_liked_and_refused_one_after_the_other(page: Page) -> None:
    page.fill("#q", "disc")
    page.keyboard.press("Enter")
    first, second = hits(page)[:2]
    page.locator(f'[data-judge="like {second}"]').press("Enter")
    expect(page.locator(".chip.like")).to_have_count(1)
    expect(page.locator(f'[data-judge="like {second}"]')).to_be_focused()
    page.locator(f'[data-judge="unlike {first}"]').press("Enter")
    expect(page.locator(".chip.unlike")).to_have_count(1)
    expect(page.locator("#results")).to_be_focused()
    assert first not in hits(page)
    page.locator(".chip.unlike").click()
    expect(page.locator(".chip.unlike")).to_have_count(0)
    assert first in hits(page)
    assert page.url.endswith(f"/?q=disc&like={second}")


def test_it_works_by_keyboard_alone(page: Page, picture: tuple[str, Path]) -> None:
    page.set_input_files("#file", picture[1])
    hits(page)
    page.locator("#photo-open").focus()
    page.keyboard.press("Enter")
    page.locator("#crop").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("#crop-note")).to_contain_text("pixels count")
    page.keyboard.press("Escape")
    expect(page.locator("#crop-note")).to_have_text("The whole photo counts.")
    page.keyboard.press("Escape")
    expect(page.locator("#photo-dialog")).to_be_hidden()
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
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    first = page.locator("#hits .card").first.bounding_box()
    assert first
    assert first["y"] < 0.6 * height
    assert page.evaluate(SMALL_TARGETS) == []
    assert page.evaluate("[...document.images].every((image) => image.alt)")
    page.evaluate("Promise.all([...document.images].slice(0, 4).map((image) => image.decode()))")


@pytest.mark.parametrize("language", ["en", "ko"])
def test_no_word_is_cut_on_the_narrowest_phones(page: Page, url: str, language: str) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{url}?q=red&lang={language}")
    hits(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.evaluate(CUT_WORDS) == []


@pytest.mark.parametrize("language", ["en", "ko"])
def test_marks_and_long_texts_leave_room_on_the_narrowest_phones(
    page: Page, url: str, picture: tuple[str, Path], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked = partial(Group, "near", "", best=1)
    monkeypatch.setattr("api.page.search.shown_of", lambda hits, **_: Shown((marked(hits=tuple(hits)),)))
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{url}?lang={language}")
    page.set_input_files("#file", picture[1])
    hits(page)
    page.locator(".card .badges").first.wait_for()
    assert page.evaluate(COVERED_MARKS) == []
    page.goto(f"{url}?q={'red+disc+' * 60}")
    page.locator("#found").wait_for()
    height = page.locator("#found").bounding_box()
    assert height
    assert height["height"] < 90  # three lines


def test_without_javascript_words_and_photos_are_found(browser: Browser, url: str, picture: tuple[str, Path]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url)
    page.fill("#q", "red")
    page.click(".bar .go")
    assert hits(page)
    page.fill("#q", "")
    page.set_input_files("#file", picture[1])
    page.get_by_role("button", name="Search by photo").click()
    assert hits(page)[0] == picture[0]
    page.locator("#filters input[value=Acme]").check()
    page.get_by_role("button", name="Apply").click()
    assert hits(page)
    assert "brand=Acme" in page.url
    page.get_by_role("link", name="Remove the photo").click()
    assert page.locator("#photo-open").count() == 0
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
