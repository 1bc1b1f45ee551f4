"""The two legs of a search: products by what they mean and look like, and products by their letters."""

import numpy as np
from numpy.typing import NDArray

from data.lexical import LexicalAnswer
from engine.answers import fusion
from engine.answers.fusion import LOOKS_FIRST_SHARE, Letters, letters_found
from engine.answers.labelled import VOTED
from engine.answers.ranking import Ranked, interleave, outdo_rivals, rank_products
from engine.answers.request import QueryPoint, SearchRequest, shows, words_alone
from engine.live import Allowed, LiveView
from engine.protocols import Floats, Mask
from engine.space import normalise


def finds_by_meaning(request: SearchRequest, query: QueryPoint) -> bool:
    """Tells whether products are found by meaning or looks: not by letters alone, and not if no words were learned."""
    return (request.legs != "lexical" or shows(request)) and bool(query.point.any())


def by_meaning(request: SearchRequest, view: LiveView, query: QueryPoint, allowed: Allowed, depth: int) -> Ranked:
    """Returns the best products; for words with several senses, the best of each sense in turn.

    None are returned for letters alone, or where the generation knows no words (its point is all zeros).
    """
    if not finds_by_meaning(request, query):
        return Ranked(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    senses = view.generation.senses
    points = senses.of(request.means) if senses is not None and words_alone(request) else None
    if points is None:
        # what is not shown unless its label brings it forward need not be found as surely
        sure = min(depth, request.k) if request.image is not None and depth <= VOTED else depth
        ranked = rank_products(view, query.point, depth, allowed, _kind(request), sure)
        rivals = view.generation.rivals_of(request.means) if words_alone(request) else None
        return ranked if rivals is None else outdo_rivals(request.means, ranked, view, rivals)
    several = [rank_products(view, normalise(query.point + point), depth, allowed) for point in points]
    return interleave(several, depth)


def _kind(request: SearchRequest) -> str:
    """Returns what the question is to an index, see `Aim`: a product of the catalogue, words, or anything else."""
    if words_alone(request):
        return "text"
    others = request.text.strip() or request.not_text.strip() or request.like or request.unlike or request.image
    return "photo" if request.product_id and not others else ""


def by_letters(
    view: LiveView,
    request: SearchRequest,
    found: LexicalAnswer,
    point: Floats,
    allowed: Allowed,
    passing: Mask | None,
    left_out: NDArray[np.int64],
) -> Letters:
    """Returns what the letters of the words found and may be found.

    Args:
        point: float32 (d,), the words in the product space.
        allowed: the rows that may be found.
        passing: bool, by product_key, what passes the filter; None: all.
        left_out: int64, keys of products that are no hits.
    """
    letters = letters_found(view, found, point, allowed, passing).without(left_out)
    return letters.beside_looks() if shows(request) else letters


def letters_share(request: SearchRequest) -> float:
    """Returns how much letters count: less beside what is shown, and still less where the words count little there."""
    if not shows(request):
        return fusion.LETTERS_SHARE
    weight = request.text_weight if request.image is not None or request.product_id else 0.5
    return LOOKS_FIRST_SHARE * min(1.0, 2 * weight)
