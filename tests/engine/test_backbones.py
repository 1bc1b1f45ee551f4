import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import SettingsError
from data.settings import Settings
from data.storage import sha256_file
from engine.backbones import (
    ARCHITECTURES,
    Architecture,
    build_network,
    load,
    load_backbone,
    load_weights,
    resolve_spec,
    trunk_of,
)
from engine.backbones.load import custom_backbone
from engine.errors import BackboneUnavailable, InvalidModel
from engine.protocols import BackboneSpec

SIZE, DIM = 32, 8


def small_trunk(size: int) -> Any:
    """A network of one convolution in place of EfficientNet-Lite2, so that loading it takes no time."""
    import keras

    image = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(DIM, 3, activation="relu")(image)
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Architecture:
    architecture = Architecture("efficientnet_lite2", DIM, SIZE, 1 / 128, -127 / 128, small_trunk)
    monkeypatch.setitem(ARCHITECTURES, "efficientnet_lite2", architecture)
    return architecture


def images(size: int = SIZE, count: int = 3) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.fixture
def trained(small: Architecture, tmp_path: Path) -> tuple[Path, np.ndarray]:
    """A weights file of the small network, and its features of `images()`."""
    import keras

    keras.utils.set_random_seed(3)
    network = build_network(small, SIZE)
    path = tmp_path / "mine.weights.h5"
    trunk_of(network).save_weights(path)
    return path, network.predict(images().astype(np.float32), verbose=0)


def custom(home: Path, weights: Path, **changes: object) -> Path:
    """Writes a fine-tuned backbone named `shoes`, as `train backbone` does."""
    folder = home / "backbones" / "shoes"
    folder.mkdir(parents=True)
    (folder / "weights.weights.h5").write_bytes(weights.read_bytes())
    fields = {"base": "efficientnet_lite2", "input_size": 32, "weights_sha256": sha256_file(weights)}
    (folder / "backbone.json").write_text(json.dumps({**fields, **changes}))
    return folder


def test_the_spec_says_everything_that_decides_the_numbers(settings: Settings) -> None:
    spec = resolve_spec(settings.replace(precision="f32"))
    assert (spec.name, spec.dim, spec.input_size) == ("efficientnet_lite2", 1280, 260)
    assert (spec.runtime, spec.precision, spec.pooling) == ("openvino", "f32", "avg")
    assert BackboneSpec.from_json(spec.to_json()) == spec
    for wrong in ({"dim": "8"}, {"dim": 0}, {"input_size": True}, {"name": None}, {"unknown": 1}):
        with pytest.raises(InvalidModel, match=f"a backbone must have name, .*; {next(iter(wrong))} is "):
            BackboneSpec.from_json({**spec.to_json(), **wrong})
    with pytest.raises(InvalidModel, match="dim is missing"):
        BackboneSpec.from_json({})


def test_a_spec_is_resolved_without_deep_learning_libraries(settings: Settings) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom data.settings import Settings\n"
        "from engine.backbones import resolve_spec\n"
        "resolve_spec(Settings(home=Path(sys.argv[1]), backbone='efficientnet_lite2'))\n"
        "print(sorted({'keras', 'tensorflow', 'torch'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    run = subprocess.run(
        [sys.executable, "-c", code, settings.home], env=environment, capture_output=True, text=True, check=False
    )
    assert run.stdout.strip() == "[]", run.stderr


@pytest.mark.parametrize(("has_bf16", "expected"), [(True, "bf16"), (False, "f32")])
def test_auto_precision_follows_the_processor(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, has_bf16: bool, expected: str
) -> None:
    monkeypatch.setattr(load, "processor_has_bf16", lambda: has_bf16)
    assert resolve_spec(settings).precision == expected


def test_bf16_on_a_processor_without_it_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "processor_has_bf16", lambda: False)
    with pytest.raises(SettingsError, match="bf16"):
        resolve_spec(settings.replace(precision="bf16"))


@pytest.mark.parametrize(
    ("changes", "runtime", "precision"),
    [
        ({"runtime": "keras"}, "keras", "f32"),
        ({"device": "gpu"}, "keras", "f32"),
        ({"runtime": "keras", "precision": "bf16"}, "keras", "bf16"),
        ({"runtime": "openvino", "device": "gpu", "precision": "int8"}, "openvino", "int8"),
    ],
)
def test_runtime_and_precision_follow_the_settings(
    settings: Settings, changes: dict[str, str], runtime: str, precision: str
) -> None:
    spec = resolve_spec(settings.replace(**changes))
    assert (spec.runtime, spec.precision) == (runtime, precision)


def test_int8_on_keras_is_refused(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="int8 needs runtime openvino"):
        resolve_spec(settings.replace(runtime="keras", precision="int8"))


@pytest.mark.parametrize("name", ["resnet", "", "..", "../shoes", "a/b", "Shoes", "x" * 65])
def test_a_backbone_that_does_not_exist_is_refused(
    settings: Settings, trained: tuple[Path, np.ndarray], name: str
) -> None:
    custom(settings.home, trained[0])
    with pytest.raises(BackboneUnavailable, match="backbone must be one of inception_v3"):
        resolve_spec(settings.replace(backbone=name))


@pytest.mark.parametrize(
    "changes", [{"base": "resnet"}, {"input_size": 10_000_000}, {"input_size": "big"}, {"weights_sha256": "0" * 64}]
)
def test_a_damaged_fine_tuned_backbone_is_refused(
    settings: Settings, trained: tuple[Path, np.ndarray], changes: dict[str, object]
) -> None:
    custom(settings.home, trained[0], **changes)
    with pytest.raises(InvalidModel):
        custom_backbone(settings.home, "shoes")


