"""The catalogue: upserts that change nothing twice, one counter of changes, deletion, snapshots and facts."""

import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from catalogue_photos import photo

from data.catalogue import Catalogue, Change, PhotoRecord, Product, ProductFacts
from data.errors import UnknownProduct
from data.filters import parse_filter

A, B, C = photo("a"), photo("b"), photo("c")
MUG = Product(product_id="mug", title="Mug", brand="Acme", price=5.0, attributes={"size": "L", "kids": True, "n": 2.5})


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(tmp_path)


def keys(catalogue: Catalogue, text: str) -> list[int]:
    found: list[int] = catalogue.matching_keys(parse_filter(text)).tolist()
    return found


def test_a_product_comes_back_as_it_went_in(catalogue: Catalogue) -> None:
    product = replace(
        MUG, created_at=datetime(2026, 5, 1, 12, 30, 1, 7, tzinfo=UTC), description="설명 😀", in_stock=False
    )
    assert catalogue.upsert(product, [B, A]) == "created"
    assert catalogue.get("mug") == ProductFacts(
        product_key=1, product=product, image_sha256=(B.sha256, A.sha256), colours=()
    )
    assert catalogue.photo(A.sha256) == A
    assert catalogue.photo("nothing") is None
    assert catalogue.photos([A.sha256, B.sha256, "nothing"]) == {A.sha256: A, B.sha256: B}


def test_the_same_again_changes_nothing(catalogue: Catalogue) -> None:
    catalogue.upsert(MUG, [A, B])
    before = (catalogue.seq(), catalogue.get("mug"), catalogue.counts())
    assert catalogue.upsert(MUG, [A, B]) == "unchanged"
    assert catalogue.upsert(MUG, [A, B, A]) == "unchanged"
    assert catalogue.upsert(MUG, None) == "unchanged"
    assert (catalogue.seq(), catalogue.get("mug"), catalogue.counts()) == before


def test_created_at_is_what_was_given_and_then_stays(catalogue: Catalogue) -> None:
    catalogue.upsert(MUG, [])
    assert catalogue.get("mug").product.created_at is None
    assert catalogue.upsert(MUG, []) == "unchanged"
    given_at = datetime(2020, 1, 1, tzinfo=UTC)
    assert catalogue.upsert(replace(MUG, created_at=given_at), []) == "updated"
    assert catalogue.upsert(MUG, []) == "unchanged"
    assert catalogue.get("mug").product.created_at == given_at


def test_facts_alone_count_as_a_change_but_not_of_images(catalogue: Catalogue) -> None:
    catalogue.upsert(MUG, [A])
    assert catalogue.upsert(replace(MUG, price=6.0), None) == "updated"
    assert catalogue.seq() == 2
    assert catalogue.changes(1) == []
    assert catalogue.get("mug").image_sha256 == (A.sha256,)


@pytest.mark.parametrize("photos", [[B, A], [A], [A, B, C], [C], []])
def test_another_photo_list_replaces_the_old_one(catalogue: Catalogue, photos: list[PhotoRecord]) -> None:
    catalogue.upsert(MUG, [A, B])
    (before,) = catalogue.changes(0)
    assert catalogue.upsert(MUG, photos) == "updated"
    (change,) = catalogue.changes(1)
    assert (change.seq, change.deleted) == (2, False)
    assert change.image_sha256 == tuple(record.sha256 for record in photos)
    assert catalogue.get("mug").image_sha256 == change.image_sha256
    kept = dict(zip(before.image_sha256, before.image_keys, strict=True))
    for sha256, image_key in zip(change.image_sha256, change.image_keys, strict=True):
        assert image_key == kept[sha256] if sha256 in kept else image_key not in kept.values()


def test_the_newest_source_of_a_photo_wins(catalogue: Catalogue) -> None:
    catalogue.upsert(MUG, [A])
    moved = replace(A, source="/elsewhere/a")
    assert catalogue.upsert(MUG, [moved]) == "unchanged"
    assert catalogue.photo(A.sha256) == moved


