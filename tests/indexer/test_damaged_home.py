"""Files that a disk has damaged: rebuild and uploads go on, doctor names each and mends what can be made again."""

import dataclasses
import json
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from findings import levels
from PIL import Image
from shape_catalogue import draw_shape
from tiny_backbone import TinyBackbone

from data.catalogue import Catalogue
from data.database import Connections
from data.features import FeatureStore
from data.generations import GenerationFolder, GenerationStore
from data.photos import Intake, larger_copy, thumbnail_path
from data.settings import Settings
from data.storage import sha256_file
from engine import backbones
from engine.answers import SearchRequest
from engine.search import SearchEngine
from indexer.operating import examine
from indexer.operating.finding import FAIL, OK, WARN
from indexer.rebuild import describe, rebuild

SPEC = TinyBackbone.spec
pytestmark = pytest.mark.usefixtures("tiny")


def features_of(settings: Settings) -> FeatureStore:
    return FeatureStore(settings.home, SPEC.fingerprint, SPEC.dim)


def feature_file(settings: Settings) -> Path:
    (path,) = (settings.home / "features" / SPEC.fingerprint).glob("rows-*.f16")
    return path


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
    assert f"damaged  the stored features of photo {record.source}" in describe(summary, settings.home)
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


def test_doctor_notices_any_changed_bit_of_a_thumbnail(generation: GenerationFolder, settings: Settings) -> None:
    path = thumbnail_path(settings.home, Catalogue(settings.home).snapshot().image_sha256[0])
    whole = path.read_bytes()
    for byte in random.Random(1).sample(range(len(whole)), 8):
        flip(path, byte)
        assert levels(examine(settings))["thumbnails"] == WARN, byte
        assert levels(examine(settings, repair=True))["thumbnails"] == OK
        assert path.read_bytes() == whole


def test_doctor_notices_and_deletes_damaged_larger_copies(generation: GenerationFolder, settings: Settings) -> None:
    catalogue = Catalogue(settings.home)
    path = larger_copy(Intake(settings, catalogue), catalogue.snapshot().image_sha256[0], 640)
    found = levels(examine(settings))
    assert ("larger copies" in found, "files" in found) == (False, False)
    flip(path, 40)
    assert levels(examine(settings))["larger copies"] == WARN
    assert levels(examine(settings, repair=True))["larger copies"] == OK
    assert not path.exists()


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
