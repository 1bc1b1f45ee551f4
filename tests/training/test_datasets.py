"""Labelled photos and their splits."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.catalogue import Catalogue, PhotoRecord, Product
from data.errors import InvalidFeed, InvalidLabel
from training.errors import NotEnoughData
from training.photos import LabelledPhotos, folds, from_catalogue, from_files, label_photos, look_folds, split


def _photos(y: list[int], products: list[int], keys: list[str] | None = None) -> LabelledPhotos:
    return LabelledPhotos(
        label_kind="category",
        labels=tuple(f"label {number}" for number in range(max(y) + 1)),
        keys=tuple(keys or [f"{number:064x}" for number in range(len(y))]),
        y=np.array(y),
        products=np.array(products),
    )


@st.composite
def _some_photos(draw: st.DrawFn) -> LabelledPhotos:
    y: list[int] = []
    products: list[int] = []
    for label in range(draw(st.integers(2, 4))):
        for product in range(draw(st.integers(1, 8))):
            photos = draw(st.integers(2 if product == 0 else 1, 4))
            y += [label] * photos
            products += [label * 100 + product] * photos
    return _photos(y, products)


@settings(max_examples=60, deadline=None)
@given(photos=_some_photos(), seed=st.integers(0, 1000), share=st.floats(0.1, 0.5))
def test_a_split_is_stratified_disjoint_and_keeps_products_together(
    photos: LabelledPhotos, seed: int, share: float
) -> None:
    fold = split(photos, share, seed=seed)
    assert sorted([*fold.train, *fold.held]) == list(range(len(photos)))
    for label, name in enumerate(photos.labels):
        inside, held = (set(photos.products[rows[photos.y[rows] == label]]) for rows in (fold.train, fold.held))
        assert inside
        assert held
        products = len(set(photos.products[photos.y == label]))
        assert fold.split_by[name] == ("product" if products >= 5 else "photo")
        if products >= 5:
            assert not inside & held
    again = split(photos, share, seed=seed)
    assert (again.held == fold.held).all()


@settings(max_examples=30, deadline=None)
@given(photos=_some_photos(), seed=st.integers(0, 1000), count=st.integers(2, 5))
def test_every_photo_is_held_out_once(photos: LabelledPhotos, seed: int, count: int) -> None:
    parts = folds(photos, count, seed=seed)
    held = np.concatenate([part.held for part in parts])
    assert sorted(held) == list(range(len(photos)))


def test_the_same_bytes_are_never_on_both_sides() -> None:
    keys = [f"{number:064x}" for number in range(40)]
    keys[25] = keys[3]  # the same photo under two products of one label
    photos = _photos([0] * 30 + [1] * 10, [number // 2 for number in range(40)], keys)
    found = [split(photos, 0.4, seed=seed) for seed in range(20)]
    for fold in found:
        assert not {keys[row] for row in fold.train} & {keys[row] for row in fold.held}
    assert {fold.straddling for fold in found} == {0, 1}


def test_photos_that_look_alike_are_held_out_together() -> None:
    random = np.random.default_rng(0)
    centres = random.normal(size=(12, 8)) * 5
    visits = np.repeat(np.arange(12), 6)
    features = (centres[visits] + 0.1 * random.normal(size=(72, 8))).astype(np.float32)
    assigned = look_folds(features, visits // 4, 4)
    for visit in range(12):
        assert len(set(assigned[visits == visit])) == 1
    assert sorted(np.bincount(assigned)) == [18, 18, 18, 18]


def _product(name: str, category: str, **attributes: str) -> Product:
    return Product(product_id=name, category=category, attributes=attributes)


def _record(number: int) -> PhotoRecord:
    return PhotoRecord(sha256=f"{number:064x}", source=f"/photos/{number}", size_bytes=1, width=9, height=9)


def test_labels_come_from_the_catalogue(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.upsert(_product("a", "Mugs", size="L"), [_record(1), _record(2)])
    catalogue.upsert(_product("b", "Bowls", size="S"), [_record(3), _record(4)])
    catalogue.upsert(_product("c", "Shoes", size="S"), [_record(5)])
    catalogue.upsert(_product("d", "", size="L"), [_record(6)])
    catalogue.upsert(_product("e", "Mugs"), [_record(3)])  # Bowls and Mugs at once
    catalogue.upsert(_product("f", "Bowls"), [_record(7)])
    photos = from_catalogue(catalogue, catalogue.snapshot())
    assert photos.counts == {"Bowls": 2, "Mugs": 2}
    reasons = {item.what[-1:]: item.reason for item in photos.excluded}
    assert reasons["6"] == "no label"
    assert reasons["3"] == "same photo under Bowls, Mugs"
    assert reasons["s"].startswith("a label needs at least 2 photos")
    assert from_catalogue(catalogue, catalogue.snapshot(), "attr.size").counts == {"L": 3, "S": 3}
    with pytest.raises(NotEnoughData, match="at least 2 labels"):
        from_catalogue(catalogue, catalogue.snapshot(), "attr.flavour")
    with pytest.raises(InvalidLabel, match="category or attr"):
        from_catalogue(catalogue, catalogue.snapshot(), "price")


def test_folders_and_csv_give_the_same_photos(tmp_path: Path) -> None:
    lines = ["path,label"]
    for label in ("컵 cups", "shoes"):
        (tmp_path / "root" / label).mkdir(parents=True)
        for number in range(2):
            (tmp_path / "root" / label / f"{number}.jpg").write_bytes(f"{label}{number}".encode())
            lines.append(f"root/{label}/{number}.jpg,{label}")
    (tmp_path / "root" / "shoes" / "note.txt").write_text("no photo")
    (tmp_path / "list.csv").write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    by_folder, by_csv = from_files(tmp_path / "root"), from_files(tmp_path / "list.csv")
    assert by_folder.labels == by_csv.labels == ("shoes", "컵 cups")
    assert set(by_folder.keys) == set(by_csv.keys)
    known = label_photos(tmp_path / "list.csv", ["shoes", "bags"])
    assert (len(known), known.labels) == (2, ("shoes", "bags"))
    assert "unknown to the voters" in known.excluded[0].reason
    with pytest.raises(NotEnoughData):
        label_photos(tmp_path / "list.csv", ["bags"])


@pytest.mark.parametrize("text", ["", "file,label\na,b\n", "path,label\n,x\n", "path,label\ngone.jpg,x\n"])
def test_lists_that_cannot_be_used_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(InvalidFeed):
        from_files(tmp_path / "list.csv")


def test_imbalance_is_named() -> None:
    assert not _photos([0] * 20 + [1] * 2, [0] * 22).imbalance
    assert "'label 1' only 2" in _photos([0] * 21 + [1] * 2, [0] * 23).imbalance
