"""Prepares the confusion matrix for a page: the labels by name, the cells that are not empty, the worst pairs."""

from typing import Any
from unicodedata import east_asian_width

import numpy as np

from training.measures import Measured

_MOST_LABELS = 80
_MOST_PAIRS = 15
_WIDTH = 24  # of a name beside the matrix, in Latin letters
_LETTER = 7  # pixels that one takes


def confusion_of(measured: Measured) -> dict[str, Any]:
    """Returns what the template's macro `confusion` takes.

    `margin` is the room for the names, in pixels, and `left_out` the number of labels that are not shown.
    With more than 80 labels, those with the most mistakes are shown.
    """
    counts = measured.confusion()
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    mistakes = wrong.sum(axis=1) + wrong.sum(axis=0)
    used = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    shown = np.sort(used[np.argsort(-mistakes[used], kind="stable")[:_MOST_LABELS]])
    photos = counts.sum(axis=1)
    cells = [
        {"row": row, "column": column, "count": int(counts[shown[row], shown[column]]),
         "share": float(counts[shown[row], shown[column]] / photos[shown[row]])}
        for row, column in zip(*(at.tolist() for at in counts[np.ix_(shown, shown)].nonzero()), strict=True)
    ]  # fmt: skip
    pairs = sorted(zip(*(at.tolist() for at in wrong.nonzero()), strict=True), key=lambda at: (-wrong[at], at))
    names = [{"full": measured.labels[at], "short": shortened(measured.labels[at])} for at in shown]
    return {
        "names": names,
        "margin": 12 + _LETTER * max((_width(name["short"]) for name in names), default=0),
        "cells": cells,
        "left_out": len(used) - len(shown),
        "pairs": [
            {"label": measured.labels[row], "taken_for": measured.labels[column], "count": int(wrong[row, column]),
             "photos": int(photos[row])}
            for row, column in pairs[:_MOST_PAIRS]
        ],
    }  # fmt: skip


def shortened(text: str, width: int = _WIDTH) -> str:
    """Returns a text cut to a width; a Korean letter is as wide as two Latin ones.

    >>> shortened("Running shoes", 8), shortened("운동화와 구두", 8)
    ('Running…', '운동화…')
    """
    if _width(text) <= width:
        return text
    while _width(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def _width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
