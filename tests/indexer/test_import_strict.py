"""Strict imports, full feeds and what an import refuses as a whole."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from shop_feeds import Write, product, state

from data.catalogue import Catalogue
from data.errors import InvalidFeed
from data.settings import Settings
from indexer.errors import IndexerError, StrictImportFailed
from indexer.importing import import_feed


def test_strict_stops_at_a_warning_too(settings: Settings, write: Write) -> None:
    with pytest.raises(StrictImportFailed, match="bad_price"):
        import_feed(settings, write(product("a", 0), product("b", 1, price="dear")), strict=True)
    assert state(settings) == {}


def test_strict_stops_with_nothing_written(settings: Settings, write: Write, tmp_path: Path) -> None:
    import_feed(settings, write(product("a", 0, title="old")))
    before, seq = state(settings), Catalogue(settings.home).seq()
    feed = write(product("a", 1, title="new"), *(product(f"p{n}", n % 10) for n in range(700)), product("z", "cut.png"))
    with pytest.raises(StrictImportFailed, match=r"line 702.*'z'.*truncated"):
        import_feed(settings, feed, strict=True, full_feed=True, report=tmp_path / "problems.jsonl")
    assert (state(settings), Catalogue(settings.home).seq()) == (before, seq)
    [problem, nothing_left] = [json.loads(line) for line in (tmp_path / "problems.jsonl").read_text().splitlines()]
    assert (problem["line"], problem["code"], nothing_left["code"]) == (702, "truncated", "no_usable_image")


def test_strict_lets_a_right_feed_through_unaltered(settings: Settings, tmp_path: Path, write: Write) -> None:
    feed = write(
        product(
            "a", 0, 1, title="컵", price=0.1, attributes={"kids": True, "size": "L", "n": 3}, created_at="2026-01-02"
        ),
        {"product_id": "b", "in_stock": False},
        product("c", 2),
    )
    report = import_feed(settings, feed, strict=True)
    assert (report.created, report.images, report.new_images) == (3, 3, 3)
    plain = settings.replace(home=tmp_path / "plain")
    import_feed(plain, feed)
    assert state(settings) == state(plain)
    assert not import_feed(plain, feed, strict=True).changed


def test_a_full_feed_deletes_what_it_does_not_name(settings: Settings, write: Write) -> None:
    import_feed(settings, write(product("a", 0), product("b", 1), product("c", 2), product("d", 3)))
    report = import_feed(settings, write(product("a", 0), product("b", 1, price="dear")), full_feed=True, force=True)
    assert report.deleted == 2
    assert set(state(settings)) == {"a", "b"}, "b is named, though its row is bad"
    assert Catalogue(settings.home).counts()["deleted"] == 2
    assert import_feed(settings, write(product("a", 0), product("b", 1)), full_feed=True).deleted == 0
    assert import_feed(settings, write(product("c", 2))).created == 1, "it comes back"


@pytest.mark.parametrize("lines", [(), ("garbage", "more"), (product("", 0), product("x" * 201, 1))])
def test_a_feed_without_one_good_row_deletes_nothing(settings: Settings, write: Write, lines: tuple[Any, ...]) -> None:
    import_feed(settings, write(product("a", 0)))
    with pytest.raises(InvalidFeed):
        import_feed(settings, write(*lines), full_feed=True)
    assert set(state(settings)) == {"a"}


def test_threads_end_with_the_import(settings: Settings, write: Write) -> None:
    with pytest.raises(StrictImportFailed):
        import_feed(settings, write(*(product(f"p{n}", n % 10) for n in range(90)), "bad"), strict=True)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("import")]


def test_a_disk_that_cannot_be_written_is_told(
    settings: Settings, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("data.photos.intake._write_thumbnail", full)
    with pytest.raises(IndexerError, match="No space left"):
        import_feed(settings, write(product("a", 0)))


def test_a_report_that_cannot_be_written_is_told_first(settings: Settings, write: Write, shop: Path) -> None:
    with pytest.raises(IndexerError, match="--report"):
        import_feed(settings, write(product("a", 0)), report=shop / "0.png" / "report.jsonl")
    assert state(settings) == {}
