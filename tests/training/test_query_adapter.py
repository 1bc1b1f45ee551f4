"""The query adapter's training: what it must learn, what measures it, and when it is let go."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from tiny_shop import DIM, TinyShop, name_of
from word_encoder import WordEncoder

from data.events import Event, Events
from data.settings import Settings
from engine.generation import load_generation
from engine.protocols import Floats
from engine.space import Projection, QueryAdapter, normalise
from engine.space.query_adapter import ADAPTER_FILE
from engine.text import tower
from training.cli import train_command
from training.context import TrainingContext
from training.embedder import (
    EmbedderOptions,
    Material,
    collect_pairs,
    describe,
    gather_material,
    gather_queries,
    query_adapter,
    recall,
)
from training.embedder import part as query_embedder
from training.embedder.measure import photo_table
from training.embedder.query_adapter import learn_matrix, train_adapter
from training.match import part as match
from training.parts import QUERY_EMBEDDER
from training.photos import copy_key
from training.sessions import EmbedderSession
from training.sessions.candidate import publish_candidate
from training.space import part as space

PRODUCTS, EACH = 60, 3
QUICK = EmbedderOptions(epochs=10, batch=32, randoms=4, views=False, adapter=True)


def as_phone(rows: Floats) -> Floats:
    """What a phone does to features in this shop: the light of the room, and neighbours leak into each other."""
    return np.asarray(0.55 * rows + 0.45 * np.roll(rows, 1, axis=-1), np.float32)


@pytest.fixture
def shop(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> TinyShop:
    for module in (space, query_embedder, match, tower):
        monkeypatch.setattr(module, "TextEncoder", WordEncoder)
    shop = TinyShop(settings.replace(space_dim=DIM))
    generator = np.random.default_rng(0)
    for number in range(PRODUCTS):
        middle = generator.uniform(0, 1, DIM) ** 2
        points = np.abs(middle + generator.normal(0, 0.02, (EACH, DIM))).astype(np.float32)
        shop.put(f"p{number}", points.tolist(), title=f"kind{number}", category=f"row{number % 4}")
        keys = [copy_key(name_of(point), 0) for point in points.tolist()]
        shop.features.append(keys, as_phone(points))
    return shop


@pytest.fixture
def context(shop: TinyShop) -> TrainingContext:
    return TrainingContext(
        settings=shop.settings, catalogue=shop.catalogue, snapshot=shop.catalogue.snapshot(), features=shop.features,
        spec=shop.backbone.spec, live=None,
    )  # fmt: skip


def click(shop: TinyShop, photo: Floats, product_id: str, *, embedded: bool = True) -> str:
    """Logs that a shopper chose a product after a photo with these features."""
    name = name_of(photo.tolist())
    if embedded:
        shop.embed(photo.tolist())
    event = Event(
        event_id=name, kind="click", at=datetime(2026, 1, 1, tzinfo=UTC), photo_sha256=name, product_id=product_id
    )
    Events(shop.settings.home).store([event])
    return name


def material_of(context: TrainingContext) -> Material:
    return gather_material(context, WordEncoder(), collect_pairs(context, QUICK.sources), QUICK)


def untrained(context: TrainingContext, folder: Path) -> Projection:
    folder.mkdir()
    space.train(context, folder)
    return Projection.load(folder / "projection.safetensors")


def test_a_known_rotation_is_learned_and_holds_for_other_products() -> None:
    generator = np.random.default_rng(1)
    width, count = 48, 400
    skew = generator.normal(0, 0.08, (width, width))
    skew -= skew.T
    rotation = np.linalg.solve(np.eye(width) + skew, np.eye(width) - skew)  # Cayley: orthogonal
    places = normalise(generator.normal(0, 1, (count, width)))
    asked = normalise(places @ rotation.T + generator.normal(0, 0.02, (count, width)))
    known, other = slice(0, 300), slice(300, count)
    adapter = QueryAdapter(learn_matrix(asked[known], np.arange(300), places[known]))
    before = (asked[other] * places[other]).sum(axis=1).mean()
    after = (adapter.apply(asked[other]) * places[other]).sum(axis=1).mean()
    assert after > before + 0.15
    np.testing.assert_array_equal(adapter.matrix, learn_matrix(asked[known], np.arange(300), places[known]))


def test_the_loss_is_the_one_of_the_paper_without_the_same_product() -> None:
    generator = np.random.default_rng(2)
    asked, targets = (normalise(generator.normal(0, 1, (12, 4))) for _ in range(2))
    products, matrix = np.arange(12) // 2, generator.normal(0, 0.3, (4, 4)).astype(np.float32)
    likeness = np.exp(normalise(asked + asked @ matrix) @ targets.T / query_adapter._TEMPERATURE)
    wrong = (likeness * (products[:, None] != products)).sum(axis=1)
    penalty = query_adapter._PENALTY / 2 * np.square(matrix).sum()
    expected = -np.log(likeness.diagonal() / (likeness.diagonal() + wrong)).mean() + penalty
    found = query_adapter._loss(asked, products, targets, torch.from_numpy(matrix))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_queries_are_stored_copies_and_known_photos_alone(shop: TinyShop, context: TrainingContext) -> None:
    photo = np.full(DIM, 0.5, np.float32)
    known = click(shop, photo, "p3")
    click(shop, photo * 0.9, "p4", embedded=False)
    click(shop, photo * 0.8, "nobody")
    material = material_of(context)
    queries = gather_queries(context, collect_pairs(context, QUICK.sources), material)
    assert (queries.rows < 0).sum() == 1
    assert queries.names[0] == known
    assert len(queries) == 1 + PRODUCTS * EACH
    for name, product, row in list(zip(queries.names, queries.products, queries.rows, strict=True))[1:]:
        assert name == copy_key(material.sha256[row], 0)
        assert product == material.products[row]


def test_recall_hides_the_photo_that_a_copy_was_made_from(context: TrainingContext) -> None:
    material = material_of(context)
    queries = gather_queries(context, collect_pairs(context, QUICK.sources), material)
    points = np.zeros((material.real, material.real), np.float32)
    np.fill_diagonal(points, 1)  # each photo like itself alone
    points[0, 1] = points[1, 0] = 0.5  # but the first two photos of the first product
    asked = points[queries.rows]
    assert recall(asked, queries, points, material) < 0.1
    free = replace(queries, rows=np.full(len(queries), -1))
    assert recall(asked, free, points, material) == 1


def test_it_is_measured_on_products_it_did_not_see(context: TrainingContext, tmp_path: Path) -> None:
    material, plain = material_of(context), untrained(context, tmp_path / "space")
    queries = gather_queries(context, collect_pairs(context, QUICK.sources), material)
    held = np.arange(PRODUCTS) % 4 == 0
    adapter, found = train_adapter(context, queries, material, held, (plain, plain))
    assert adapter is not None
    assert found["published"]
    assert found["adapted"] > found["without"] + 0.05
    assert found["held_out"] == held.sum() * EACH
    assert (found["photos"], found["copies"]) == (0, PRODUCTS * EACH)
    assert "kept" in describe(found)


def test_enough_photos_of_shoppers_are_what_measures_it(
    shop: TinyShop, context: TrainingContext, tmp_path: Path
) -> None:
    generator = np.random.default_rng(3)
    keys = np.unique(context.snapshot.product_keys)
    for number in range(PRODUCTS):
        first = context.snapshot.image_sha256[int(np.searchsorted(context.snapshot.product_keys, keys[number]))]
        photo = as_phone(shop.features.read([first])[0]) + generator.uniform(0, 0.01, DIM)
        product = shop.catalogue.facts([int(keys[number])])[int(keys[number])].product.product_id
        click(shop, photo.astype(np.float32), product)
    material, plain = material_of(context), untrained(context, tmp_path / "space")
    queries = gather_queries(context, collect_pairs(context, QUICK.sources), material)
    held = np.arange(PRODUCTS) % 2 == 0
    _, found = train_adapter(context, queries, material, held, (plain, plain))
    assert (found["photos"], found["held_out"]) == (PRODUCTS, held.sum())
    few = np.arange(PRODUCTS) < 10  # ten photos are too few, so the copies of these products count as well
    assert train_adapter(context, queries, material, few, (plain, plain))[1]["held_out"] == 10 + 10 * EACH


def test_a_worse_one_and_too_few_queries_are_let_go(
    context: TrainingContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    material, plain = material_of(context), untrained(context, tmp_path / "space")
    queries = gather_queries(context, collect_pairs(context, QUICK.sources), material)
    held = np.arange(PRODUCTS) % 4 == 0
    none, found = train_adapter(context, queries, material, np.arange(PRODUCTS) < 2, (plain, plain))
    assert none is None
    assert "at least 20" in found["reason"]
    assert "not learned" in describe(found)
    monkeypatch.setattr(query_adapter, "learn_matrix", lambda asked, *_: -2 * np.eye(asked.shape[1], dtype=np.float32))
    none, found = train_adapter(context, queries, material, held, (plain, plain))
    assert none is None
    assert not found["published"]
    assert found["adapted"] < found["without"]
    assert "not kept" in describe(found)


def test_the_part_writes_it_and_calibrates_with_it(
    context: TrainingContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrated: list[QueryAdapter | None] = []

    def table(points: Floats, material: Material, adapter: QueryAdapter | None = None) -> Any:
        calibrated.append(adapter)
        return photo_table(points, material, adapter)

    monkeypatch.setattr(query_embedder, "photo_table", table)
    space.train(context, tmp_path)
    found = query_embedder.train(context, tmp_path, QUICK)
    assert found["adapter"]["published"], found["adapter"]
    written = QueryAdapter.load(tmp_path / ADAPTER_FILE)
    assert written.space_dim == Projection.load(tmp_path / "projection.safetensors").space_dim
    (used,) = calibrated
    assert used is not None
    np.testing.assert_array_equal(used.matrix, written.matrix)
    assert ADAPTER_FILE in QUERY_EMBEDDER.files


def test_questions_of_the_calibration_go_through_it(context: TrainingContext, tmp_path: Path) -> None:
    material, plain = material_of(context), untrained(context, tmp_path / "space")
    points = plain.apply(context.features.read(list(material.sha256)))
    turned = QueryAdapter(
        np.roll(np.eye(plain.space_dim, dtype=np.float32), 1, axis=1) - np.eye(plain.space_dim, dtype=np.float32)
    )
    as_is, through = (photo_table(points, material, adapter) for adapter in (None, turned))
    assert as_is[1].any()
    np.testing.assert_array_equal(as_is[1], through[1])
    assert np.abs(as_is[0] - through[0]).max() > 0.1


def test_the_option_stays_until_it_is_taken_back(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_embedder, "worse_by", lambda *_: "")
    shop.publish()
    arguments = ["query-embedder", "--epochs", "10", "--batch", "32", "--adapter", "--publish"]
    found = CliRunner().invoke(train_command, arguments, obj=shop.settings, catch_exceptions=False)
    assert "Query adapter from 0 shoppers' photos and 180 copies: kept" in found.stdout
    live = shop.store.open()
    assert load_generation(shop.settings, live, shop.backbone).adapter is not None
    session = EmbedderSession.open(shop.settings, {})
    session.close()
    assert session.options.adapter
    assert query_embedder.live_options(session.context).adapter  # what the rebuild's part takes


def test_a_space_without_an_adapter_takes_the_old_one_away(shop: TinyShop) -> None:
    publish_candidate(
        shop.settings, shop.publish(), QUERY_EMBEDDER, {}, QueryAdapter(np.eye(DIM, dtype=np.float32)).save
    )
    session = EmbedderSession.open(shop.settings, {})
    space.train(session.context, session.folder)
    session.publish({"published": True})
    session.close()
    assert not shop.store.open().has(ADAPTER_FILE)
