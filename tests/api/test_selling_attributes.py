"""The seller's form filled in by attribute voters, in real Chromium: a real import, rebuild and server."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from page_server import PageServer, page_server
from playwright.sync_api import Browser, Page, expect
from real_browser import needs_chromium
from shape_catalogue import COLOURS, SHAPES, draw_shape
from tiny_backbone import TinyBackbone

from api.languages import LANGUAGES
from data.catalogue import Catalogue
from data.settings import Settings
from indexer.importing import import_feed
from indexer.rebuild import parts, rebuild
from training.parts import ATTRIBUTES, SPACE, VOTERS

TAKES = 4
SIZES = [(390, 844), (1280, 800)]
WARM = ("red", "gold", "orange")
NEVER_SEEN = 99  # a take that is in no product
# Each colour is mostly of one of them, so that a photo tells the material, but not surely.
MATERIALS = ("<b>clay</b>", "검은 양모 wool", "tin " + "x" * 55)
SURE = {"en": "Our guess: very likely", "ko": "자동으로 채움: 거의 확실해요"}
UNSURE = {"en": "We are not sure.", "ko": "확실하지 않아요."}
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    folder = tmp_path_factory.mktemp("attributes")
    settings = Settings(home=folder / "built", backbone="efficientnet_lite2")
    import_feed(settings, draw_feed(folder))
    keep_markup(Catalogue(settings.home))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "PARTS", (SPACE, VOTERS, ATTRIBUTES))
        rebuild(settings, backbone=TinyBackbone())
    with page_server(settings.home, folder / "served") as running:
        yield running


def draw_feed(folder: Path) -> Path:
    """Writes a feed of 96 products with one photo each; the brand is drawn at random."""
    random = np.random.default_rng(3)
    lines = []
    for place, colour in enumerate(COLOURS):
        for shape in SHAPES:
            for take in range(TAKES):
                name = f"{colour}-{shape}-{take}"
                draw_shape(colour, shape, take).save(folder / f"{name}.png")
                material = MATERIALS[(place + int(random.random() < 0.3)) % 3]
                tone = "warm" if colour in WARM else "cold"
                lines.append({
                    "product_id": name, "category": "things", "colour": colour, "images": [f"{name}.png"],
                    "brand": f"brand {random.integers(4)}", "attributes": {"tone": tone, "material": material},
                })  # fmt: skip
    (folder / "feed.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder / "feed.jsonl"


def keep_markup(catalogue: Catalogue) -> None:
    """Writes the material with the markup that an import takes away, as a program may write it over HTTP."""
    for facts in list(catalogue.iter_facts()):
        if facts.product.attributes["material"] == "clay":
            attributes = {**facts.product.attributes, "material": MATERIALS[0]}
            catalogue.patch(facts.product.product_id, {"attributes": attributes})


def give(browser: Browser, server: PageServer, folder: Path, size: tuple[int, int], language: str) -> Page:
    """Opens the form, gives it a photo of a purple disc that no product has, and waits until it is filled in."""
    draw_shape("purple", "disc", NEVER_SEEN).save(folder / "new.png")
    locale = {"en": "en-US", "ko": "ko-KR"}[language]
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, locale=locale)
    page.set_default_timeout(30_000)
    page.goto(f"{server.url}sell")
    page.set_input_files("#file", folder / "new.png")
    expect(page.locator(".choices legend")).to_be_visible(timeout=30_000)
    page.fill("#f-category", "things")
    page.locator(".other button").click()
    expect(page.locator("[id='f-attr.tone']")).to_be_visible(timeout=30_000)
    return page


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_photos_tell_is_filled_in_and_the_rest_is_a_press_away(
    browser: Browser, server: PageServer, tmp_path: Path, size: tuple[int, int], language: str
) -> None:
    page = give(browser, server, tmp_path, size, language)
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]
    expect(page.locator("#f-colour")).to_have_value("purple")
    expect(page.locator("[id='f-attr.tone']")).to_have_value("cold")
    expect(page.locator("[id='n-attr.tone']")).to_have_text(SURE[language])
    expect(page.locator("[id='f-attr.material']")).to_have_value("")
    expect(page.locator("[id='n-attr.material']")).to_have_text(UNSURE[language])
    picks = page.locator("[data-fills='f-attr.material']")
    assert sorted(picks.all_inner_texts()) == sorted(MATERIALS)
    assert all((one.bounding_box() or {"height": 0})["height"] >= 44 for one in picks.all())
    picks.filter(has_text="clay").click()
    expect(page.locator("[id='f-attr.material']")).to_have_value("<b>clay</b>")
    page.locator("button[name=show]").click()
    expect(page.locator("#json")).to_contain_text('"material": "<b>clay</b>"')
    expect(page.locator("#json")).to_contain_text('"tone": "cold"')
    expect(page.locator("[id='f-attr.material']")).to_have_value("<b>clay</b>")
    page.close()


def test_a_pick_survives_a_reload(browser: Browser, server: PageServer, tmp_path: Path) -> None:
    page = give(browser, server, tmp_path, SIZES[0], "en")
    page.locator("[data-fills='f-attr.material']").filter(has_text="clay").click()
    page.reload()
    expect(page.locator("[id='f-attr.material']")).to_have_value("<b>clay</b>")
    page.close()


def test_the_voters_answer_over_http(server: PageServer, tmp_path: Path) -> None:
    draw_shape("green", "bar", NEVER_SEEN).save(tmp_path / "new.png")
    with (tmp_path / "new.png").open("rb") as file:
        answer = server.app.test_client().post("/v1/recognize", data={"file": file, "attributes": "true"})
    guesses = {guess["name"]: guess for guess in answer.get_json()["attributes"]}
    assert {name: guesses[name]["value"] for name in ("colour", "attr.tone")} == {
        "colour": "green",
        "attr.tone": "cold",
    }
    assert not guesses["attr.tone"]["abstained"]
    assert guesses["attr.tone"]["others"] == ["warm"]
    assert guesses["attr.material"]["abstained"]
    assert "brand" not in guesses or guesses["brand"]["abstained"]
