"""The recogniser: runs the three voters on a photo's features and returns their vote, with its evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.filters import Kind, Scalar, attribute_values
from engine.errors import FingerprintMismatch, InvalidModel, InvalidQuery
from engine.protocols import Floats, Mask
from engine.recognition.broader import Level, levels_of
from engine.recognition.vote import TOP, Vote, named_by
from engine.recognition.voters import NAMES, KnnVoter, LinearVoter, Near, transform_rows
from engine.space import normalise

VIEWS = ("photo", "flip", "close")
_NEIGHBOURS = 5
_FEW = 8  # rows


@dataclass(frozen=True, kw_only=True)
class LabelGuess:
    """A label that one voter names.

    Attributes:
        score: that voter's calibrated probability.
    """

    label: str
    score: float


@dataclass(frozen=True, kw_only=True)
class RecognisedLabel:
    """A label that the vote returns.

    Attributes:
        score: the voters' combined confidence, before calibration.
        probability: calibrated chance that this is the right label.
        voters: the voters that name it among their five best.
    """

    label: str
    score: float
    probability: float
    voters: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BroaderLabel:
    """A broader label that the vote is sure of, such as `Shoes` where it doubts `Shoes > Boots`.

    Attributes:
        probability: the sum of the calibrated probabilities of all labels below it.
    """

    label: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A training photo near the query, as evidence; `distance` is Euclidean, in the voters' feature space."""

    image_id: str
    label: str
    distance: float


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """The result of recognising one photo.

    Attributes:
        labels: best first.
        voters: each voter's five best labels.
        neighbours: the nearest training photos, at most five.
        abstained: the best label is too uncertain to be relied on.
        broader: what the photo surely shows though the vote abstained; None: nothing, or it did not abstain.
    """

    labels: tuple[RecognisedLabel, ...]
    voters: dict[str, tuple[LabelGuess, ...]]
    neighbours: tuple[Neighbour, ...]
    abstained: bool
    broader: BroaderLabel | None = None


@dataclass(frozen=True, kw_only=True)
class FeatureMap:
    """Maps pool_3 rows to the voters' input: `normalise((transform(rows) - mean) @ matrix)`, averaged over views.

    Attributes:
        transform: one of `TRANSFORMS`.
        mean: float32 (dim,).
        matrix: float32 (dim, d).
        views: which views of a photo are embedded and averaged; `photo` first, then perhaps `flip` or
            `close`, see `engine.backbones.looked_at`.
    """

    transform: str
    mean: Floats
    matrix: Floats
    views: tuple[str, ...] = ("photo",)

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2 or self.mean.shape != self.matrix.shape[:1]:
            raise InvalidModel(f"mean and matrix must be (dim,), (dim, d); got {self.mean.shape}, {self.matrix.shape}.")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.matrix).all()):
            raise InvalidModel("mean and matrix must be finite; got NaN or infinity. Train the voters again.")
        if not self.views or self.views[0] != "photo" or set(self.views) - set(VIEWS):
            raise InvalidModel(f"views must begin with photo and be among {', '.join(VIEWS)}; got {self.views}.")
        transform_rows(self.transform, np.zeros((0, self.dim), np.float32))

    @property
    def dim(self) -> int:
        return int(self.matrix.shape[0])

    def apply(self, rows: Floats) -> Floats:
        """Maps pool_3 rows float32 (n, dim), or (views, n, dim), to the voters' input float32 (n, d), L2 norm 1.

        Raises:
            FingerprintMismatch: the rows have another width.
        """
        if rows.ndim not in (2, 3) or rows.shape[-1] != self.dim:
            raise FingerprintMismatch(
                f"features must have shape (n, {self.dim}); got {rows.shape}. Train the voters again."
            )
        if rows.ndim == 3:
            return normalise(np.mean([self.apply(view) for view in rows], axis=0))
        centred = transform_rows(self.transform, rows) - self.mean
        if len(rows) > _FEW:
            return normalise(centred @ self.matrix)
        # BLAS would share so small a product among all cores, and its threads spin on while the network needs them.
        return normalise(np.einsum("nd,dk->nk", centred, self.matrix))