def test_a_description_that_is_not_json_is_refused(settings: Settings, trained: tuple[Path, np.ndarray]) -> None:
    (custom(settings.home, trained[0]) / "backbone.json").write_text("[1]")
    with pytest.raises(InvalidModel, match="Train it again"):
        custom_backbone(settings.home, "shoes")


def test_a_fine_tuned_backbone_gives_its_own_features(settings: Settings, trained: tuple[Path, np.ndarray]) -> None:
    custom(settings.home, trained[0])
    settings = settings.replace(backbone="shoes", runtime="keras")
    spec = resolve_spec(settings)
    assert (spec.name, spec.weights_digest) == ("shoes", sha256_file(trained[0]))
    assert np.allclose(load_backbone(settings, spec).embed(images()), trained[1], atol=1e-4)


def test_given_weights_replace_imagenets_and_change_the_fingerprint(
    settings: Settings, trained: tuple[Path, np.ndarray]
) -> None:
    own = settings.replace(weights=str(trained[0]), runtime="keras")
    assert resolve_spec(own).fingerprint != resolve_spec(settings.replace(runtime="keras")).fingerprint
    assert np.allclose(load_backbone(own, resolve_spec(own)).embed(images()), trained[1], atol=1e-4)


def test_bf16_in_keras_stays_near_f32(settings: Settings, trained: tuple[Path, np.ndarray]) -> None:
    import keras

    own = settings.replace(weights=str(trained[0]), runtime="keras", precision="bf16")
    rows = load_backbone(own, resolve_spec(own)).embed(images())
    assert rows.dtype == np.float32
    cosine = np.sum(rows * trained[1], 1) / np.linalg.norm(rows, axis=1) / np.linalg.norm(trained[1], axis=1)
    assert cosine.min() >= 0.99
    assert not np.allclose(rows, trained[1], atol=1e-6)
    assert keras.config.dtype_policy().name == "float32"


def test_keras_embeds_nothing_to_nothing(settings: Settings, trained: tuple[Path, np.ndarray]) -> None:
    own = settings.replace(weights=str(trained[0]), runtime="keras")
    assert load_backbone(own, resolve_spec(own)).embed(images(SIZE, 0)).shape == (0, DIM)


def test_weights_that_changed_since_the_spec_are_refused(settings: Settings, trained: tuple[Path, np.ndarray]) -> None:
    spec = resolve_spec(settings)
    with pytest.raises(InvalidModel, match="generation was built with"):
        load_backbone(settings.replace(weights=str(trained[0])), spec)


def test_a_generations_backbone_is_loaded_whatever_the_settings_name(
    settings: Settings, efficientnet_home: Path
) -> None:
    spec = resolve_spec(settings.replace(precision="f32"))
    other = settings.replace(backbone="inception_v3", weights="/nowhere.weights.h5", precision="int8")
    assert load_backbone(other, spec, latency=True).spec == spec


def test_bf16_features_are_not_mixed_with_f32_on_another_processor(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = BackboneSpec.from_json({**resolve_spec(settings).to_json(), "precision": "bf16"})
    monkeypatch.setattr(load, "processor_has_bf16", lambda: False)
    with pytest.raises(BackboneUnavailable, match="bf16"):
        load_backbone(settings, spec)


def test_features_of_another_preprocessing_are_refused(settings: Settings) -> None:
    spec = BackboneSpec.from_json({**resolve_spec(settings).to_json(), "preprocessing": "0"})
    with pytest.raises(BackboneUnavailable, match="rebuild --full"):
        load_backbone(settings, spec)


@pytest.mark.parametrize("name", ["half.weights.h5", "other.weights.h5", "noise.weights.h5", "model.keras"])
def test_a_file_that_is_not_this_networks_weights_is_refused(
    tmp_path: Path, trained: tuple[Path, np.ndarray], name: str
) -> None:
    import keras

    path = tmp_path / name
    if name.startswith("other"):
        inputs = keras.Input((4,))
        keras.Model(inputs, keras.layers.Dense(2)(inputs)).save_weights(path)
    else:
        whole = trained[0].read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if name.startswith("half") else b"noise" * 1000)
    with pytest.raises(InvalidModel, match="weights"):
        load_weights(build_network(ARCHITECTURES["efficientnet_lite2"], SIZE), path)


@pytest.mark.parametrize("name", ["inception_v3", "xception"])
def test_keras_applications_run_on_openvino_from_a_weights_file(settings: Settings, tmp_path: Path, name: str) -> None:
    import keras

    keras.utils.set_random_seed(5)
    make = {"inception_v3": keras.applications.InceptionV3, "xception": keras.applications.Xception}[name]
    network = make(weights=None, include_top=False, pooling="avg", input_shape=(299, 299, 3))
    path = tmp_path / "plain.weights.h5"
    network.save_weights(path)
    expected = network.predict(images(299).astype(np.float32) / 127.5 - 1, verbose=0)
    settings = settings.replace(backbone=name, weights=str(path), precision="f32")
    spec = resolve_spec(settings)
    assert (spec.dim, spec.input_size) == (2048, 299)
    rows = load_backbone(settings, spec).embed(images(299))
    assert np.abs(rows - expected).max() < 1e-4 * np.abs(expected).max()
