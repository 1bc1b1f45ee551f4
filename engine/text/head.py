"""The head of the text tower: maps text features to points of the product space.

It adds two estimates of where the photos of a text lie. A ridge regression generalises to words that no product uses;
a kernel regression (Nadaraya and Watson, 1964: the mean of the known texts' points, weighted by similarity) knows the
shop's own texts. On the project's benchmark photos, both together find categories better than either alone.

Texts that the shop itself uses are better still where the training of the query embedder puts them. So the nearer a
text is to one of those, the more its learned point counts.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from data.storage import parse_json, write_bytes
from engine.errors import FingerprintMismatch, InvalidModel
from engine.protocols import Floats
from engine.space import normalise, read_tensors
from engine.text.features import CHARACTERS
from engine.text.sounds import SOUNDS

HEAD_FILE = "text_head.safetensors"
_ARRAYS = ("mean", "matrix", "bias", "anchors", "anchor_points", "anchor_weights")
_BLOCK_ROWS = 8192
_KERNEL_WIDTH = 0.03  # in cosine between two texts; docs/query-embedder.md says how it was chosen
_OLD_KERNEL_WIDTH = 0.1  # of generations that do not say
_KNOWN_FROM = 0.7  # cosine to a text of the shop from which on the learned point begins to count


@dataclass(frozen=True, kw_only=True)
class TextHead:
    """Maps text features to the product space: `normalise(ridge(features) + kernel(features))`, each normalised first.

    With `learned`, a text's point moves from there to its learned point as its cosine to the nearest text that the map
    has learned rises from 0.7 to 1.
    Without anchors, as of a joint model, it is the ridge regression alone.

    Attributes:
        mean: float32 (width,); the ridge regression is `(features - mean) @ matrix + bias`.
        matrix: float32 (width, d).
        bias: float32 (d,).
        anchors: float32 (m, width), the features of the shop's own texts; none for a joint model.
        anchor_points: float32 (m, d), the point where the photos of each anchor lie.
        anchor_weights: float32 (m,), above 0, how much each anchor counts.
        encoder_name: the encoder that the head was fitted on, as `Settings.text_encoder` names it.
        encoder_digest: that encoder's digest.
        characters, sounds: widths of the hashed characters and sounds that follow the sentence embedding; 0: none.
        kernel_width: how fast the share of an anchor falls with its distance, in cosine between two texts.
        learned: float32 (width + 1, d), the query embedder's map of texts, its last row the bias; None: there is none.
        learned_anchors: how many anchors, from the first on, `learned` was trained on.
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
    learned: Floats | None = None
    learned_anchors: int = 0

    def __post_init__(self) -> None:
        width, d = self.matrix.shape if self.matrix.ndim == 2 else (-1, -1)
        count = len(self.anchor_weights)
        wanted = ((width,), (width, d), (d,), (count, width), (count, d), (count,))
        shapes = tuple(getattr(self, name).shape for name in _ARRAYS)
        hashed = self.characters + self.sounds
        if shapes != wanted or not min(self.characters, self.sounds) >= 0 or hashed >= max(width, 1):
            raise InvalidModel(f"the text head's arrays must have shapes {wanted}; got {shapes}. Rebuild.")
        finite = all(np.isfinite(getattr(self, name)).all() for name in _ARRAYS)
        if not finite or (self.anchor_weights <= 0).any() or not 0.001 <= self.kernel_width <= 10:
            raise InvalidModel("the text head must hold finite values, weights above 0 and a usable width. Rebuild.")
        object.__setattr__(self, "anchors", np.asfortranarray(self.anchors))  # `_product` reads single columns
        learned = self.learned
        if learned is not None and not (learned.shape == (width + 1, d) and 0 < self.learned_anchors <= count):
            raise InvalidModel(f"the learned map of texts must fit the text head; got {learned.shape}. Rebuild.")

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
        ridge = normalise(self._product(embeddings, self.matrix) + self._offset)
        if not len(self.anchors):
            return ridge
        likeness = self._product(embeddings, self.anchors.T)
        nearness = likeness / np.float32(self.kernel_width)
        share = np.exp(nearness - nearness.max(axis=1, keepdims=True)) * self.anchor_weights
        points = normalise(ridge + normalise(share @ self.anchor_points))
        if self.learned is None:
            return points
        nearest = likeness[:, : self.learned_anchors].max(axis=1, keepdims=True)
        known = np.clip((nearest - _KNOWN_FROM) / (1 - _KNOWN_FROM), 0, 1)
        learned = normalise(self._product(embeddings, self.learned[:-1]) + self.learned[-1])
        return normalise((1 - known) * points + known * learned)

    @cached_property
    def _offset(self) -> Floats:
        return self.bias - self.mean @ self.matrix

    def _product(self, embeddings: Floats, matrix: Floats) -> Floats:
        """Returns `embeddings @ matrix`; of one text, only the hashed features that it has are read.

        A product with one row takes as long as reading the matrix, and a short text has one in ten hashed features.
        """
        if len(embeddings) > 1:
            return embeddings @ matrix
        hashed = embeddings.shape[1] - self.characters - self.sounds
        used = hashed + np.flatnonzero(embeddings[0, hashed:])
        product: Floats = embeddings[:, :hashed] @ matrix[:hashed] + embeddings[:, used] @ matrix[used]
        return product

    def save(self, folder: Path) -> None:
        """Writes `text_head.safetensors`."""
        from safetensors.numpy import save

        arrays = {name: getattr(self, name) for name in _ARRAYS}
        if self.learned is not None:
            arrays["learned"] = self.learned
        tensors = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        # One entry: safetensors writes several in any order, and equal heads should give equal files.
        encoder = {"name": self.encoder_name, "digest": self.encoder_digest}
        widths = {"characters": self.characters, "sounds": self.sounds, "kernel_width": self.kernel_width}
        widths |= {"learned_anchors": self.learned_anchors}
        write_bytes(folder / HEAD_FILE, save(tensors, metadata={"encoder": json.dumps(encoder | widths)}))

    @classmethod
    def of_joint(cls, encoder_name: str, encoder_digest: str, dim: int) -> Self:
        """Returns the head of a joint model, whose embeddings are points of the product space as they are."""
        nothing = np.zeros(dim, np.float32)
        return cls(
            mean=nothing,
            matrix=np.eye(dim, dtype=np.float32),
            bias=nothing,
            anchors=np.zeros((0, dim), np.float32),
            anchor_points=np.zeros((0, dim), np.float32),
            anchor_weights=nothing[:0],
            encoder_name=encoder_name,
            encoder_digest=encoder_digest,
            characters=0,
            sounds=0,
        )

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
            learned_anchors = int(encoder.get("learned_anchors", 0))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InvalidModel(f"{path.name} must name the encoder it was fitted on. Rebuild.") from error
        if learned_anchors:
            tensors |= read_tensors(path, ("learned",))[0]
        return cls(
            **tensors,
            encoder_name=name,
            encoder_digest=digest,
            characters=characters,
            sounds=sounds,
            kernel_width=kernel_width,
            learned_anchors=learned_anchors,
        )


