"""Loading a generation: verified before it is parsed, and only with the backbone it was built with."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_shop import TinyShop, axis

from data.errors import CorruptGeneration
from data.settings import Settings
from engine.errors import FingerprintMismatch, InvalidModel, InvalidQuery
from engine.generation import ROWS_FILE, Models, RowTable, load_generation, write_generation_files
from engine.space import plain


@pytest.fixture
def shop(settings: Settings) -> TinyShop:
    shop = TinyShop(settings)
    shop.put("a", [axis(0), axis(1)])
    shop.put("b", [axis(2)])
    return shop


def test_a_published_generation_loads(shop: TinyShop) -> None:
    folder = shop.publish()
    generation = load_generation(shop.settings, shop.store.open(), shop.backbone)
    assert (generation.id, generation.seq, generation.spec) == (folder.id, 2, shop.backbone.spec)
    assert generation.index.count == 3
    assert generation.backbone() is shop.backbone
    assert generation.text_tower() is None
    key = shop.catalogue.get("a").product_key
    assert generation.rows.product_keys[generation.rows.rows_of_any(np.array([key]))].tolist() == [key, key]
    assert generation.rows.rows_of_any(np.array([999])).tolist() == []


@pytest.mark.parametrize("name", ["index.faiss", "rows.npz", "projection.safetensors"])
def test_one_flipped_byte_is_refused_with_the_file_named(shop: TinyShop, name: str) -> None:
    folder = shop.publish()
    content = bytearray((folder.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder.folder / name).write_bytes(content)
    with pytest.raises(CorruptGeneration, match=name):
        load_generation(shop.settings, shop.store.open(folder.id), shop.backbone)


def test_another_backbone_is_refused(shop: TinyShop) -> None:
    shop.publish()
    shop.backbone.spec = replace(shop.backbone.spec, precision="int8")
    with pytest.raises(FingerprintMismatch, match="Rebuild"):
        load_generation(shop.settings, shop.store.open(), shop.backbone)


def test_a_manifest_whose_parts_disagree_is_refused(shop: TinyShop) -> None:
    folder = shop.publish(fingerprint="f" * 64)
    with pytest.raises(FingerprintMismatch):
        load_generation(shop.settings, folder, shop.backbone)


def test_one_model_copy_serves_several_generations(shop: TinyShop) -> None:
    models = Models(shop.settings, shop.backbone)
    first = load_generation(shop.settings, shop.publish(), models=models)
    second = load_generation(shop.settings, shop.publish(), models=models)
    assert first.backbone() is second.backbone()


def test_rows_and_vectors_must_fit(settings: Settings, tmp_path: Path) -> None:
    keys, shas = np.array([1, 2]), ["a", "b"]
    vectors = np.ones((2, 2), np.float32)
    with pytest.raises(InvalidModel, match="one vector per image"):
        write_generation_files(tmp_path, plain(2), vectors[:1], keys, keys, shas, settings)
    with pytest.raises(InvalidModel, match="ascending"):
        write_generation_files(tmp_path, plain(2), vectors, keys[::-1], keys, shas, settings)
    with pytest.raises(InvalidQuery, match="finite"):
        write_generation_files(tmp_path, plain(2), vectors * np.nan, keys, keys, shas, settings)
    assert not list(tmp_path.glob("*.*"))


def test_a_row_table_with_objects_or_missing_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ROWS_FILE
    np.savez(path, product_keys=np.array([{}], dtype=object), image_keys=np.ones(1, int), image_sha256=np.array([b"a"]))
    with pytest.raises(InvalidModel, match=ROWS_FILE):
        RowTable.load(path)
    np.savez(path, product_keys=np.ones(1, int))
    with pytest.raises(InvalidModel, match=ROWS_FILE):
        RowTable.load(path)
    path.write_bytes(b"PK\x03\x04garbage")
    with pytest.raises(InvalidModel, match=ROWS_FILE):
        RowTable.load(path)
