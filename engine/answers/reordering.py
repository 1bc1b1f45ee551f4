"""Puts what was found in the order of the answer: what is likely first, what the photo shows, what is new, variety."""

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from data.columns import ColumnStore
from engine.answers.found import Found, Question
from engine.answers.judging import BEST, SIMILAR, question_kind
from engine.answers.labelled import VOTED, label_bonus, voted_places
from engine.answers.ranking import DEFAULT_FRESHNESS, RERANKED, diverse_places, fresh_places
from engine.answers.reasons import Moves, moves_of
from engine.answers.request import SearchRequest, words_alone
from engine.answers.signs import Doubles
from engine.live import LiveView
from engine.recognition import Recogniser

_APART = 2.0  # between the scores of best matches, similar and less similar products: more than freshness adds
Places = NDArray[np.int64]


def reordered(
    view: LiveView,
    request: SearchRequest,
    question: Question,
    found: Found,
    columns: ColumnStore,
    chances: Doubles | None,
) -> tuple[Places, Moves]:
    """Returns the places of the products found in the order of the answer, int64 (m,), and how far each moved, and why.

    What was typed stays first. After it come best matches, similar products and less similar ones, where it is known
    which these are; freshness moves a product only among its like. After a photo alone, what the voters see in it
    counts beside the likeness.

    Args:
        chances: float64 (m,), match probability of each product, judged by meaning and letters; None: not known.
    """
    order, moves = np.arange(len(found.ranked.product_keys)), Moves()
    if not request.by_relevance:
        return order, moves
    head, rest = order[: found.typed], order[found.typed :]
    relevance = found.relevance[rest]
    if chances is not None:
        group = (chances[rest] < BEST).astype(np.int64) + (chances[rest] < SIMILAR)
        likely_first = np.argsort(group, kind="stable")
        rest, relevance = rest[likely_first], (relevance - _APART * group)[likely_first]
    if (voters := voters_of(view, request)) is not None and question.features is not None:
        labels = columns.columns([voters.label_kind], view.seq)
        keys = found.ranked.product_keys[rest[:VOTED]]
        voted, relevance = voted_places(relevance, label_bonus(voters, question.features, labels, keys))
        before, rest = rest, rest[voted]
        moves["label"] = _moved(found, before, rest)
    if freshness := _freshness(request):
        dates = columns.columns(["created_at"], view.seq)
        created = dates.moments_of("created_at", found.ranked.product_keys[rest[:RERANKED]])
        before, rest = rest, rest[fresh_places(relevance, created, datetime.now(UTC), freshness)]
        moves["freshness"] = _moved(found, before, rest)
    if request.diversity:
        before, rest = rest, rest[_diverse(view, request, found, rest)]
        moves["diversity"] = _moved(found, before, rest)
    return np.concatenate([head, rest]), moves


def voters_of(view: LiveView, request: SearchRequest) -> Recogniser | None:
    """Returns the voters whose label counts in the order of the answer: after a photo alone, if there are any."""
    return view.generation.recogniser if question_kind(request) == "photo" else None


def _freshness(request: SearchRequest) -> float:
    if request.freshness is not None:
        return request.freshness
    return DEFAULT_FRESHNESS if words_alone(request) else 0.0


def _diverse(view: LiveView, request: SearchRequest, found: Found, places: Places) -> Places:
    ranked = found.ranked.take(places)
    rows = ranked.rows[:RERANKED]
    photos, bound = view.image_sha256(rows).astype(str).tolist(), view.generation.duplicate_bound
    return diverse_places(ranked.scores, view.vectors(rows), request.diversity, photos, bound)


def _moved(found: Found, before: Places, after: Places) -> Mapping[int, tuple[int, int]]:
    keys = found.ranked.product_keys
    return moves_of(keys[before[:RERANKED]], keys[after[:RERANKED]])
