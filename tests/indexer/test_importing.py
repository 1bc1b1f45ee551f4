"""Importing feeds into a real catalogue."""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hostile_photos as hostile
import image_corpus as corpus
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from data.catalogue import Catalogue, ImportRuns, PhotoRecord
from data.errors import InvalidFeed, InvalidImage
from data.photos import thumbnail_path
from data.readers import Row
from data.settings import Settings
from indexer.errors import IndexerError, StrictImportFailed
from indexer.importing import import_feed, preparing
from indexer.importing import products as importing
from lookalike import main

Write = Callable[..., Path]


def coloured(number: int) -> bytes:
    """A photo unlike any other number's."""
    return corpus.encoded(Image.new("RGB", (40, 30), (number * 37 % 256, number * 91 % 256, number)), "PNG")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with photos 0.png to 9.png, a broken one and a text that is called a photo."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for number in range(10):
        (folder / f"{number}.png").write_bytes(coloured(number))
    (folder / "cut.png").write_bytes(coloured(0)[:-20])
    (folder / "text.jpg").write_bytes(b"hello")
    return folder


@pytest.fixture
def write(shop: Path) -> Write:
    """Writes a JSONL feed: one product an argument, as fields or as a raw line."""

    def lines(*products: dict[str, Any] | str, name: str = "feed.jsonl") -> Path:
        path = shop / name
        path.write_text(
            "".join((p if isinstance(p, str) else json.dumps(p)) + "\n" for p in products), encoding="utf-8"
        )
        return path

    return lines


def product(product_id: str, *images: object, **facts: object) -> dict[str, Any]:
    return {
        "product_id": product_id,
        "images": [f"{image}.png" if isinstance(image, int) else image for image in images],
        **facts,
    }


def state(settings: Settings) -> dict[str, Any]:
    """Everything the catalogue says about the live products, but for the moment of import."""
    return {
        facts.product.product_id: (
            facts.product.title, facts.product.price, dict(facts.product.attributes), facts.image_sha256, facts.colours,
        )
        for facts in Catalogue(settings.home).iter_facts()
    }  # fmt: skip


def test_a_feed_goes_in(settings: Settings, write: Write) -> None:
    report = import_feed(settings, write(product("a", 0, 1, title="Mug", price=3), product("b", 2)))
    assert (report.created, report.images, report.new_images, report.refused, report.codes) == (2, 3, 3, 0, {})
    catalogue = Catalogue(settings.home)
    assert catalogue.get("a").product.title == "Mug"
    assert catalogue.counts()["products"] == 2
    assert catalogue.counts()["images"] == 3
    for sha256 in catalogue.snapshot().image_sha256:
        assert thumbnail_path(settings.home, sha256).is_file()


def test_the_same_feed_twice_changes_nothing(settings: Settings, write: Write) -> None:
    feed = write(product("a", 0, 1), product("b", 2, price=3), {"product_id": "c", "title": "no image column"})
    import_feed(settings, feed)
    before, seq = state(settings), Catalogue(settings.home).seq()
    report = import_feed(settings, feed)
    assert (report.created, report.updated, report.unchanged, report.new_images) == (0, 0, 3, 0)
    assert not report.changed
    assert (state(settings), Catalogue(settings.home).seq()) == (before, seq)


def test_a_changed_photo_replaces_the_old_one(settings: Settings, write: Write, shop: Path) -> None:
    feed = write(product("a", 0), product("b", 1))
    import_feed(settings, feed)
    (shop / "0.png").write_bytes(coloured(77))
    report = import_feed(settings, feed)
    assert (report.updated, report.unchanged, report.images, report.new_images) == (1, 1, 2, 1)
    assert state(settings)["a"][3] == (hashlib.sha256(coloured(77)).hexdigest(),)


def test_a_photo_named_twice_counts_once(settings: Settings, write: Write, shop: Path) -> None:
    (shop / "copy.png").write_bytes(coloured(0))
    report = import_feed(settings, write(product("a", 0, 0, "copy.png", "./0.png"), product("b", 0)))
    assert (report.images, report.new_images, report.codes) == (2, 1, {})


