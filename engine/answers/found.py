"""A question in the product space, and the products that were found for it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.lexical import LexicalAnswer
from engine.answers.fusion import Letters
from engine.answers.judging import Answered
from engine.answers.ranking import Ranked, interleave
from engine.answers.request import QueryPoint
from engine.live import LiveView
from engine.protocols import Floats, Mask
from engine.space import Verdict


@dataclass(frozen=True)
class Question:
    """A request, embedded in the product space.

    Attributes:
        query: the point, and the points of its parts (photo, words).
        features: pool_3 features float32 (dim,) of the request's photo, the mean of several; None if it has none.
        letters: what the letters of the words find; None if they are not looked at.
        things: each of the things that are asked for, where there are several.
    """

    query: QueryPoint
    features: Floats | None = None
    letters: LexicalAnswer | None = None
    things: "tuple[Question, ...]" = ()

    @property
    def corrected(self) -> str:
        """The words with typing errors mended; "" if there were none."""
        return self.letters.corrected if self.letters else ""


@dataclass(frozen=True)
class Found:
    """The products found for a question.

    Attributes:
        ranked: the products by how well they fit.
        relevance: float (m,), how well each does, from high to low.
        best: the highest similarity among them, -1 if there are none.
        letters: what the letters of the words found; None if they were not looked at.
        left_out: int64, keys of products that were not looked for, because they are what was asked with.
        passing: bool, by product_key, which products pass the filter; None: there is none.
    """

    ranked: Ranked
    relevance: NDArray[np.floating[Any]]
    best: float
    left_out: NDArray[np.int64]
    letters: Letters | None = None
    passing: Mask | None = None

    @property
    def typed(self) -> int:
        """How many products stand first because their code or title was typed."""
        return len(self.letters.first) if self.letters else 0

    def answered(self, view: LiveView, question: Question) -> Answered:
        """Returns what is judged, with the likeness of each product to the parts of the question."""
        parts = question.query.parts
        vectors = view.vectors(self.ranked.rows) if len(parts) > 1 else None
        likeness = {name: vectors @ part for name, part in parts.items()} if vectors is not None else {}
        return Answered(
            self.ranked, self.best, self.letters, question.corrected, likeness, question.query.point, question.features
        )


def in_turn(answers: Sequence[tuple[Found, Verdict]], depth: int) -> tuple[Found, Verdict]:
    """Returns what was found for several things, the best of each in turn, and the verdict on it.

    Each product fits as well as it fits the thing that it fits best.
    """
    founds, verdicts = zip(*answers, strict=True)
    ranked = interleave([found.ranked for found in founds], depth)

    def best(values: Sequence[NDArray[np.floating[Any]]]) -> NDArray[np.float64]:
        highest: dict[int, float] = {}
        for found, each in zip(founds, values, strict=True):
            for key, value in zip(found.ranked.product_keys.tolist(), each.tolist(), strict=True):
                highest[key] = max(value, highest.get(key, value))
        return np.array([highest[key] for key in ranked.product_keys.tolist()])

    letters = [found.letters for found in founds if found.letters]
    lettered = interleave([each.ranked for each in letters], depth) if letters else None
    found = replace(
        founds[0],
        ranked=ranked,
        relevance=-np.sort(-best([each.relevance for each in founds])),
        best=max(each.best for each in founds),
        letters=Letters((), lettered, np.zeros(len(lettered.product_keys))) if lettered else None,
    )
    chances = [verdict["probabilities"] for verdict in verdicts]
    known = [each for each in chances if each is not None]
    return found, Verdict(
        probabilities=best(known) if len(known) == len(founds) else None,
        no_match=all(verdict["no_match"] for verdict in verdicts),
    )
