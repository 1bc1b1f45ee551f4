"""The projection of pool_3 features to the product space: applies it, stores it, fits it by PCA."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.storage import write_bytes
from engine.arrays import check_finite, read_safetensors
from engine.errors import FingerprintMismatch, InvalidModel
from engine.protocols import Floats

PROJECTION_FILE = "projection.safetensors"
_TRANSFORMS: dict[str, Callable[[Floats], Floats]] = {
    "none": lambda rows: rows,
    "l2": lambda rows: normalise(rows),
    "sqrt_l2": lambda rows: normalise(signed_sqrt(rows)),
}
_SMALLEST_VARIANCE = 1e-6  # of a direction, as a share of the largest
_NO_LENGTH = 1e-12
_NOISE = 1e-9  # variance of rows of norm 1 that differ by their rounding to float16 only


@dataclass(frozen=True, kw_only=True)
class Projection:
    """Maps pool_3 features to the product space: `normalise((transform(features) - mean) @ matrix)`.

    Attributes:
        transform: `sqrt_l2`, `l2` or `none`, applied to each pool_3 row first.
        mean: float32 (dim,).
        matrix: float32 (dim, d).
    """

    transform: str
    mean: Floats
    matrix: Floats

    def __post_init__(self) -> None:
        if self.transform not in _TRANSFORMS:
            raise InvalidModel(f"transform must be one of {', '.join(_TRANSFORMS)}; got {self.transform!r}.")
        if self.matrix.ndim != 2 or self.mean.shape != self.matrix.shape[:1] or not self.matrix.size:
            raise InvalidModel(
                f"mean and matrix must be (dim,) and (dim, d); got {self.mean.shape}, {self.matrix.shape}."
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.matrix).all()):
            raise InvalidModel("mean and matrix must be finite; got NaN or infinity. Rebuild.")

    @property
    def dim(self) -> int:
        """Width of the features it reads."""
        return int(self.matrix.shape[0])

    @property
    def space_dim(self) -> int:
        """Width of the product space."""
        return int(self.matrix.shape[1])

    def apply(self, features: Floats) -> Floats:
        """Maps pool_3 features float32 (n, dim) to points of the product space, float32 (n, space_dim), L2 norm 1.

        Features in the very middle of the space, such as those of one plain colour can be, have no direction and are
        given the first one: every photo can be found, and photos alike stay alike.

        Raises:
            FingerprintMismatch: the features have another width.
        """
        points = self.centred(features) @ self.matrix
        points[np.linalg.norm(points, axis=1) < _NO_LENGTH, 0] = 1.0
        return normalise(points)

    def of_places(self, places: Floats) -> Floats:
        """Returns what each place of a photo adds to its point, float32 (m, space_dim): their mean is that point.

        A photo's features are the mean of its places, and what follows is linear but for the transform of each channel
        and the two lengths. The transformed value of a channel is shared out among the places as the channel itself is,
        and the lengths are those of the whole photo. So the mean of the inner products with another photo's point is
        the score of the two photos, exactly. This is the decomposition of Stylianou, Souvenir and Pless, "Visualizing
        Deep Similarity Networks", WACV 2019, with the transform between.

        Args:
            places: float32 (m, dim), a map whose mean over its places is the photo's features.

        Returns:
            Zeros where the photo is in the very middle of the space and so has no direction.
        """
        features = places.mean(axis=0)
        transformed = _TRANSFORMS[self.transform](features[None])[0]
        share = np.divide(transformed, features, out=np.zeros_like(features), where=np.abs(features) > _NO_LENGTH)
        return of_length_one((places * share - self.mean) @ self.matrix)

    def centred(self, features: Floats) -> Floats:
        """Returns the transformed features less their mean, float32 (n, dim): what the matrix is applied to.

        Raises:
            FingerprintMismatch: the features have another width.
        """
        if features.ndim != 2 or features.shape[1] != self.dim:
            raise FingerprintMismatch(f"features must have shape (n, {self.dim}); got {features.shape}. Rebuild.")
        rows = np.ascontiguousarray(features, dtype=np.float32)
        return _TRANSFORMS[self.transform](rows) - self.mean

    def save(self, folder: Path) -> None:
        """Writes `projection.safetensors`."""
        from safetensors.numpy import save

        tensors = {"mean": np.ascontiguousarray(self.mean), "matrix": np.ascontiguousarray(self.matrix)}
        write_bytes(folder / PROJECTION_FILE, save(tensors, metadata={"transform": self.transform}))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a projection file.

        Raises:
            InvalidModel: the file is not a projection.
        """
        tensors, metadata = read_tensors(path, ("mean", "matrix"))
        return cls(transform=metadata.get("transform", ""), mean=tensors["mean"], matrix=tensors["matrix"])


