"""The head of the text tower: maps text features to points of the product space.

It adds two estimates of where the photos of a text lie. A ridge regression generalises to words that no product uses;
a kernel regression (Nadaraya and Watson, 1964: the mean of the known texts' points, weighted by similarity) knows the
shop's own texts. On the project's benchmark photos, both together find categories better than either alone.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from data.storage import parse_json, write_bytes
from engine.errors import FingerprintMismatch, InvalidModel
from engine.protocols import Floats
from engine.space import normalise, read_tensors
from engine.text.features import CHARACTERS
from engine.text.sounds import SOUNDS

HEAD_FILE = "text_head.safetensors"
_ARRAYS = ("mean", "matrix", "bias", "anchors", "anchor_points", "anchor_weights")
_KERNEL_WIDTH = 0.03  # in cosine between two texts; docs/query-embedder.md says how it was chosen
_OLD_KERNEL_WIDTH = 0.1  # of generations that do not say


@dataclass(frozen=True, kw_only=True)
class TextHead:
    """Maps text features to the product space: `normalise(ridge(features) + kernel(features))`, each normalised first.

    Attributes:
        mean: float32 (width,); the ridge regression is `(features - mean) @ matrix + bias`.
        matrix: float32 (width, d).
        bias: float32 (d,).
        anchors: float32 (m, width), the features of the shop's own texts.
        anchor_points: float32 (m, d), the point where the photos of each anchor lie.
        anchor_weights: float32 (m,), above 0, how much each anchor counts.
        encoder_name: the encoder that the head was fitted on, as `Settings.text_encoder` names it.
        encoder_digest: that encoder's digest.
        characters, sounds: widths of the hashed characters and sounds that follow the sentence embedding; 0: none.
        kernel_width: how fast the share of an anchor falls with its distance, in cosine between two texts.
    """

    mean: Floats
    matrix: Floats
    bias: Floats
    anchors: Floats
    anchor_points: Floats
    anchor_weights: Floats
    encoder_name: str
    encoder_digest: str
    characters: int = CHARACTERS
    sounds: int = SOUNDS
    kernel_width: float = _KERNEL_WIDTH

    def __post_init__(self) -> None:
        width, d = self.matrix.shape if self.matrix.ndim == 2 else (-1, -1)
        count = len(self.anchor_weights)
        wanted = ((width,), (width, d), (d,), (count, width), (count, d), (count,))
        shapes = tuple(getattr(self, name).shape for name in _ARRAYS)
        hashed = self.characters + self.sounds
        if shapes != wanted or not count or not min(self.characters, self.sounds) >= 0 or hashed >= max(width, 1):
            raise InvalidModel(f"the text head's arrays must have shapes {wanted}; got {shapes}. Rebuild.")
        finite = all(np.isfinite(getattr(self, name)).all() for name in _ARRAYS)
        if not finite or self.anchor_weights.min() <= 0 or not 0.001 <= self.kernel_width <= 10:
            raise InvalidModel("the text head must hold finite values, weights above 0 and a usable width. Rebuild.")

    @property
    def space_dim(self) -> int:
        return int(self.matrix.shape[1])

    def apply(self, embeddings: Floats) -> Floats:
        """Maps text features float32 (n, width), L2 norm 1, to the product space, float32 (n, d), L2 norm 1.

        The features are those of `engine.text.features.text_features` with this head's `characters` and `sounds`.

        Raises:
            FingerprintMismatch: the features have another width.
        """
        if embeddings.ndim != 2 or embeddings.shape[1] != len(self.mean):
            raise FingerprintMismatch(f"text features must have width {len(self.mean)}; got {embeddings.shape}.")
        ridge = normalise((embeddings - self.mean) @ self.matrix + self.bias)
        likeness = embeddings @ self.anchors.T / np.float32(self.kernel_width)
        share = np.exp(likeness - likeness.max(axis=1, keepdims=True)) * self.anchor_weights
        return normalise(ridge + normalise(share @ self.anchor_points))

    def save(self, folder: Path) -> None:
        """Writes `text_head.safetensors`."""
        from safetensors.numpy import save

        tensors = {name: np.ascontiguousarray(getattr(self, name)) for name in _ARRAYS}
        # One entry: safetensors writes several in any order, and equal heads should give equal files.
        encoder = {"name": self.encoder_name, "digest": self.encoder_digest}
        widths = {"characters": self.characters, "sounds": self.sounds, "kernel_width": self.kernel_width}
        write_bytes(folder / HEAD_FILE, save(tensors, metadata={"encoder": json.dumps(encoder | widths)}))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a head file.

        Raises:
            InvalidModel: the file is not a text head.
        """
        tensors, metadata = read_tensors(path, _ARRAYS)
        try:
            encoder = parse_json(metadata["encoder"])
            name, digest = str(encoder["name"]), str(encoder["digest"])
            characters, sounds = int(encoder.get("characters", 0)), int(encoder.get("sounds", 0))
            kernel_width = float(encoder.get("kernel_width", _OLD_KERNEL_WIDTH))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InvalidModel(f"{path.name} must name the encoder it was fitted on. Rebuild.") from error
        return cls(
            **tensors,
            encoder_name=name,
            encoder_digest=digest,
            characters=characters,
            sounds=sounds,
            kernel_width=kernel_width,
        )


def fit_ridge(embeddings: Floats, targets: Floats, weights: Floats, strength: float) -> tuple[Floats, Floats, Floats]:
    """Fits weighted ridge regression from embeddings to targets.

    Args:
        embeddings: float32 (n, width).
        targets: float32 (n, d).
        weights: float32 (n,), above 0.
        strength: the ridge penalty, relative to the embeddings' mean variance.

    Returns:
        mean (width,), matrix (width, d) and bias (d,) of `TextHead`.
    """
    share = (weights / weights.sum()).astype(np.float64)
    mean, bias = share @ embeddings, share @ targets
    centred, wanted = embeddings - mean, targets - bias
    covariance = (centred * share[:, None]).T @ centred
    penalty = strength * max(np.trace(covariance) / len(covariance), 1e-12)
    matrix = np.linalg.solve(covariance + penalty * np.eye(len(covariance)), (centred * share[:, None]).T @ wanted)
    return mean.astype(np.float32), matrix.astype(np.float32), bias.astype(np.float32)
