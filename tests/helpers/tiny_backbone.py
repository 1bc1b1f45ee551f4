"""A small deterministic backbone behind the `Backbone` protocol, so that most tests need no network weights."""

import numpy as np
from numpy.typing import NDArray

from engine.protocols import BackboneSpec, Floats, Look


class TinyBackbone:
    """Mean colours of an 8 x 8 grid: 192 features that tell coloured shapes apart."""

    spec = BackboneSpec(
        name="tiny",
        dim=192,
        input_size=64,
        weights_digest="0" * 64,
        preprocessing="1",
        runtime="keras",
        precision="f32",
    )

    def embed(self, images: NDArray[np.uint8]) -> Floats:
        grid: Floats = images.reshape(len(images), 8, 8, 8, 8, 3).mean(axis=(2, 4), dtype=np.float32)
        return (grid.reshape(len(images), 192) / 255).astype(np.float32)

    def last_map(self, images: NDArray[np.uint8]) -> Floats:
        """Each place of the grid has its own three features, and all others at zero."""
        own = self.embed(images).reshape(len(images), 64, 1, 3)
        return (64 * np.eye(64, dtype=np.float32)[None, :, :, None] * own).reshape(len(images), 8, 8, 192)

    def look(self, images: NDArray[np.uint8]) -> Look:
        """Responds where colours differ from those of the photo's corner."""
        places = images.reshape(len(images), 16, 4, 16, 4, 3).mean(axis=(2, 4), dtype=np.float32)
        strength: Floats = np.abs(places - images[:, None, None, 0, 0].astype(np.float32)).sum(axis=3)
        return Look(self.embed(images), strength)
