"""However small or odd a shop is, a rebuild publishes what can be built and says what could not be trained."""

import csv
import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_backbone import TinyBackbone

from data.generations import GenerationStore
from data.settings import Settings
from engine.answers import SearchRequest
from engine.search import SearchEngine
from indexer.importing import import_feed
from indexer.rebuild import RebuildSummary, describe, rebuild

pytestmark = pytest.mark.usefixtures("short_training")
Row = tuple[str, str, str, str]  # product_id, title, category, photos


def _noise(number: int) -> Image.Image:
    pixels = np.random.default_rng(number).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((64, 64))


def _shop(folder: Path, rows: list[Row], photo: Callable[[int], Image.Image] = _noise) -> Path:
    """Writes a feed and the photos it names: `3.png` is `photo(3)`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in {name for row in rows for name in row[3].split(";") if name}:
        photo(int(name.partition(".")[0])).save(folder / name)
    with (folder / "feed.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([("product_id", "title", "category", "image"), *rows])
    return folder / "feed.csv"


def _shade(number: int) -> Image.Image:
    return Image.new("RGB", (64, 64), (number * 3,) * 3)


SHOPS: dict[str, tuple[list[Row], Callable[[int], Image.Image]]] = {
    "one": ([("a", "Red mug", "mugs", "1.png")], _noise),
    "one without words": ([("a", "", "", "1.png")], _noise),
    "one black": ([("a", "Red mug", "", "0.png")], _shade),
    "one with twelve photos": ([("a", "Red mug", "mugs", ";".join(f"{i}.png" for i in range(12)))], _noise),
    "two with one photo": ([("a", "Red mug", "mugs", "1.png"), ("b", "Blue cup", "cups", "1.png")], _noise),
    "two alike in all": ([("a", "Red mug", "mugs", "1.png"), ("b", "Red mug", "mugs", "1.png")], _noise),
    "four of two labels": ([(f"p{i}", f"mug {i}", f"c{i // 2}", f"{i}.png") for i in range(4)], _noise),
    "six of two labels": ([(f"p{i}", f"mug {i}", f"c{i % 2}", f"{i}.png") for i in range(6)], _noise),
    "five with one text": ([(f"p{i}", "mug", "mugs", f"{i}.png") for i in range(5)], _noise),
    "twelve with one photo": ([(f"p{i}", f"Item {i}", f"c{i % 3}", "1.png") for i in range(12)], _noise),
    "forty without words": ([(f"p{i}", "", "", f"{i}.png") for i in range(40)], _noise),
    "forty with one photo": ([(f"p{i}", "mug", f"c{i % 2}", "1.png") for i in range(40)], _noise),
    "plain colours": ([(f"p{i}", "", f"c{i % 2}", f"{i}.png") for i in range(8)], _shade),
}


@pytest.mark.parametrize("space", ["pca", "pool3"])
@pytest.mark.parametrize("name", SHOPS)
def test_every_shop_is_published_and_each_photo_finds_itself(settings: Settings, name: str, space: str) -> None:
    settings = settings.replace(space=space)
    rows, photo = SHOPS[name]
    feed = _shop(settings.home.parent / "feed", rows, photo)
    import_feed(settings, feed)
    summary = rebuild(settings, backbone=TinyBackbone())
    assert summary.published
    assert all(gate.passed for gate in summary.gates)
    engine = SearchEngine(settings, backbone=TinyBackbone())
    for product_id, _, _, photos in rows:
        image = (feed.parent / photos.partition(";")[0]).read_bytes()
        hits = engine.search(SearchRequest(image=image, k=len(rows))).hits
        best = {hit.product_id for hit in hits if hit.score >= hits[0].score - 1e-4}
        assert product_id in best
        assert np.isfinite([hit.score for hit in hits]).all()


def test_the_summary_says_what_was_not_trained_and_why(settings: Settings) -> None:
    import_feed(settings, _shop(settings.home.parent / "feed", SHOPS["four of two labels"][0]))
    summary = rebuild(settings, backbone=TinyBackbone())
    assert set(summary.not_trained) == {
        "space", "query_embedder", "combiner", "learned_queries", "voters", "attributes", "match"
    }  # fmt: skip
    assert "at least 100 different photos are needed; got 4" in summary.not_trained["space"]
    assert json.loads(json.dumps(summary.to_json()))["not_trained"] == summary.not_trained
    (line,) = [line for line in describe(summary, settings.home).splitlines() if "skipped" in line]
    assert [name for name in summary.not_trained if name.replace("_", " ") not in line] == []
    report = GenerationStore(settings.home).open().path("report.html").read_text(encoding="utf-8")
    assert "Not trained: voters" in report
    assert "Trained: known queries" in report


def test_a_shop_grows_night_by_night(settings: Settings) -> None:
    settings = settings.replace(max_full_feed_drop=1.0)
    sizes = (1, 2, 5, 40, 3)
    for number, size in enumerate(sizes):
        rows = [(f"p{i}", "", f"c{i % 2}", f"{i}.png") for i in range(size)]
        import_feed(settings, _shop(settings.home.parent / str(number), rows), full_feed=True, force=True)
        summary = rebuild(settings, backbone=TinyBackbone())
        assert summary.published
        assert summary.counts["indexed"] == size


def test_few_photos_do_not_shape_the_space_for_those_that_come_later(settings: Settings) -> None:
    rows = [(f"p{i}", "", "", f"{i}.png") for i in range(4)]
    import_feed(settings, _shop(settings.home.parent / "feed", rows))
    summary = rebuild(settings, backbone=TinyBackbone())
    assert summary.metrics["space"]["dim"] == TinyBackbone.spec.dim  # not the 3 directions that 4 photos span


def test_a_part_that_fails_is_left_out_and_the_rest_is_published(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _break_voters(monkeypatch)
    import_feed(settings, _shop(settings.home.parent / "feed", SHOPS["six of two labels"][0]))
    with caplog.at_level(logging.WARNING):
        summary = rebuild(settings, backbone=TinyBackbone())
    assert summary.published
    assert "Singular matrix" in summary.not_trained["voters"]
    assert not GenerationStore(settings.home).open().has("voters.safetensors")
    assert "voters" in caplog.text


def test_a_part_that_fails_never_vanishes_from_a_server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = _shop(settings.home.parent / "feed", [(f"p{i}", "", f"c{i % 2}", f"{i}.png") for i in range(20)])
    import_feed(settings, feed)
    first: RebuildSummary = rebuild(settings, backbone=TinyBackbone())
    assert "voters" not in first.not_trained
    _break_voters(monkeypatch)
    with pytest.raises(np.linalg.LinAlgError):
        rebuild(settings, full=True, backbone=TinyBackbone())
    assert GenerationStore(settings.home).open().id == first.generation


def _break_voters(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr("training.voters.part.train_voters", fail)