def test_deleting_hides_a_product_and_keeps_its_key(catalogue: Catalogue) -> None:
    catalogue.upsert(MUG, [A])
    assert catalogue.delete("mug")
    assert not catalogue.delete("mug")
    assert not catalogue.delete("never")
    assert catalogue.changes(1) == [Change(product_key=1, seq=2, deleted=True, image_keys=(), image_sha256=())]
    with pytest.raises(UnknownProduct, match="mug"):
        catalogue.get("mug")
    assert catalogue.facts([1]) == {}
    assert list(catalogue.iter_facts()) == []
    assert keys(catalogue, "NOT price = 999") == []
    assert catalogue.snapshot().image_sha256 == []
    assert catalogue.counts() == {"products": 0, "images": 0, "photos": 1, "deleted": 1}


def test_a_deleted_product_comes_back_as_a_new_one(catalogue: Catalogue) -> None:
    catalogue.upsert(replace(MUG, created_at=datetime(2020, 1, 1, tzinfo=UTC)), [A])
    catalogue.delete("mug")
    assert catalogue.upsert(MUG, None) == "created"
    facts = catalogue.get("mug")
    assert (facts.product_key, facts.image_sha256) == (1, ())
    assert facts.product.created_at is None
    assert catalogue.upsert(MUG, [A]) == "updated"
    assert [change.image_sha256 for change in catalogue.changes(0)] == [(A.sha256,)]
    assert keys(catalogue, 'brand = "acme"') == [1]


@pytest.mark.parametrize("product_id", ["mug\0", "\ud83d\ude00", "MUG", "'", ""])
def test_no_other_id_finds_the_product(catalogue: Catalogue, product_id: str) -> None:
    catalogue.upsert_many([(MUG, []), (replace(MUG, product_id="😀"), [])])
    with pytest.raises(UnknownProduct):
        catalogue.get(product_id)
    assert not catalogue.delete(product_id)
    assert catalogue.counts()["products"] == 2


def test_delete_missing_keeps_what_the_feed_names(catalogue: Catalogue) -> None:
    catalogue.upsert_many((replace(MUG, product_id=f"p{number}"), [A]) for number in range(1200))
    assert catalogue.delete_missing({f"p{number}" for number in range(100)} | {"unknown"}) == 1100
    assert catalogue.counts() == {"products": 100, "images": 100, "photos": 1, "deleted": 1100}
    assert catalogue.delete_missing({f"p{number}" for number in range(100)}) == 0


def test_delete_missing_keeps_what_came_after_the_feed(catalogue: Catalogue) -> None:
    catalogue.upsert(replace(MUG, product_id="old"), [])
    before = catalogue.seq()
    catalogue.upsert(replace(MUG, product_id="new"), [])
    assert catalogue.delete_missing([], as_of=before) == 1
    assert [facts.product.product_id for facts in catalogue.iter_facts()] == ["new"]


def test_many_in_one_call_behave_as_one_after_another(catalogue: Catalogue) -> None:
    items = [(MUG, [A]), (MUG, [A]), (replace(MUG, title="Cup"), None), (replace(MUG, product_id="cup"), [A, B])]
    assert catalogue.upsert_many(items) == ["created", "unchanged", "updated", "created"]
    assert catalogue.upsert_many([]) == []
    assert catalogue.get("mug").product.title == "Cup"


def test_a_failing_batch_leaves_nothing(catalogue: Catalogue) -> None:
    broken = replace(MUG, product_id="broken", attributes={"a": object()})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        catalogue.upsert_many([(MUG, [A]), (broken, [B])])
    assert (catalogue.seq(), catalogue.counts()["products"], catalogue.counts()["photos"]) == (0, 0, 0)


def test_snapshot_has_every_live_image_in_order(catalogue: Catalogue) -> None:
    catalogue.upsert_many([(replace(MUG, product_id="x"), [B, A]), (replace(MUG, product_id="y"), [A]), (MUG, [])])
    catalogue.upsert(replace(MUG, product_id="x"), [A, C, B])
    catalogue.delete("y")
    snapshot = catalogue.snapshot()
    assert snapshot.seq == catalogue.seq() == 5
    assert snapshot.product_keys.tolist() == [1, 1, 1]
    assert snapshot.image_sha256 == [A.sha256, C.sha256, B.sha256]
    assert snapshot.image_keys.tolist() == list(catalogue.changes(3)[0].image_keys)
    assert snapshot.product_keys.dtype == snapshot.image_keys.dtype == np.int64


