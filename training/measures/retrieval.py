"""Formulas of retrieval metrics: recall, precision, MAP and nDCG of rankings whose right products are known."""

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from training.errors import NotEnoughData

METRICS = ("recall1", "recall5", "recall10", "precision1", "precision5", "precision10", "map", "ndcg10")
_NDCG_DEPTH = 10
Column = NDArray[np.float64]


def retrieval_metrics(scores: Floats, gains: Floats) -> dict[str, Column]:
    """Returns the metrics of each query's ranking of all products.

    Products rank by falling score; equal scores by their column, as search orders ties by product key. With the first k
    of a ranking and R right products in all (Manning, Raghavan and Schuetze, "Introduction to Information Retrieval",
    2008, chapter 8):

    - recall@k = right ones among the first k / R; precision@k = right ones among the first k / k;
    - map: average precision, the mean over the right products of the precision at the place of each;
    - nDCG@10 = DCG / the DCG of the best order, DCG = sum of gain / log2(place + 1) over the first 10 places, counted
      from 1 (Jarvelin and Kekalainen, "Cumulated gain-based evaluation of IR techniques", 2002).

    Args:
        scores: float32 (n, p), each product's score for each query; -inf: it cannot be found.
        gains: float32 (n, p), how right each product is; 0: wrong. All metrics but nDCG only ask whether it is above 0.

    Returns:
        METRICS, float64 (n,) each, and `rank`: the place of the first right product, from 1.

    Raises:
        NotEnoughData: a query has no right product, or the shapes differ.
    """
    if scores.shape != gains.shape or scores.ndim != 2:
        raise NotEnoughData(f"scores and gains must have one shape (n, p); got {scores.shape} and {gains.shape}.")
    if not (gains > 0).any(axis=1).all():
        raise NotEnoughData("every query must have a right product; leave out those without one.")
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(gains, order, axis=1)
    hits = ranked > 0
    found = np.cumsum(hits, axis=1)
    right = found[:, -1]
    figures = {}
    for k in (1, 5, 10):
        among = found[:, min(k, found.shape[1]) - 1]
        figures[f"recall{k}"] = among / right
        figures[f"precision{k}"] = among / k
    places = np.arange(1, scores.shape[1] + 1)
    figures["map"] = (hits * found / places).sum(axis=1) / right
    best = -np.sort(-gains, axis=1)
    figures["ndcg10"] = _discounted(ranked) / _discounted(best)
    return {name: figures[name].astype(np.float64) for name in METRICS} | {"rank": hits.argmax(axis=1) + 1.0}


def intra_list_similarity(vectors: Floats) -> float:
    """Returns the mean cosine between the products of one list, float32 (k, d), L2 norm 1; 0 for fewer than 2.

    Ziegler et al., "Improving recommendation lists through topic diversification", WWW 2005.
    """
    count = len(vectors)
    if count < 2:
        return 0.0
    total = vectors.sum(axis=0, dtype=np.float64)
    return float((total @ total - np.square(vectors, dtype=np.float64).sum()) / (count * (count - 1)))


def _discounted(ranked: Floats) -> Column:
    head = ranked[:, :_NDCG_DEPTH].astype(np.float64)
    return np.asarray(head @ (1 / np.log2(np.arange(2, head.shape[1] + 2))), np.float64)
