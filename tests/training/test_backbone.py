"""Fine-tuned backbones: what moves and what stays, what is refused, what is resumed, what is published."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from eager_networks import step_by_step
from PIL import Image

import lookalike
from data.errors import LockHeld
from data.settings import Settings
from data.storage import exclusive
from engine.backbones import ARCHITECTURES, Architecture, KerasBackbone, load_backbone, resolve_spec, trunk_of
from engine.errors import InvalidModel
from engine.protocols import Floats
from training.backbone import BackboneOptions, train_backbone
from training.backbone import fit as backbone_fit
from training.backbone import train as backbone
from training.backbone.batches import Batch
from training.backbone.fit import Fit
from training.backbone.network import _split, load_cut
from training.backbone.options import FROM_LAYER
from training.backbone.views import StoredViews, view_key
from training.errors import InvalidTraining, NotEnoughData
from training.photos import from_files, learned_photos

SIZE, DIM = 32, 8
COLOURS = {"red": (200, 40, 40), "green": (40, 180, 60), "blue": (50, 60, 200)}


@pytest.fixture(autouse=True)
def eager() -> Iterator[None]:
    with step_by_step():
        yield


def small_trunk(size: int) -> Any:
    """A stem, one block with a shortcut and one without, each with a batch norm."""
    import keras

    layers = keras.layers
    image = keras.Input((size, size, 3), name="image")
    stem = layers.Conv2D(DIM, 3, strides=4, activation="relu", name="stem")(image)
    x = layers.BatchNormalization(name="block_norm")(stem)
    x = layers.Conv2D(DIM, 1, name="block_conv")(x)
    x = layers.Add(name="block_add")([x, stem])
    x = layers.Conv2D(DIM, 1, activation="relu", name="last_conv")(x)
    x = layers.BatchNormalization(name="last_norm")(x)
    return keras.Model(image, layers.GlobalAveragePooling2D(name="pool")(x), name="small")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Settings) -> Settings:
    """Settings under which EfficientNet-Lite2 is a network of three convolutions."""
    import keras

    monkeypatch.setitem(
        ARCHITECTURES,
        "efficientnet_lite2",
        Architecture("efficientnet_lite2", DIM, SIZE, 1 / 128, -127 / 128, small_trunk),
    )
    keras.utils.set_random_seed(3)
    path = tmp_path / "base.weights.h5"
    small_trunk(SIZE).save_weights(path)
    return settings.replace(weights=str(path), runtime="keras")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six photos of each of three colours, in a folder per colour."""
    random = np.random.default_rng(0)
    for label, colour in COLOURS.items():
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(6):
            pixels = np.clip(random.normal(colour, 40, (40, 40, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{number}.png")
    return tmp_path / "photos"


def options(**changes: Any) -> BackboneOptions:
    given = {"from_layer": "last_conv", "epochs": 3, "batch": 4, "held_out": 0.3, "learning_rate": 0.01}
    return BackboneOptions(name="shop", **{**given, **changes})


def weights_by_layer(network: Any) -> dict[str, list[np.ndarray]]:
    return {layer.name: layer.get_weights() for layer in trunk_of(network).layers if layer.weights}


def trained_network(settings: Settings, name: str = "shop") -> Any:
    own = settings.replace(backbone=name, weights="imagenet")
    loaded = load_backbone(own, resolve_spec(own))
    assert isinstance(loaded, KerasBackbone)
    return loaded._network


def test_only_the_layers_from_the_named_one_on_move(small: Settings, photos: Path) -> None:
    before = weights_by_layer(load_cut(small, "efficientnet_lite2", "last_conv").network)
    train_backbone(small, options(), data=photos)
    after = weights_by_layer(trained_network(small))
    for layer in ("stem", "block_norm", "block_conv"):
        assert all(np.array_equal(one, two) for one, two in zip(before[layer], after[layer], strict=True)), layer
    assert not np.allclose(before["last_conv"][0], after["last_conv"][0], atol=1e-4)


def test_batch_norms_learn_their_scale_but_keep_their_statistics(small: Settings, photos: Path) -> None:
    before = weights_by_layer(load_cut(small, "efficientnet_lite2", "last_conv").network)["last_norm"]
    train_backbone(small, options(), data=photos)
    gamma, beta, mean, variance = weights_by_layer(trained_network(small))["last_norm"]
    assert not np.array_equal(gamma, before[0])
    assert not np.array_equal(beta, before[1])
    assert np.array_equal(mean, before[2])
    assert np.array_equal(variance, before[3])


def test_with_frozen_features_only_the_classifier_learns(small: Settings, photos: Path) -> None:
    result = train_backbone(small, options(mode="features", from_layer="", epochs=6), data=photos)
    before = weights_by_layer(load_cut(small, "efficientnet_lite2", "").network)
    after = weights_by_layer(trained_network(small))
    assert all(np.array_equal(one, two) for name in before for one, two in zip(before[name], after[name], strict=True))
    assert result.record["curve"][-1]["loss"] < result.record["curve"][0]["loss"]
    assert result.record["stored_after"] == ""
    assert not learned_photos(small.home, "shop"), "no layer has learned from any photo"


def test_the_result_is_a_backbone_with_a_fingerprint_of_its_own(small: Settings, photos: Path) -> None:
    result = train_backbone(small, options(), data=photos, test=photos)
    own = small.replace(backbone="shop", weights="imagenet")
    spec = resolve_spec(own)
    assert spec.fingerprint != resolve_spec(small).fingerprint
    assert spec.weights_digest == result.record["weights_sha256"]
    images = np.random.default_rng(1).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)
    assert load_backbone(own, spec).embed(images).shape == (3, DIM)
    assert not (small.home / "training" / "shop").exists()
    record = json.loads((result.folder / "backbone.json").read_text())
    assert record["options"]["from_layer"] == record["trained_from"] == "last_conv"
    assert record["labels"] == {"blue": 6, "green": 6, "red": 6}
    assert record["test"]["photos"] == 18
    assert record["held_out_by"] == ["look"]
    learned = learned_photos(small.home, "shop")
    assert len(learned) == record["photos"]["trained"] == 18 - record["photos"]["held_out"]
    assert learned < set(from_files(photos).keys)
    rows = list(csv.DictReader((result.folder / "log.csv").read_text().splitlines()))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]


def test_the_stored_classifier_and_the_published_network_agree_with_the_record(small: Settings, photos: Path) -> None:
    from safetensors import safe_open

    from data.photos import decode
    from engine.backbones.preprocess import to_input

    result = train_backbone(small, options(epochs=8), data=photos, test=photos)
    with safe_open(result.folder / "classifier.safetensors", "np") as file:
        kernel, bias = file.get_tensor("kernel"), file.get_tensor("bias")
        labels = json.loads(file.metadata()["labels"])
    own = small.replace(backbone="shop", weights="imagenet")
    paths = sorted(photos.rglob("*.png"))
    rows = load_backbone(own, resolve_spec(own)).embed(
        np.stack([to_input(decode(path.read_bytes(), small), SIZE) for path in paths])
    )
    answers = np.argmax(rows / np.linalg.norm(rows, axis=1, keepdims=True) @ kernel + bias, axis=1)
    right = np.mean([labels[answer] == path.parent.name for answer, path in zip(answers, paths, strict=True)])
    assert right == pytest.approx(result.record["test"]["top1"], abs=1e-6)


@pytest.mark.parametrize("first", ["block_conv", "block_norm", "last_conv", "stem"])
def test_both_halves_of_a_cut_make_the_whole_network(small: Settings, first: str) -> None:
    cut = load_cut(small, "efficientnet_lite2", first)
    images = np.random.default_rng(1).uniform(0, 255, (2, SIZE, SIZE, 3)).astype(np.float32)
    rows = cut.row_network().predict(images, verbose=0)
    assert cut.upper is not None
    below = rows[:, : cut.cut_size].reshape(2, *cut.cut_shape)
    assert np.allclose(cut.upper.predict(below, verbose=0), rows[:, cut.cut_size :], atol=1e-5)


def test_inside_a_block_the_cut_moves_below_its_shortcut(small: Settings) -> None:
    assert load_cut(small, "efficientnet_lite2", "block_conv").cut == "stem"
    assert load_cut(small, "efficientnet_lite2", "last_conv").cut == "block_add"
    inside = load_cut(small, "efficientnet_lite2", "block_conv")
    assert not trunk_of(inside.network).get_layer("block_norm").trainable_weights


@pytest.mark.parametrize("base", sorted(FROM_LAYER))
def test_the_default_layer_of_each_architecture_can_be_cut_at(base: str) -> None:
    trunk = ARCHITECTURES[base].build_trunk(96)
    cut, upper = _split(trunk, FROM_LAYER[base], base)
    trained = sum(int(np.prod(weight.shape)) for weight in upper.trainable_weights)
    assert 0.1 < trained / trunk.count_params() < 0.9
    assert trunk.get_layer(cut).output.shape[1] <= 6


def test_an_unknown_layer_is_refused_with_those_there_are(small: Settings, photos: Path) -> None:
    with pytest.raises(InvalidTraining, match=r"got 'block99'.*stem, block_norm, block_conv, block_add, last_conv"):
        train_backbone(small, options(from_layer="block99"), data=photos)


def test_a_layer_above_all_weights_is_refused(small: Settings, photos: Path) -> None:
    with pytest.raises(InvalidTraining, match="something to train"):
        train_backbone(small, options(from_layer="pool"), data=photos)


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "all"},
        {"base": "resnet"},
        {"precision": "int8"},
        {"epochs": 0},
        {"batch": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"held_out": 1.0},
        {"mode": "features"},
        {"input_size": 8},
    ],
)
def test_options_that_make_no_sense_are_refused(small: Settings, photos: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidTraining, match="--"):
        train_backbone(small, options(**changes), data=photos)


