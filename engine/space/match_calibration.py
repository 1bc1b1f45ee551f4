"""Match probability: how likely a hit is what was asked for, and whether anything in the catalogue fits at all.

A cosine means different things for words and for photos, and from one generation to the next; a probability fitted on
queries whose answer is known means the same everywhere. Whether a photo shows anything that the shop sells is another
question. A learned product space puts every photo near some product, because it keeps only what tells products apart.
The backbone's features keep more: among them the catalogue's photos fill a small region. A photo is judged by its
distance from that region (Mahalanobis distance in the main directions plus the remainder, Lee et al., NeurIPS 2018).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypedDict

import numpy as np
from numpy.typing import NDArray

from data.storage import parse_json, write_bytes
from engine.errors import InvalidModel
from engine.protocols import Floats
from engine.space.projection import normalise, read_tensors, signed_sqrt

CALIBRATION_FILE = "match_calibration.safetensors"
_ARRAYS = ("mean", "axes", "spreads")


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Turns the cosines of one kind of query into probabilities: 1 / (1 + exp(-(slope * cosine + offset))).

    Attributes:
        least: nothing fits a query whose best cosine is below this.
    """

    slope: float
    offset: float
    least: float

    def probability(self, scores: Floats) -> Floats:
        logits = np.clip(self.slope * np.asarray(scores, np.float64) + self.offset, -40, 40)
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


@dataclass(frozen=True, kw_only=True)
class Region:
    """Where the catalogue's photos lie among the square-rooted, L2-normalised features.

    Attributes:
        mean: float32 (dim,).
        axes: float32 (dim, k), the main directions.
        spreads: float32 (k + 1,), the variance along each axis; the last is the variance along every other direction.
        farthest: a photo at a greater distance shows nothing from the catalogue.
    """

    mean: Floats
    axes: Floats
    spreads: Floats
    farthest: float

    def distances(self, features: Floats) -> Floats:
        """Returns squared Mahalanobis distances per dimension, float32 (n,), of pool_3 rows float32 (n, dim)."""
        rows = normalise(signed_sqrt(features)) - self.mean
        along = np.square(rows @ self.axes)
        rest = np.maximum(np.square(rows).sum(axis=1) - along.sum(axis=1), 0)
        total = (along / self.spreads[:-1]).sum(axis=1) + rest / self.spreads[-1]
        return np.asarray(total / len(self.mean), np.float32)

    def outside(self, features: Floats) -> float:
        """Returns the distance of one photo's pool_3 row float32 (dim,) as a share of `farthest`; above 1: outside."""
        return float(self.distances(features[None])[0]) / max(self.farthest, 1e-9)


@dataclass(frozen=True, kw_only=True)
class MatchCalibration:
    """Turns a generation's cosines into match probabilities, and tells when nothing fits a query.

    Attributes:
        curves: one for each kind of query that could be measured.
        region: where the catalogue's photos lie, to judge query photos.
        measured: the measured rates of false acceptance and false refusal.
    """

    curves: dict[str, Curve]
    region: Region
    measured: dict[str, Any]

    def probability(self, scores: Floats, kind: str) -> Floats | None:
        """Returns the match probability of each cosine, float32 (n,); None if this kind of query was not measured."""
        curve = self.curves.get(kind)
        return None if curve is None else curve.probability(scores)

    def no_match(self, best_score: float, kind: str, features: Floats | None = None) -> bool:
        """Returns True if no hit fits the query.

        Args:
            best_score: the highest cosine of the hits.
            features: a query photo's pool_3 row, float32 (dim,).
        """
        curve = self.curves.get(kind)
        if curve is not None and best_score < curve.least:
            return True
        if kind == "text" or features is None:
            return False
        # A product added since this generation was built may lie outside the region; a high cosine shows it was found.
        known = curve is not None and best_score >= max(0.9, curve.least)
        return not known and bool(self.region.distances(features[None])[0] > self.region.farthest)

    def save(self, folder: Path) -> None:
        """Writes `match_calibration.safetensors`."""
        from safetensors.numpy import save

        facts = {
            "curves": {kind: vars(curve) for kind, curve in self.curves.items()},
            "farthest": self.region.farthest,
            "measured": self.measured,
        }
        tensors = {name: np.ascontiguousarray(getattr(self.region, name), np.float32) for name in _ARRAYS}
        write_bytes(
            folder / CALIBRATION_FILE, save(tensors, metadata={"calibration": json.dumps(facts, sort_keys=True)})
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a calibration file.

        Raises:
            InvalidModel: the file is not a calibration.
        """
        tensors, metadata = read_tensors(path, _ARRAYS)
        try:
            facts = parse_json(metadata["calibration"])
            curves = {
                str(kind): Curve(**{name: float(value) for name, value in curve.items()})
                for kind, curve in facts["curves"].items()
            }
            region = Region(**tensors, farthest=float(facts["farthest"]))
            measured = dict(facts["measured"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidModel(f"{path.name} must be a match calibration; got {error}. Rebuild.") from error
        mean, axes, spreads = region.mean, region.axes, region.spreads
        fits = axes.ndim == 2 and mean.shape == axes.shape[:1] and spreads.shape == (axes.shape[1] + 1,)
        if not fits or not all(np.isfinite(array).all() for array in tensors.values()) or (spreads <= 0).any():
            raise InvalidModel(f"{path.name} must hold finite arrays that fit each other. Rebuild.")
        return cls(curves=curves, region=region, measured=measured)


class Verdict(TypedDict):
    """The match probabilities of one answer, float64 (m,), and whether nothing fits; see `engine.answers.Ranking`."""

    probabilities: NDArray[np.float64] | None
    no_match: bool


def judge(
    calibration: MatchCalibration | None, kind: str, scores: Floats, best: float, features: Floats | None
) -> Verdict:
    """Returns the match probability of every product found, and whether nothing fits; if so, none exceeds 0.5.

    Args:
        kind: of question; only `text` and `photo` have curves.
        scores: float32 (m,), cosines in the order of the answer.
        best: the highest cosine.
        features: a query photo's pool_3 row, float32 (dim,).
    """
    if calibration is None or kind not in ("text", "photo") or not len(scores):
        return Verdict(probabilities=None, no_match=False)
    no_match = calibration.no_match(best, kind, features)
    chances = calibration.probability(scores, kind)
    if chances is None:
        return Verdict(probabilities=None, no_match=no_match)
    # Scaled down rather than cut, so that the order among the products stays visible.
    capped = chances / 2 if no_match else chances
    return Verdict(probabilities=capped.astype(np.float64), no_match=no_match)
