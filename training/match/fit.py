"""Fits the match model of one kind of question, and measures it on questions that it did not learn from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.answers import ANSWER_SIGNS, FIRST, HIT_SIGNS, Evidence, answer_signs, hit_signs, judge_by
from engine.match import KindModel, Logistic
from engine.protocols import Mask
from training.match.asking import Answer
from training.match.questions import CHOSEN, LISTED, TAKEN_OUT
from training.measures import reliability

LEAST_QUESTIONS = 20  # with an answer, and without one
_FOLDS = 5
_REFUSED = 0.01  # share of the photos with an answer that may lie farther outside than the bound
# How much all questions without an answer count, beside 1 for all with one: those whose products were taken out, and
# those for what is not sold. More would refuse too much: docs/match-probability.md has figures.
_TAKEN_OUT, _NOT_SOLD = 0.15, 0.25
_WORDS_TAKEN_OUT, _WORDS_NOT_SOLD = 0.06, 0.2  # the same of words alone
_LISTED = 4.0  # how much a listed word counts beside other words: these alone are also asked in another language
_PENALTY = 0.1  # over signs of standard deviation 1; chosen by folds among 1, 0.1 and 0.01
# These signs may only speak for what they mean, whatever the questions of one catalogue happen to be like.
_FOR, _AGAINST = (0.0, None), (None, 0.0)
_BOUNDS: dict[str, tuple[float | None, float | None]] = {
    **dict.fromkeys(("best", "shop", "unheld_shop", "no_thing_shop", "held", "whole"), _FOR),
    **dict.fromkeys(("middle", "like_photo", "like_words", "share", "ahead", "middle_ahead"), _FOR),
    **dict.fromkeys(("strangers", "unheld_strangers", "no_thing_strangers", "no_thing_best"), _AGAINST),
    **dict.fromkeys(("partly", "below", "lacking", "middle_below"), _AGAINST),
}
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """The out-of-fold verdict on one answer: the chances of its first hits, float64 (n,), and `no_match`.

    `weight` is how much the answer counts, beside 1 for the mean answer.
    """

    answer: Answer
    chances: Doubles
    no_match: bool
    weight: float

    @property
    def right(self) -> Mask:
        return self.answer.right[: len(self.chances)]


def fit_kind(kind: str, answers: Sequence[Answer]) -> tuple[KindModel, dict[str, Any]] | None:
    """Returns the model of a kind of question and its out-of-fold figures; None if there are too few questions."""
    answerable = np.array([bool(answer.asked.right) for answer in answers], np.bool_)
    if min(answerable.sum(), (~answerable).sum()) < LEAST_QUESTIONS:
        return None
    from sklearn.model_selection import GroupKFold

    weights = _weights(answers)
    judged: list[Judged] = []
    groups = [answer.asked.group for answer in answers]
    for learned, asked in GroupKFold(_FOLDS).split(weights, groups=groups):
        model = _fit(kind, [answers[at] for at in learned], weights[learned])
        judged += [_judge(model, answers[at], float(weights[at])) for at in asked]
    return _fit(kind, answers, weights), figures(judged)


def figures(judged: Sequence[Judged]) -> dict[str, Any]:
    """Returns the figures of verdicts: calibration, both kinds of error, and each source of questions.

    `expected_calibration_error` is over the first ten hits of all questions, each of which counts as much as in what is
    learned: a probability can be right for one share of questions without an answer only. `refused`: the share of the
    questions with an answer that say `no_match`; `accepted`: the share of those without one that do not.
    `right_below_half` and `wrong_above_half` are of first hits.
    """
    chances = np.concatenate([verdict.chances for verdict in judged])
    right = np.concatenate([verdict.right for verdict in judged])
    weights = np.concatenate([np.full(len(verdict.chances), verdict.weight) for verdict in judged])
    bins = reliability(chances.astype(np.float32), right, weights)
    by_source: dict[str, list[Judged]] = {}
    for verdict in judged:
        by_source.setdefault(verdict.answer.asked.source, []).append(verdict)
    return {
        "questions": len(judged),
        "expected_calibration_error": round(bins.expected_error, 4),
        **_errors(judged),
        "reliability": {
            "chance": [round(value, 3) for value in bins.confidence],
            "right": [round(value, 3) for value in bins.accuracy],
            "hits": list(bins.count),
        },
        "sources": {source: {"questions": len(of), **_errors(of)} for source, of in sorted(by_source.items())},
    }


def _errors(judged: Sequence[Judged]) -> dict[str, float]:
    answerable = np.array([bool(verdict.answer.asked.right) for verdict in judged], np.bool_)
    refused = np.array([verdict.no_match for verdict in judged], np.bool_)
    first = np.array([verdict.chances[0] for verdict in judged])
    right = np.array([verdict.right[0] for verdict in judged], np.bool_)
    found = {
        "refused": refused[answerable],
        "accepted": ~refused[~answerable],
        "right_below_half": first[right] < 0.5,
        "wrong_above_half": first[~right] >= 0.5,
    }
    return {name: round(float(values.mean()), 4) for name, values in found.items() if len(values)}


def _weights(answers: Sequence[Answer]) -> Doubles:
    """Returns the weight of each answer, float64 (n,), mean 1."""
    group = np.array([0 if a.asked.right else 1 if a.asked.source == TAKEN_OUT else 2 for a in answers])
    counts = np.bincount(group, minlength=3)
    words = answers[0].asked.kind == "text"
    shares = [1.0, _WORDS_TAKEN_OUT, _WORDS_NOT_SOLD] if words else [1.0, _TAKEN_OUT, _NOT_SOLD]
    weights = (np.array(shares) / np.maximum(counts, 1))[group]
    weights[[answer.asked.source == LISTED for answer in answers]] *= _LISTED
    return np.asarray(weights / weights.mean())


def _judge(model: KindModel, answer: Answer, weight: float) -> Judged:
    verdict = judge_by(model, answer.seen)
    chances = verdict["probabilities"]
    return Judged(answer, np.zeros(0) if chances is None else chances[:FIRST], verdict["no_match"], weight)


def _fit(kind: str, answers: Sequence[Answer], weights: Doubles) -> KindModel:
    names = ANSWER_SIGNS[kind]
    signs = [answer_signs(answer.seen) for answer in answers]
    rows = np.array([[sign[name] for name in names] for sign in signs], np.float64)
    found = np.array([bool(answer.right[:FIRST].any()) for answer in answers], np.bool_)
    of_answer = _logistic(names, rows, found, weights)
    # which hit is right is learned where one is; after a logged search, what was not chosen is not known to be wrong
    told = [at for at in np.flatnonzero(found).tolist() if answers[at].asked.source != CHOSEN]
    hits = [_hit_rows(kind, answers[at].seen, float(of_answer.chances(signs[at])[0])) for at in told]
    right = [answers[at].right[:FIRST] for at in told]
    counts = [np.full(len(row), weights[at]) for row, at in zip(right, told, strict=True)]
    empty = np.zeros((0, len(HIT_SIGNS[kind])))
    of_hit = _logistic(
        HIT_SIGNS[kind], np.concatenate([empty, *hits]), np.concatenate([np.zeros(0, np.bool_), *right]),
        np.concatenate([np.zeros(0), *counts]),
    )  # fmt: skip
    return KindModel(of_answer, of_hit, _farthest(answers))


def _farthest(answers: Sequence[Answer]) -> float:
    """Returns how far outside nearly all photos lie whose product the shop sells; infinite if there are none."""
    known = [answer.seen.outside for answer in answers if answer.asked.right and answer.seen.outside is not None]
    return max(1.0, float(np.quantile(known, 1 - _REFUSED))) if known else np.inf


def _hit_rows(kind: str, seen: Evidence, chance: float) -> Doubles:
    signs = hit_signs(seen, chance, HIT_SIGNS[kind])
    columns = np.broadcast_arrays(seen.scores, *signs.values())[1:]
    return np.stack(columns, axis=1)[:FIRST].astype(np.float64)


def _logistic(names: tuple[str, ...], rows: Doubles, right: Mask, weights: Doubles) -> Logistic:
    """Fits a logistic regression with an L2 penalty; if all are right or all wrong, a constant near their share."""
    known = np.isfinite(rows)
    counts = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, rows, 0).sum(axis=0) / counts
    spread = np.sqrt((np.where(known, rows - mean, 0) ** 2).sum(axis=0) / counts)
    model = Logistic(
        signs=names,
        mean=mean,
        scale=np.where(spread > 1e-6, spread, 1.0),
        weights=np.zeros(len(names)),
        bias=float(np.log((right.sum() + 1) / ((~right).sum() + 1))),
    )
    if right.all() or not right.any():
        return model
    bounds = [_BOUNDS.get(name, (None, None)) for name in names]
    fitted = _minimised(model.standard(rows), np.where(right, 1.0, -1.0), weights, bounds)
    return replace(model, weights=fitted[:-1], bias=float(fitted[-1]))


def _minimised(rows: Doubles, labels: Doubles, weights: Doubles, bounds: Sequence[tuple[Any, Any]]) -> Doubles:
    """Returns the weights and the bias that minimise the penalised log loss within bounds, float64 (f + 1,)."""
    from scipy.optimize import minimize

    design = np.column_stack([rows, np.ones(len(rows))])

    def loss(at: Doubles) -> tuple[float, Doubles]:
        margin = labels * (design @ at)
        pull = -labels * weights * np.exp(-np.logaddexp(0, margin))
        total = float(weights @ np.logaddexp(0, -margin) + _PENALTY / 2 * at[:-1] @ at[:-1])
        return total, design.T @ pull + np.append(_PENALTY * at[:-1], 0.0)

    start = np.zeros(design.shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)])
    return np.asarray(found.x, np.float64)