@pytest.mark.parametrize("name", ["", "Shop", "../x", "inception_v3", "a" * 65])
def test_a_name_that_cannot_be_is_refused(small: Settings, photos: Path, name: str) -> None:
    with pytest.raises(InvalidTraining, match="--name"):
        train_backbone(small, BackboneOptions(name=name), data=photos)


def test_a_name_that_is_taken_is_refused(small: Settings, photos: Path) -> None:
    (small.home / "backbones" / "shop").mkdir(parents=True)
    with pytest.raises(InvalidTraining, match="--name must be new"):
        train_backbone(small, options(), data=photos)


def test_two_trainings_of_one_name_at_once_are_refused(small: Settings, photos: Path) -> None:
    with exclusive(small.home / "training" / "shop" / "lock", "train backbone"), pytest.raises(LockHeld):
        train_backbone(small, options(), data=photos)


def test_fewer_than_two_labels_are_refused(small: Settings, photos: Path) -> None:
    (photos / "red").rename(photos.parent / "alone")
    (photos / "blue").rename(photos.parent / "other")
    with pytest.raises(NotEnoughData, match="at least 2 labels"):
        train_backbone(small, options(), data=photos)


def test_an_empty_label_is_refused_by_name(small: Settings, photos: Path) -> None:
    (photos / "yellow").mkdir()
    with pytest.raises(NotEnoughData, match="yellow"):
        train_backbone(small, options(), data=photos)


