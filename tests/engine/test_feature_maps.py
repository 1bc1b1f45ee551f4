"""What a network says about where in a photo it saw something, in each runtime."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from data.settings import Settings
from engine.backbones import ARCHITECTURES, build_network, load_backbone, resolve_spec, to_openvino
from engine.backbones.feature_maps import is_last_map, is_middle_map, of_last_map, with_map
from engine.protocols import LookingBackbone


def with_a_square(left: int, top: int, side: int = 90) -> NDArray[np.uint8]:
    """Returns network input uint8 (1, 260, 260, 3): a busy square on plain ground."""
    photo = np.full((1, 260, 260, 3), 200, np.uint8)
    noise = np.random.default_rng(0).integers(0, 255, (side // 6, side // 6, 3)).repeat(6, 0).repeat(6, 1)
    photo[0, top : top + len(noise), left : left + len(noise)] = noise
    return photo


@pytest.mark.parametrize("runtime", ["openvino", "keras"])
def test_it_responds_most_where_the_thing_is(settings: Settings, efficientnet_home: Path, runtime: str) -> None:
    settings = settings.replace(runtime=runtime, precision="f32")
    backbone = load_backbone(settings, resolve_spec(settings))
    assert isinstance(backbone, LookingBackbone)
    photos = np.concatenate([with_a_square(10, 20), with_a_square(160, 150)])
    seen = backbone.look(photos)
    assert seen.features == pytest.approx(backbone.embed(photos), abs=1e-3)
    assert seen.strength.shape == (2, 17, 17)
    inner = seen.strength[:, 1:-1, 1:-1]  # the outermost places respond to the padding
    first, second = slice(0, 5), slice(9, 14)
    assert inner[0, first, first].mean() > 1.3 * inner[0, second, second].mean()
    assert inner[1, second, second].mean() > 1.3 * inner[1, first, first].mean()


@pytest.mark.parametrize("runtime", ["openvino", "keras"])
def test_the_mean_of_the_last_map_is_the_features(settings: Settings, efficientnet_home: Path, runtime: str) -> None:
    settings = settings.replace(runtime=runtime, precision="f32")
    backbone = load_backbone(settings, resolve_spec(settings))
    assert isinstance(backbone, LookingBackbone)
    photos = np.concatenate([with_a_square(10, 20), with_a_square(160, 150)])
    places = backbone.last_map(photos)
    assert places.shape == (2, 9, 9, 1280)
    assert places.mean(axis=(1, 2)) == pytest.approx(backbone.embed(photos), abs=1e-3)


@pytest.mark.parametrize("name", ["inception_v3", "xception"])
def test_the_other_networks_have_a_map_too(name: str) -> None:
    architecture = ARCHITECTURES[name]
    network = to_openvino(build_network(architecture, architecture.input_size, dtype="uint8"))
    model, last = with_map(network), of_last_map(network)
    assert model is not None
    assert last is not None
    assert sorted(last.output(0).get_partial_shape()[1:].to_shape())[-1] == architecture.dim
    features, places = ([-1 if side.is_dynamic else side.get_length() for side in output.get_partial_shape()]
                        for output in model.outputs)  # fmt: skip
    assert features == [-1, architecture.dim]
    assert is_middle_map(places, architecture.input_size)


@pytest.mark.parametrize(
    ("shape", "is_map"),
    [
        ((-1, 720, 17, 17), True),
        ((-1, 17, 17, 768), True),
        ((-1, 1280, 9, 9), False),  # too coarse
        ((-1, 96, 33, 33), False),  # too fine
        ((-1, 197, 768), False),  # the pieces of a transformer
        ((1, 720, 17, 17), False),  # a constant
        ((-1, 720, 17, 20), False),
        ((-1, 17, -1, -1), False),
    ],
)
def test_a_middle_map_is_a_square_of_places_of_12_to_20_pixels(shape: tuple[int, ...], is_map: Any) -> None:
    assert is_middle_map(shape, 260) is is_map


@pytest.mark.parametrize(
    ("shape", "is_map"),
    [
        ((-1, 1280, 9, 9), True),
        ((-1, 8, 8, 1280), True),
        ((-1, 1280, 1, 1), False),  # its mean was taken before
        ((-1, 320, 9, 9), False),  # something comes between it and the features
        ((-1, 197, 1280), False),  # the pieces of a transformer
        ((-1, 1280, 9, 8), False),
    ],
)
def test_the_last_map_is_a_square_of_places_with_all_features(shape: tuple[int, ...], is_map: bool) -> None:
    assert is_last_map(shape, 1280) is is_map