def test_every_problem_is_reported_and_costs_only_itself(settings: Settings, write: Write, tmp_path: Path) -> None:
    feed = write(
        product("a", 0, "cut.png", "none.png", "../outside.png", "http://shop.example/a.jpg"),
        "not json",
        product("b", 1, price="dear"),
        product("", 2),
        product("a", 3, title="again"),
        product("c", "text.jpg"),
        product("d"),
        product("e", 4),
    )
    report = import_feed(settings, feed, report=tmp_path / "reports" / "problems.jsonl")
    expected = [
        (1, "a", "truncated"), (1, "a", "missing_image"), (1, "a", "outside_root"),
        (2, "", "bad_json"), (3, "b", "bad_price"), (4, "", "missing_product_id"), (5, "a", "duplicate_product_id"),
        (6, "c", "unsupported_image"), (6, "c", "no_usable_image"), (7, "d", "no_usable_image"),
    ]  # fmt: skip
    (tmp_path / "outside.png").write_bytes(coloured(1))
    written = [json.loads(line) for line in (tmp_path / "reports" / "problems.jsonl").read_text().splitlines()]
    assert [(row["line"], row["product_id"], row["code"]) for row in written] == expected
    kept = ImportRuns(settings.home).problems(1)
    assert [(row.line, row.product_id, row.code) for row in kept] == expected
    assert all(row.message for row in kept)
    refused = [row["line"] for row in written if row["severity"] == "error"]
    assert refused == [2, 4, 5]
    assert [row.severity for row in kept] == [row["severity"] for row in written]
    assert (report.created, report.refused, report.warnings, report.images) == (5, 3, 7, 3)
    assert report.unfetched == 1
    assert "Not fetched from their web addresses: 1 photo." in report.remark
    assert sum(report.codes.values()) == 10
    assert len(report.problems) == 10
    assert set(state(settings)) == {"a", "b", "c", "d", "e"}
    assert Catalogue(settings.home).get("b").product.price is None
    assert os.listdir(tmp_path / "reports") == ["problems.jsonl"]  # noqa: PTH208


def test_a_product_whose_photos_are_all_gone_keeps_those_it_had(settings: Settings, write: Write, shop: Path) -> None:
    feed = write(product("a", 0, title="old"))
    import_feed(settings, feed)
    had = state(settings)["a"][3]
    report = import_feed(settings, write(product("a", "none.png", title="new")))
    assert report.codes == {"missing_image": 1, "no_usable_image": 1}
    assert state(settings)["a"][0] == "new"
    assert state(settings)["a"][3] == had
    import_feed(settings, write(product("a")))
    assert state(settings)["a"][3] == (), "an empty list says that there are none"


def test_a_bad_fact_costs_itself_and_not_what_was_good_before(settings: Settings, write: Write) -> None:
    good = {"price": "12,900원", "in_stock": "품절", "url": "https://shop.example/a", "created_at": "5 Nov 2026",
            "attr.size": "L", "attr.lid": True}  # fmt: skip
    import_feed(settings, write(product("a", 0, title="old", **good)))
    bad = {"price": "dear", "in_stock": "perhaps", "url": "javascript:alert(1)", "created_at": "05/11/2026",
           "attr.size": [{}], "attr.a/b": "x", "title": "new"}  # fmt: skip
    report = import_feed(settings, write(product("a", 0, **bad), product("b", 1, **bad)))
    assert (report.created, report.updated, report.refused, report.warnings) == (1, 1, 0, 10)
    assert report.codes == {"bad_attributes": 2, "bad_date": 2, "bad_in_stock": 2, "bad_price": 2, "bad_url": 2}
    kept = Catalogue(settings.home).get("a").product
    assert (kept.title, kept.price, kept.currency, kept.in_stock) == ("new", 12900, "KRW", False)
    assert (kept.url, str(kept.created_at)[:10]) == ("https://shop.example/a", "2026-11-05")
    assert kept.attributes == {"size": "L"}, "lid is not in the second feed, so it goes"
    fresh = Catalogue(settings.home).get("b").product
    assert (fresh.price, fresh.in_stock, fresh.url, fresh.attributes) == (None, True, "", {})
    assert not import_feed(settings, write(product("a", 0, **bad))).changed
    assert import_feed(settings, write(product("a", 0, **bad)), dates="dmy").codes["bad_price"] == 1
    assert str(Catalogue(settings.home).get("a").product.created_at)[:10] == "2026-11-05"