def test_an_unreadable_photo_is_left_out_and_named(small: Settings, photos: Path) -> None:
    (photos / "red" / "9.png").write_bytes(b"no photo")
    record = train_backbone(small, options(epochs=1), data=photos).record
    assert len(record["excluded"]) == 1
    assert record["labels"]["red"] == 6


class Killed(BaseException):
    """Stands for a process that ends at once."""


def test_a_resumed_training_equals_one_that_was_never_stopped(
    small: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train_backbone(small, options(), data=photos)
    expected = weights_by_layer(trained_network(small))
    whole.folder.rename(whole.folder.parent / "whole")
    monkeypatch.setattr(backbone_fit, "_CHECKPOINT_S", 0.0)
    step = Fit._step
    made: list[tuple[int, int]] = []

    def die(fit: Fit, batch: Batch, rate: float) -> float:
        if len(made) == 4:
            raise Killed
        made.append((fit.position.epoch, fit.position.step))
        return step(fit, batch, rate)

    with monkeypatch.context() as patch:
        patch.setattr(Fit, "_step", die)
        with pytest.raises(Killed):
            train_backbone(small, options(), data=photos)
    assert not (small.home / "backbones" / "shop").exists()

    def go_on(fit: Fit, batch: Batch, rate: float) -> float:
        made.append((fit.position.epoch, fit.position.step))
        return step(fit, batch, rate)

    monkeypatch.setattr(Fit, "_step", go_on)
    resumed = train_backbone(small, options(), data=photos, resume=True)
    assert made == sorted(set(made))  # every step was made once
    for name, arrays in weights_by_layer(trained_network(small)).items():
        assert all(np.allclose(one, two, atol=1e-6) for one, two in zip(arrays, expected[name], strict=True)), name
    for one, two in zip(resumed.record["curve"], whole.record["curve"], strict=True):
        assert one["loss"] == pytest.approx(two["loss"], rel=1e-5)


def stopped(settings: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leaves the checkpoint of a training that was stopped before it was published."""

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(backbone, "_publish", die)
        with pytest.raises(Killed):
            train_backbone(settings, options(epochs=1), data=photos)
    return settings.home / "training" / "shop" / "checkpoint.safetensors"


def test_another_trainings_checkpoint_is_not_gone_on_from(
    small: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stopped(small, photos, monkeypatch).exists()
    record = train_backbone(small, options(epochs=2), data=photos, resume=True).record
    assert [entry["epoch"] for entry in record["curve"]] == [1, 2]


def test_a_damaged_checkpoint_is_refused(small: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stopped(small, photos, monkeypatch)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InvalidModel, match="without --resume"):
        train_backbone(small, options(epochs=1), data=photos, resume=True)


def test_an_epochs_views_are_made_once_and_dropped_after_it(
    small: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = from_files(photos)
    given = options()
    cut = load_cut(small, given.base, given.first_layer)
    views = StoredViews(small, small.home / "work", cut, given)
    keys = found.keys[:4]
    with pytest.raises(Killed), views.epoch(found, keys, 0):
        raise Killed
    again = StoredViews(small, small.home / "work", cut, given)
    monkeypatch.setattr(again, "_lower", None)  # the interrupted epoch's rows are there
    with again.epoch(found, keys, 0) as read:
        assert read([view_key(key, 1) for key in keys]).shape == (4, *cut.cut_shape)
    assert not (small.home / "work" / "epoch-0").exists()


def test_an_epochs_view_is_the_varied_photo_of_its_number(small: Settings, photos: Path) -> None:
    from data.photos import decode
    from engine.backbones.preprocess import to_input
    from training.photos.augmentation import vary

    found = from_files(photos)
    cut = load_cut(small, "efficientnet_lite2", "last_conv")
    views = StoredViews(small, small.home / "work", cut, options())
    key, source = found.keys[0], found.sources[0]
    varied = to_input(vary(decode(source.read_bytes(), small), key, 1), SIZE)
    expected = cut.row_network().predict(varied[np.newaxis].astype(np.float32), verbose=0)[:, : cut.cut_size]
    with views.epoch(found, [key], 1) as read:
        assert np.allclose(read([view_key(key, 2)]).reshape(1, -1), expected, atol=0.01)


def test_a_photo_that_goes_away_during_training_is_named(small: Settings, photos: Path) -> None:
    found = from_files(photos)
    views = StoredViews(small, small.home / "work", load_cut(small, "efficientnet_lite2", "last_conv"), options())
    found.sources[0].unlink()
    with pytest.raises(NotEnoughData, match="stay readable"), views.epoch(found, found.keys, 0):
        pass


class Points(StoredViews):
    """Stored views whose pool_3 is given."""

    def __init__(self, points: dict[str, Floats]) -> None:
        self._points = points

    def pooled(self, keys: Sequence[str]) -> Floats:
        return np.stack([self._points[key] for key in keys])


@pytest.mark.parametrize("seed", range(3))
def test_files_that_look_alike_are_held_out_together(photos: Path, seed: int) -> None:
    found = from_files(photos)
    look = {key: number % 2 for number, key in enumerate(found.keys)}
    random = np.random.default_rng(seed)
    points = {key: (np.eye(4)[look[key]] + random.normal(0, 0.01, 4)).astype(np.float32) for key in found.keys}
    fold = backbone._hold_out(Points(points), found, options(held_out=0.5, seed=seed))
    assert sorted([*fold.train, *fold.held]) == list(range(18))
    for label in range(3):
        held = {look[found.keys[row]] for row in fold.held if found.y[row] == label}
        assert len(held) == 1


def test_mixed_precision_trains_weights_that_stay_float32(small: Settings, photos: Path) -> None:
    import keras

    train_backbone(small, options(precision="bf16", epochs=2), data=photos)
    assert all(
        array.dtype == np.float32 for arrays in weights_by_layer(trained_network(small)).values() for array in arrays
    )
    assert keras.config.dtype_policy().name == "float32"


def test_mixed_precision_takes_its_views_from_openvino(small: Settings, photos: Path) -> None:
    import tensorflow

    tensorflow.config.run_functions_eagerly(False)
    result = train_backbone(
        small.replace(runtime="openvino", precision="f32"), options(precision="bf16", epochs=1), data=photos
    )
    assert result.record["photos"]["trained"] > 0


def test_the_command_trains_from_the_catalogue_and_prints_the_curve(
    small: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indexer.importing import import_feed

    import_feed(small, photos)
    measuring = set(sorted(from_files(photos).keys)[::3])
    monkeypatch.setattr("training.photos.learned.may_be_held_out", lambda _, keys: np.isin(keys, list(measuring)))
    given = ["--name", "shop", "--from-layer", "last_conv", "--epochs", "2", "--held-out", "0.3"]
    run = CliRunner().invoke(lookalike.cli, ["train", "backbone", *given], obj=small, catch_exceptions=False)
    assert run.exit_code == 0, run.output
    assert "Best epoch" in run.output
    assert "lookalike rebuild --backbone shop" in run.output
    assert len([line for line in run.output.splitlines() if line.strip()[:1].isdigit()]) == 2
    listed = list(csv.DictReader((small.home / "backbones" / "shop" / "photos.csv").read_text().splitlines()))
    sides = {line["sha256"]: line["side"] for line in listed}
    assert len(sides) == 18
    assert {sides[sha256] for sha256 in measuring} <= {"spared", "held_out"}
    assert {key for key, side in sides.items() if side == "spared"} == measuring - {
        key for key, side in sides.items() if side == "held_out"
    }
