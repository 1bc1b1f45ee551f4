"""What was refused or deleted goes; what a product shows or may show again stays, whoever writes meanwhile."""

import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fake_engine import FakeEngine
from PIL import Image

from api.writing import ProductWriter
from data.catalogue import Catalogue, Product
from data.database import FILE_NAME
from data.errors import InvalidImage, LookalikeError, UnknownProduct
from data.photos import (
    LARGER_SIDES,
    Intake,
    deletion,
    deletions_held,
    erase_product,
    larger_copy,
    sweep,
    thumbnail_path,
)
from data.photos.intake import upload_path
from data.settings import Settings

Photo = Callable[..., bytes]
LATER = timedelta(days=31)


class Shop:
    """A catalogue with uploads, and the deletions that a rebuild would do some days later."""

    def __init__(self, settings: Settings) -> None:
        self.home = settings.home
        self.catalogue = Catalogue(settings.home)
        self.intake = Intake(settings, self.catalogue)

    def put(self, product_id: str, *contents: bytes) -> list[str]:
        records = [self.intake.accept_bytes(content) for content in contents]
        self.catalogue.upsert(Product(product_id=product_id, title=f"title of {product_id}"), records)
        return [record.sha256 for record in records]

    def files(self) -> set[str]:
        return {path.name.partition(".")[0] for path in self.home.glob("*/*/*") if path.is_file()}

    def age(self) -> None:
        """Makes all files a month old."""
        long_ago = time.time() - LATER.total_seconds()
        for path in self.home.glob("*/*/*"):
            os.utime(path, (long_ago, long_ago))

    def nightly(self, after: timedelta = LATER) -> int:
        self.catalogue.erase_deleted(datetime.now(UTC) + after - timedelta(days=30))
        return sweep(self.catalogue)


@pytest.fixture
def shop(settings: Settings) -> Shop:
    return Shop(settings)


def test_photos_of_a_deleted_product_go_after_the_grace_period(shop: Shop, photo: Photo) -> None:
    [kept], [gone] = shop.put("kept", photo("red")), shop.put("gone", photo("blue"))
    shop.catalogue.delete("gone")
    shop.age()
    assert shop.nightly(timedelta(days=29)) == 0
    assert shop.files() == {kept, gone}
    assert shop.nightly() == 2  # the thumbnail and the original
    assert shop.files() == {kept}
    assert shop.catalogue.photos([kept, gone]).keys() == {kept}
    assert shop.intake.original(kept) == photo("red")


def test_larger_copies_go_with_their_photo(shop: Shop, photo: Photo) -> None:
    content = photo("blue", (2000, 1500))
    ways: list[Callable[[], object]] = [shop.nightly, lambda: erase_product(shop.catalogue, "gone")]
    for erase in ways:
        [gone] = shop.put("gone", content)
        paths = [larger_copy(shop.intake, gone, side) for side in LARGER_SIDES]
        assert [Image.open(path).size for path in paths] == [(640, 480), (1280, 960)]
        shop.catalogue.delete("gone")
        shop.age()
        erase()
        assert not any(path.exists() for path in paths)
        with pytest.raises(InvalidImage, match="in the catalogue"):
            larger_copy(shop.intake, gone, 640)


def test_a_replaced_photo_goes_too(shop: Shop, photo: Photo) -> None:
    shop.put("a", photo("red"))
    [new] = shop.put("a", photo("blue"))
    shop.age()
    shop.nightly()
    assert shop.files() == {new}


def test_a_photo_that_two_products_share_stays(shop: Shop, photo: Photo) -> None:
    [shared] = shop.put("a", photo())
    shop.put("b", photo())
    shop.catalogue.delete("a")
    shop.age()
    shop.nightly()
    assert shop.intake.original(shared) == photo()
    assert erase_product(shop.catalogue, "a") is False, "nothing is left of it"
    shop.put("c", photo())
    assert erase_product(shop.catalogue, "c")
    assert shop.files() == {shared}
    assert shop.intake.original(shared) == photo()
    assert erase_product(shop.catalogue, "b")
    assert shop.files() == set()


def test_a_product_that_comes_back_has_its_photos(shop: Shop, photo: Photo) -> None:
    [sha256] = shop.put("a", photo())
    shop.catalogue.delete("a")
    shop.put("a", photo())
    shop.age()
    shop.nightly()
    assert shop.intake.original(sha256) == photo()
    shop.catalogue.delete("a")
    assert shop.nightly(timedelta(days=29)) == 0, "the time counts from the last deletion"
    assert shop.nightly() == 2


def test_a_file_without_a_product_stays_while_it_is_young(shop: Shop, photo: Photo) -> None:
    shop.put("a", photo("red"))
    record = shop.intake.accept_bytes(photo("blue"))  # as a request that was stopped before its product was written
    part = shop.home / "uploads" / record.sha256[:2] / ".0123.part"
    part.write_bytes(b"half")
    assert shop.nightly() == 0
    shop.age()
    assert shop.nightly() == 3
    assert record.sha256 not in shop.files()


