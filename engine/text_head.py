"""The head of the text tower: a linear map from sentence embeddings to the product space, in closed form."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from data.durable import write_bytes
from engine.errors import FingerprintMismatch, InvalidModel
from engine.projection import normalise, read_tensors
from engine.protocols import Floats

FILE = "text_head.safetensors"


@dataclass(frozen=True, kw_only=True)
class RidgeHead:
    """`normalise((embedding - mean) @ matrix + bias)`.

    Attributes:
        mean: float32 (width,).
        matrix: float32 (width, d).
        bias: float32 (d,).
        encoder_name: the encoder it was fitted on, as `Settings.text_encoder` names it.
        encoder_digest: that encoder's digest.
    """

    mean: Floats
    matrix: Floats
    bias: Floats
    encoder_name: str
    encoder_digest: str

    def __post_init__(self) -> None:
        shapes = (self.mean.shape, self.bias.shape)
        if self.matrix.ndim != 2 or shapes != (self.matrix.shape[:1], self.matrix.shape[1:]):
            raise InvalidModel(f"the text head must hold (w,), (w, d), (d,); got {shapes} and {self.matrix.shape}.")
        arrays = (self.mean, self.matrix, self.bias)
        if not all(np.isfinite(array).all() for array in arrays):
            raise InvalidModel("the text head must hold finite values; got NaN or infinity. Rebuild.")

    @property
    def space_dim(self) -> int:
        return int(self.matrix.shape[1])

    def apply(self, embeddings: Floats) -> Floats:
        """Maps sentence embeddings float32 (n, width) to the product space, float32 (n, d), L2 norm 1."""
        if embeddings.ndim != 2 or embeddings.shape[1] != len(self.mean):
            raise FingerprintMismatch(f"text embeddings must have width {len(self.mean)}; got {embeddings.shape}.")
        return normalise((embeddings - self.mean) @ self.matrix + self.bias)

    def save(self, folder: Path) -> None:
        """Writes `text_head.safetensors`."""
        from safetensors.numpy import save

        tensors = {name: np.ascontiguousarray(getattr(self, name)) for name in ("mean", "matrix", "bias")}
        metadata = {"encoder_name": self.encoder_name, "encoder_digest": self.encoder_digest}
        write_bytes(folder / FILE, save(tensors, metadata=metadata))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a head file.

        Raises:
            InvalidModel: the file is not a text head.
        """
        tensors, metadata = read_tensors(path, ("mean", "matrix", "bias"))
        if not metadata.get("encoder_digest"):
            raise InvalidModel(f"{path.name} must name the encoder it was fitted on; it does not. Rebuild.")
        return cls(
            mean=tensors["mean"],
            matrix=tensors["matrix"],
            bias=tensors["bias"],
            encoder_name=metadata.get("encoder_name", ""),
            encoder_digest=metadata["encoder_digest"],
        )


def fit_ridge(embeddings: Floats, targets: Floats, weights: Floats, strength: float) -> tuple[Floats, Floats, Floats]:
    """Fits weighted ridge regression from embeddings to targets.

    Args:
        embeddings: float32 (n, width).
        targets: float32 (n, d).
        weights: float32 (n,), above 0.
        strength: the ridge penalty relative to the embeddings' mean variance.

    Returns:
        mean (width,), matrix (width, d) and bias (d,) of `RidgeHead`.
    """
    share = (weights / weights.sum()).astype(np.float64)
    mean, bias = share @ embeddings, share @ targets
    centred, wanted = embeddings - mean, targets - bias
    covariance = (centred * share[:, None]).T @ centred
    penalty = strength * max(np.trace(covariance) / len(covariance), 1e-12)
    matrix = np.linalg.solve(covariance + penalty * np.eye(len(covariance)), (centred * share[:, None]).T @ wanted)
    return mean.astype(np.float32), matrix.astype(np.float32), bias.astype(np.float32)
