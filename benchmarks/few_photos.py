"""Measures how well a product space learned from a few photos finds the photos of products that come later.

A shop opens with N photos, and the product space is fitted on them (PCA). Then 500 photos come in, from one folder per
label: how often does one of them find another of its label first (R@1), and how often in the plain features?

    python benchmarks/few_photos.py FOLDER [--backbone efficientnet_lite2] [--draws 5]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.settings import Settings
from engine.backbones import load_backbone, load_input, resolve_spec
from engine.protocols import Floats
from engine.space import fit_pca, plain

_LATER = 500
_SPACE_DIM = 256
_SIZES = (2, 4, 8, 16, 32, 64, 100, 200, 300)


def main() -> None:
    options = _options()
    rows, labels = _features(options.folder, options.backbone, _LATER + max(_SIZES))
    first, later, shown = rows[: max(_SIZES)], rows[max(_SIZES) :], labels[max(_SIZES) :]
    print(f"{options.folder.name}, {options.backbone}: R@1 of {len(later)} later photos, mean of {options.draws} draws")
    print(f"plain features: {_r1(plain(rows.shape[1]).apply(later), shown):.3f}\nphotos  dims    R@1")
    for size in _SIZES:
        draws = [np.random.default_rng(seed).permutation(len(first))[:size] for seed in range(options.draws)]
        spaces = [fit_pca(first[draw], _SPACE_DIM) for draw in draws]
        found = float(np.mean([_r1(space.apply(later), shown) for space in spaces]))
        print(f"{size:6}{spaces[0].space_dim:6}{found:7.3f}")


def _features(folder: Path, backbone: str, count: int) -> tuple[Floats, NDArray[np.str_]]:
    """Returns pool_3 rows float32 (n, dim) of photos drawn from the folder, and their labels (the folders' names)."""
    paths = sorted(folder.glob("**/*.jpg"))
    chosen = [paths[at] for at in np.random.default_rng(0).permutation(len(paths))[:count]]
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), backbone=backbone, precision="f32")
        spec = resolve_spec(settings)
        network = load_backbone(settings, spec)
        inputs = (load_input(path.read_bytes(), spec.input_size, settings, spec.preprocessing) for path in chosen)
        return np.concatenate([network.embed(one[None]) for one in inputs]), np.array([p.parent.name for p in chosen])


def _r1(points: Floats, labels: NDArray[np.str_]) -> float:
    likeness = points @ points.T
    np.fill_diagonal(likeness, -np.inf)
    return float((labels[likeness.argmax(axis=1)] == labels).mean())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="one folder of .jpg photos per label, at any depth")
    parser.add_argument("--backbone", default="efficientnet_lite2")
    parser.add_argument("--draws", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
