"""Tuning of the sentence encoder, on a model of two tiny layers that is made here."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_encoder import LETTERS, layer_values, write_encoder

from engine.space import normalise
from engine.text import TextEncoder, load_model
from training.errors import InvalidTraining
from training.text_encoder import TextTargets, TuningPlan, tune
from training.text_encoder.learner import EncoderLearner, last_layers

PLAN = TuningPlan(layers=1, steps=40, temperature=0.07, seed=0, learning_rate=1e-2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.set_num_threads(1)  # so small a network only waits for the second
    return write_encoder(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def targets() -> TextTargets:
    """Thirty products with five texts each, one of which is held out; only their first words tell them apart."""
    products, each = 30, 5
    queries = np.arange(products * each)
    held = queries[queries % each == 0]
    learned = queries[queries % each != 0]
    return TextTargets(
        texts=tuple(f"{LETTERS[query // each] * 2} {query % 7}" for query in queries),
        queries=learned,
        products=learned // each,
        weights=np.ones(len(learned), np.float32),
        held=held,
        right=tuple(np.array([query // each]) for query in held),
        places=normalise(np.random.default_rng(0).standard_normal((products, 12)).astype(np.float32)),
    )


def test_the_last_layer_learns_and_all_below_stays(folder: Path, targets: TextTargets, tmp_path: Path) -> None:
    model = load_model(str(folder))
    before = [layer_values(model, layer) for layer in (0, 1)]
    embeddings = model[0].auto_model.embeddings.word_embeddings.weight.detach().numpy().copy()
    tuned = tune(model, targets, PLAN)
    assert tuned.best_step > 0
    assert max(score for _, _, score in tuned.curve) > tuned.curve[0][2]
    assert tuned.curve[-1][1] < tuned.curve[1][1]
    for old, new in zip(before[0], layer_values(model, 0), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(embeddings, model[0].auto_model.embeddings.word_embeddings.weight.detach().numpy())
    changed = [not np.array_equal(old, new) for old, new in zip(before[1], layer_values(model, 1), strict=True)]
    assert sum(changed) > len(changed) / 2
    saved = tmp_path / "saved"
    model.save_pretrained(str(saved), create_model_card=False)
    again = TextEncoder(str(saved))
    assert again.digest != TextEncoder(str(folder)).digest
    np.testing.assert_allclose(
        again.embed(targets.texts[:5]), model.encode(list(targets.texts[:5]), normalize_embeddings=True), atol=1e-5
    )


def test_a_tuning_that_was_cut_off_ends_like_one_that_was_not(
    folder: Path, targets: TextTargets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = load_model(str(folder))
    expected = tune(whole, targets, PLAN)
    kept = tmp_path / "training" / "encoder.npz"
    learn = EncoderLearner.learn

    def cut_off(learner: Any, step: int) -> float:
        if step == 18:
            raise KeyboardInterrupt
        return learn(learner, step)

    monkeypatch.setattr(EncoderLearner, "learn", cut_off)
    with pytest.raises(KeyboardInterrupt):
        tune(load_model(str(folder)), targets, PLAN, kept)
    assert kept.exists()
    steps: list[int] = []

    def counted(learner: Any, step: int) -> float:
        steps.append(step)
        return learn(learner, step)

    monkeypatch.setattr(EncoderLearner, "learn", counted)
    resumed = load_model(str(folder))
    found = tune(resumed, targets, PLAN, kept)
    assert steps[0] == 16  # the last look before
    assert found == expected
    for old, new in zip(layer_values(whole, 1), layer_values(resumed, 1), strict=True):
        np.testing.assert_array_equal(old, new)
    assert not kept.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a checkpoint"])
def test_a_damaged_checkpoint_is_as_none(folder: Path, targets: TextTargets, tmp_path: Path, content: bytes) -> None:
    kept = tmp_path / "encoder.npz"
    kept.write_bytes(content)
    plan = replace(PLAN, steps=10)
    assert tune(load_model(str(folder)), targets, plan, kept) == tune(load_model(str(folder)), targets, plan)


def test_more_layers_than_there_are_means_all(folder: Path) -> None:
    model = load_model(str(folder))
    layers = model[0].auto_model.encoder.layer
    assert last_layers(model, 99) == list(layers)
    assert last_layers(model, 1) == [layers[1]]


def test_a_model_without_layers_is_refused(targets: TextTargets) -> None:
    from torch.nn import Linear

    with pytest.raises(InvalidTraining, match="without transformer layers"):
        tune(Linear(2, 2), targets, PLAN)


def test_it_stops_when_held_out_texts_get_no_better(
    folder: Path, targets: TextTargets, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores: Iterator[float] = iter([0.5, 0.6, 0.4, 0.6, 0.5, 0.9])
    monkeypatch.setattr(EncoderLearner, "score", lambda _: next(scores))
    found = tune(load_model(str(folder)), targets, PLAN)
    assert found.best_step == 4
    assert [step for step, _, _ in found.curve] == [0, 4, 8, 12, 16]
