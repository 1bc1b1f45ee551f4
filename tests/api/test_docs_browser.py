"""/docs in real Chromium: each operation has a form that sends its request, with a key, and shows the answer."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages_elsewhere import serving
from playwright.sync_api import Browser, Locator, Page, expect
from real_browser import needs_chromium
from shape_catalogue import draw_shape
from tiny_backbone import TinyBackbone

from api.app import create_app
from api.openapi.document import DOCUMENT
from data.keys import Keys
from data.settings import Settings
from engine.search import SearchEngine

expect.set_options(timeout=20_000)  # the first search loads the models
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def server(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a server, and a key of scope `write`."""
    home = tmp_path_factory.mktemp("docs") / "home"
    shutil.copytree(built_home, home)
    settings = Settings(home=home)
    key = Keys(home).create(["write"])
    with serving(create_app(settings, SearchEngine(settings, backbone=TinyBackbone()))) as url:
        yield url, key


@pytest.fixture
def page(browser: Browser, server: tuple[str, str]) -> Iterator[Page]:
    """The page with the key filled in; its test fails if a script fails in it, or the policy blocks something."""
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "olicy" in message.text else None)
    page.set_default_timeout(20_000)
    page.goto(f"{server[0]}/docs")
    page.fill("#docs-key", server[1])
    yield page
    page.close()
    assert complaints == []


def opened(page: Page, operation: str) -> Locator:
    page.locator(f"#{operation} summary").click()
    return page.locator(f"#{operation} form")


def test_words_are_searched_and_the_curl_line_does_the_same(page: Page, server: tuple[str, str]) -> None:
    form = opened(page, "searchText")
    form.locator("[name=q]").fill("it's a disc")
    form.locator("[name=filter]").fill("")
    form.locator("[name=unlike]").fill("red-disc\nblue-disc")
    form.get_by_role("button", name="Send").click()
    expect(form.get_by_role("status")).to_contain_text("200 OK")
    answer = json.loads(form.locator("[data-show=body]").inner_text())
    assert [hit["product_id"] for hit in answer["hits"]]
    assert not {"red-disc", "blue-disc"} & {hit["product_id"] for hit in answer["hits"]}
    assert "content-type: application/json" in form.locator("[data-show=headers]").inner_text()
    line = form.locator("[data-show=curl]").inner_text()
    assert server[1] not in line
    said = subprocess.run(["sh", "-c", line.replace("KEY", server[1])], capture_output=True, text=True, check=True)
    assert [hit["product_id"] for hit in json.loads(said.stdout)["hits"]] == [
        hit["product_id"] for hit in answer["hits"]
    ]


def test_a_product_is_put_found_by_photo_and_deleted(page: Page, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    draw_shape("red", "disc", 90).save(photo)
    put = opened(page, "putProduct")
    put.locator("[name=product_id]").fill("a/b")
    put.locator("[name=image]").set_input_files(photo)
    put.get_by_role("button", name="Send").click()
    expect(put.get_by_role("status")).to_contain_text("201")
    search = opened(page, "searchImage")
    for name in ("text", "filter"):
        search.locator(f"[name={name}]").fill("")
    search.locator("[name=file]").set_input_files(photo)
    search.get_by_role("button", name="Send").click()
    expect(search.locator("[data-show=body]")).to_contain_text('"product_id": "a/b"')
    deleted = opened(page, "deleteProduct")
    deleted.locator("[name=product_id]").fill("a/b")
    deleted.get_by_role("button", name="Send").click()
    expect(deleted.get_by_role("status")).to_contain_text("204")
    found: Any = Axe().run(page).response["violations"]
    assert [one["id"] for one in found] == []


def test_refusals_are_shown_as_the_server_says_them(page: Page) -> None:
    page.fill("#docs-key", "lk_wrong")
    form = opened(page, "patchProduct")
    form.get_by_role("button", name="Send").click()
    expect(form.get_by_role("status")).to_contain_text("401")
    expect(form.locator("[data-show=body]")).to_contain_text('"code": "unauthorized"')


def test_each_operation_has_its_form_which_only_a_script_shows(browser: Browser, server: tuple[str, str]) -> None:
    operations = sum(len(set(item) - {"parameters"}) for item in DOCUMENT["paths"].values())
    plain = browser.new_page(java_script_enabled=False)
    plain.goto(f"{server[0]}/docs")
    forms = plain.locator("form.try")
    expect(forms).to_have_count(operations)
    assert not any(forms.nth(place).is_visible() for place in range(operations))
    plain.close()
