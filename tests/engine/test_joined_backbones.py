"""Backbones joined by their names: the features of each, of length 1, one behind the other."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from data.errors import SettingsError
from data.settings import Settings, load_settings
from data.storage import sha256_file
from engine.backbones import (
    ARCHITECTURES,
    build_network,
    lite2_state,
    load_backbone,
    load_state,
    resolve_spec,
    to_openvino,
    trunk_of,
)
from engine.backbones.feature_maps import of_last_map
from engine.backbones.joined import joined_model
from engine.errors import BackboneUnavailable, InvalidModel
from engine.protocols import Floats, LookingBackbone
from training.photos import learned_photos

SIZE = 96
PHOTOS = np.random.default_rng(5).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)


@pytest.fixture
def joining(tmp_path: Path) -> Settings:
    """Settings of a home with two fine-tuned backbones, `shoes` and `hats`, beside EfficientNet-Lite2."""
    for seed, name in enumerate(("shoes", "hats")):
        _train(tmp_path, name, seed)
    return Settings(home=tmp_path, precision="f32", threads=1, input_size=SIZE)


def test_joined_backbones_give_the_features_of_each(joining: Settings) -> None:
    joined = _embedded(joining, "efficientnet_lite2+shoes+hats")
    alone = [_embedded(joining, name) for name in ("efficientnet_lite2", "shoes", "hats")]
    expected = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in alone]
    np.testing.assert_allclose(joined, np.hstack(expected), atol=1e-5)
    assert not np.allclose(alone[1], alone[2], atol=1e-2)  # or the order would not matter


def test_the_spec_says_which_are_joined_and_in_which_order(joining: Settings) -> None:
    spec = resolve_spec(joining.replace(backbone="shoes+hats"))
    assert (spec.name, spec.dim, spec.input_size, spec.runtime) == ("shoes+hats", 2560, SIZE, "openvino")
    other = resolve_spec(joining.replace(backbone="hats+shoes"))
    assert spec.weights_digest != other.weights_digest


def test_all_read_the_size_of_the_first(joining: Settings) -> None:
    own_sizes = joining.replace(input_size=0)
    assert resolve_spec(own_sizes.replace(backbone="efficientnet_lite2+shoes")).input_size == 260
    assert resolve_spec(own_sizes.replace(backbone="shoes+efficientnet_lite2")).input_size == SIZE


def test_joined_backbones_are_loaded_whatever_the_settings_name(joining: Settings) -> None:
    spec = resolve_spec(joining.replace(backbone="shoes+hats"))
    elsewhere = joining.replace(backbone="shoes", weights="mine.weights.h5", input_size=0)
    assert load_backbone(elsewhere, spec).embed(PHOTOS).shape == (3, 2560)


def test_a_part_that_changed_since_is_refused(joining: Settings) -> None:
    spec = resolve_spec(joining.replace(backbone="shoes+hats"))
    with pytest.raises(InvalidModel, match="must be as it was"):
        load_backbone(joining, dataclasses.replace(spec, weights_digest="0" * 64))


def test_boxes_are_found_and_the_parts_of_a_photo_that_count(joining: Settings) -> None:
    settings = joining.replace(backbone="shoes+hats")
    backbone = load_backbone(settings, resolve_spec(settings))
    assert isinstance(backbone, LookingBackbone)
    look = backbone.look(PHOTOS)
    np.testing.assert_allclose(look.features, backbone.embed(PHOTOS), atol=1e-5)
    assert look.strength.shape == (3, 6, 6)
    places = backbone.last_map(PHOTOS)
    assert places.shape == (3, 3, 3, 2560)
    np.testing.assert_allclose(places.mean(axis=(1, 2)), look.features, atol=1e-5)


def test_maps_of_different_sides_are_not_joined() -> None:
    names = ("inception_v3", "efficientnet_lite2")
    each = [to_openvino(build_network(ARCHITECTURES[name], 160, dtype="uint8")) for name in names]
    assert all(of_last_map(model) is not None for model in each)
    assert of_last_map(joined_model(each)) is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shoes+shoes", "each once"),
        ("shoes+hats+efficientnet_lite2+xception", "at most 3"),
        ("shoes+nothing", "backbone must be one of"),
        ("shoes+", "backbone must be one of"),
    ],
)
def test_what_cannot_be_joined_is_refused(joining: Settings, name: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings(home=joining.home, backbone=name)
    with pytest.raises((SettingsError, BackboneUnavailable), match=message):
        resolve_spec(joining.replace(backbone=name))


def test_joined_backbones_run_in_openvino_with_their_own_weights(joining: Settings) -> None:
    joined = joining.replace(backbone="shoes+hats")
    with pytest.raises(SettingsError, match="Set runtime to openvino"):
        resolve_spec(joined.replace(runtime="keras"))
    with pytest.raises(SettingsError, match="weights must be imagenet"):
        resolve_spec(joined.replace(weights="mine.weights.h5"))


def test_what_one_of_them_learned_counts_as_learned(joining: Settings) -> None:
    for name, photo in (("shoes", "aa"), ("hats", "bb")):
        path = joining.home / "backbones" / name / "photos.csv"
        path.write_text(f"sha256,label,side\n{photo},boot,learned\n{photo}0,boot,held_out\n")
    assert learned_photos(joining.home, "shoes+efficientnet_lite2+hats") == {"aa", "bb"}


def _embedded(settings: Settings, name: str) -> Floats:
    settings = settings.replace(backbone=name)
    return load_backbone(settings, resolve_spec(settings)).embed(PHOTOS)


def _train(home: Path, name: str, seed: int) -> None:
    """Writes a backbone near EfficientNet-Lite2, as `train backbone` does."""
    trunk = trunk_of(build_network(ARCHITECTURES["efficientnet_lite2"], SIZE))
    load_state(trunk, lite2_state())
    draw = np.random.default_rng(seed)
    trunk.set_weights([each * draw.uniform(0.9, 1.1, each.shape).astype(np.float32) for each in trunk.get_weights()])
    folder = home / "backbones" / name
    folder.mkdir(parents=True)
    weights = folder / "weights.weights.h5"
    trunk.save_weights(weights)
    fields = {"base": "efficientnet_lite2", "input_size": SIZE, "weights_sha256": sha256_file(weights)}
    (folder / "backbone.json").write_text(json.dumps(fields))
