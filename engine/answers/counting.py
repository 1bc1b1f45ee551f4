"""Counts what a search would find if it were endless: how many products, and how many have each value of a fact."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from data.columns import ColumnStore, FacetCounts, resized
from data.filters import Filter, without
from engine.answers.arrangement import counted
from engine.answers.found import Found, Question
from engine.answers.legs import by_letters, finds_by_meaning
from engine.answers.request import QueryPoint, SearchRequest
from engine.live import NO_ROW, LiveView
from engine.protocols import Mask


def matched_counts(
    view: LiveView,
    request: SearchRequest,
    question: Question,
    found: Found,
    columns: ColumnStore,
    *,
    filter_: Filter | None,
    kept: NDArray[np.int64],
) -> tuple[int, dict[str, FacetCounts]]:
    """Returns how many products the search would find if it were endless, and the facets counted over them.

    Args:
        filter_: the request's filters, parsed, as one; None: there is none.
        kept: int64, the products that are left where some are left out: those that are likely enough, or the closest.
    """
    cut = request.min_probability or (request.closest and not request.by_relevance)
    if filter_ is None and not request.facets and not cut:
        return _count(view, request, question.query, found), {}
    matched = _matched(view, request, question.query, found)
    if cut:
        enough = np.zeros(len(matched), np.bool_)
        enough[kept[kept < len(matched)]] = True
        matched &= enough

    def unfiltered(fact: str) -> Mask:
        rest = without(filter_, fact) if filter_ is not None and not cut else filter_
        return matched if rest is filter_ else _matched_under(rest, view, request, question, found, columns)

    return int(np.count_nonzero(matched)), counted(columns, request.facets, matched, unfiltered)


def _count(view: LiveView, request: SearchRequest, query: QueryPoint, found: Found) -> int:
    """Returns the number of products that `_matched` finds without a filter, without looking at all of them."""
    rows = found.letters.ranked.rows if found.letters else np.zeros(0, np.int64)
    if not finds_by_meaning(request, query):
        return len(rows)
    named = np.unique(found.left_out)
    out = int(np.count_nonzero(view.is_findable(named)))
    return view.findable_count - out + int(np.count_nonzero(rows == NO_ROW))


def _matched_under(
    filter_: Filter | None,
    view: LiveView,
    request: SearchRequest,
    question: Question,
    found: Found,
    columns: ColumnStore,
) -> Mask:
    """Returns which products the search would find under another filter, bool by product_key."""
    passing = None if filter_ is None else columns.passing(filter_)
    letters, point = question.letters, question.query.point
    if letters is not None:
        allowed = view.allowed(passing, found.left_out)
        found = replace(found, letters=by_letters(view, request, letters, point, allowed, passing, found.left_out))
    return _matched(view, request, question.query, replace(found, passing=passing))


def _matched(view: LiveView, request: SearchRequest, query: QueryPoint, found: Found) -> Mask:
    """Returns which products the search would find if it were endless, bool by product_key.

    Meaning and looks find every product with a photo that can be searched and that passes the filter, whatever its
    score; letters find those that have them.
    """
    by_letters = found.letters.ranked.product_keys if found.letters else np.zeros(0, np.int64)
    matched = np.zeros(max(len(view.findable), int(by_letters.max(initial=0)) + 1), np.bool_)
    if finds_by_meaning(request, query):
        matched[: len(view.findable)] = view.findable
        if found.passing is not None:
            matched &= resized(found.passing, len(matched))
        matched[found.left_out[found.left_out < len(matched)]] = False
    matched[by_letters] = True
    return matched
