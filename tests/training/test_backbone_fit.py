"""The batches that fine-tuning shows, the learning rate it follows, and the fit that keeps the best epoch."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eager_networks import step_by_step

from engine.protocols import Floats
from training.backbone import BackboneOptions
from training.backbone import fit as backbone_fit
from training.backbone.batches import TrainingBatches
from training.backbone.fit import Fit, HeldOut, build_model, learning_rate, validate


@pytest.fixture(autouse=True)
def eager() -> Iterator[None]:
    with step_by_step():
        yield


def test_the_rate_rises_and_then_falls_along_a_cosine() -> None:
    given = BackboneOptions(name="shop", learning_rate=1.0, warmup=0.1)
    rates = [learning_rate(given, step, 100) for step in range(100)]
    assert np.allclose(rates[:10], np.arange(1, 11) / 10)
    assert rates[10] == 1.0
    assert rates[55] == pytest.approx(0.5)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[99] < 0.001


def read_numbers(keys: Sequence[str]) -> np.ndarray:
    """Gives each view the number that its key begins with."""
    return np.array([[float(key.partition("+")[0])] for key in keys], np.float32)


def batches(y: Sequence[int], **changes: Any) -> TrainingBatches:
    given = BackboneOptions(**{"name": "shop", "batch": 4, "mixup": 0.0, "label_smoothing": 0.0, **changes})
    return TrainingBatches(read_numbers, [str(number) for number in range(len(y))], np.array(y), len(set(y)), given)


def test_every_epoch_shows_every_photo_once_in_another_order() -> None:
    shown = batches([0, 1] * 5)
    assert shown.steps == 3
    orders = [[int(x) for step in range(3) for x in shown.at(epoch, step).inputs[:, 0]] for epoch in range(2)]
    assert [sorted(order) for order in orders] == [list(range(10))] * 2
    assert orders[0] != orders[1]


def test_all_views_are_shown() -> None:
    seen: set[str] = set()

    def note(keys: Sequence[str]) -> np.ndarray:
        seen.update(key.partition("+")[2] for key in keys)
        return np.zeros((len(keys), 1), np.float32)

    given = BackboneOptions(name="shop", views=2, batch=50)
    shown = TrainingBatches(note, ["7"] * 50, np.zeros(50, np.int64), 2, given)
    shown.at(0, 0)
    assert len(seen) == 3
    assert "" in seen


def test_labels_are_smoothed() -> None:
    targets = batches([0, 1, 2, 3], label_smoothing=0.2).at(0, 0).targets
    assert np.allclose(np.sort(targets, axis=1), [[0.05, 0.05, 0.05, 0.85]] * 4)


def test_blending_mixes_inputs_targets_and_weights_alike() -> None:
    batch = batches([0, 1, 1, 1], mixup=5.0).at(0, 0)
    y = np.array([0, 1, 1, 1])
    plain = batches([0, 1, 1, 1]).at(0, 0)
    order = plain.inputs[:, 0].astype(int)
    assert not np.array_equal(batch.inputs, plain.inputs)
    assert np.allclose(batch.targets.sum(axis=1), 1)
    # the photo numbered 0 is the only one of label 0, so a row's share of label 0 decides its weight
    weight = {label: float(plain.weights[list(order).index(row)]) for row, label in enumerate(y)}
    assert np.allclose(batch.weights, batch.targets @ [weight[0], weight[1]])
    assert np.array_equal(batch.inputs, batches([0, 1, 1, 1], mixup=5.0).at(0, 0).inputs)


def test_class_weights_make_a_small_label_count_as_much_as_a_large_one() -> None:
    y = [0] * 9 + [1] * 3
    batch = batches(y, batch=12).at(0, 0)
    small = batch.targets[:, 1] == 1
    assert batch.weights[small].sum() == pytest.approx(batch.weights[~small].sum())
    assert (batches(y, batch=12, class_weights=False).at(0, 0).weights == 1).all()


def fit_blobs(folder: Path, **changes: Any) -> tuple[Any, np.ndarray]:
    """Trains a classifier on two overlapping blobs, nine of one to one of the other; returns its logits too."""
    random = np.random.default_rng(0)
    y = np.array([0] * 90 + [1] * 10)
    middles = np.where(y[:, None] == 0, -0.6, 0.6) * [1, 1, 0, 0]
    rows: Floats = (random.normal(size=(100, 4)) + middles).astype(np.float32)
    keys = [str(number) for number in range(100)]

    def read(wanted: Sequence[str]) -> Floats:
        return rows[[int(key.partition("+")[0]) for key in wanted]]

    given = BackboneOptions(
        **{"name": "shop", "epochs": 6, "batch": 10, "learning_rate": 0.05, "mixup": 0.0, **changes}
    )
    model = build_model(None, 4, (), 2, (np.zeros((4, 2), np.float32), np.zeros(2, np.float32)))
    fit = Fit(model, TrainingBatches(read, keys, y, 2, given), HeldOut(keys=keys, y=y), read, given, folder, "run")
    fit.run()
    return fit, backbone_fit.predict(model, read, keys)


def test_class_weights_change_what_is_learned(tmp_path: Path) -> None:
    _, even = fit_blobs(tmp_path / "even", patience=0)
    _, plain = fit_blobs(tmp_path / "plain", patience=0, class_weights=False)
    assert np.mean(even[:, 1] - even[:, 0]) > np.mean(plain[:, 1] - plain[:, 0]) + 0.4


def test_training_stops_where_validation_does_not_get_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbone_fit, "validate", lambda *_: {"validation_loss": 1.0, "top1": 0.5, "top5": 1.0})
    fit, _ = fit_blobs(tmp_path, patience=3)
    assert len(fit.position.history) == 4


def test_the_best_epochs_weights_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[np.ndarray] = []
    losses = iter([1.0, 0.5, 0.54, 0.6])  # the third is as good as the second, and annealed longer

    def pretend(model: Any, *_: Any) -> dict[str, float]:
        kept.append(model.get_layer("classifier").get_weights()[0])
        return {"validation_loss": next(losses), "top1": 0.5, "top5": 1.0}

    monkeypatch.setattr(backbone_fit, "validate", pretend)
    fit, _ = fit_blobs(tmp_path, epochs=4)
    assert fit.position.best_epoch == 3
    assert np.array_equal(fit._model.get_layer("classifier").get_weights()[0], kept[2])


def test_validation_counts_ranks_and_measures_unsmoothed_loss() -> None:
    import keras

    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1]], np.float32))
    figures = validate(
        model, lambda keys: logits[[int(key) for key in keys]], HeldOut(keys=["0", "1"], y=np.array([0, 0]))
    )
    assert figures["top1"] == 0.5
    assert figures["top5"] == 1.0
    assert figures["validation_loss"] == pytest.approx(-(np.log(0.7) + np.log(0.3)) / 2, rel=1e-4)