def test_a_text_that_is_too_long_is_cut_and_said(settings: Settings, write: Write) -> None:
    attributes = {f"attr.n{number:03}": number for number in range(250)}
    report = import_feed(settings, write(product("a", 0, description="word " * 6_000, currency="x" * 9, **attributes)))
    assert (report.created, report.codes) == (1, {"bad_attributes": 1, "bad_text": 2})
    assert "It was cut there." in " ".join(problem.message for problem in report.problems)
    kept = Catalogue(settings.home).get("a").product
    assert (len(kept.description), kept.currency, len(kept.attributes), kept.attributes["n199"]) == (
        20_000,
        "",
        200,
        199,
    )


def test_strict_stops_at_a_warning_too(settings: Settings, write: Write) -> None:
    with pytest.raises(StrictImportFailed, match="bad_price"):
        import_feed(settings, write(product("a", 0), product("b", 1, price="dear")), strict=True)
    assert state(settings) == {}


def test_a_feed_without_images_changes_facts_alone(settings: Settings, write: Write, shop: Path) -> None:
    import_feed(settings, write(product("a", 0, price=1)))
    had = state(settings)["a"][3]
    prices = shop / "prices.csv"
    prices.write_text("product_id,price\na,2\n")
    report = import_feed(settings, prices)
    assert (report.updated, report.codes) == (1, {})
    assert (state(settings)["a"][1], state(settings)["a"][3]) == (2.0, had)


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


@pytest.mark.parametrize("images", [None, Path("shop")])
def test_a_folder_feed_may_be_named_from_beside_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: Path | None
) -> None:
    for number, category in enumerate(("Mugs", "Bags")):
        (tmp_path / "shop" / category).mkdir(parents=True)
        (tmp_path / "shop" / category / "one.png").write_bytes(coloured(number))
    monkeypatch.chdir(tmp_path)
    report = import_feed(settings, Path("shop"), images=images)
    assert (report.created, report.refused, report.images) == (2, 0, 2)


def test_a_folder_per_category_goes_in(settings: Settings, tmp_path: Path) -> None:
    for name, content in (("컵/a.png", coloured(1)), ("Red shoes/b.png", coloured(2)), ("Red shoes/c.jpg", b"broken")):
        (tmp_path / "feed" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "feed" / name).write_bytes(content)
    (tmp_path / "secret.png").write_bytes(coloured(3))
    (tmp_path / "feed" / "컵" / "link.png").symlink_to(tmp_path / "secret.png")
    report = import_feed(settings, tmp_path / "feed")
    assert (report.created, report.images, report.refused) == (2, 2, 2)
    assert set(report.codes) == {"unsupported_image", "outside_root", "no_usable_image"}
    assert {facts.product.category for facts in Catalogue(settings.home).iter_facts()} == {"컵", "Red shoes"}


def test_images_may_lie_elsewhere(settings: Settings, shop: Path, tmp_path: Path) -> None:
    feed = tmp_path / "feeds" / "google.csv"
    feed.parent.mkdir()
    feed.write_text(
        "gs://bucket/0.png,,set,a,cups,Mug,color=red,\ngs://bucket/5.png,,set,b,cups,Cup,,\ngs://bucket/1.png,,set,a,,,,\n"
    )
    report = import_feed(settings, feed, images=shop)
    assert (report.created, report.images, report.codes) == (2, 3, {})
    assert not import_feed(settings, feed, images=shop).changed


