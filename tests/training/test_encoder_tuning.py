"""Which sentence encoder is taken, the frozen or the tuned one, and that whoever loads the generation finds it."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from tiny_encoder import write_encoder
from tiny_shop import DIM, TinyShop

from data.generations import GenerationStore
from data.settings import Settings
from engine.errors import FingerprintMismatch, InvalidModel
from engine.generation import load_generation
from engine.space import normalise
from engine.text import TextEncoder, drop_unused_encoders, encoder_of
from training.cli import train_command
from training.embedder import EmbedderOptions, collect_pairs, encoder_tuning, gather_material
from training.embedder import part as query_embedder
from training.embedder.encoder_tuning import EncodedMaterial, tune_encoder
from training.errors import InvalidTraining
from training.measures import comparison
from training.sessions import EmbedderSession
from training.text_encoder import TextTargets, TuningPlan
from training.text_encoder.fit import Tuned

PRODUCTS, EACH = 36, 3
OPTIONS = EmbedderOptions(tune_encoder=1, views=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.set_num_threads(1)  # so small a network only waits for the second
    return write_encoder(tmp_path_factory.mktemp("model") / "tiny")


def fill(settings: Settings, folder: Path) -> TinyShop:
    shop = TinyShop(settings.replace(space_dim=DIM, text_encoder=str(folder), threads=1))
    generator = np.random.default_rng(0)
    for number in range(PRODUCTS):
        points = np.abs(generator.uniform(0, 1, DIM) + generator.normal(0, 0.05, (EACH, DIM)))
        shop.put(f"p{number}", points.tolist(), title=f"kind{number}", category=f"row{number % 4}")
    shop.publish()
    return shop


@pytest.fixture
def shop(settings: Settings, folder: Path) -> TinyShop:
    return fill(settings, folder)


class _Judge:
    """Stands in for tuning and measuring: nudges the last layer, and gives the tuned encoder the named figure."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.frozen, self.score, self.tunings = TextEncoder(str(folder)).digest, 0.6, 0
        patch.setattr(encoder_tuning, "tune", self.tune)
        patch.setattr(encoder_tuning, "figures_of", self.figures)

    def tune(self, model: Any, targets: TextTargets, plan: TuningPlan, checkpoint: Path | None) -> Tuned:
        import torch

        assert not set(targets.held.tolist()) & set(targets.queries.tolist())
        self.tunings += 1
        with torch.no_grad():
            next(iter(model[0].auto_model.encoder.layer[-1].parameters())).add_(0.1)
        return Tuned(best_step=3, curve=((0, 0.0, 0.1), (3, 1.0, 0.2)))

    def figures(self, _: Any, head: Any, *__: Any) -> dict[str, float]:
        return {"query_mrr": 0.5 if head.encoder_digest == self.frozen else self.score, "query_queries": 9}


@pytest.fixture
def judge(folder: Path, monkeypatch: pytest.MonkeyPatch) -> _Judge:
    return _Judge(folder, monkeypatch)


def choose(shop: TinyShop, options: EmbedderOptions = OPTIONS) -> tuple[EncodedMaterial | None, dict[str, Any]]:
    session = EmbedderSession.open(shop.settings, {})
    session.close()
    context = session.context
    encoder = TextEncoder(shop.settings.text_encoder)
    material = gather_material(context, encoder, collect_pairs(context, options.sources), options)
    points = normalise(material.photos.views[0].astype(np.float32))
    return tune_encoder(context, EncodedMaterial(encoder, material), points, options)


def encoders(shop: TinyShop) -> list[str]:
    root = shop.settings.home / "encoders"
    return sorted(path.name for path in root.iterdir()) if root.exists() else []


def test_a_better_encoder_is_kept_and_not_tuned_again_while_the_texts_stay(shop: TinyShop, judge: _Judge) -> None:
    found, facts = choose(shop)
    assert found is not None
    assert (facts["kept"], facts["frozen"]["query_mrr"], facts["tuned"]["query_mrr"]) == ("tuned", 0.5, 0.6)
    assert found.encoder.name == facts["name"] == f"encoders/{found.encoder.digest[:16]}"
    assert found.encoder.digest != judge.frozen
    assert encoders(shop) == [found.encoder.digest[:16]]
    rows = found.encoder.embed(found.material.texts[:3])
    np.testing.assert_allclose(found.material.bank.features[:3, : rows.shape[1]], rows * 0.7**0.5, atol=2e-3)
    again, facts = choose(shop)
    assert again is not None
    assert (again.encoder.digest, facts["reused"], judge.tunings) == (found.encoder.digest, True, 1)
    shop.put("p0", [[1.0] * DIM], title="another name")
    shop.publish()
    assert not choose(shop)[1]["reused"]
    assert judge.tunings == 2