def normalise(rows: ArrayLike) -> Floats:
    """Returns the rows, float32 (n, d), each divided by its L2 norm; a zero row stays zero."""
    values = np.asarray(rows)
    norms = np.linalg.norm(values, axis=-1, keepdims=True)
    return np.asarray(values / np.maximum(norms, 1e-12), dtype=np.float32)


def of_length_one(places: Floats) -> Floats:
    """Returns the rows, float32 (m, d), divided by the length of their mean; zeros where it has none."""
    length = float(np.linalg.norm(places.mean(axis=0)))
    return places / length if length > _NO_LENGTH else np.zeros_like(places)


def signed_sqrt(rows: Floats) -> Floats:
    """Returns the square root of each value's size, with its sign, float32 (n, d).

    pool_3 features are never below 0; those of a network that a user brought may be.
    """
    return np.asarray(np.copysign(np.sqrt(np.abs(rows)), rows), np.float32)


def read_tensors(path: Path, names: tuple[str, ...]) -> tuple[dict[str, Floats], dict[str, str]]:
    """Reads the named float32 arrays and the metadata of a safetensors file.

    Raises:
        InvalidModel: the file is missing, is no safetensors file, lacks a name, or holds another dtype or NaN.
    """
    tensors, metadata = read_safetensors(path, names)
    check_finite(path, tensors)
    if wrong := [name for name, array in tensors.items() if array.dtype != np.float32]:
        raise InvalidModel(f"{path.name} must hold float32; {', '.join(wrong)} does not. Rebuild.")
    return tensors, metadata


def plain(dim: int) -> Projection:
    """Returns the projection of the space `pool3`: the L2-normalised features themselves."""
    return Projection(transform="l2", mean=np.zeros(dim, np.float32), matrix=np.eye(dim, dtype=np.float32))


def fit_pca(features: Floats | Iterable[Floats], dim: int, whiten: float = 0.5) -> Projection:
    """Fits PCA on the square-rooted, L2-normalised features.

    Each principal direction is divided by its variance to the power `whiten / 2`: 0 is plain PCA, 1 full whitening, and
    0.5, halfway, retrieves best on the project's benchmark photos. The square root is the Hellinger map of
    Arandjelovic and Zisserman, "Three things everyone should know to improve object retrieval", CVPR 2012.

    Args:
        features: pool_3 rows float32 (n, width), or an iterable of such blocks.
        dim: wanted width of the space; it is narrower where the data spans fewer directions.
        whiten: 0..1, see above.

    Raises:
        InvalidModel: there is no row.
    """
    mean, covariance = _moments([features] if isinstance(features, np.ndarray) else features)
    values, vectors = np.linalg.eigh(covariance)
    order = np.argsort(-values, kind="stable")[:dim]
    kept = order[values[order] > _SMALLEST_VARIANCE * values[order[0]]]
    if values[order[0]] <= _NOISE:
        return plain(len(mean))
    matrix = vectors[:, kept] * np.power(values[kept], -whiten / 2)
    # An eigenvector's sign is arbitrary; fixing it makes the same data give the same file.
    matrix *= np.where(matrix[np.abs(matrix).argmax(axis=0), np.arange(matrix.shape[1])] < 0, -1.0, 1.0)
    return Projection(transform="sqrt_l2", mean=mean.astype(np.float32), matrix=matrix.astype(np.float32))


def explained_variance(projection: Projection, features: Floats) -> float:
    """Returns the share (0..1) of the transformed features' variance that the projection's directions hold."""
    rows = _TRANSFORMS[projection.transform](np.ascontiguousarray(features, np.float32)) - projection.mean
    basis, _ = np.linalg.qr(projection.matrix)
    total = float(np.square(rows).sum())
    return float(np.square(rows @ basis).sum()) / total if total else 1.0


def _moments(blocks: Iterable[Floats]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    count, total, products = 0, np.zeros(0), np.zeros((0, 0))
    for block in blocks:
        rows = _TRANSFORMS["sqrt_l2"](np.ascontiguousarray(block, np.float32)).astype(np.float64)
        if not count:
            total, products = np.zeros(rows.shape[1]), np.zeros((rows.shape[1], rows.shape[1]))
        count, total, products = count + len(rows), total + rows.sum(axis=0), products + rows.T @ rows
    if not count:
        raise InvalidModel("at least one feature row is required to fit the product space; got none.")
    mean = total / count
    return mean, products / count - np.outer(mean, mean)


def space_digest(space: Projection) -> str:
    """Returns hex sha256 of a projection; equal digests mean the same product space."""
    parts = (space.transform.encode(), space.mean.tobytes(), space.matrix.tobytes())
    return hashlib.sha256(b"".join(parts)).hexdigest()


def spread(count: int, most: int) -> NDArray[np.int64]:
    """Returns at most `most` of the rows 0..count-1, evenly spread and ascending."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
