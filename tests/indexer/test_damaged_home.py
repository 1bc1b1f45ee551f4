"""Files that a disk has damaged: rebuild and uploads go on, doctor names each and mends what can be made again."""

import dataclasses
import json
import os
import random
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shape_catalogue import draw_shape
from tiny_backbone import TinyBackbone

from data.catalogue import Catalogue, product_fields
from data.database import FILE_NAME, Connections
from data.errors import DatabaseError
from data.features import FeatureStore
from data.generations import GenerationFolder, GenerationStore
from data.photos import Intake, thumbnail_path
from data.settings import Settings
from data.storage import sha256_file
from engine import backbones
from engine.answers import SearchRequest
from engine.search import SearchEngine
from indexer.operating import examine
from indexer.operating.finding import FAIL, OK, WARN, Finding
from indexer.rebuild import describe, rebuild

SPEC = TinyBackbone.spec


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny backbone in place of the one that the settings name."""
    monkeypatch.setattr(backbones, "resolve_spec", lambda settings: SPEC)
    monkeypatch.setattr(backbones, "load_backbone", lambda *_, **__: TinyBackbone())


def features_of(settings: Settings) -> FeatureStore:
    return FeatureStore(settings.home, SPEC.fingerprint, SPEC.dim)


def feature_file(settings: Settings) -> Path:
    (path,) = (settings.home / "features" / SPEC.fingerprint).glob("rows-*.f16")
    return path


def levels(found: list[Finding]) -> dict[str, str]:
    """Returns the worst level of each subject."""
    order = (OK, WARN, FAIL)
    return {
        subject: max((finding.level for finding in found if finding.subject == subject), key=order.index)
        for subject in {finding.subject for finding in found}
    }


def flip(path: Path, byte: int | None = None) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if byte is None else byte] ^= 4
    path.write_bytes(content)


def damage_row(settings: Settings, sha256: str, value: float) -> None:
    """Writes a value into a photo's stored row, behind the store's back."""
    query = "SELECT row FROM feature_rows WHERE key = ?"
    row = Connections(settings.home).query(query, (sha256,))[0][0]
    rows = np.fromfile(feature_file(settings), "<f2").reshape(-1, SPEC.dim)
    rows[row, 3] = value
    rows.tofile(feature_file(settings))


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.123])
def test_a_rebuild_names_a_damaged_row_and_embeds_the_photo_again(
    generation: GenerationFolder, settings: Settings, value: float
) -> None:
    catalogue = Catalogue(settings.home)
    sha256 = catalogue.snapshot().image_sha256[7]
    whole = features_of(settings).read([sha256])
    damage_row(settings, sha256, value)
    summary = rebuild(settings, backbone=TinyBackbone())
    assert summary.published
    assert summary.counts["embedded"] == 1
    (named,) = summary.damaged
    record = catalogue.photo(sha256)
    assert record is not None
    assert (named["photo"], named["source"]) == (sha256, record.source)
    assert f"damaged: the stored features of photo {record.source}" in describe(summary)
    np.testing.assert_array_equal(features_of(settings).read([sha256]), whole)


def test_a_damaged_row_whose_original_is_gone_leaves_the_photo_out_and_says_so(
    generation: GenerationFolder, settings: Settings, tmp_path: Path
) -> None:
    catalogue = Catalogue(settings.home)
    sha256 = catalogue.snapshot().image_sha256[7]
    record = catalogue.photo(sha256)
    assert record is not None
    catalogue.update_photos([dataclasses.replace(record, source="/nowhere/a.png")])
    damage_row(settings, sha256, np.nan)
    summary = rebuild(settings, backbone=TinyBackbone())
    assert summary.published
    assert [photo["sha256"] for photo in summary.unreadable] == [sha256]
    assert summary.counts["indexed"] == summary.counts["images"] - 1


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_to_the_feature_file_the_rebuild_publishes_the_same(
    generation: GenerationFolder, settings: Settings, seed: int
) -> None:
    photos = Catalogue(settings.home).snapshot().image_sha256
    whole = features_of(settings).read(photos)
    chance, path = random.Random(seed), feature_file(settings)
    content = bytearray(path.read_bytes())
    for _ in range(20):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    if seed % 2:
        del content[chance.randrange(len(content)) :]
    path.write_bytes(content)
    assert rebuild(settings, backbone=TinyBackbone()).published
    np.testing.assert_array_equal(features_of(settings).read(photos), whole)


def test_an_upload_with_a_damaged_row_is_embedded_again_and_found(
    generation: GenerationFolder, settings: Settings, tmp_path: Path
) -> None:
    draw_shape("gold", "bar", 99).save(tmp_path / "new.png")
    content = (tmp_path / "new.png").read_bytes()
    catalogue, engine = Catalogue(settings.home), SearchEngine(settings, backbone=TinyBackbone())
    record = Intake(settings, catalogue).accept_bytes(content)
    engine.embed_new([record])
    damage_row(settings, record.sha256, np.nan)
    engine.embed_new([record])
    product = next(catalogue.iter_facts()).product
    catalogue.upsert(product, [record])
    hit = engine.search(SearchRequest(image=content, k=1)).hits[0]
    assert hit.product_id == product.product_id
    assert np.isfinite(hit.score)


def test_doctor_finds_and_mends_nothing_in_a_whole_home(generation: GenerationFolder, settings: Settings) -> None:
    for repair in (False, True):
        found = examine(settings, repair=repair)
        files = dict(levels(found).items())
        assert {files[name] for name in ("integrity", "feature files", "thumbnails")} == {OK}
        assert not any("mended" in finding.detail for finding in found)


def test_doctor_names_damaged_rows_and_adds_checksums_to_old_ones(
    generation: GenerationFolder, settings: Settings
) -> None:
    with Connections(settings.home).writing() as connection:
        connection.execute("UPDATE feature_rows SET checksum = NULL")
    sha256 = Catalogue(settings.home).snapshot().image_sha256[0]
    damage_row(settings, sha256, np.nan)
    told = "\n".join(map(str, examine(settings)))
    assert "old rows" in told
    assert "no checksum yet" in told
    assert "1 rows" in told
    assert "0.png" in told
    assert "mended" in "\n".join(map(str, examine(settings, repair=True)))
    assert features_of(settings).unchecked == 1  # the damaged one
    assert features_of(settings).damaged(features_of(settings).keys()) == [sha256]  # kept: a rebuild replaces it


def test_doctor_mends_meta_json_and_thumbnails(generation: GenerationFolder, settings: Settings) -> None:
    meta = settings.home / "features" / SPEC.fingerprint / "meta.json"
    photos = sorted(set(Catalogue(settings.home).snapshot().image_sha256))
    meta.write_text('{"format": 1, "dim": 193, "dtype": "float16"}')
    thumbnail_path(settings.home, photos[0]).unlink()
    thumbnail_path(settings.home, photos[1]).write_bytes(b"RIFF")
    found = levels(examine(settings))
    assert (found["feature files"], found["thumbnails"]) == (FAIL, WARN)
    found = levels(examine(settings, repair=True))
    assert (found["feature files"], found["thumbnails"]) == (OK, OK)
    assert (levels(examine(settings))["feature files"], levels(examine(settings))["thumbnails"]) == (OK, OK)
    for sha256 in photos[:2]:
        with Image.open(thumbnail_path(settings.home, sha256)) as image:
            image.load()


def test_doctor_never_touches_the_files_of_a_newer_version(generation: GenerationFolder, settings: Settings) -> None:
    meta = settings.home / "features" / SPEC.fingerprint / "meta.json"
    meta.write_text('{"format": 2}')
    assert levels(examine(settings, repair=True))["feature files"] == FAIL
    assert meta.read_text() == '{"format": 2}'


def test_doctor_mends_a_damaged_index_of_the_database(generation: GenerationFolder, settings: Settings) -> None:
    path = settings.home / FILE_NAME
    with sqlite3.connect(path) as connection:  # a row is written while the index is out of sight
        name = "product_images_by_sha256"
        sql = connection.execute("SELECT * FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_schema WHERE name = ?", (name,))
    connection.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM product_images WHERE image_key = 1")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", sql)
    connection.close()
    assert levels(examine(settings))["integrity"] == FAIL
    told = "\n".join(map(str, examine(settings, repair=True)))
    assert "mended: the indexes of catalog.db" in told
    assert levels(examine(settings))["integrity"] == OK


def test_doctor_says_that_a_torn_database_needs_a_backup(generation: GenerationFolder, settings: Settings) -> None:
    path = settings.home / FILE_NAME
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 4] = bytes(4096)
    path.write_bytes(content)
    found = [finding for finding in examine(settings, repair=True) if finding.subject == "integrity"]
    assert [finding.level for finding in found] == [FAIL]
    assert "backup" in found[0].advice
    assert path.read_bytes() == bytes(content)


def test_doctor_goes_back_to_the_newest_whole_generation(generation: GenerationFolder, settings: Settings) -> None:
    newer = rebuild(settings, backbone=TinyBackbone()).generation
    flip(settings.home / "generations" / str(newer) / "projection.safetensors")
    assert levels(examine(settings))["generations"] == FAIL
    assert "mended" in "\n".join(map(str, examine(settings, repair=True)))
    assert GenerationStore(settings.home).open().id == generation.id
    (settings.home / "CURRENT").write_text("garbage")
    assert levels(examine(settings))["generations"] == FAIL
    examine(settings, repair=True)
    assert GenerationStore(settings.home).open().id == generation.id


def test_doctor_names_a_damaged_upload_and_keeps_it(
    generation: GenerationFolder, settings: Settings, tmp_path: Path
) -> None:
    draw_shape("gold", "bar", 98).save(tmp_path / "new.png")
    record = Intake(settings, Catalogue(settings.home)).accept_bytes((tmp_path / "new.png").read_bytes())
    flip(Path(record.source))
    found = [finding for finding in examine(settings, repair=True) if finding.subject == "uploads"]
    assert [finding.level for finding in found] == [FAIL]
    assert record.source in found[0].detail
    assert Path(record.source).exists()


def test_doctor_deletes_a_damaged_export_which_is_made_again(
    generation: GenerationFolder, settings: Settings, runtime_cache: Path
) -> None:
    shutil.copytree(runtime_cache / "runtime", settings.home / "runtime")
    (model,) = (settings.home / "runtime").glob("*/model.bin")
    flip(model)
    assert levels(examine(settings))["exports"] == FAIL
    assert levels(examine(settings, repair=True))["exports"] == OK
    assert not model.exists()


def test_doctor_reads_settings_and_canaries(generation: GenerationFolder, settings: Settings) -> None:
    (settings.home / "lookalike.toml").write_text("space_dim = 24\n")
    (settings.home / "canaries.jsonl").write_text("{")
    found = examine(settings)
    assert "space_dim = 24" in next(finding.detail for finding in found if finding.subject == "settings")
    assert levels(found)["canaries"] == FAIL
    (settings.home / "lookalike.toml").write_text("spake_dim = 24\n")
    assert levels(examine(settings))["settings"] == FAIL


def change_row(settings: Settings, sql: str) -> None:
    """Changes stored values behind the catalogue's back, as a disk does; SQLite sees nothing wrong with them."""
    with sqlite3.connect(settings.home / FILE_NAME) as connection:
        assert connection.execute(sql).rowcount
    connection.close()


