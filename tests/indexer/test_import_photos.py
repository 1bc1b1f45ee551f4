"""Photos of a feed: where they may lie, how many are in work, what bad ones cost."""

import dataclasses
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import hostile_photos as hostile
import image_corpus as corpus
import pytest
from PIL import Image
from shop_feeds import Write, coloured, product, state

from data.catalogue import Catalogue, ImportRuns, PhotoRecord
from data.errors import InvalidImage
from data.readers import Row
from data.settings import Settings
from indexer.importing import import_feed, preparing
from indexer.importing import products as importing


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