@dataclass(frozen=True, kw_only=True)
class Recogniser:
    """The three voters and their vote. Immutable; safe to use from several threads.

    Attributes:
        fingerprint: that of the backbone whose features the voters read.
        label_kind: what the labels are: `category` or `attr.<name>`.
        labels: all labels, sorted.
        photos: bytes (m,), ASCII hex sha256 of the training photos.
        row_photos: int64 (n,), for each k-NN row the position of its photo in `photos`.
    """

    fingerprint: str
    label_kind: str
    labels: tuple[str, ...]
    features: FeatureMap
    softmax: LinearVoter
    knn: KnnVoter
    svm: LinearVoter
    vote: Vote
    photos: NDArray[np.bytes_]
    row_photos: NDArray[np.int64]

    def __post_init__(self) -> None:
        count = len(self.labels)
        counts = (self.softmax.labels, self.knn.label_count, self.svm.labels, self.vote.weights.shape[1])
        if set(counts) != {count} or count < 2 or self.vote.weights.shape[0] != len(NAMES):
            raise InvalidModel(f"all voters must know the same {count} labels; got {counts}. Train the voters again.")
        if self.vote.broader and len(self.vote.broader) != len(levels_of(self.labels)):
            raise InvalidModel(
                "the vote must have one threshold for each level above the labels. Train the voters again."
            )
        if self.row_photos.shape != self.knn.row_labels.shape or (
            len(self.row_photos) and not 0 <= self.row_photos.min() <= self.row_photos.max() < len(self.photos)
        ):
            raise InvalidModel("every k-NN row must name its photo. Train the voters again.")

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """The levels above the labels, broadest first; none if the vote has no thresholds for them."""
        return levels_of(self.labels) if self.vote.broader else ()

    @cached_property
    def label_numbers(self) -> Mapping[tuple[Kind, Scalar], int]:
        """Each label as filters and columns compare it -> its number."""
        return {value: number for number, label in enumerate(self.labels) for value in attribute_values(label)}

    def check_fingerprint(self, fingerprint: str) -> None:
        """Raises FingerprintMismatch where the voters were trained on another backbone's features."""
        if fingerprint != self.fingerprint:
            raise FingerprintMismatch(
                f"the voters were trained on features {self.fingerprint[:12]}; got {fingerprint[:12]}. "
                "Train the voters again, or use the backbone they were trained on."
            )

    def mask(self, within: Sequence[str]) -> Mask:
        """Returns which labels `within` allows, bool (labels,).

        Raises:
            InvalidQuery: a label is unknown.
        """
        unknown = sorted(set(within) - set(self.labels))
        if unknown:
            raise InvalidQuery(
                f"within must hold labels that the voters know; got {unknown[0][:100]!r}. "
                f"The first of {len(self.labels)} are: {', '.join(self.labels[:10])}.",
                field="within",
            )
        return np.isin(np.array(self.labels), np.array(list(within)))

    def tables(self, rows: Floats, allowed: Mask | None = None) -> Floats:
        """Returns each voter's probabilities, float32 (3, n, labels), in the order of `NAMES`.

        Args:
            rows: pool_3 features float32 (n, dim), or (views, n, dim).
            allowed: bool (labels,), the labels that may be named.
        """
        mapped = self.features.apply(rows)
        return self._tables(mapped, self.knn.neighbours(mapped, self.knn.k, allowed), allowed)

    def _tables(self, mapped: Floats, near: Near, allowed: Mask | None) -> Floats:
        tables = {
            "softmax": self.softmax.probabilities(mapped, allowed),
            "knn": self.knn.probabilities_by(near, allowed),
            "svm": self.svm.probabilities(mapped, allowed),
        }
        return np.stack([tables[name] for name in NAMES])

    def chances(self, rows: Floats) -> Floats:
        """Returns the softmax voter's probability of each label, float32 (n, labels).

        It takes a thirtieth of the time of the whole vote, whose k-NN voter looks at every training photo.

        Args:
            rows: pool_3 features float32 (n, dim).
        """
        return self.softmax.probabilities(self.features.apply(rows))

    def recognise(self, rows: Floats, *, k: int = 5, within: Sequence[str] = ()) -> Recognition:
        """Returns the vote on one photo, each voter's best labels and the nearest training photos.

        Args:
            rows: the photo's pool_3 features, float32 (views, dim).
            k: labels wanted, at least 1.
            within: the only labels that may be named; empty: all.

        Raises:
            InvalidQuery: `within` names an unknown label.
        """
        allowed = self.mask(within) if within else None
        mapped = self.features.apply(rows[:, None, :])
        # One search serves the k-NN voter and the evidence; it asks for more because several rows may show one photo.
        near = self.knn.neighbours(mapped, max(self.knn.k, _NEIGHBOURS * 8), allowed)
        tables = self._tables(mapped, near, allowed)
        order, probabilities = self.vote.rank(tables)
        scores = np.exp(self.vote.logits(tables))[0]
        named = named_by(tables)[:, 0]
        wanted = min(k, len(self.labels) if allowed is None else int(allowed.sum()))
        labels = tuple(
            RecognisedLabel(
                label=self.labels[label],
                score=float(scores[label]),
                probability=float(probability),
                voters=tuple(name for voter, name in enumerate(NAMES) if named[voter, label]),
            )
            for label, probability in zip(order[0, :wanted].tolist(), probabilities[0], strict=False)
        )
        return Recognition(
            labels=labels,
            voters={name: self._top(tables[voter, 0]) for voter, name in enumerate(NAMES)},
            neighbours=self._neighbours(near),
            abstained=(abstained := labels[0].probability < self.vote.threshold),
            broader=self._broader(tables) if abstained else None,
        )

    def labels_of(self, rows: Floats) -> list[str | None]:
        """Returns the label of each of several photos; None where the vote abstains.

        Args:
            rows: their pool_3 features, float32 (n, dim); one view of each is enough for a name.
        """
        order, probabilities = self.vote.rank(self.tables(rows))
        sure = probabilities[:, 0] >= self.vote.threshold
        return [self.labels[best] if is_sure else None for best, is_sure in zip(order[:, 0], sure, strict=True)]

    def _broader(self, tables: Floats) -> BroaderLabel | None:
        """Returns the most exact of the broader labels that the vote is sure of."""
        probabilities = self.vote.probabilities(tables)
        for level, threshold in reversed([*zip(self.levels, self.vote.broader, strict=True)]):
            sums = level.sums(probabilities)[0]
            best = int(sums.argmax())
            if sums[best] >= threshold:
                return BroaderLabel(label=level.names[best], probability=min(float(sums[best]), 1.0))
        return None

    def _top(self, shares: Floats) -> tuple[LabelGuess, ...]:
        best = np.argsort(-shares, kind="stable")[:TOP]
        return tuple(
            LabelGuess(label=self.labels[label], score=float(shares[label])) for label in best if shares[label] > 0
        )

    def _neighbours(self, near: Near) -> tuple[Neighbour, ...]:
        """Returns the nearest training photos, each once, at the distance of its nearest row."""
        rows, distances = (found[0] for found in near)
        nearest: dict[str, Neighbour] = {}
        for row, distance in zip(rows.tolist(), distances.tolist(), strict=True):
            if distance == np.inf:
                break
            image_id = self.photos[self.row_photos[row]].decode()
            label = self.labels[int(self.knn.row_labels[row])]
            nearest.setdefault(image_id, Neighbour(image_id=image_id, label=label, distance=float(distance**0.5)))
        return tuple(nearest.values())[:_NEIGHBOURS]
