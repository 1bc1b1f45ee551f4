"""A full feed deletes only what it proves to be gone, and what it deleted can be restored."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import image_corpus as corpus
import pytest
from PIL import Image

from data.catalogue import Catalogue
from data.errors import UnknownImport
from data.settings import Settings
from indexer.importing import describe_restored, import_feed, products, restore
from lookalike import main

DAY1 = "product_id,title,price\n" + "".join(f"z{n},Mug {n},{n}\n" for n in range(1, 11))


def write(folder: Path, content: str | bytes, name: str = "feed.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def live(settings: Settings) -> set[str]:
    return {facts.product.product_id for facts in Catalogue(settings.home).iter_facts()}


@pytest.fixture
def ten(settings: Settings, tmp_path: Path) -> set[str]:
    """The ids of ten products that the shop had yesterday."""
    import_feed(settings, write(tmp_path, DAY1))
    return live(settings)


@pytest.fixture
def photo_feed(tmp_path: Path) -> Path:
    """A feed of three products, a, b and c, with a photo each."""
    lines = []
    for number, name in enumerate("abc"):
        (tmp_path / f"{name}.png").write_bytes(corpus.encoded(Image.new("RGB", (40, 30), (number * 80, 90, 10)), "PNG"))
        facts = {"title": f"Mug {name}", "price": number, "attributes": {"size": "L"}, "created_at": "2026-01-02"}
        lines.append(json.dumps({"product_id": name, "images": [f"{name}.png"], **facts}) + "\n")
    return write(tmp_path, "".join(lines), "photos.jsonl")


BROKEN = {
    "cut within a row": DAY1[: DAY1.index("z10")] + "z10,Mu",
    "quote never closed": DAY1.replace("z9,Mug 9", 'z9,"Mug 9'),
    "comma not quoted": DAY1.replace("z9,Mug 9", "z9,Mug, 9"),
    "no id": DAY1.replace("z9,Mug 9", ",Mug 9"),
    "another encoding": DAY1.replace("Mug 1", "머그컵").replace("z9,Mug 9", "z9,#").encode().replace(b"#", b"\xc4\xc5"),
    "NUL": DAY1.replace("z9,Mug 9", "z9,Mug\0"),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_row_that_cannot_be_read_proves_nothing(
    settings: Settings, ten: set[str], tmp_path: Path, content: str | bytes
) -> None:
    raw = (content.encode() if isinstance(content, str) else content).replace(b"\nz1,", b"\nnew,")
    report = import_feed(settings, write(tmp_path, raw), full_feed=True, force=True)
    assert report.deleted == 0
    assert report.not_deleted >= 1
    assert report.live_before == 10
    assert "no readable product_id" in report.refusal
    assert "1 rows" not in report.refusal
    assert live(settings) == ten | {"new"}, "what the feed adds stays"


def test_rows_refused_for_another_reason_keep_their_products(settings: Settings, ten: set[str], tmp_path: Path) -> None:
    lines = [{"product_id": f"z{n}", "title": f"Mug {n}"} for n in range(1, 10)]
    lines += [{"product_id": " z9 "}]
    feed = write(tmp_path, "".join(json.dumps(line) + "\n" for line in lines), "feed.jsonl")
    report = import_feed(settings, feed, full_feed=True)
    assert (report.refused, report.deleted, report.refusal) == (1, 1, "")
    assert live(settings) == ten - {"z10"}
    feed = write(tmp_path, feed.read_text() + json.dumps({"product_id": "z10"}) + "\n", "feed.jsonl")
    assert import_feed(settings, feed, full_feed=True).refusal == ""


def test_a_numeric_id_of_a_refused_row_is_readable(settings: Settings, tmp_path: Path) -> None:
    import_feed(settings, write(tmp_path, '{"product_id": 5}\n{"product_id": 6}\n', "feed.jsonl"))
    feed = write(tmp_path, '{"product_id": 5}\n{"product_id": 6}\n{"product_id": 6.0}\n', "feed.jsonl")
    assert import_feed(settings, feed, full_feed=True).refusal == ""
    assert live(settings) == {"5", "6"}


@pytest.mark.parametrize(("rows", "deleted"), [(8, 2), (7, 0)])
def test_a_large_share_needs_force(settings: Settings, ten: set[str], tmp_path: Path, rows: int, deleted: int) -> None:
    feed = write(tmp_path, "".join(DAY1.splitlines(keepends=True)[: rows + 1]))
    report = import_feed(settings, feed, full_feed=True, strict=True)
    assert (report.deleted, report.not_deleted) == (deleted, 0 if deleted else 3)
    assert len(live(settings)) == 10 - deleted
    assert ("3 of 10" in report.refusal and "--force" in report.refusal) == (not deleted)
    if not deleted:
        assert import_feed(settings, feed, full_feed=True, force=True).deleted == 3


def test_the_limit_is_a_setting_and_counts_the_products_before_the_import(
    settings: Settings, ten: set[str], tmp_path: Path
) -> None:
    """A renumbered catalogue brings many new products, which do not excuse the loss of the old ones."""
    new = "product_id\n" + "".join(f"n{number}\n" for number in range(100))
    report = import_feed(settings, write(tmp_path, new), full_feed=True)
    assert (report.created, report.deleted, report.not_deleted, report.live_before) == (100, 0, 10, 10)
    loose = settings.replace(max_full_feed_drop=1.0)
    assert import_feed(loose, write(tmp_path, "product_id\nn1\n"), full_feed=True).deleted == 109


def test_the_command_says_the_numbers_and_exits_1(
    settings: Settings, ten: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = write(tmp_path, "product_id\nz1\nz2\nz3\nz4\nz5\n")
    command = ["--home", str(settings.home), "import", str(half), "--full-feed"]
    with pytest.raises(SystemExit) as stop:
        main([*command, "--json"])
    out, err = capsys.readouterr()
    assert stop.value.code == 1
    assert (json.loads(out)["not_deleted"], json.loads(out)["live_before"]) == (5, 10)
    assert "5 of 10" in err
    main([*command, "--force"])
    assert "restore --import 3" in capsys.readouterr().out
    main(["--home", str(settings.home), "status"])
    assert "run 3" in capsys.readouterr().out
    main(["--home", str(settings.home), "restore", "--import", "3"])
    assert "5 products restored" in capsys.readouterr().out
    assert live(settings) == ten


def test_restore_brings_back_facts_and_photos(settings: Settings, tmp_path: Path, photo_feed: Path) -> None:
    import_feed(settings, photo_feed)
    before = list(Catalogue(settings.home).iter_facts())
    one = write(tmp_path, '{"product_id": "a"}\n', "one.jsonl")
    run = import_feed(settings, one, full_feed=True, force=True).run
    import_feed(settings, write(tmp_path, '{"product_id": "b", "title": "new"}\n', "two.jsonl"))
    seq = Catalogue(settings.home).seq()
    done = restore(settings, run)
    assert (done.product_ids, done.left_alone, done.lost_photos) == (("c",), ("b",), 0)
    assert "come back meanwhile" in describe_restored(done)
    catalogue = Catalogue(settings.home)
    assert catalogue.get("c") == before[2]
    assert catalogue.get("b").product.title == "new"
    [change] = catalogue.changes(seq)
    assert change.image_sha256 == before[2].image_sha256, "a running server sees it as new photos"
    assert restore(settings, run).left_alone == ("b", "c")


def test_restore_needs_an_import_that_deleted(settings: Settings, ten: set[str]) -> None:
    with pytest.raises(UnknownImport, match=r"none.*got 1"):
        restore(settings, 1)


def test_what_is_purged_or_erased_cannot_be_restored(settings: Settings, ten: set[str], tmp_path: Path) -> None:
    run = import_feed(settings, write(tmp_path, "product_id\nz1\n"), full_feed=True, force=True).run
    catalogue = Catalogue(settings.home)
    catalogue.erase_product("z2")
    assert set(restore(settings, run).product_ids) == ten - {"z1", "z2"}
    catalogue.erase_deleted(datetime.now(UTC) + timedelta(days=1))
    with pytest.raises(UnknownImport):
        restore(settings, run)


def test_what_was_written_since_the_import_began_stays(
    settings: Settings, ten: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Facts alone change while the feed is read, as by PATCH, PUT and a batch beside the nightly import."""
    catalogue = Catalogue(settings.home)
    write_batches = products._write_batches

    def beside(*arguments: Any) -> Any:
        named = write_batches(*arguments)
        catalogue.patch("z10", {"title": "Newer than the feed"})
        catalogue.put(dataclasses.replace(catalogue.get("z9").product, price=1.5), None)
        return named

    monkeypatch.setattr(products, "_write_batches", beside)
    feed = "".join(DAY1.splitlines(keepends=True)[:8])  # without z8, z9 and z10
    assert import_feed(settings, write(tmp_path, feed), full_feed=True, force=True).deleted == 1
    assert live(settings) == ten - {"z8"}
    assert catalogue.get("z10").product.title == "Newer than the feed"