def test_empty_catalogue(catalogue: Catalogue) -> None:
    snapshot = catalogue.snapshot()
    assert (snapshot.seq, snapshot.product_keys.shape, snapshot.image_sha256) == (0, (0,), [])
    assert catalogue.matching_keys(parse_filter("price > 0")).shape == (0,)
    assert catalogue.facts([]) == {}


def test_facts_keep_the_order_asked_for(catalogue: Catalogue) -> None:
    catalogue.upsert_many([(replace(MUG, product_id=f"p{number}"), [A]) for number in range(5)])
    assert list(catalogue.facts([3, 99, 1, 3])) == [3, 1]
    assert list(catalogue.facts(np.array([2, 5]))) == [2, 5]  # type: ignore[arg-type]
    assert [facts.product_key for facts in catalogue.iter_facts(batch=2)] == [1, 2, 3, 4, 5]


def test_colours_of_photos_are_facts_and_can_be_filtered_by(catalogue: Catalogue) -> None:
    product = replace(MUG, colour="Navy")
    catalogue.upsert(product, [photo("a", ["red", "white"]), photo("b", ["white", "Grün"])])
    catalogue.upsert(replace(MUG, product_id="other"), [photo("a", ["red", "white"])])
    assert catalogue.get("mug").colours == ("red", "white", "Grün")
    assert keys(catalogue, 'colour = "RED"') == [1, 2]
    assert keys(catalogue, 'colour = "grün"') == keys(catalogue, 'colour = "navy"') == [1]
    catalogue.upsert(product, [photo("b", ["white", "Grün"])])
    assert keys(catalogue, 'colour = "red"') == [2]


def test_new_colours_of_a_shared_photo_reach_all_its_products(catalogue: Catalogue) -> None:
    other = replace(MUG, product_id="other")
    catalogue.upsert_many([(MUG, [photo("a", ["red"])]), (other, [photo("a", ["red"])])])
    seq = catalogue.seq()
    catalogue.upsert(MUG, [photo("a", ["pink"])])
    assert keys(catalogue, 'colour = "pink"') == [1, 2]
    assert keys(catalogue, 'colour = "red"') == []
    assert catalogue.seq() > seq
    assert catalogue.changes(seq) == []


def test_filters_follow_changed_facts(catalogue: Catalogue) -> None:
    catalogue.upsert(MUG, [])
    assert keys(catalogue, "attr.n > 2 AND attr.kids = true AND price = 5") == [1]
    catalogue.upsert(replace(MUG, price=None, attributes={"size": "M"}), None)
    assert keys(catalogue, "attr.n > 2 OR attr.kids = true OR price >= 0") == []
    assert keys(catalogue, 'attr.size = "m" AND price != 5') == [1]


def test_backup_is_a_catalogue(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.upsert(MUG, [A])
    catalogue.backup(tmp_path / "copy" / "catalog.db")
    catalogue.delete("mug")
    assert Catalogue(tmp_path / "copy").get("mug").image_sha256 == (A.sha256,)


def test_readers_see_whole_batches_while_another_thread_writes(catalogue: Catalogue) -> None:
    done = threading.Event()

    def write() -> None:
        for step in range(30):
            catalogue.upsert_many(
                [
                    (replace(MUG, product_id=f"p{number}", title=str(step)), [A, B][: 1 + step % 2])
                    for number in range(10)
                ]
            )
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        snapshot = catalogue.snapshot()
        assert len(snapshot.image_sha256) in (0, 10, 20)
        assert len({facts.product.title for facts in catalogue.facts(range(1, 11)).values()}) <= 1
        assert snapshot.seq % 10 == 0
    writer.join()


WRITE = """
import sys
from pathlib import Path
from data.catalogue import Catalogue
from data.catalogue.products import Product
catalogue = Catalogue(Path(sys.argv[1]))
for number in range(10_000):
    catalogue.upsert(Product(product_id=f"p{number}", title="x"), [])
    print(number, flush=True)
"""


def test_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITE, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 20:
                process.send_signal(signal.SIGKILL)
                break
        acknowledged = 20 + len(process.stdout.readlines())
    catalogue = Catalogue(tmp_path)
    products = catalogue.counts()["products"]
    assert acknowledged + 1 <= products <= acknowledged + 2
    assert catalogue.seq() == products
    assert len(keys(catalogue, 'title = "x"')) == products