def test_an_upload_that_comes_again_is_young_again(shop: Shop, photo: Photo) -> None:
    shop.put("a", photo("red"))
    shop.intake.accept_bytes(photo("blue"))
    shop.age()
    record = shop.intake.accept_bytes(photo("blue"))
    shop.nightly()
    assert shop.intake.read(record) == photo("blue")


def test_a_photo_swept_while_its_product_is_written_is_made_again(shop: Shop, photo: Photo, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(photo("red"))
    shop.put("old", photo("blue"))
    record = shop.intake.accept_path(tmp_path / "a.jpg")
    shop.age()
    shop.nightly()
    assert record.sha256 not in shop.files()
    shop.intake.write([(Product(product_id="a"), [record])])
    assert record.sha256 in shop.files()


def test_uploads_are_never_swept_beside_a_new_database(
    shop: Shop, settings: Settings, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    [sha256] = shop.put("a", photo())
    shop.age()
    (shop.home / FILE_NAME).rename(shop.home / "mislaid.db")
    for name in ("-wal", "-shm"):
        (shop.home / f"{FILE_NAME}{name}").unlink(missing_ok=True)
    monkeypatch.setattr("data.database.opening._ids", {})  # as in a process that starts now
    assert sweep(Catalogue(settings.home)) == 0
    assert sha256 in shop.files()


def test_purging_erases_at_once(shop: Shop, photo: Photo) -> None:
    shop.put("a", photo("red"))
    shop.put("a", photo("blue"))  # replaces the first one
    shop.put("other", photo("green"))
    assert erase_product(shop.catalogue, "a")
    assert len(shop.files()) == 1
    with pytest.raises(UnknownProduct):
        shop.catalogue.get("a")
    assert shop.catalogue.changes(0)[-1].deleted, "running servers and kept generations still learn of it"
    assert erase_product(shop.catalogue, "a") is False
    assert erase_product(shop.catalogue, "never") is False


def test_a_product_deleted_before_can_be_purged(shop: Shop, photo: Photo) -> None:
    shop.put("a", photo())
    shop.catalogue.delete("a")
    assert erase_product(shop.catalogue, "a")
    assert shop.files() == set()


@pytest.mark.parametrize("purge", [True, False])
def test_the_facts_of_a_deleted_product_go(shop: Shop, photo: Photo, purge: bool) -> None:
    shop.put("a", photo())
    if purge:
        erase_product(shop.catalogue, "a")
    else:
        shop.catalogue.delete("a")
        shop.nightly()
    shop.catalogue.backup(shop.home / "copy.db")
    assert b"title of a" not in (shop.home / "copy.db").read_bytes()
    shop.put("a", photo())
    assert shop.catalogue.get("a").product.title == "title of a"


def test_whoever_writes_meanwhile_no_product_loses_a_photo(
    shop: Shop, settings: Settings, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Puts, deletes, purges and sweeps of a few shared photos, with no grace period and time for others in between."""
    delete = deletion._delete

    def slow_delete(home: Path, paths: Sequence[Path]) -> int:
        time.sleep(0.002)  # between the check that no product needs them and their end
        return delete(home, paths)

    def last_used(path: Path) -> float:
        return time.time() if path.name.startswith(".") else 0.0

    monkeypatch.setattr(deletion, "_delete", slow_delete)
    monkeypatch.setattr(deletion, "_last_used", last_used)
    engine = FakeEngine(shop.catalogue)
    monkeypatch.setattr(engine, "embed_new", lambda photos: time.sleep(0.005))  # between the files and the product
    writer = ProductWriter(engine, shop.catalogue, shop.intake)
    contents = [photo(colour) for colour in ("red", "green", "blue")]
    wrong: list[str] = []

    def shopkeeper(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(40):
            product = Product(product_id=f"p{chance.randrange(4)}", title=str(chance.random()))
            try:
                writer.put(product, chance.sample(contents, chance.randint(1, 3)))
                found_whole(product.product_id)
                writer.delete(f"p{chance.randrange(4)}", purge=chance.random() < 0.5)
            except UnknownProduct:
                continue
            except (LookalikeError, OSError) as error:
                wrong.append(repr(error))

    def found_whole(product_id: str) -> None:
        with deletions_held(shop.home):
            shown = shop.catalogue.get(product_id).image_sha256
            lost = [name for name in shown if not upload_path(shop.home, name).exists()]
            lost += [name for name in shown if not thumbnail_path(shop.home, name).exists()]
        wrong.extend(f"{product_id} lost {name}" for name in lost)

    keepers = [threading.Thread(target=shopkeeper, args=(seed,)) for seed in range(3)]
    for thread in keepers:
        thread.start()
    while any(thread.is_alive() for thread in keepers):
        shop.catalogue.erase_deleted(datetime.now(UTC))
        sweep(shop.catalogue)
    assert not wrong
