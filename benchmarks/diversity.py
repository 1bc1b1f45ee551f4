"""Similarity within the first ten against nDCG@10, for each way to diversify; see docs/retrieval.md.

LOOKALIKE_HOME=var python benchmarks/diversity.py var/sample/text_queries.csv
"""

import sys
from pathlib import Path

import numpy as np

from data.catalogue import Catalogue
from data.settings import load_settings
from engine.diversity import dpp_order, duplicate_bound, mmr_order
from engine.live import LiveIndex
from training.retrieval import intra_list_similarity, retrieval_metrics
from training.retrieval_queries import read_queries

HEAD, SHOWN = 200, 10
SETTINGS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)


def main(paths: list[Path]) -> None:
    settings = load_settings()
    view = LiveIndex(settings, Catalogue(settings.home)).view()
    facts = list(Catalogue(settings.home).iter_facts())
    queries = [query for query in read_queries(paths, facts, settings).queries if query.text][:400]
    tower = view.generation.text_tower()
    if tower is None:
        raise SystemExit("the live generation needs a text tower")
    keys, firsts = np.unique(view.product_keys, return_index=True)
    vectors = view.vectors(np.arange(view.count))
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
    for name, order in (("mmr", mmr_order), ("dpp", dpp_order)):
        for diversity in SETTINGS:
            report(name, diversity, order, cases)


def report(name: str, diversity: float, order, cases: list) -> None:  # type: ignore[no-untyped-def]
    similar, gained = [], []
    for relevance, shown, likeness, gains, head in cases:
        found = order(relevance, likeness, diversity)
        similar.append(intra_list_similarity(shown[found[:SHOWN]]))
        placed = np.full(len(gains), -np.inf, np.float32)
        placed[head[found]] = -np.arange(len(found), dtype=np.float32)
        gained.append(retrieval_metrics(placed[None], gains[None])["ndcg10"][0])
    print(f"{name} diversity {diversity:.2f}: similarity {np.mean(similar):.4f}, nDCG@10 {np.mean(gained):.4f}")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
