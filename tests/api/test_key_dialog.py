"""The key dialog in real Chromium: it says when a key is wrong, and a home with public searches never shows it."""

from pages_elsewhere import serving
from playwright.sync_api import Browser, expect
from real_browser import needs_chromium
from tiny_backbone import TinyBackbone

from api.app import create_app
from data.generations import GenerationFolder
from data.keys import Keys
from data.settings import Settings
from engine.search import SearchEngine

expect.set_options(timeout=20_000)  # the first search loads the models
pytestmark = needs_chromium
WRONG = "This key is not valid, or no longer. Check it and enter it again."


def test_a_wrong_key_is_told_and_a_right_one_opens_the_page(
    browser: Browser, settings: Settings, generation: GenerationFolder
) -> None:
    key = Keys(settings.home).create(["search"])
    with serving(create_app(settings, SearchEngine(settings, backbone=TinyBackbone()))) as url:
        page = browser.new_page()
        page.goto(f"{url}/?q=disc")
        dialog = page.locator("#key-dialog")
        expect(dialog).to_be_visible()
        expect(dialog.get_by_role("alert")).to_be_hidden()
        page.fill("#key", "lk_wrong")
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("alert")).to_have_text(WRONG)
        page.fill("#key", key)
        page.keyboard.press("Enter")
        expect(page.locator("#hits .card").first).to_be_visible()
        expect(dialog).to_be_hidden()
        page.close()


def test_a_product_opens_with_the_key_too(browser: Browser, settings: Settings, generation: GenerationFolder) -> None:
    key = Keys(settings.home).create(["search"])
    with serving(create_app(settings, SearchEngine(settings, backbone=TinyBackbone()))) as url:
        page = browser.new_page()
        page.goto(f"{url}/p/red-disc")
        expect(page.locator("#key-dialog")).to_be_visible()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Enter the key").click()
        page.fill("#key", key)
        page.keyboard.press("Enter")
        expect(page.locator(".product-page h1")).to_be_visible()
        expect(page.locator("#key-dialog")).to_be_hidden()
        expect(page).not_to_have_title("A key is needed · Lookalike")
        page.close()


def test_a_public_home_with_keys_asks_nobody(
    browser: Browser, settings: Settings, generation: GenerationFolder
) -> None:
    Keys(settings.home).create(["write"])
    public = settings.replace(public_search=True)
    with serving(create_app(public, SearchEngine(public, backbone=TinyBackbone()))) as url:
        page = browser.new_page()
        page.goto(f"{url}/")
        page.fill("#q", "disc")
        page.keyboard.press("Enter")
        expect(page.locator("#hits .card").first).to_be_visible()
        expect(page.locator("#key-dialog")).to_be_hidden()
        page.close()
