"""The batches that fine-tuning shows, the learning rate it follows, and the fit that keeps the best epoch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eager_networks import step_by_step

from engine.protocols import Floats
from training.backbone import BackboneOptions
from training.backbone import fit as backbone_fit
from training.backbone.batches import Batch, TrainingBatches
from training.backbone.fit import Fit, HeldOut, build_model, learning_rate, loss_of, validate
from training.backbone.margin import cosines_to_centres, margin_loss
from training.backbone.views import Read


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


@contextmanager
def open_numbers(_: Sequence[str], epoch: int) -> Iterator[Read]:
    yield read_numbers


def read_numbers(keys: Sequence[str]) -> np.ndarray:
    """Gives each view the number that its key begins with."""
    return np.array([[float(key.partition("+")[0])] for key in keys], np.float32)


def batches(y: Sequence[int], **changes: Any) -> TrainingBatches:
    given = BackboneOptions(**{"name": "shop", "batch": 4, "mixup": 0.0, **changes})
    return TrainingBatches(open_numbers, [str(number) for number in range(len(y))], np.array(y), len(set(y)), given)


def test_every_epoch_shows_every_photo_once_in_another_order() -> None:
    shown = batches([0, 1] * 5)
    assert shown.steps == 3
    orders = [
        [int(x) for step in range(3) for x in shown.at(read_numbers, epoch, step).inputs[:, 0]] for epoch in range(2)
    ]
    assert [sorted(order) for order in orders] == [list(range(10))] * 2
    assert orders[0] != orders[1]


def test_every_epoch_shows_a_view_of_its_own() -> None:
    seen: list[set[str]] = []

    def note(keys: Sequence[str]) -> np.ndarray:
        seen.append({key.partition("+")[2] for key in keys})
        return np.zeros((len(keys), 1), np.float32)

    shown = batches([0, 1] * 5, batch=10)
    for epoch in range(3):
        shown.at(note, epoch, 0)
    assert [len(views) for views in seen] == [1, 1, 1]
    assert len(set.union(*seen)) == 3
    assert "" not in set.union(*seen)


def test_labels_are_smoothed_in_the_softmax_alone() -> None:
    logits = np.log(np.array([[0.7, 0.1, 0.1, 0.1]], np.float32))
    outputs = np.concatenate([logits, [[0.5, 0.1, 0.0, -0.2]]], axis=1).astype(np.float32)
    targets = np.array([[1, 0, 0, 0]], np.float32)
    plain, smoothed = (float(loss_of(share)(targets, outputs)[0]) for share in (0.0, 0.2))
    assert plain - float(margin_loss(targets, outputs[:, 4:])[0]) == pytest.approx(-np.log(0.7), rel=1e-5)
    assert smoothed - plain == pytest.approx(-0.15 * (np.log(0.1) - np.log(0.7)), rel=1e-4)


def test_the_margin_loss_is_cross_entropy_with_the_labels_own_angle_made_larger() -> None:
    cosines = np.array([[0.8, 0.3, -0.9], [0.1, 0.9, 0.2]], np.float32)

    def expected(row: np.ndarray, label: int) -> float:
        scores = row.astype(float)
        scores[label] = np.cos(np.arccos(scores[label]) + 0.2)
        return float(-np.log(np.exp(24 * scores[label]) / np.exp(24 * scores).sum()))

    targets = np.array([[0.7, 0.3, 0], [0, 1, 0]], np.float32)
    found = np.asarray(margin_loss(targets, cosines))
    blended = 0.7 * expected(cosines[0], 0) + 0.3 * expected(cosines[0], 1)
    assert np.allclose(found, [blended, expected(cosines[1], 1)], rtol=1e-4, atol=1e-5)


def test_a_photo_is_compared_with_the_nearest_of_its_labels_centres() -> None:
    import keras

    points = keras.Input((3,))
    model = keras.Model(points, cosines_to_centres(points, np.eye(3, dtype=np.float32)[:2]))
    layer = model.get_layer("centres")
    assert np.allclose(model.predict(np.eye(3), verbose=0), np.eye(3)[:, :2], atol=0.1)
    kernel = layer.get_weights()[0]
    kernel[:, 1] = 5 * np.eye(3)[2]  # the first label's second centre
    layer.set_weights([kernel])
    assert np.allclose(model.predict(np.eye(3), verbose=0), [[1, 0], [0, 1], [1, 0]], atol=0.1)


def test_blending_mixes_inputs_targets_and_weights_alike() -> None:
    batch = batches([0, 1, 1, 1], mixup=5.0).at(read_numbers, 0, 0)
    y = np.array([0, 1, 1, 1])
    plain = batches([0, 1, 1, 1]).at(read_numbers, 0, 0)
    order = plain.inputs[:, 0].astype(int)
    assert not np.array_equal(batch.inputs, plain.inputs)
    assert np.allclose(batch.targets.sum(axis=1), 1)
    # the photo numbered 0 is the only one of label 0, so a row's share of label 0 decides its weight
    weight = {label: float(plain.weights[list(order).index(row)]) for row, label in enumerate(y)}
    assert np.allclose(batch.weights, batch.targets @ [weight[0], weight[1]])
    assert np.array_equal(batch.inputs, batches([0, 1, 1, 1], mixup=5.0).at(read_numbers, 0, 0).inputs)


def test_class_weights_make_a_small_label_count_as_much_as_a_large_one() -> None:
    y = [0] * 9 + [1] * 3
    batch = batches(y, batch=12).at(read_numbers, 0, 0)
    small = batch.targets[:, 1] == 1
    assert batch.weights[small].sum() == pytest.approx(batch.weights[~small].sum())
    assert (batches(y, batch=12, class_weights=False).at(read_numbers, 0, 0).weights == 1).all()


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

    @contextmanager
    def open_epoch(_: Sequence[str], epoch: int) -> Iterator[Read]:
        yield read

    means = rows[[int(np.argmax(y == label)) for label in (0, 1)]]
    model = build_model(None, 4, (), (np.zeros((4, 2), np.float32), np.zeros(2, np.float32)), means)
    fit = Fit(
        model, TrainingBatches(open_epoch, keys, y, 2, given), HeldOut(keys=keys, y=y), read, given, folder, "run"
    )
    fit.run()
    return fit, backbone_fit.predict(model, read, keys)


def test_class_weights_change_what_is_learned(tmp_path: Path) -> None:
    _, even = fit_blobs(tmp_path / "even", patience=0)
    _, plain = fit_blobs(tmp_path / "plain", patience=0, class_weights=False)
    assert np.mean(even[:, 1] - even[:, 0]) > np.mean(plain[:, 1] - plain[:, 0]) + 0.2


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


def test_averaged_weights_are_validated_while_training_goes_on_from_the_latest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated: list[np.ndarray] = []
    started: list[np.ndarray] = []
    trained: list[np.ndarray] = []
    step = Fit._step

    def note(fit: Fit, batch: Batch, rate: float) -> float:
        started.append(fit._model.get_layer("classifier").get_weights()[0])
        loss = step(fit, batch, rate)
        trained.append(fit._model.get_layer("classifier").get_weights()[0])
        return loss

    def pretend(model: Any, *_: Any) -> dict[str, float]:
        validated.append(model.get_layer("classifier").get_weights()[0])
        return {"validation_loss": 1.0, "top1": 0.5, "top5": 1.0}

    monkeypatch.setattr(Fit, "_step", note)
    monkeypatch.setattr(backbone_fit, "validate", pretend)
    fit_blobs(tmp_path, epochs=2)
    mean = trained[0]
    for weights in trained[1:]:
        mean = 0.99 * mean + 0.01 * weights
    assert np.allclose(validated[1], mean, atol=1e-6)
    assert not np.allclose(validated[1], trained[-1], atol=1e-3)
    assert all(np.array_equal(one, two) for one, two in zip(trained[:-1], started[1:], strict=True))


def test_validation_counts_ranks_and_measures_unsmoothed_loss() -> None:
    import keras

    inputs = keras.Input((6,))  # as many cosines as labels, which do not count
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    logits = np.log(np.array([[0.7, 0.2, 0.1, 1, 1, 1], [0.3, 0.6, 0.1, 1, 1, 1]], np.float32))
    figures = validate(
        model, lambda keys: logits[[int(key) for key in keys]], HeldOut(keys=["0", "1"], y=np.array([0, 0]))
    )
    assert figures["top1"] == 0.5
    assert figures["top5"] == 1.0
    assert figures["validation_loss"] == pytest.approx(-(np.log(0.7) + np.log(0.3)) / 2, rel=1e-4)