def test_urls_are_fetched_where_that_is_switched_on(
    settings: Settings, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch_image(url: str, settings: Settings) -> bytes:
        if url.endswith("bad"):
            raise InvalidImage("no", code="url_failed")
        return coloured(8)

    monkeypatch.setattr(importing, "fetch_image", fetch_image)
    fetching = dataclasses.replace(settings, fetch_urls=True)
    report = import_feed(fetching, write(product("a", "https://shop.example/8.png", "https://shop.example/bad")))
    assert (report.images, report.codes) == (1, {"url_failed": 1})


def test_no_more_than_a_bounded_number_of_photos_is_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, finished = 0, 0

    def rows() -> Any:
        nonlocal taken
        for number in range(1_000):
            taken += 1
            assert taken - finished < 200
            yield Row(number, {"product_id": str(number)}, (f"{number}.png",))

    def take_in(reference: str | bytes) -> Any:
        raise InvalidImage(str(reference))

    for number, item in enumerate(preparing.prepare(rows(), take_in, 4)):
        finished += 1
        assert item.product_id == str(number), "in the order of the feed"
    assert finished == 1_000


def test_a_refused_row_leaves_its_id_to_a_later_row(settings: Settings, write: Write, shop: Path) -> None:
    many = [f"{number}.png" for number in range(10, 1_011)]
    report = import_feed(settings, write(product("z1", *many), product("z1", "0.png"), product("z1", "1.png")))
    assert (report.created, report.codes) == (1, {"too_many_images": 1, "duplicate_product_id": 1})
    assert Catalogue(settings.home).get("z1").image_sha256 == (hashlib.sha256(coloured(0)).hexdigest(),)


@pytest.mark.parametrize("turn", [1, -1])
def test_a_row_refused_for_its_photo_leaves_its_id_to_a_later_row(turn: int, shop: Path) -> None:
    """The two are in work at the same time; only the second can be used, or only the first."""
    rows = [Row(1, {"product_id": "a"}, ("bad",), only_image=True), Row(2, {"product_id": "a"}, ("good",))][::turn]

    def take_in(reference: str | bytes) -> PhotoRecord:
        if reference == "bad":
            raise InvalidImage("no", code="unsupported_image")
        return PhotoRecord(sha256="0" * 64, source="a", size_bytes=1, width=1, height=1, colours=())

    prepared = list(preparing.prepare(rows, take_in, 4))
    assert [item.product is not None for item in prepared] == [False, True][::turn]
    codes = [problem.code for item in prepared for problem in item.problems]
    assert codes == (["unsupported_image", "no_usable_image"] if turn == 1 else ["duplicate_product_id"])


def test_photos_of_one_name_are_one_product(settings: Settings, tmp_path: Path) -> None:
    """As phones save them: one shot as HEIC and as JPEG. What cannot be read costs only itself."""
    for folder in ("Bags", "Mugs"):
        (tmp_path / "feed" / folder).mkdir(parents=True)
    scene = Image.fromarray(corpus.scene())
    (tmp_path / "feed" / "Bags" / "IMG_0001.HEIC").write_bytes(corpus.heic(scene))
    (tmp_path / "feed" / "Bags" / "IMG_0001.JPG").write_bytes(corpus.encoded(scene, "JPEG"))
    (tmp_path / "feed" / "Bags" / "IMG_0002.JPG").write_bytes(coloured(1))
    (tmp_path / "feed" / "Mugs" / "x.jpg").write_bytes(coloured(2))
    (tmp_path / "feed" / "Mugs" / "x.tif").write_bytes(corpus.encoded(scene, "TIFF"))
    report = import_feed(settings, tmp_path / "feed")
    assert (report.created, report.refused, report.images) == (3, 0, 4)
    assert report.codes == {"unsupported_image": 1}
    assert "TIFF" in report.problems[0].message
    assert len(Catalogue(settings.home).get("Bags~IMG_0001").image_sha256) == 2


def test_many_products_may_share_a_photo(settings: Settings, write: Write) -> None:
    report = import_feed(settings, write(*(product(f"n{number}", 0) for number in range(12))))
    assert (report.created, report.refused, report.codes, report.new_images) == (12, 0, {}, 1)


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


ROW = st.fixed_dictionaries(
    {
        "product_id": st.sampled_from("abcd"),
        "images": st.lists(st.sampled_from(["0.png", "1.png", "cut.png"]), max_size=3),
    },
    optional={"price": st.sampled_from([1, 2.5, "x"]), "title": st.sampled_from(["", "t"])},
)


@given(st.lists(ROW | st.just("bad"), min_size=1, max_size=6))
@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_importing_twice_is_importing_once(
    settings: Settings, write: Write, tmp_path_factory: pytest.TempPathFactory, lines: list[Any]
) -> None:
    fresh = settings.replace(home=tmp_path_factory.mktemp("home"))
    feed = write(*lines)
    try:
        first = import_feed(fresh, feed)
    except InvalidFeed:
        return
    before = state(fresh)
    second = import_feed(fresh, feed)
    assert not second.changed
    assert state(fresh) == before
    assert (second.products, second.images, second.codes, second.refused) == (
        first.products, first.images, first.codes, first.refused,
    )  # fmt: skip


# The command


def run(settings: Settings, *arguments: object) -> tuple[int, str]:
    out, code = io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main(["--home", str(settings.home), "import", *map(str, arguments)])
        except SystemExit as stop:
            code = int(stop.code or 0)
    return code, out.getvalue()


def test_the_command_says_what_it_did(settings: Settings, write: Write, tmp_path: Path) -> None:
    feed = write(product("a", 0, 1), product("b", 2))
    assert run(settings, feed) == (0, "2 products (2 created), 3 images (3 new), 0 rows refused\n")
    assert run(settings, feed) == (
        0, "2 products (2 unchanged), 3 images (0 new), 0 rows refused\nNothing changed.\n",
    )  # fmt: skip


def test_the_command_shows_the_first_problems(settings: Settings, write: Write, tmp_path: Path) -> None:
    feed = write(product("a", 0), *("bad" for _ in range(12)))
    code, text = run(settings, feed, "--report", tmp_path / "report.jsonl")
    lines = text.splitlines()
    assert code == 0
    assert lines[0] == "1 product (1 created), 1 image (1 new), 12 rows refused"
    assert lines[1] == "Problems: bad_json 12"
    assert lines[2].startswith("  line 2, ?: a row must be one JSON object")
    assert lines[-1] == f"  and 2 more; see {tmp_path / 'report.jsonl'}"
    assert len((tmp_path / "report.jsonl").read_text().splitlines()) == 12


def test_the_command_speaks_json(settings: Settings, write: Write) -> None:
    code, text = run(settings, write(product("a", 0), "bad"), "--json")
    answer = json.loads(text)
    assert code == 0
    assert (answer["products"], answer["created"], answer["refused"], answer["codes"]) == (1, 1, 1, {"bad_json": 1})
    assert answer["problems"][0]["line"] == 2


def test_the_command_fails_where_it_must(settings: Settings, write: Write, shop: Path) -> None:
    assert run(settings, shop / "none.jsonl")[0] == 2
    assert run(settings, write(product("a", 0)), "--format", "word")[0] == 2
    for arguments in ((write("bad"),), (write(product("a", 0), "bad", name="b.jsonl"), "--strict"), (shop / "0.png",)):
        code, text = run(settings, *arguments)
        assert code == 1
        assert "Error: " in text
        assert "Traceback" not in text


def test_a_photo_at_which_a_decoder_fails_costs_its_row_and_no_other(
    settings: Settings, write: Write, shop: Path
) -> None:
    (shop / "defect.png").write_bytes(hostile.palette_without_colours())
    (shop / "bomb.png").write_bytes(hostile.too_complex()["2 profiles"])
    report = import_feed(
        settings, write(*(product(str(name), name) for name in (0, 1, "defect.png", 2, "bomb.png", 3, 4)))
    )
    assert report.images == 5
    assert Counter(problem.code for problem in ImportRuns(settings.home).problems(report.run)) == {
        "undecodable_image": 1, "image_too_complex": 1, "no_usable_image": 2,
    }  # fmt: skip
