"""Compares ways to diversify: similarity within the first ten against nDCG@10; see docs/retrieval.md.

LOOKALIKE_HOME=var python benchmarks/diversity.py var/sample/text_queries.csv
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from data.catalogue import Catalogue
from data.settings import load_settings
from engine.answers import diverse_places, mmr_order
from engine.live import LiveIndex
from engine.protocols import Floats
from engine.space import Order, duplicate_bound
from training.evaluation import read_queries
from training.measures import intra_list_similarity, retrieval_metrics

HEAD, SHOWN = 200, 10
SETTINGS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)
RIDGE = 1e-3  # keeps the determinant above 0 where there are more products than dimensions
RELEVANCE_UNIT = 0.1  # cosine; this much more relevance counts as much as a factor of e in volume


def main(paths: list[Path]) -> None:
    settings = load_settings()
    view = LiveIndex(settings, Catalogue(settings.home)).view()
    facts = list(Catalogue(settings.home).iter_facts())
    queries = [query for query in read_queries(paths, facts, settings).queries if query.text][:400]
    tower = view.generation.text_tower()
    if tower is None:
        raise SystemExit("the live generation needs a text tower")
    keys, firsts = np.unique(view.generation.rows.product_keys, return_index=True)
    vectors = view.generation.index.vectors(np.arange(view.generation.index.count))
    bound = duplicate_bound(view.generation.rows.product_keys, view.generation.index.vectors)
    print(f"{len(queries)} queries, {len(keys)} products, near-duplicates from cosine {bound:.3f}")
    points = tower.embed([query.text for query in queries])
    cases = []
    for point, query in zip(points, queries, strict=True):
        rows = vectors @ point
        scores = np.maximum.reduceat(rows, firsts)
        head = np.argsort(-scores, kind="stable")[:HEAD]
        ends = np.append(firsts, len(rows))
        shown = vectors[[ends[at] + int(rows[ends[at] : ends[at + 1]].argmax()) for at in head]]
        gains = np.zeros(len(keys), np.float32)
        gains[np.searchsorted(keys, list(query.gains))] = list(query.gains.values())
        cases.append((scores[head], shown, shown @ shown.T, gains, head))

    def collapsed(relevance: Floats, likeness: Floats, diversity: float, shown: Floats) -> Order:
        return diverse_places(relevance, shown, diversity, bound=bound)

    ways: dict[str, Callable[..., Order]] = {
        "mmr, collapsed": collapsed,
        "mmr": lambda *values: mmr_order(*values[:3]),
        "dpp": lambda *values: dpp_order(*values[:3]),
    }
    for name, order in ways.items():
        for diversity in SETTINGS:
            report(name, diversity, order, cases)


def report(name: str, diversity: float, order: Callable[..., Any], cases: list[tuple[Any, ...]]) -> None:
    similar, gained = [], []
    for relevance, shown, likeness, gains, head in cases:
        found = order(relevance, likeness, diversity, shown)
        similar.append(intra_list_similarity(shown[found[:SHOWN]]))
        placed = np.full(len(gains), -np.inf, np.float32)
        placed[head[found]] = -np.arange(len(found), dtype=np.float32)
        gained.append(retrieval_metrics(placed[None], gains[None])["ndcg10"][0])
    print(f"{name} diversity {diversity:.2f}: similarity {np.mean(similar):.4f}, nDCG@10 {np.mean(gained):.4f}")


def dpp_order(relevance: Floats, likeness: Floats, diversity: float) -> Order:
    """Orders products by greedy MAP inference of a determinantal point process.

    Chen, Zhang and Zhou, "Fast Greedy MAP Inference for Determinantal Point Process to Improve Recommendation
    Diversity", NeurIPS 2018: each next product adds most to (1 - diversity) * relevance / 0.1 + diversity * log of the
    volume that the chosen ones span. With the incremental Cholesky factor, each product costs at most O(m^2).

    Args:
        relevance: float32 (m,), cosines with the query.
        likeness: float32 (m, m), cosines of the products.
        diversity: 0 (by relevance alone) to 1 (by volume alone).
    """
    count = len(relevance)
    kernel = likeness.astype(np.float64) + RIDGE * np.eye(count)
    volume = np.diag(kernel).copy()
    factor = np.zeros((count, count))
    merit = (1 - diversity) * relevance.astype(np.float64) / RELEVANCE_UNIT
    left = np.ones(count, np.bool_)
    order = np.empty(count, np.int64)
    for place in range(count):
        gain = np.where(left, merit + diversity * np.log(np.maximum(volume, 1e-12)), -np.inf)
        order[place] = chosen = int(gain.argmax())
        left[chosen] = False
        root = np.sqrt(max(volume[chosen], 1e-12))
        column = (kernel[chosen] - factor[:, :place] @ factor[chosen, :place]) / root
        factor[:, place] = column
        volume = np.maximum(volume - np.square(column), 0)
    return order


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
