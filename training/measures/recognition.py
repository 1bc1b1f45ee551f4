"""Recognition on held-out photos: every model's best labels for every photo, and the figures that follow."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.storage import parse_json, write_bytes
from engine.arrays import read_safetensors
from engine.errors import InvalidModel
from engine.protocols import Floats
from engine.recognition import NAMES, Recogniser
from training.measures.calibration import Reliability, reliability

RECOGNITION_FILE = "recognition.safetensors"
MODELS = (*NAMES, "vote")
_KEPT = 10
_SURE = 0.9
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class LabelFigures:
    """One label's precision, recall and F1 (0..1; None if undefined), and its number of photos."""

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Held-out photos, and the labels that the models gave them.

    Attributes:
        labels: label names.
        keys: sha256 of each photo.
        y: int64 (n,), the given labels.
        best: int64 (4, n, t), each model's best labels in order; the models are `MODELS`.
        scores: float32 (4, n, t), their probabilities.
        threshold: the vote abstains below it.
    """

    labels: tuple[str, ...]
    keys: tuple[str, ...]
    y: Numbers
    best: Numbers
    scores: Floats
    threshold: float

    def top(self, model: str, k: int) -> float:
        """Returns the share of photos whose label is among the model's k best, 0..1."""
        best = self.best[MODELS.index(model), :, :k]
        return float((best == self.y[:, None]).any(axis=1).mean())

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which photos the vote got right, bool (n,)."""
        return np.asarray(self.best[-1, :, 0] == self.y)

    @property
    def confidence(self) -> Floats:
        """The vote's top probability, float32 (n,)."""
        return self.scores[-1, :, 0]

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Which photos the vote does not abstain on, bool (n,)."""
        return np.asarray(self.confidence >= self.threshold)

    @property
    def reliability(self) -> Reliability:
        return reliability(self.confidence, self.right)

    def confusion(self) -> Numbers:
        """Returns how many photos of each label (row) the vote took for each label (column)."""
        counts = np.zeros((len(self.labels), len(self.labels)), np.int64)
        np.add.at(counts, (self.y, self.best[-1, :, 0]), 1)
        return counts

    def by_label(self) -> list[LabelFigures]:
        """Returns the vote's figures for each label."""
        confusion = self.confusion()
        hits, shown, named = np.diag(confusion).tolist(), confusion.sum(axis=1).tolist(), confusion.sum(axis=0).tolist()
        return [
            LabelFigures(
                label=label,
                precision=hit / given if given else None,
                recall=hit / support if support else None,
                f1=2 * hit / (given + support) if given + support else None,
                support=support,
            )
            for label, hit, support, given in zip(self.labels, hits, shown, named, strict=True)
        ]

    def mistakes(self) -> Numbers:
        """Returns the photos that the vote got wrong, the surest first."""
        wrong = np.flatnonzero(~self.right)
        return np.asarray(wrong[np.argsort(-self.confidence[wrong], kind="stable")], np.int64)

    def suspects(self) -> Numbers:
        """Returns photos whose label may be wrong: all voters name one other label, and the vote is very sure."""
        first = self.best[: len(NAMES), :, 0]
        agreed = (first == first[0]).all(axis=0)
        wrong = self.mistakes()
        return np.asarray(wrong[agreed[wrong] & (self.confidence[wrong] >= _SURE)], np.int64)

    def figures(self) -> dict[str, Any]:
        """Returns the main figures as plain JSON values."""
        return {
            "photos": len(self.y),
            **{model: {f"top{k}": round(self.top(model, k), 4) for k in (1, 3, 5)} for model in MODELS},
            "vote_minus_best_voter": round(self.top("vote", 1) - max(self.top(name, 1) for name in NAMES), 4),
            "expected_calibration_error": round(self.reliability.expected_error, 4),
            "threshold": round(self.threshold, 4),
            "coverage": round(float(self.answered.mean()), 4),
            "precision_where_answered": round(float(self.right[self.answered].mean()), 4)
            if self.answered.any()
            else None,
        }

    def save(self, folder: Path) -> None:
        """Writes `recognition.safetensors`."""
        from safetensors.numpy import save

        arrays = {"y": self.y, "best": self.best, "scores": self.scores}
        facts = {"labels": self.labels, "keys": self.keys, "threshold": self.threshold}
        content = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        write_bytes(
            folder / RECOGNITION_FILE, save(content, metadata={"measured": json.dumps(facts, ensure_ascii=False)})
        )

    @classmethod
    def load(cls, path: Path) -> "Measured":
        """Returns the measurement that `save` wrote.

        Raises:
            InvalidModel: the file does not hold one.
        """
        arrays, metadata = read_safetensors(path, ("y", "best", "scores"))
        try:
            facts = parse_json(metadata["measured"])
            return cls(
                labels=tuple(facts["labels"]),
                keys=tuple(facts["keys"]),
                y=arrays["y"].astype(np.int64, casting="safe"),
                best=arrays["best"].astype(np.int64, casting="safe"),
                scores=arrays["scores"].astype(np.float32),
                threshold=float(facts["threshold"]),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise InvalidModel(
                f"{path.name} must hold what was measured; got {error}. Train the voters again."
            ) from error


def measure_recogniser(recogniser: Recogniser, rows: Floats, y: Numbers, keys: Sequence[str]) -> Measured:
    """Returns which labels the voters and the vote give to photos whose labels are known.

    Args:
        rows: pool_3 features float32 (n, dim), or (views, n, dim).
        y: int64 (n,), label numbers of `recogniser.labels`.
        keys: sha256 of each photo.
    """
    return from_tables(recogniser, recogniser.tables(rows), y, keys)


def from_tables(recogniser: Recogniser, tables: Floats, y: Numbers, keys: Sequence[str]) -> Measured:
    """Returns the same as `measure`, from the voters' probabilities float32 (3, n, labels)."""
    kept = min(_KEPT, tables.shape[2])
    best = np.argsort(-tables, axis=2, kind="stable")[:, :, :kept]
    order, probabilities = recogniser.vote.rank(tables)
    scores = np.take_along_axis(tables, best, axis=2)
    return Measured(
        labels=recogniser.labels,
        keys=tuple(keys),
        y=np.asarray(y, np.int64),
        best=np.concatenate([best, order[None, :, :kept]]).astype(np.int64),
        scores=np.concatenate([scores, probabilities[None, :, :kept]]).astype(np.float32),
        threshold=recogniser.vote.threshold,
    )


def join(parts: Sequence[Measured]) -> Measured:
    """Returns the folds of a cross-validation as one measurement; its threshold is their mean."""
    first = parts[0]
    return Measured(
        labels=first.labels,
        keys=tuple(key for part in parts for key in part.keys),
        y=np.concatenate([part.y for part in parts]),
        best=np.concatenate([part.best for part in parts], axis=1),
        scores=np.concatenate([part.scores for part in parts], axis=1),
        threshold=float(np.mean([part.threshold for part in parts])),
    )