CHANGES = {
    "a letter of a title": "UPDATE products SET title = 'Rad disc' WHERE product_id = 'red-disc'",
    "a price": "UPDATE products SET price = 1000 + price WHERE product_id = 'red-disc'",
    "a text that is no UTF-8": "UPDATE products SET brand = CAST(x'41ff' AS TEXT) WHERE product_id = 'red-disc'",
    "a product is gone": "UPDATE products SET deleted = 1 WHERE product_id = 'red-disc'",
    "the order of photos": "UPDATE product_images SET position = position + 7 WHERE image_key = 1",
    "the checksum": "UPDATE products SET checksum = checksum + 1 WHERE product_id = 'red-disc'",
    "the path of a photo": "UPDATE photos SET source = source || 'x' WHERE sha256 = (SELECT min(sha256) FROM photos)",
    "the colour of a photo": "UPDATE photos SET colours = '[]' WHERE sha256 = (SELECT min(sha256) FROM photos)",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_doctor_notices_a_changed_value(generation: GenerationFolder, settings: Settings, change: str) -> None:
    change_row(settings, change)
    found = [finding for finding in examine(settings) if finding.subject == "rows"]
    assert [finding.level for finding in found] == [FAIL]
    assert "not as they were written" in found[0].detail


@pytest.mark.parametrize("name", ["a letter of a title", "a price", "the checksum"])
def test_writing_the_same_product_again_mends_it(generation: GenerationFolder, settings: Settings, name: str) -> None:
    catalogue = Catalogue(settings.home)
    facts = catalogue.get("red-disc")
    change_row(settings, CHANGES[name])
    assert catalogue.upsert(facts.product, None) == "updated"
    assert product_fields(catalogue.get("red-disc").product) == product_fields(facts.product)
    assert levels(examine(settings))["rows"] == OK
    assert catalogue.upsert(facts.product, None) == "unchanged"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE filter_facts SET price = 1e9 WHERE product_key = 1",
        "UPDATE filter_values SET value = 'rad' WHERE product_key = 1 AND field = 'colour'",
        "DELETE FROM filter_facts WHERE product_key = 1",
        "UPDATE lexical_keys SET key = 'rad disc' WHERE product_key = 1 AND kind = 'title'",
    ],
)
def test_doctor_makes_damaged_rows_of_filters_anew(
    generation: GenerationFolder, settings: Settings, change: str
) -> None:
    queries = [f"SELECT * FROM filter_{name} ORDER BY 1, 2, 3" for name in ("facts", "values")]  # noqa: S608
    before = [Connections(settings.home).query(sql) for sql in queries]
    change_row(settings, change)
    assert levels(examine(settings))["rows"] == FAIL
    assert "mended: what filters read of 1 products" in "\n".join(map(str, examine(settings, repair=True)))
    assert levels(examine(settings))["rows"] == OK
    assert [Connections(settings.home).query(sql) for sql in queries] == before


