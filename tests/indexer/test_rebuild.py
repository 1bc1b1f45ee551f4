"""The nightly rebuild in one process: what it publishes, what it leaves out, what it refuses, what it reuses."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from imported_shapes import import_shapes, live
from numpy.typing import NDArray
from PIL import Image
from shape_catalogue import PHOTOS_EACH, draw_shape
from tiny_backbone import TinyBackbone

from data.catalogue import Catalogue, Product
from data.errors import CorruptGeneration, NoGeneration
from data.features import FeatureStore
from data.generations import GenerationFolder, GenerationStore
from data.photos import Intake
from data.rebuilds import last_rebuild
from data.settings import Settings
from data.storage import sha256_file
from engine.backbones import PREPROCESSING, load_input
from engine.errors import FingerprintMismatch
from engine.generation import Generation, load_generation
from engine.protocols import BackboneSpec, Floats
from engine.search import SearchEngine, SearchRequest
from indexer.errors import GateFailed, NothingToIndex
from indexer.importing import import_feed
from indexer.rebuild import parts, rebuild
from indexer.rebuild.summary import RebuildSummary
from training.parts import SPACE

IMAGES = 24 * PHOTOS_EACH


class CountingBackbone(TinyBackbone):
    """Counts the photos it embeds."""

    def __init__(self) -> None:
        self.photos = 0

    def embed(self, images: NDArray[np.uint8]) -> Floats:
        self.photos += len(images)
        return super().embed(images)


class OtherBackbone(TinyBackbone):
    """The same numbers under another fingerprint."""

    spec = BackboneSpec.from_json({**TinyBackbone.spec.to_json(), "weights_digest": "1" * 64})


@pytest.fixture
def feed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    return import_shapes(settings, monkeypatch)


def nearest_product(settings: Settings, generation: Generation, photo: Path) -> str:
    pixels = load_input(photo.read_bytes(), 64, settings, PREPROCESSING)[None]
    point = generation.projection.apply(TinyBackbone().embed(pixels))
    row = generation.index.search(point, 1)[0].rows[0]
    key = int(generation.rows.product_keys[row])
    return Catalogue(settings.home).facts([key])[key].product.product_id


def test_the_first_rebuild_publishes_every_photo(
    generation: GenerationFolder, built_home: Path, settings: Settings
) -> None:
    summary = last_rebuild(settings.home) or {}
    assert summary["published"] is True
    assert summary["generation"] == generation.id
    assert summary["counts"] == {
        "products": 24, "images": IMAGES, "embedded": IMAGES, "unreadable": 0, "indexed": IMAGES,
        "projected": IMAGES,
    }  # fmt: skip
    assert {gate["name"] for gate in summary["gates"] if gate["passed"]} == {
        "unreadable", "norms", "loads", "counts", "self_recall", "recall", "canaries", "quality"
    }  # fmt: skip
    assert {"snapshot", "embed", "train", "index", "verify", "report", "publish", "prune", "total"} == set(
        summary["seconds"]
    )
    loaded = load_generation(settings, generation, TinyBackbone())
    assert nearest_product(settings, loaded, built_home.parent / "feed" / "gold-disc-1.png") == "gold-disc"
    tower = loaded.text_tower()
    assert tower is not None
    hits = loaded.index.search(tower.embed(["purple square"]), 1)[0]
    key = int(loaded.rows.product_keys[hits.rows[0]])
    assert Catalogue(settings.home).facts([key])[key].product.product_id == "purple-square"


def test_the_manifest_says_what_was_built(generation: GenerationFolder, settings: Settings) -> None:
    manifest = generation.manifest
    assert manifest.fingerprint == TinyBackbone.spec.fingerprint
    assert manifest.seq == Catalogue(settings.home).seq()
    assert manifest.counts == {"products": 24, "images": IMAGES, "unreadable": 0}
    assert len(manifest.gates) == 8
    assert manifest.versions["numpy"] == np.__version__
    assert 0 <= manifest.metrics["parts"]["space"]["quality"]["value"] <= 1


def test_the_report_tells_of_gates_and_photos_and_escapes_what_it_shows(feed: Path, settings: Settings) -> None:
    (feed.parent / "red-disc-0.png").unlink()
    rebuild(settings, backbone=TinyBackbone())
    report = (live(settings).folder / "report.html").read_text(encoding="utf-8")
    assert "self_recall" in report
    assert "red-disc-0.png" in report
    assert "&lt;= 0.2" in report
    assert "<script" not in report


def test_nothing_changed_embeds_and_trains_nothing(generation: GenerationFolder, settings: Settings) -> None:
    backbone = CountingBackbone()
    summary = rebuild(settings, backbone=backbone)
    assert summary.published
    assert summary.unchanged
    assert backbone.photos == 0
    assert summary.generation != generation.id
    for name in ("projection.safetensors", "text_head.safetensors", "index.faiss", "rows.npz"):
        assert live(settings).manifest.files[name] == generation.manifest.files[name]


def test_full_trains_again_and_embeds_nothing(feed: Path, settings: Settings) -> None:
    rebuild(settings, backbone=TinyBackbone())
    backbone = CountingBackbone()
    summary = rebuild(settings, full=True, backbone=backbone)
    assert not summary.unchanged
    assert backbone.photos == 0


def test_a_new_product_alone_is_embedded(feed: Path, settings: Settings) -> None:
    rebuild(settings, backbone=TinyBackbone())
    folder = feed.parent
    draw_shape("pink", "disc").save(folder / "new.png")
    (folder / "more.jsonl").write_text(json.dumps({"product_id": "pink-disc", "images": ["new.png"]}))
    import_feed(settings, folder / "more.jsonl")
    backbone = CountingBackbone()
    summary = rebuild(settings, backbone=backbone)
    assert (backbone.photos, summary.counts["embedded"], summary.counts["indexed"]) == (1, 1, IMAGES + 1)
    assert not summary.unchanged
    generation = load_generation(settings, live(settings), TinyBackbone())
    assert nearest_product(settings, generation, folder / "new.png") == "pink-disc"


def test_only_new_photos_are_projected_where_the_space_stays(feed: Path, settings: Settings) -> None:
    rebuild(settings, backbone=TinyBackbone())
    catalogue, folder = Catalogue(settings.home), feed.parent
    catalogue.delete("red-disc")
    draw_shape("pink", "disc").save(folder / "new.png")
    (folder / "more.jsonl").write_text(
        json.dumps({"product_id": "gold-disc", "images": ["new.png", "gold-disc-1.png"]})
    )
    import_feed(settings, folder / "more.jsonl")
    summary = rebuild(settings, train=False, backbone=TinyBackbone())
    assert summary.counts["projected"] == 1
    generation = load_generation(settings, live(settings), TinyBackbone())
    store = FeatureStore(settings.home, TinyBackbone.spec.fingerprint, TinyBackbone.spec.dim)
    expected = generation.projection.apply(store.read([sha.decode() for sha in generation.rows.image_sha256.tolist()]))
    np.testing.assert_allclose(generation.index.vectors(np.arange(generation.index.count)), expected, atol=1e-3)
    assert rebuild(settings, full=True, backbone=TinyBackbone()).counts["projected"] == len(expected)


def test_no_train_takes_the_parts_over_and_the_next_one_trains(feed: Path, settings: Settings) -> None:
    rebuild(settings, backbone=TinyBackbone())
    projection = live(settings).manifest.files["projection.safetensors"]
    assert Catalogue(settings.home).delete("red-disc")
    summary = rebuild(settings, train=False, backbone=TinyBackbone())
    assert summary.counts["indexed"] == IMAGES - PHOTOS_EACH
    assert live(settings).manifest.files["projection.safetensors"] == projection
    again = rebuild(settings, backbone=TinyBackbone())
    assert not again.unchanged
    assert live(settings).manifest.files["projection.safetensors"] != projection


def test_no_train_without_a_live_generation_says_what_to_do(feed: Path, settings: Settings) -> None:
    with pytest.raises(NoGeneration, match="Run without --no-train"):
        rebuild(settings, train=False, backbone=TinyBackbone())
    store = FeatureStore(settings.home, TinyBackbone.spec.fingerprint, TinyBackbone.spec.dim)
    assert store.count == 0, "said before anything is embedded"


def test_no_train_with_another_backbone_is_refused(feed: Path, settings: Settings) -> None:
    before = rebuild(settings, backbone=TinyBackbone()).generation
    with pytest.raises(FingerprintMismatch, match="Run without --no-train"):
        rebuild(settings, train=False, backbone=OtherBackbone())
    assert GenerationStore(settings.home).current_id() == before


def test_another_backbone_embeds_everything_again(feed: Path, settings: Settings) -> None:
    rebuild(settings, backbone=TinyBackbone())
    summary = rebuild(settings, backbone=OtherBackbone())
    assert summary.counts["embedded"] == summary.counts["projected"] == IMAGES
    assert live(settings).manifest.fingerprint == OtherBackbone.spec.fingerprint


def test_an_empty_catalogue_is_refused_with_the_next_step(settings: Settings) -> None:
    with pytest.raises(NothingToIndex, match="lookalike import"):
        rebuild(settings, backbone=TinyBackbone())
    kept = last_rebuild(settings.home)
    assert kept is not None
    assert "lookalike import" in kept["reason"]


def test_a_catalogue_without_photos_is_published_but_not_one_that_lost_them(settings: Settings) -> None:
    catalogue = Catalogue(settings.home)
    product = Product(product_id="np1", title="Bosch drill XK-4432")
    catalogue.upsert(product, [])
    assert rebuild(settings, backbone=TinyBackbone()).counts["products_without_photo"] == 1
    engine = SearchEngine(settings, backbone=TinyBackbone())
    assert [hit.product_id for hit in engine.search(SearchRequest(text="xk-4432")).hits] == ["np1"]
    content = io.BytesIO()
    draw_shape("red", "disc").save(content, "PNG")
    catalogue.upsert(product, [Intake(settings, catalogue).accept_bytes(content.getvalue())])
    rebuild(settings, backbone=TinyBackbone())
    catalogue.upsert(product, [])
    with pytest.raises(NothingToIndex, match="keep some"):
        rebuild(settings, backbone=TinyBackbone())


def spoil(feed: Path, photos: Sequence[str]) -> None:
    """Every second one goes, every other one is changed."""
    for number, name in enumerate(photos):
        if number % 2:
            (feed.parent / name).unlink()
        else:
            Image.new("RGB", (64, 64), "white").save(feed.parent / name)


def test_a_few_unreadable_photos_are_left_out_and_named(feed: Path, settings: Settings) -> None:
    spoil(feed, ["red-disc-0.png", "red-disc-1.png", "blue-bar-2.png"])
    summary = rebuild(settings, backbone=TinyBackbone())
    assert summary.published
    assert summary.counts["unreadable"] == 3
    assert summary.counts["indexed"] == IMAGES - 3
    assert sorted(photo["code"] for photo in summary.unreadable) == ["source_changed", "source_changed", "source_gone"]
    assert any(photo["source"].endswith("red-disc-1.png") for photo in summary.unreadable)


def test_a_photo_that_comes_back_is_used_again(feed: Path, settings: Settings) -> None:
    photo = feed.parent / "red-disc-0.png"
    photo.rename(photo.with_suffix(".away"))
    assert rebuild(settings, backbone=TinyBackbone()).counts["indexed"] == IMAGES - 1
    photo.with_suffix(".away").rename(photo)
    summary = rebuild(settings, backbone=TinyBackbone())
    assert (summary.counts["indexed"], summary.unchanged) == (IMAGES, False)


def test_too_many_unreadable_photos_publish_nothing(feed: Path, settings: Settings) -> None:
    before = rebuild(settings, backbone=TinyBackbone()).generation
    for photo in feed.parent.glob("*-square-*.png"):
        photo.unlink()
    with pytest.raises(GateFailed, match=r"unreadable must be <= 0.2, measured 0.3333"):
        rebuild(settings, backbone=OtherBackbone())
    assert GenerationStore(settings.home).current_id() == before


def test_gone_sources_matter_only_to_full_once_they_are_embedded(feed: Path, settings: Settings) -> None:
    rebuild(settings, backbone=TinyBackbone())
    spoil(feed, ["red-disc-0.png", "red-disc-1.png"])
    assert rebuild(settings, backbone=TinyBackbone()).counts["unreadable"] == 0
    summary = rebuild(settings, full=True, backbone=TinyBackbone())
    assert (summary.counts["unreadable"], summary.counts["indexed"]) == (2, IMAGES - 2)


def test_a_damaged_live_generation_is_replaced_by_a_rebuild(feed: Path, settings: Settings) -> None:
    rebuild(settings, backbone=TinyBackbone())
    path = live(settings).folder / "projection.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptGeneration):
        live(settings).verify()
    summary = rebuild(settings, backbone=TinyBackbone())
    assert (summary.published, summary.unchanged) == (True, False)
    live(settings).verify()


def test_rollback_goes_back_one_generation(feed: Path, settings: Settings) -> None:
    first, second = (rebuild(settings, backbone=TinyBackbone()).generation for _ in range(2))
    store = GenerationStore(settings.home)
    assert store.current_id() == second
    assert store.rollback() == first
    assert store.current_id() == first
    assert rebuild(settings, backbone=TinyBackbone()).published


def test_one_flipped_byte_in_any_file_is_refused_with_the_file_named(
    generation: GenerationFolder, settings: Settings
) -> None:
    names = sorted(path.name for path in generation.folder.iterdir())
    assert {"manifest.json", "report.html", "index.faiss", "rows.npz", "projection.safetensors"} < set(names)
    for name in names:
        path = generation.folder / name
        content = path.read_bytes()
        for position in (0, len(content) // 2, len(content) - 1):
            spoiled = bytearray(content)
            spoiled[position] ^= 1
            path.write_bytes(spoiled)
            with pytest.raises(CorruptGeneration, match=name):
                load_generation(settings, live(settings), TinyBackbone())
        path.write_bytes(content)
        assert sha256_file(path)
    load_generation(settings, live(settings), TinyBackbone())


def test_what_is_not_finite_becomes_none_in_the_manifest(
    feed: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = {"loss": float("nan"), "count": np.int64(3), "share": np.float32(0.5), "quality": None}
    train = lambda *arguments: {**SPACE.train(*arguments), **odd}  # noqa: E731
    monkeypatch.setattr(parts, "PARTS", (replace(SPACE, train=train),))
    summary: RebuildSummary = rebuild(settings, backbone=TinyBackbone())
    assert summary.published
    assert live(settings).manifest.metrics["parts"]["space"]["loss"] is None
    assert live(settings).manifest.metrics["parts"]["space"]["count"] == 3
