import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photographs import GROCERY, photo_files

from data.settings import Settings
from engine.backbones import (
    ARCHITECTURES,
    PREPROCESSING,
    build_network,
    classifier_rows,
    lite2_state,
    load_backbone,
    load_input,
    load_state,
    resolve_spec,
    trunk_of,
)
from engine.backbones.efficientnet_lite import INPUT_SIZE
from engine.errors import InvalidModel

_EMBED = """
import sys
import numpy as np
from pathlib import Path
from data.settings import Settings
from engine.backbones import load_backbone, resolve_spec
settings = Settings(home=Path(sys.argv[1]), backbone="efficientnet_lite2", runtime="keras")
np.save(sys.argv[3], load_backbone(settings, resolve_spec(settings)).embed(np.load(sys.argv[2])))
import keras
print(keras.backend.backend(), "tensorflow" in sys.modules)
"""


@pytest.fixture(scope="module")
def inputs() -> np.ndarray:
    settings = Settings()
    return np.stack([load_input(content, INPUT_SIZE, settings, PREPROCESSING) for content in photo_files(6)])


@pytest.fixture(scope="module")
def published(inputs: np.ndarray) -> np.ndarray:
    """Pooled features by the independent PyTorch implementation, with the same weights."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite2")
    network.load_state_dict({name: torch.tensor(array) for name, array in lite2_state().items()})
    network.eval()
    images = (torch.tensor(inputs, dtype=torch.float32).permute(0, 3, 1, 2) - 127) / 128
    with torch.no_grad():
        pooled: np.ndarray = network.extract_features(images).mean((2, 3)).numpy()
    return pooled


@pytest.fixture(scope="module")
def features(inputs: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    settings = Settings(home=tmp_path_factory.mktemp("home"), backbone="efficientnet_lite2", runtime="keras")
    return load_backbone(settings, resolve_spec(settings)).embed(inputs)


def test_features_are_those_of_the_published_network(features: np.ndarray, published: np.ndarray) -> None:
    assert features.shape == published.shape == (6, 1280)
    assert features.dtype == np.float32
    assert features.std() > 0.1
    assert np.abs(features - published).max() < 1e-3


def test_the_network_needs_no_tensorflow(inputs: np.ndarray, published: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "inputs.npy", inputs)
    run = subprocess.run(
        [sys.executable, "-c", _EMBED, tmp_path, tmp_path / "inputs.npy", tmp_path / "features.npy"],
        env={**os.environ, "KERAS_BACKEND": "torch", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["torch", "False"]
    assert np.abs(np.load(tmp_path / "features.npy") - published).max() < 1e-3


@pytest.mark.photos
@pytest.mark.skipif(not GROCERY.is_dir(), reason="the Grocery Store Dataset is not beside the checkout")
def test_the_classifier_rows_name_what_is_in_a_photo(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, backbone="efficientnet_lite2", runtime="keras")
    spec = resolve_spec(settings)
    classifier = classifier_rows(spec)
    photos = [next(GROCERY.glob(f"val/**/{name}_001.jpg")).read_bytes() for name in ("Lemon", "Granny-Smith")]
    pixels = np.stack([load_input(content, INPUT_SIZE, settings, PREPROCESSING) for content in photos])
    logits = load_backbone(settings, spec).embed(pixels) @ classifier.rows.T + classifier.biases
    named = [{classifier.names[label].lower() for label in np.argsort(-row)[:5]} for row in logits]
    assert "lemon" in named[0]
    assert "granny smith apple" in named[1]


@pytest.mark.parametrize(
    ("name", "change"),
    [("_conv_stem.weight", None), ("_blocks.4._bn1.running_var", (7,)), ("_conv_head.weight", (1280, 352, 3, 3))],
)
def test_a_missing_or_misshapen_array_is_refused_by_name(name: str, change: tuple[int, ...] | None) -> None:
    state: dict[str, Any] = dict(lite2_state())
    if change is None:
        del state[name]
    else:
        state[name] = np.zeros(change, np.float32)
    trunk = trunk_of(build_network(ARCHITECTURES["efficientnet_lite2"], INPUT_SIZE))
    with pytest.raises(InvalidModel, match=name.rsplit(".", 1)[0]):
        load_state(trunk, state)