def fit_ridge(
    embeddings: NDArray[np.floating[Any]], targets: Floats, weights: Floats, strength: float
) -> tuple[Floats, Floats, Floats]:
    """Fits weighted ridge regression from embeddings to targets, in float64, block by block.

    Args:
        embeddings: float16 or float32 (n, width).
        targets: float32 (n, d).
        weights: float32 (n,), above 0.
        strength: the ridge penalty, relative to the embeddings' mean variance.

    Returns:
        mean (width,), matrix (width, d) and bias (d,) of `TextHead`.
    """
    share, width = (weights / weights.sum()).astype(np.float64), embeddings.shape[1]
    blocks = [slice(start, start + _BLOCK_ROWS) for start in range(0, len(embeddings), _BLOCK_ROWS)]
    mean = sum((share[block] @ embeddings[block] for block in blocks), np.zeros(width))
    bias = share @ targets
    covariance, products = np.zeros((width, width)), np.zeros((width, targets.shape[1]))
    for block in blocks:
        centred = embeddings[block] - mean
        weighted = (centred * share[block, None]).T
        covariance += weighted @ centred
        products += weighted @ (targets[block] - bias)
    penalty = strength * max(np.trace(covariance) / width, 1e-12)
    matrix = np.linalg.solve(covariance + penalty * np.eye(width), products)
    return mean.astype(np.float32), matrix.astype(np.float32), bias.astype(np.float32)
