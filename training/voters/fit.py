"""Fits the three voters and their vote on one set of labelled features."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.recognition import NAMES, KnnVoter, LinearVoter, Recogniser, calibrated, transform_rows
from engine.space import normalise
from training.errors import NotEnoughData
from training.measures import fit_temperature, negative_log_likelihood
from training.photos import TrainingRows, look_folds
from training.voters.feature_map import MapChoice, choose_map, fit_axes, whitening
from training.voters.knn import KnnChoice, choose_knn, fit_knn
from training.voters.softmax import SoftmaxOptions, epoch_rows, fit_softmax
from training.voters.svm import C_GRID, fit_svm
from training.voters.vote import VoteChoice, fit_vote

_INNER_FOLDS = 4
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """What the user may choose; the rest is chosen on held-out photos."""

    seed: int = 0
    precision: float = 0.9
    softmax: SoftmaxOptions = field(default_factory=SoftmaxOptions)


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The choices made on held-out photos; the final fit on all photos uses them unchanged.

    Attributes:
        judged: int64 (n,), the rows of the photos that judged them.
        tables: float32 (voters, n, labels), what the voters say of these photos, which they did not learn from.
    """

    feature_map: MapChoice
    c: float
    epochs: int
    knn: KnnChoice
    temperatures: dict[str, float]
    vote: VoteChoice
    judged: Numbers
    tables: Floats
    tried: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """Returns the choices as plain JSON values."""
        return {
            "transform": self.feature_map.transform,
            "shrinkage": self.feature_map.shrinkage,
            "c": self.c,
            "epochs": self.epochs,
            "k": self.knn.k,
            "bandwidth": self.knn.bandwidth,
            "temperatures": {name: round(value, 4) for name, value in self.temperatures.items()},
            "weighting": self.vote.chosen,
            "alone": self.vote.alone,
            "rule": self.vote.vote.rule,
            "vote_temperature": round(self.vote.vote.temperature, 4),
            "threshold": round(self.vote.vote.threshold, 4),
            "broader": list(self.vote.broader),
            "judged_by": len(self.judged),
            "held_out_top1": {name: round(value, 4) for name, value in self.vote.accuracy.items()},
            "tried": self.tried,
        }


@dataclass(frozen=True, kw_only=True)
class _Fold:
    """One inner fold of mapped features: training rows and their labels, held-out rows and their labels."""

    rows: Floats
    y: Numbers
    plain: int  # the first `plain` rows are unchanged photos, neither mirrored nor augmented
    queries: Floats
    truth: Numbers


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Seconds and training steps that each voter's final fit took."""

    seconds: dict[str, float]
    steps: dict[str, int]


def choose(rows: TrainingRows, labels: Sequence[str], options: FitOptions) -> Choices:
    """Returns all choices, made by cross-validation; photos that look alike share a fold.

    Args:
        labels: the names of the labels that `rows.y` numbers.

    Raises:
        NotEnoughData: too few photos to hold some out and learn from the others.
    """
    label_count = len(labels)
    folds = look_folds(transform_rows("sqrt_l2", rows.views[0]), rows.y, _INNER_FOLDS, seed=options.seed)
    judges = rows.judges
    if any(len(np.unique(rows.y[folds != fold])) < 2 for fold in np.unique(folds[judges])):
        raise NotEnoughData(
            "recognition needs enough photos to hold some out and to learn at least 2 labels from the others; got too "
            "few, or too many that look alike. Add photos."
        )
    chosen_map = choose_map(rows.views[0], rows.y, folds, judges)
    axes = fit_axes(chosen_map.transform, rows.views[0])
    points = replace(rows, views=axes.project(rows.views), copies=axes.project(rows.copies))
    parts = [_mapped(points, folds == fold, judges, chosen_map.shrinkage) for fold in np.unique(folds[judges])]
    c, tried_c = _choose_c(parts, label_count, options)
    knn = choose_knn([(p.rows[: p.plain], p.y[: p.plain], p.queries, p.truth) for p in parts], label_count)
    guesses = [_guesses(part, label_count, options, copies=rows.shown, c=c, knn=knn) for part in parts]
    logits, epochs = zip(*guesses, strict=True)
    tables, truth = np.concatenate(logits, axis=1), np.concatenate([part.truth for part in parts])
    temperatures = {name: fit_temperature(table, truth) for name, table in zip(NAMES, tables, strict=True)}
    for voter, name in enumerate(NAMES):
        tables[voter] = calibrated(tables[voter], temperatures[name])
    return Choices(
        feature_map=chosen_map,
        c=c,
        epochs=max(1, round(float(np.median(epochs)))),
        knn=knn,
        temperatures=temperatures,
        vote=fit_vote(tables, truth, NAMES, precision=options.precision, labels=labels),
        judged=np.concatenate([np.flatnonzero((folds == fold) & judges) for fold in np.unique(folds[judges])]),
        tables=tables,
        tried={"feature_map": chosen_map.tried, "c": tried_c},
    )