def test_every_way_of_writing_leaves_sound_rows(generation: GenerationFolder, settings: Settings) -> None:
    catalogue = Catalogue(settings.home)
    first = catalogue.get("red-disc")
    catalogue.patch("red-disc", {"title": "Other", "attributes": {"size": "L", "kids": True}})
    catalogue.delete("blue-disc")
    catalogue.erase_product("blue-disc")
    catalogue.delete("green-disc")
    catalogue.upsert(dataclasses.replace(first.product, product_id="green-disc"), None)
    record = catalogue.photo(first.image_sha256[0])
    assert record is not None
    catalogue.update_photos([dataclasses.replace(record, colours=("teal",))])
    rebuild(settings, backbone=TinyBackbone())
    assert levels(examine(settings))["rows"] == OK
    assert Catalogue(settings.home).unsound().unchecked == 0


def test_rows_of_an_older_version_get_their_checksums(generation: GenerationFolder, settings: Settings) -> None:
    change_row(settings, "UPDATE products SET checksum = NULL, filter_checksum = NULL")
    change_row(settings, "UPDATE photos SET checksum = NULL")
    assert levels(examine(settings))["rows"] == WARN
    assert levels(examine(settings, repair=True))["rows"] == OK
    assert levels(examine(settings))["rows"] == OK


