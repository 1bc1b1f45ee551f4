"""The report of a rebuild: what changed since the one before, how good it is, and what a person should look at."""

import json
import re

import pytest
from imported_shapes import import_shapes, live
from playwright.sync_api import Browser
from real_browser import needs_chromium
from shape_catalogue import PHOTOS_EACH, draw_shape
from tiny_backbone import TinyBackbone

from data.catalogue import Catalogue
from data.generations import GenerationFolder
from data.rebuilds import FILE_NAME, past_rebuilds
from data.settings import Settings
from indexer.importing import import_feed
from indexer.rebuild import rebuild
from indexer.rebuild.cautions import cautions_of
from indexer.rebuild.worst import Album

HOSTILE = "<script>alert(1)</script> $x^2$"
# What a person would have to guess: content that its box cuts off, but for boxes that scroll.
CLIPPED = """() => [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility() && one.clientWidth
    && !one.closest("svg") && !["auto", "scroll"].includes(getComputedStyle(one).overflowX)
    && one.scrollWidth > one.clientWidth + 1).map((one) => one.outerHTML.slice(0, 120))"""


def text_of(folder: GenerationFolder) -> str:
    return (folder.folder / "report.html").read_text(encoding="utf-8")


def test_the_second_night_says_what_changed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = import_shapes(settings, monkeypatch)
    rebuild(settings, backbone=TinyBackbone())
    assert "It is the first generation" in text_of(live(settings))
    first = live(settings).id
    draw_shape("navy", "disc").save(feed.parent / "navy.png")
    lines = [json.loads(line) for line in feed.read_text(encoding="utf-8").splitlines()]
    lines[0]["price"] = 99
    lines.append({"product_id": "new", "title": HOSTILE, "images": ["navy.png"]})
    feed.write_text("".join(json.dumps(line) + "\n" for line in [*lines[:5], *lines[6:]]), encoding="utf-8")
    import_feed(settings, feed, full_feed=True)
    Catalogue(settings.home).patch("new", {"title": HOSTILE})  # feeds lose their markup
    summary = rebuild(settings, backbone=TinyBackbone())
    assert summary.changes["since"] == first
    assert {name: (group["count"], group["names"]) for name, group in summary.changes["products"].items()} == {
        "added": (1, [HOSTILE]), "changed": (1, [lines[0]["product_id"]]), "removed": (1, [lines[5]["product_id"]])
    }  # fmt: skip
    assert summary.changes["photos"] == {"added": 1, "removed": PHOTOS_EACH}
    assert live(settings).manifest.metrics["changes"] == summary.changes
    report = text_of(live(settings))
    assert "<script" not in report
    assert "1: &lt;script&gt;" in report
    assert lines[5]["product_id"] in report
    assert report.index("What changed") < report.index("What to look at") < report.index("Quality")
    assert not re.search(r"""(src|href)=["'](?!data:)""", report), "nothing is loaded from elsewhere"


def test_rebuilds_are_recorded_also_refused_ones(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    import_shapes(settings, monkeypatch)
    published = rebuild(settings, backbone=TinyBackbone())
    (settings.home / "canaries.jsonl").write_text('{"product_id": "red-disc", "expect": "no-such"}\n')
    Catalogue(settings.home).delete("red-disc")
    with pytest.raises(Exception, match="canaries"):
        rebuild(settings, backbone=TinyBackbone())
    refused, first = past_rebuilds(settings.home)
    assert (first.generation, first.reason) == (published.generation, "")
    assert first.changes["added"] == 24
    kept = (settings.home / FILE_NAME).read_text().splitlines()[0]
    assert "red-disc" not in kept, "no names: a product may have to be forgotten"
    assert first.figures["photo_first"] == published.metrics["space"]["photo_r1"]
    assert (refused.published, refused.generation) == (False, "")
    assert "canaries" in refused.reason


def test_a_report_that_fails_stops_no_rebuild(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    import_shapes(settings, monkeypatch)

    def fail(*_: object) -> None:
        raise ValueError("planted")

    monkeypatch.setattr(Album, "worst_photos", fail)
    summary = rebuild(settings, backbone=TinyBackbone())
    assert summary.published
    assert not live(settings).has("report.html")
    assert summary.changes["products"]["added"]["count"] == 24


def test_cautions_say_the_number_in_words() -> None:
    parts = {
        "match": {"photo": {"accepted": 0.1, "refused": 0.02}, "text": {"accepted": 0.951, "refused": 0.2}},
        "query_embedder": {"calibration": {"text": {"false_accept": 0.5}}, "published": False, "reason": "no better"},
        "voters": {"held_out": {"vote_minus_best_voter": -0.013}},
        "learned_queries": {"skipped": "3 clicks"},
    }
    found = cautions_of(parts, {"images": 40, "unreadable": 2}, {"photo_first": 0.8}, {"photo_first": 0.9})
    told = [
        "photos that find their product first: 80.0 %, last night 90.0 %.",
        "95 of 100 questions by words about things that are not in the catalogue are accepted",
        "20 of 100 questions by words that have an answer",
        "1.3 points behind",
        "2 of 40 photos could not be used",
        "Trained, but not used: query embedder: no better",
        "Not trained: learned queries: 3 clicks",
    ]
    assert [part in sentence for part, sentence in zip(told, found, strict=True)] == [True] * len(told)
    assert cautions_of({}, {}, {"photo_accepted": 0.1}, {"photo_accepted": 0.3}) == [], "less of it is better"


@needs_chromium
def test_nothing_is_cut_off_on_a_phone_or_a_desktop(browser: Browser, generation: GenerationFolder) -> None:
    for width in (390, 1280):
        page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme="dark")
        page.goto((generation.folder / "report.html").as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(CLIPPED) == []
