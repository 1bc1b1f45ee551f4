"""Reads boxes and their scores from what a detector answers, in the forms that common exports have."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.detectors.description import BoxOutput
from engine.protocols import Floats

Doubles = NDArray[np.float64]


def read_boxes(outputs: Sequence[Floats], told: BoxOutput, size: int) -> tuple[Doubles, Doubles]:
    """Returns all boxes, x0, y0, x1, y1 as shares of the square, float64 (n, 4), and the score of each, float64 (n,).

    Args:
        outputs: of one photo: `told.output`, and `told.scores` where it is named.
        size: side of the square in pixels.

    Raises:
        ValueError: the outputs do not have the shapes that the description says.
    """
    found = np.atleast_2d(outputs[0])
    rows = (found.swapaxes(-1, -2) if told.transposed else found).astype(np.float64)
    rows = rows.reshape(-1, rows.shape[-1])
    answers = outputs[1].astype(np.float64) if told.scores else rows[:, 4:]
    columns = answers.size // max(1, len(rows))
    if rows.shape[1] < 4 or (told.scores and rows.shape[1] != 4) or columns * len(rows) != answers.size:
        raise ValueError(f"outputs of {[each.shape for each in outputs]}, which are no boxes with scores")
    scores = _scores(answers.reshape(len(rows), columns), told)
    places = rows[:, :4] / (size if told.unit == "pixels" else 1)
    if told.format == "cxcywh":
        places = np.hstack([places[:, :2] - places[:, 2:] / 2, places[:, :2] + places[:, 2:] / 2])
    elif told.format == "yxyx":
        places = places[:, [1, 0, 3, 2]]
    return places, scores


def _scores(answers: Doubles, told: BoxOutput) -> Doubles:
    """Returns the score of each box, its most likely class's, float64 (n,).

    Args:
        answers: float64 (n, columns).
    """
    if told.activation == "sigmoid":
        answers = 1 / (1 + np.exp(-answers.clip(-50, 50)))
    elif told.activation == "softmax" and answers.size:
        powers = np.exp(answers - answers.max(axis=1, keepdims=True))
        answers = powers / powers.sum(axis=1, keepdims=True)
    classes = answers[:, int(told.objectness) :]
    if told.background != "none":
        classes = classes[:, 1:] if told.background == "first" else classes[:, :-1]
    if told.score_columns:
        classes = classes[:, : told.score_columns]
    if len(classes) and not classes.shape[1]:
        raise ValueError(f"{answers.shape[1]} columns of scores, of which none is left for a class")
    best = classes.max(axis=1) if len(classes) else np.zeros(0)
    return np.asarray(best * answers[:, 0] if told.objectness else best)