def test_doctor_notices_any_changed_bit_of_a_thumbnail(generation: GenerationFolder, settings: Settings) -> None:
    path = thumbnail_path(settings.home, Catalogue(settings.home).snapshot().image_sha256[0])
    whole = path.read_bytes()
    for byte in random.Random(1).sample(range(len(whole)), 8):
        flip(path, byte)
        assert levels(examine(settings))["thumbnails"] == WARN, byte
        assert levels(examine(settings, repair=True))["thumbnails"] == OK
        assert path.read_bytes() == whole


def test_doctor_checks_backbones_that_are_not_in_use(generation: GenerationFolder, settings: Settings) -> None:
    folder = settings.home / "backbones" / "shop1"
    folder.mkdir(parents=True)
    for name in ("weights.weights.h5", "classifier.safetensors", "log.csv"):
        (folder / name).write_bytes(name.encode() * 9)
    digest = sha256_file(folder / "weights.weights.h5")
    record = {"base": "inception_v3", "input_size": 299, "weights_sha256": digest}
    (folder / "backbone.json").write_text(json.dumps(record))
    assert "backbones" not in levels(examine(settings))
    backbones.write_sums(folder)
    assert "backbones" not in levels(examine(settings))
    for path in sorted(folder.iterdir()):
        flip(path)
        assert levels(examine(settings))["backbones"] == FAIL, path
        flip(path)
    (folder / "backbone.json").unlink()
    assert levels(examine(settings))["backbones"] == FAIL


