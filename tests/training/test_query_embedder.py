"""The query embedder on a shop of points: what training must learn, and when it must not be published."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from word_encoder import WordEncoder

from data.catalogue import Catalogue, PhotoRecord, parse_product
from data.features import FeatureStore
from data.settings import Settings
from engine.protocols import BackboneSpec, Floats
from engine.space import MatchCalibration, Projection
from engine.text import HEAD_FILE, EncoderTextTower, TextHead
from training import precision
from training.context import TrainingContext
from training.embedder import EmbedderOptions, Photos, Sampler, TextBank, Weights, fit, material, plan_of
from training.embedder import part as query_embedder
from training.embedder.batches import NO_TEXT
from training.embedder.fit import Fitted, Plan, within_time
from training.embedder.held_out import read_answers
from training.errors import InvalidTraining
from training.space import part as space

DIM, KINDS, EACH = 24, 40, 8
QUICK = EmbedderOptions(epochs=30, batch=64, randoms=8)
START = Weights(
    photo=np.eye(6, 4, dtype=np.float32),
    text=np.ones((5, 4), np.float32) / np.float32(3),
    text_bias=np.arange(4, dtype=np.float32) / np.float32(9),
    temperature=1.0,
)


def photos_of(generator: np.random.Generator, middle: NDArray[np.float64]) -> Floats:
    """Photos that differ most where products do not: in the last quarter of the features."""
    noise = np.where(np.arange(DIM) < DIM * 3 // 4, 0.1, 4.0)
    return np.abs(middle + generator.normal(0, noise, (EACH, DIM))).astype(np.float32)


@pytest.fixture
def context(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> TrainingContext:
    for module in (space, query_embedder):
        monkeypatch.setattr(module, "TextEncoder", WordEncoder)
    spec = BackboneSpec(
        name="points", dim=DIM, input_size=16, weights_digest="1" * 64, preprocessing="1", runtime="keras",
        precision="f32",
    )  # fmt: skip
    catalogue, features = Catalogue(settings.home), FeatureStore(settings.home, spec.fingerprint, DIM)
    generator = np.random.default_rng(0)
    for number in range(KINDS):
        rows = photos_of(generator, generator.uniform(0, 1, DIM) * (np.arange(DIM) < DIM * 3 // 4))
        names = [hashlib.sha256(f"{number}/{place}".encode()).hexdigest() for place in range(EACH)]
        features.append(names, rows)
        records = [PhotoRecord(sha256=name, source=f"/{name}", size_bytes=1, width=16, height=16) for name in names]
        facts = {"product_id": f"p{number}", "title": f"kind{number} thing", "brand": f"maker{number % 5}"}
        catalogue.upsert(parse_product(facts), records)
    return TrainingContext(
        settings=settings.replace(space_dim=16), catalogue=catalogue, snapshot=catalogue.snapshot(), features=features,
        spec=spec, live=None,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "staged"
    folder.mkdir()
    return folder


def test_training_beats_the_untrained_space_and_takes_its_place(context: TrainingContext, folder: Path) -> None:
    space.train(context, folder)
    before = Projection.load(folder / "projection.safetensors")
    metrics = query_embedder.train(context, folder, QUICK)
    assert metrics["published"], metrics["reason"]
    assert metrics["trained"]["photo_r1"] > metrics["untrained"]["photo_r1"] + 0.05
    assert set(metrics["calibration"]) == {"region", "photo", "text"}
    assert MatchCalibration.load(folder / "match_calibration.safetensors").measured == metrics["calibration"]
    answers = read_answers(folder / "held_out_retrieval.json")
    for source, name in (("held-out words", "query"), ("words of held-out products", "product")):
        asked = [answer for answer in answers if answer.source == source]
        assert len(asked) == metrics["trained"][f"{name}_queries"]
        for space_name, figures in (("live", metrics["trained"]), ("untrained", metrics["untrained"])):
            places = [getattr(answer, space_name)["rank"] for answer in asked]
            assert np.mean([1 / place for place in places]) == pytest.approx(figures[f"{name}_mrr"], abs=1e-3)
    after = Projection.load(folder / "projection.safetensors")
    assert after.space_dim == 16
    assert not np.array_equal(after.matrix, before.matrix)
    head = TextHead.load(folder / "text_head.safetensors")
    index = after.apply(context.features.read(context.snapshot.image_sha256))
    words = EncoderTextTower(WordEncoder(), head).embed([f"kind{number} thing" for number in range(KINDS)])
    owners = np.searchsorted(np.unique(context.snapshot.product_keys), context.snapshot.product_keys)
    assert (owners[(words @ index.T).argmax(axis=1)] == np.arange(KINDS)).mean() > 0.95
    assert not list((context.settings.home / "training").iterdir())  # finished trainings leave no checkpoint


def test_a_worse_space_is_not_published(context: TrainingContext, folder: Path) -> None:
    space.train(context, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    useless = replace(QUICK, epochs=1, learning_rate=30.0, whitened=False, loss="margin")
    metrics = query_embedder.train(context, folder, useless)
    assert not metrics["published"]
    assert "below the untrained" in metrics["reason"]
    assert (folder / "match_calibration.safetensors").exists()
    for name, content in before.items():
        assert (folder / name).read_bytes() == content


def test_too_few_products_and_plain_features_are_skipped(context: TrainingContext, folder: Path) -> None:
    few = replace(context, snapshot=replace(context.snapshot, product_keys=context.snapshot.product_keys // 8))
    assert "products are needed" in query_embedder.train(few, folder, QUICK)["skipped"]
    plain = replace(context, settings=context.settings.replace(space="pool3"))
    assert "plain" in query_embedder.train(plain, folder, QUICK)["skipped"]


def test_equal_seeds_give_equal_weights_and_a_cut_off_training_goes_on(tmp_path: Path) -> None:
    photos, bank = _material()
    options = EmbedderOptions(epochs=10, batch=32, randoms=4)
    plan = plan_of(len(photos.products), options)

    def run(path: Path | None, looks: int = 100) -> Weights:
        seen = 0

        def score(_: Weights) -> float:
            nonlocal seen
            seen += 1
            if seen > looks:
                raise KeyboardInterrupt
            return float(seen)

        sampler = Sampler(photos, bank, options, plan.batch)
        return fit(sampler, START, plan, options, score=score, checkpoint=path).weights

    whole = run(None)
    np.testing.assert_array_equal(whole.photo, run(None).photo)
    kept = tmp_path / "training" / "state.npz"
    with pytest.raises(KeyboardInterrupt):
        run(kept, looks=4)
    assert kept.exists()
    np.testing.assert_allclose(run(kept).photo, whole.photo, atol=1e-5)
    assert not kept.exists()


def test_a_damaged_checkpoint_is_as_none(tmp_path: Path) -> None:
    photos, bank = _material()
    options = EmbedderOptions(epochs=4, batch=32, randoms=4)
    plan = plan_of(len(photos.products), options)
    kept = tmp_path / "state.npz"
    kept.write_bytes(b"PK\x03\x04 not a checkpoint")
    found = fit(Sampler(photos, bank, options, plan.batch), START, plan, options, checkpoint=kept)
    assert found.steps == plan.steps


@pytest.mark.parametrize("others", [{}, {f"v{number}": np.zeros((3, 3)) for number in range(1, 40)}])
def test_a_checkpoint_of_another_network_leaves_no_trace(tmp_path: Path, others: dict[str, np.ndarray]) -> None:
    photos, bank = _material()
    options = EmbedderOptions(epochs=2, batch=32, randoms=4)
    plan = plan_of(len(photos.products), options)

    def run(checkpoint: Path | None) -> Weights:
        return fit(Sampler(photos, bank, options, plan.batch), START, plan, options, checkpoint=checkpoint).weights

    kept = tmp_path / "state.npz"
    facts = json.dumps({"step": 1, "best_step": 0, "curve": []})
    arrays: dict[str, Any] = {"facts": np.array(facts), "v0": np.full(START.photo.shape, 9, np.float32), **others}
    np.savez(kept, **arrays)
    np.testing.assert_array_equal(run(kept).photo, run(None).photo)


def test_both_precisions_learn_nearly_the_same() -> None:
    photos, bank = _material()
    found = []
    for name in ("f32", "bf16"):
        options = EmbedderOptions(epochs=20, batch=32, randoms=4, precision=name)
        plan = plan_of(len(photos.products), options)
        found.append(fit(Sampler(photos, bank, options, plan.batch), START, plan, options).weights)
    exact, short = (np.concatenate([weights.photo.ravel(), weights.text.ravel()]) for weights in found)
    moved = np.concatenate([START.photo.ravel(), START.text.ravel()])
    assert exact.dtype == short.dtype == np.float32
    assert not np.array_equal(exact, short)
    assert np.linalg.norm(exact - short) < 0.05 * np.linalg.norm(exact - moved)


def test_a_long_training_is_shortened_to_the_time_it_may_take(
    context: TrainingContext, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(steps=10_000, batch=32)
    assert within_time(plan, 0.01, 0) == within_time(plan, 0.01, 100) == plan
    assert within_time(plan, 0.01, 99).steps == 7_071
    assert within_time(plan, 0.01, 49).steps == 3_535
    assert within_time(plan, 0.01, 0.1).steps == 300
    assert within_time(Plan(steps=100, batch=32), 0.01, 0.1).steps == 100
    asked: list[int] = []

    def untrained(_: object, start: Weights, plan: Plan, *__: object, **___: object) -> Fitted:
        asked.append(plan.steps)
        return Fitted(weights=start, steps=plan.steps, curve=())

    monkeypatch.setattr(query_embedder, "fit", untrained)
    monkeypatch.setattr(query_embedder, "_FEW_STEPS", 0)
    hurried = replace(context, settings=context.settings.replace(train_minutes=1e-6))
    space.train(hurried, folder)
    assert query_embedder.train(hurried, folder, replace(QUICK, epochs=100))["plan"]["steps"] == 300
    assert set(asked) == {300}


@pytest.mark.parametrize("has_bf16", [True, False])
def test_bf16_is_chosen_where_the_processor_multiplies_it(monkeypatch: pytest.MonkeyPatch, has_bf16: bool) -> None:
    monkeypatch.setattr(precision, "_processor_has_bf16", lambda: has_bf16)
    monkeypatch.setattr("keras.distribution.list_devices", lambda _: [])
    chosen = precision.training_precision
    assert chosen("auto", processor=True) == ("bf16" if has_bf16 else "f32")
    assert chosen("auto", processor=False) == "f32"
    assert [chosen(name, processor=True) for name in ("f32", "bf16")] == ["f32", "bf16"]
    with pytest.raises(InvalidTraining, match="precision must be one of auto, f32, bf16; got 'f16'"):
        EmbedderOptions(precision="f16")


def _material() -> tuple[Photos, TextBank]:
    """Twelve products of three photos, the last product without a text; two products share text 0."""
    generator = np.random.default_rng(1)
    rows = generator.standard_normal((1, 36, 6)).astype(np.float16)
    start = Projection(transform="none", mean=np.zeros(6, np.float32), matrix=np.eye(6, dtype=np.float32))
    copies = np.arange(36)
    copies[4] = copies[0]  # product 1 shows the photo of product 0 as well
    photos = Photos(
        start=start, views=rows, products=np.repeat(np.arange(12), 3), copies=copies, held=np.zeros(36, np.bool_)
    )
    texts = np.r_[np.arange(11), 0]
    products = np.r_[np.arange(11), 1]
    features = generator.standard_normal((11, 5)).astype(np.float16)
    return photos, TextBank(features=features, texts=texts, products=products, weights=np.ones(12, np.float32))


def test_batches_know_what_is_right_and_what_is_a_copy() -> None:
    photos, bank = _material()
    sampler = Sampler(photos, bank, EmbedderOptions(randoms=40, dropout=0), 64)
    batch = sampler.draw(0)
    again = sampler.draw(0)
    np.testing.assert_array_equal(batch.first, again.first)
    assert not np.array_equal(batch.first, sampler.draw(1).first)
    place = {row.tobytes(): number for number, row in enumerate(photos.views[0].astype(np.float32))}
    text_of = {row.tobytes(): number for number, row in enumerate(bank.features.astype(np.float32))}
    shown = [place[row.tobytes()] for row in np.concatenate([batch.first, batch.randoms])]
    known = set(zip(bank.texts.tolist(), bank.products.tolist(), strict=True))
    for row, text in enumerate(batch.texts):
        number = text_of.get(text.tobytes(), NO_TEXT)
        assert batch.has_text[row] == (number != NO_TEXT)
        for column, photo in enumerate(shown):
            right = (number, photos.products[photo]) in known
            assert batch.right[row, column] == right
            copy = photos.copies[photo] == photos.copies[shown[row]] and not right
            assert batch.compared[row, column] == (not copy)
    assert not np.diag(batch.same).any()
    assert not np.diag(batch.photos_compared).any()
    assert not (batch.same & ~batch.photos_compared).any()


def test_words_of_many_products_are_right_for_all_of_them() -> None:
    photos, bank = _material()
    photos = replace(photos, views=np.repeat(photos.views, 5, axis=1), products=np.repeat(np.arange(60), 3),
                     copies=np.arange(180), held=np.zeros(180, np.bool_))  # fmt: skip
    generator = np.random.default_rng(3)
    texts, products = np.nonzero(generator.random((11, 60)) < np.linspace(0.02, 0.95, 11)[:, None])
    bank = replace(bank, texts=texts, products=products, weights=np.ones(len(texts), np.float32))
    batch = Sampler(photos, bank, EmbedderOptions(randoms=200, dropout=0), 64).draw(0)
    text_of = {row.tobytes(): number for number, row in enumerate(bank.features.astype(np.float32))}
    sold = np.zeros((11, 60), np.int64)
    np.add.at(sold, (texts, products), 1)
    for row, text in enumerate(batch.texts[batch.has_text > 0]):
        right = batch.right[np.flatnonzero(batch.has_text)[row]].sum()
        assert right >= 1
        if sold[text_of[text.tobytes()]].sum() == 60:
            assert right == 64 + 200
    counts = [batch.right[row].mean() for row in np.flatnonzero(batch.has_text)]
    shares = [sold[text_of[batch.texts[row].tobytes()]].mean() for row in np.flatnonzero(batch.has_text)]
    assert np.corrcoef(counts, shares)[0, 1] > 0.9


def test_a_share_of_the_features_is_not_seen() -> None:
    photos, bank = _material()
    whole = Sampler(photos, bank, EmbedderOptions(dropout=0), 512).draw(0)
    some = Sampler(photos, bank, EmbedderOptions(dropout=0.3), 512).draw(0)
    seen = some.first != 0
    assert seen.mean() == pytest.approx(0.7, abs=0.03)
    np.testing.assert_allclose(some.first[seen], whole.first[seen] / 0.7, rtol=0.01)
    assert (some.texts[some.has_text > 0] != 0).mean() == pytest.approx(0.9, abs=0.03)


def test_held_photos_are_never_drawn() -> None:
    photos, bank = _material()
    photos = replace(photos, held=photos.products == 3)
    rows = {row.tobytes() for row in photos.views[0, photos.held].astype(np.float32)}
    sampler = Sampler(photos, bank, EmbedderOptions(dropout=0), 64)
    for number in range(5):
        batch = sampler.draw(number)
        drawn = {row.tobytes() for row in np.concatenate([batch.first, batch.second, batch.randoms])}
        assert not drawn & rows


def test_hard_negatives_come_from_the_nearest_products() -> None:
    generator = np.random.default_rng(2)
    middles = np.repeat(np.eye(6)[:3], 12, axis=0)  # 36 products in three places
    rows = (middles + 0.01 * generator.standard_normal((36, 6))).astype(np.float16)[None]
    start = Projection(transform="none", mean=np.zeros(6, np.float32), matrix=np.eye(6, dtype=np.float32))
    photos = Photos(start=start, views=rows, products=np.arange(36), copies=np.arange(36), held=np.zeros(36, np.bool_))
    bank = TextBank(
        features=generator.standard_normal((36, 5)).astype(np.float16), texts=np.arange(36), products=np.arange(36),
        weights=np.ones(36, np.float32),
    )  # fmt: skip
    sampler = Sampler(photos, bank, EmbedderOptions(dropout=0), 64)
    sampler.find_neighbours(np.eye(6, dtype=np.float32))
    batch = sampler.draw(0)
    places = batch.first.argmax(axis=1)
    assert (places[:32] == places[32:]).all()


def test_words_that_the_shop_never_used_land_near_what_the_backbone_calls_so(
    context: TrainingContext, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(5)
    rows = generator.uniform(-1, 1, (3, DIM)).astype(np.float32) * (np.arange(DIM) < DIM * 3 // 4)
    found = SimpleNamespace(names=("zebra", "heron", "tench"), rows=rows.astype(np.float32))
    monkeypatch.setattr(material, "classifier_rows", lambda spec: found)
    space.train(context, folder)
    assert query_embedder.train(context, folder, QUICK)["published"]
    projection, head = Projection.load(folder / "projection.safetensors"), TextHead.load(folder / HEAD_FILE)
    middle = context.features.read(context.snapshot.image_sha256).mean(axis=0)
    away = rows - rows.mean(axis=0)
    photos = np.maximum(middle + np.linalg.norm(middle) * away / np.linalg.norm(away, axis=1, keepdims=True), 0)
    asked = EncoderTextTower(WordEncoder(), head).embed(["zebra", "heron", "tench", "kind7 thing"])
    likeness = asked @ projection.apply(photos.astype(np.float32)).T
    assert likeness[:3].argmax(axis=1).tolist() == [0, 1, 2]
    assert np.diag(likeness).min() > 0.7
    own = projection.apply(context.features.read(context.snapshot.image_sha256))
    assert (asked[3] @ own.T).argmax() // EACH == 7
