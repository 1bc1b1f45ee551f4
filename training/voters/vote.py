"""Fits the vote on out-of-fold predictions: how far each voter is trusted, the rule, calibration and abstention."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.recognition import RULES, Vote, levels_of
from training.measures import fit_temperature, negative_log_likelihood, threshold_for

# a voter's overall accuracy weighs as much as this many photos of one label
_PRIOR_PHOTOS = 20
# with fewer photos per label, the accuracy on a single label is mere chance
_LEAST_PHOTOS_A_LABEL = 10
_SHARPNESS = (0.0, 2.0, 4.0, 8.0, 16.0, 64.0)
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class VoteChoice:
    """The fitted vote, and what else was tried.

    Attributes:
        chosen: name of the weighting that was taken.
        tried: share of errors and negative log likelihood of each weighting, on photos it was not fitted on.
        accuracy: out-of-fold Top-1 of each voter, then of the vote.
        alone: the voter that decides alone, because voting is not more often right; "": none.
        broader: what each level above the labels gives, broadest first, see `_fit_broader`.
    """

    vote: Vote
    chosen: str
    tried: dict[str, dict[str, float]]
    accuracy: dict[str, float]
    alone: str = ""
    broader: tuple[dict[str, Any], ...] = ()


def fit_vote(
    tables: Floats, y: Numbers, names: tuple[str, ...], *, precision: float = 0.9, labels: Sequence[str] = ()
) -> VoteChoice:
    """Returns the vote fitted on predictions for photos that the voters did not see.

    A voter's weight is its validated accuracy to a power: 0 weighs all voters alike, a large power leaves the best
    voter alone. Weights are global or, with at least 10 photos per label, may be per label; a label's own accuracy is
    then shrunk towards the global one. Each weighting is judged on photos it was not fitted on. Of those whose share
    of errors lies within one standard error of the smallest, the one with the best-fitting probabilities is taken
    (the rule of Breiman et al., Classification and Regression Trees, 1984, 3.4.3). If voting is then not more often
    right than the best voter, by more than chance, that voter decides alone.

    Args:
        tables: float32 (voters, n, labels), calibrated probabilities of photos that the voters did not see.
        y: int64 (n,), the right labels.
        names: the voters' names, in the order of `tables`.
        precision: wanted share of right answers where the vote does not abstain.
        labels: the labels' names, for the levels above them; empty: no levels.
    """
    kinds = _KINDS if len(y) >= _LEAST_PHOTOS_A_LABEL * tables.shape[2] else ["global"]
    tried = {
        _Weighting(kind, sharpness, rule): _crossed(_Weighting(kind, sharpness, rule), tables, y)
        for sharpness in _SHARPNESS
        for kind in kinds
        for rule in RULES
    }
    fewest = min(errors for errors, _ in tried.values())
    chance = (fewest * (1 - fewest) / len(y)) ** 0.5
    good = {weighting: loss for weighting, (errors, loss) in tried.items() if errors <= fewest + chance}
    chosen = min(good, key=lambda weighting: good[weighting])
    best = int((tables.argmax(axis=2) == y).sum(axis=1).argmax())
    alone = not _more_often_right(_right_when_crossed(chosen, tables, y), tables[best].argmax(axis=1) == y)
    vote = _alone(best, tables, y) if alone else chosen.fit(tables, y)
    order, probabilities = vote.rank(tables)
    right = order[:, 0] == y
    vote = replace(vote, threshold=threshold_for(probabilities[:, 0], right, precision))
    broader = _fit_broader(vote, tables, y, labels, precision)
    vote = replace(vote, broader=tuple(found["threshold"] for found in broader))
    each = {name: float((table.argmax(axis=1) == y).mean()) for name, table in zip(names, tables, strict=True)}
    return VoteChoice(
        vote=vote,
        chosen=f"{names[best]} alone" if alone else str(chosen),
        tried={str(weighting): {"errors": errors, "loss": loss} for weighting, (errors, loss) in tried.items()},
        accuracy={**each, "vote": float(right.mean())},
        alone=names[best] if alone else "",
        broader=tuple(broader),
    )


def _more_often_right(vote: NDArray[np.bool_], voter: NDArray[np.bool_]) -> bool:
    """Returns whether the vote wins more photos than it loses, by more than one standard error.

    Only photos where one is right and the other wrong tell them apart (McNemar, Psychometrika 12, 1947).
    """
    wins, losses = int((vote & ~voter).sum()), int((voter & ~vote).sum())
    return bool(wins - losses > (wins + losses) ** 0.5)


def _alone(voter: int, tables: Floats, y: Numbers) -> Vote:
    """Returns a vote in which one voter decides alone."""
    weights = np.zeros((len(tables), tables.shape[2]), np.float32)
    weights[voter] = 1
    return _calibrated(Vote(weights=weights), tables, y)


def _fit_broader(
    vote: Vote, tables: Floats, y: Numbers, labels: Sequence[str], precision: float
) -> list[dict[str, Any]]:
    """Returns the threshold of each level above the labels, and what it adds, broadest first.

    A level is fitted on the photos for which the vote abstains at every more exact level: those are the ones that it
    will be asked about.

    Returns:
        `threshold`, from which on the wanted share is right; the share of all photos `answered` at this level, and of
        these `right`.
    """
    probabilities, found = vote.probabilities(tables), []
    left = vote.rank(tables)[1][:, 0] < vote.threshold
    for level in reversed(levels_of(labels)):
        sums = level.sums(probabilities)
        right, best = sums.argmax(axis=1) == level.of_label[y], sums.max(axis=1)
        threshold = threshold_for(best[left], right[left], precision) if left.any() else 1.0
        answered = left & (best >= threshold)
        share = round(float(right[answered].mean()), 4) if answered.any() else None
        found.append({"threshold": threshold, "answered": round(float(answered.mean()), 4), "right": share})
        left &= ~answered
    return found[::-1]


@dataclass(frozen=True)
class _Weighting:
    """One way to weight the voters."""

    kind: str
    sharpness: float
    rule: str

    def __str__(self) -> str:
        return f"{self.kind}, {self.rule}, accuracy^{self.sharpness:g}"

    def fit(self, tables: Floats, y: Numbers) -> Vote:
        accuracy = _KINDS[self.kind](tables, y)
        weights = (accuracy / accuracy.max(axis=0)) ** self.sharpness
        return _calibrated(Vote(weights=weights.astype(np.float32), rule=self.rule), tables, y)


def _crossed(weighting: _Weighting, tables: Floats, y: Numbers) -> tuple[float, float]:
    """Fits on every second photo and measures on the others, both ways round; returns share of errors and loss."""
    wrong, losses = [], []
    for part in _halves(y):
        probabilities = weighting.fit(tables[:, part], y[part]).probabilities(tables[:, ~part])
        wrong.append(probabilities.argmax(axis=1) != y[~part])
        losses.append(negative_log_likelihood(probabilities, y[~part]))
    return float(np.concatenate(wrong).mean()), float(np.mean(losses))


def _right_when_crossed(weighting: _Weighting, tables: Floats, y: Numbers) -> NDArray[np.bool_]:
    """Returns which photos a vote ranks rightly that was fitted on the other half of them, bool (n,)."""
    right = np.zeros(len(y), np.bool_)
    for part in _halves(y):
        right[~part] = weighting.fit(tables[:, part], y[part]).rank(tables[:, ~part])[0][:, 0] == y[~part]
    return right


def _halves(y: Numbers) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    odd = np.arange(len(y)) % 2 == 1
    return odd, ~odd


def _calibrated(vote: Vote, tables: Floats, y: Numbers) -> Vote:
    temperature = fit_temperature(vote.logits(tables).astype(np.float32), y)
    return Vote(weights=vote.weights, rule=vote.rule, temperature=temperature)


def _global_accuracy(tables: Floats, y: Numbers) -> Floats:
    """Returns each voter's Top-1, float32 (voters, labels), the same for every label."""
    shares = (tables.argmax(axis=2) == y).mean(axis=1)
    return np.repeat(np.maximum(shares, 1e-3)[:, None], tables.shape[2], axis=1).astype(np.float32)


def _label_accuracy(tables: Floats, y: Numbers) -> Floats:
    """Returns how often each voter is right when it names a label, shrunk towards its overall accuracy."""
    overall = _global_accuracy(tables, y)
    said = tables.argmax(axis=2)
    accuracy = np.empty_like(overall)
    for voter, labels in enumerate(said):
        named = np.bincount(labels, minlength=tables.shape[2])
        right = np.bincount(labels[labels == y], minlength=tables.shape[2])
        accuracy[voter] = (right + _PRIOR_PHOTOS * overall[voter]) / (named + _PRIOR_PHOTOS)
    return accuracy


_KINDS = {"global": _global_accuracy, "per label": _label_accuracy}