def test_doctor_names_files_that_are_not_its_own_and_a_rebuild_deletes_unfinished_ones(
    generation: GenerationFolder, settings: Settings
) -> None:
    assert "files" not in levels(examine(settings))
    (settings.home / "notes.txt").write_text("mine")
    young, old = (settings.home / f".{digit * 16}.part" for digit in "ab")
    for path in (young, old):
        path.write_text("half")
    os.utime(old, (1, 1))
    told = "\n".join(str(finding) for finding in examine(settings) if finding.subject == "files")
    assert "2 are not finished" in told
    assert "1 are not Lookalike's own and were not checked: notes.txt" in told
    rebuild(settings, backbone=TinyBackbone())
    assert [young.exists(), old.exists(), (settings.home / "notes.txt").exists()] == [True, False, True]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE lexical_words_content SET c0 = 'rad' WHERE id = 1",
        "UPDATE lexical_letters_content SET c0 = 'rad' WHERE id = 1",
        "DELETE FROM lexical_words_docsize WHERE id = 1",
    ],
)
def test_doctor_makes_a_damaged_lexical_index_anew(
    generation: GenerationFolder, settings: Settings, change: str
) -> None:
    before = Catalogue(settings.home).by_letters("red disc")
    change_row(settings, change)
    assert levels(examine(settings))["integrity"] == FAIL
    assert "mended: the indexes of catalog.db" in "\n".join(map(str, examine(settings, repair=True)))
    assert levels(examine(settings))["integrity"] == OK
    assert Catalogue(settings.home).by_letters("red disc") == before


DAMAGED_JSON = {
    "attributes": "UPDATE products SET attributes = '{\"size: 1}' WHERE product_id = 'red-disc'",
    "attributes of another kind": "UPDATE products SET attributes = '3' WHERE product_id = 'red-disc'",
    "time": "UPDATE products SET created_at = '2O26' WHERE product_id = 'red-disc'",
    "colours": "UPDATE photos SET colours = '[\"re'",
    "text": "UPDATE products SET title = CAST(x'41ff' AS TEXT) WHERE product_id = 'red-disc'",
}


@pytest.mark.parametrize("change", DAMAGED_JSON.values(), ids=DAMAGED_JSON)
def test_a_value_that_cannot_be_read_is_named_and_writing_it_again_mends_it(
    generation: GenerationFolder, settings: Settings, change: str
) -> None:
    catalogue = Catalogue(settings.home)
    facts = catalogue.get("red-disc")
    known = catalogue.photos(facts.image_sha256)
    photos = [known[sha256] for sha256 in facts.image_sha256]
    change_row(settings, change)
    found = [finding for finding in examine(settings) if finding.subject == "rows"]
    assert [finding.level for finding in found] == [FAIL]
    if "photos" not in change:
        with pytest.raises(DatabaseError, match="catalog"):
            catalogue.get("red-disc")
    assert catalogue.upsert(facts.product, photos) in ("updated", "unchanged")
    assert catalogue.get("red-disc") == facts
    assert facts.product.product_id not in catalogue.unsound().products
    assert not set(facts.image_sha256) & set(catalogue.unsound().photos)
