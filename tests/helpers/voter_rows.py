"""Made-up labelled features: clusters with nuisance directions that mislead a plain distance."""

import numpy as np

from engine.protocols import Floats
from training.photos import TrainingRows

LABELS = ("bowl", "cup", "plate", "shoe")


def draw_rows(count: int, seed: int, *, copies: int = 0, views: int = 1, noise: float = 1.0) -> TrainingRows:
    """Draws `count` photos of each of four labels: 6 directions tell labels apart, 18 only differ within a label."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(7).normal(size=(len(LABELS), 6))
    y = np.tile(np.arange(len(LABELS)), count)

    def row() -> Floats:
        useful = centres[y] + 0.5 * random.normal(size=(len(y), 6))
        nuisance = noise * random.normal(size=(len(y), 18))
        drawn: Floats = np.abs(np.concatenate([useful, nuisance], axis=1)).astype(np.float32)
        return drawn

    base = row()
    near = [np.abs(base + 0.05 * random.normal(size=base.shape)).astype(np.float32) for _ in range(views - 1 + copies)]
    return TrainingRows(
        views=np.stack([base, *near[: views - 1]]),
        copies=np.stack(near[views - 1 :]) if copies else np.zeros((0, *base.shape), np.float32),
        y=y,
        view_names=("photo", "close")[:views],
    )


def keys_of(count: int) -> tuple[str, ...]:
    return tuple(f"{number:064x}" for number in range(count))
