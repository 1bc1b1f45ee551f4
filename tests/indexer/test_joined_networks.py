"""The example that joins two networks: its features are those of each, and Lookalike takes it as a backbone."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.settings import Settings
from engine.backbones import load_backbone, resolve_spec
from engine.protocols import Floats
from indexer.backbones import BackboneNotes, add

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "joined_networks.py"
SIZE = 96  # the least that `input_size` takes


def test_two_networks_joined_give_the_features_of_both(tmp_path: Path) -> None:
    made = tmp_path / "made"
    command = [sys.executable, str(EXAMPLE), str(made), str(SIZE), "efficientnet-lite2", "efficientnet-lite2"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    settings = Settings(home=tmp_path / "home", precision="f32")
    add(settings, made, "joined", BackboneNotes())
    photos = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)
    joined = _embedded(settings.replace(backbone="joined"), photos)
    alone = _embedded(settings.replace(backbone="efficientnet_lite2", input_size=SIZE), photos)
    alone /= np.linalg.norm(alone, axis=1, keepdims=True)
    np.testing.assert_allclose(joined, np.hstack([alone, alone]), atol=1e-4)


def _embedded(settings: Settings, photos: NDArray[np.uint8]) -> Floats:
    return load_backbone(settings, resolve_spec(settings)).embed(photos)