def test_a_worse_encoder_is_refused_leaves_nothing_and_is_not_tuned_again(shop: TinyShop, judge: _Judge) -> None:
    judge.score = 0.4
    found, facts = choose(shop)
    assert found is None
    assert facts["kept"] == "frozen"
    assert "0.4000 is below the frozen encoder's 0.5000" in facts["reason"]
    assert encoders(shop) == []
    shop.publish(metrics={"parts": {"query_embedder": {"encoder": facts}}})
    found, facts = choose(shop)
    assert found is None
    assert (facts["reused"], facts["kept"], judge.tunings) == (True, "frozen", 1)


def test_a_tuning_without_gain_keeps_the_frozen_encoder(
    shop: TinyShop, judge: _Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_tuning, "tune", lambda *_: Tuned(best_step=0, curve=((0, 0.0, 0.5),)))
    found, facts = choose(shop)
    assert found is None
    assert "better than with the frozen encoder" in facts["reason"]
    assert encoders(shop) == []


def test_a_damaged_encoder_is_tuned_anew(shop: TinyShop, judge: _Judge) -> None:
    _, facts = choose(shop)
    weights = shop.settings.home / facts["name"] / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    found, facts = choose(shop)
    assert found is not None
    assert (facts["reused"], judge.tunings) == (False, 2)
    assert TextEncoder(facts["name"], 1, shop.settings.home).digest == found.encoder.digest


@pytest.fixture(scope="module")
def tuned(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Of a home that was published with a tuned encoder; for copies."""
    shop = fill(Settings(home=tmp_path_factory.mktemp("tuned") / "home"), folder)
    options = ["query-embedder", "--tune-encoder", "1", "--epochs", "1", "--batch", "32", "--publish"]
    with pytest.MonkeyPatch.context() as patch:
        _Judge(folder, patch)
        patch.setattr(query_embedder, "worse_by", lambda *_: "")
        found = CliRunner().invoke(train_command, options, obj=shop.settings, catch_exceptions=False)
    assert "Text encoder: tuned." in found.stdout
    return shop.settings


@pytest.fixture
def published(tuned: Settings, tmp_path: Path) -> TinyShop:
    shutil.copytree(tuned.home, tmp_path / "home")
    return TinyShop(tuned.replace(home=tmp_path / "home"))


def test_the_generation_alone_says_where_its_encoder_lies(
    published: TinyShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = EmbedderSession.open(published.settings, {})
    session.close()
    assert session.options.tune_encoder == 1  # rebuilds keep it
    moved = tmp_path / "moved"
    published.settings.home.rename(moved)
    settings = published.settings.replace(home=moved, text_encoder="")
    generation = load_generation(settings, GenerationStore(moved).open(), published.backbone)
    tower = generation.text_tower()
    assert tower is not None
    assert tower.embed(["kind3"]).shape == (1, DIM)
    name = encoder_of(GenerationStore(moved).open())
    long_ago = time.time() - 1e6
    os.utime(moved / name, (long_ago, long_ago))
    assert drop_unused_encoders(moved, [name], unused_s=60) == []
    assert drop_unused_encoders(moved, [], unused_s=60) == [name]
    live = GenerationStore(moved).open()
    with pytest.raises(InvalidModel, match="missing or was changed"):
        load_generation(settings, live, published.backbone).text_tower()
    # the next generation must not fail on being compared with it
    later = EmbedderSession.open(settings, {})
    later.close()
    monkeypatch.setattr(comparison, "photo_retrieval", lambda *_: {})
    assert comparison.measure_generation(later.context, live) is None


def test_an_encoder_with_other_weights_is_refused(published: TinyShop, folder: Path) -> None:
    generation = load_generation(published.settings, published.store.open(), published.backbone)
    generation._models._encoders[generation.encoder_digest] = TextEncoder(str(folder))
    with pytest.raises(FingerprintMismatch, match="must be the one"):
        generation.text_tower()


def test_fewer_than_no_layers_are_refused() -> None:
    with pytest.raises(InvalidTraining, match="tune_encoder"):
        EmbedderOptions(tune_encoder=-1)