def fit(
    rows: TrainingRows,
    labels: tuple[str, ...],
    keys: tuple[str, ...],
    choices: Choices,
    options: FitOptions,
    *,
    fingerprint: str,
    label_kind: str,
) -> tuple[Recogniser, Timings]:
    """Fits the voters on all rows with the choices made; returns the recogniser and the timings."""
    flat, y, photos = rows.flat()
    axes = fit_axes(choices.feature_map.transform, rows.views[0])
    feature_map = axes.feature_map(axes.project(flat), y, choices.feature_map.shrinkage, rows.view_names)
    mapped = feature_map.apply(flat)
    seconds: dict[str, float] = {}

    def timed(name: str, run: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = run()
        seconds[name] = time.perf_counter() - started
        return result

    soft: LinearVoter = timed(
        "softmax",
        lambda: fit_softmax(
            mapped, y, len(labels), options.softmax, copies=rows.shown, epochs=choices.epochs, seed=options.seed
        )[0],
    )
    svm: LinearVoter = timed(
        "svm", lambda: fit_svm(mapped, y, len(labels), c=choices.c, copies=rows.shown, seed=options.seed)
    )
    knn: KnnVoter = timed("knn", lambda: fit_knn(mapped, y, len(labels), choices.knn, copies=rows.shown))
    knn.temperature = choices.temperatures["knn"]
    recogniser = Recogniser(
        fingerprint=fingerprint,
        label_kind=label_kind,
        labels=labels,
        features=feature_map,
        softmax=LinearVoter(layers=soft.layers, temperature=choices.temperatures["softmax"]),
        svm=LinearVoter(layers=svm.layers, temperature=choices.temperatures["svm"]),
        knn=knn,
        vote=choices.vote.vote,
        photos=np.array(keys, "S64"),
        row_photos=photos.astype(np.int64),
    )
    steps = {
        "softmax": choices.epochs * -(-epoch_rows(len(rows.y), options.softmax) // options.softmax.batch),
        "svm": len(labels),
        "knn": 0,
    }
    return recogniser, Timings(seconds=seconds, steps=steps)


def _mapped(points: TrainingRows, held: NDArray[np.bool_], judges: NDArray[np.bool_], shrinkage: float) -> _Fold:
    """Returns one fold, whitened by its training part; `points` holds rows on the principal axes."""
    inside = points.subset(np.flatnonzero(~held))
    flat, y, _ = inside.flat()
    matrix = whitening(flat, y, shrinkage)
    queries = [normalise(view @ matrix) for view in points.views[:, held & judges]]
    return _Fold(
        rows=normalise(flat @ matrix),
        y=y,
        plain=len(inside.y),
        queries=queries[0] if len(queries) == 1 else normalise(np.mean(queries, axis=0)),
        truth=points.y[held & judges],
    )


def _guesses(
    part: _Fold, label_count: int, options: FitOptions, *, copies: int, c: float, knn: KnnChoice
) -> tuple[Floats, int]:
    """Returns the logits of each voter for the held-out rows, (voters, n, labels), and the epochs that softmax took."""
    known = part.rows, part.y, label_count
    held = part.queries, part.truth
    soft, epochs = fit_softmax(*known, options.softmax, copies=copies, held=held, seed=options.seed)
    svm = fit_svm(*known, c=c, copies=copies, seed=options.seed)
    shares = np.log(fit_knn(*known, knn, copies=copies).probabilities(part.queries))
    return np.stack([soft.logits(part.queries), shares, svm.logits(part.queries)]), epochs


def _choose_c(parts: list[_Fold], label_count: int, options: FitOptions) -> tuple[float, dict[str, float]]:
    """Returns the C with the lowest calibrated loss on unchanged photos, and the loss of every C tried."""
    losses = {}
    y = np.concatenate([part.truth for part in parts])
    for c in C_GRID:
        voters = [fit_svm(p.rows[: p.plain], p.y[: p.plain], label_count, c=c, seed=options.seed) for p in parts]
        logits = np.concatenate([voter.logits(part.queries) for voter, part in zip(voters, parts, strict=True)])
        losses[c] = negative_log_likelihood(calibrated(logits, fit_temperature(logits, y)), y)
    return min(losses, key=lambda c: losses[c]), {f"{c:g}": round(loss, 4) for c, loss in losses.items()}
