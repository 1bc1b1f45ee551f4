"""Compares what an index finds with all rows, one by one."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue
from data.generations import GenerationStore
from data.settings import load_settings
from engine.generation import load_generation
from engine.protocols import Floats, VectorIndex

_BLOCK_ROWS = 65_536
_ROUNDING = 1e-6
K = 10


def recall_at_10(home: Path, queries: int) -> dict[str, float]:
    """Returns the share of the exact ten best rows that the live index finds, for `similar` and for `text`.

    Rows that score as high as the tenth count as well. The words are titles of products.
    """
    settings = load_settings(home=home)
    generation = load_generation(settings, GenerationStore(home).open())
    index = generation.index
    rows = np.random.default_rng(3).choice(index.count, min(queries, index.count), replace=False)
    points = {"similar": index.vectors(rows)}
    if (tower := generation.text_tower()) is not None:
        facts = Catalogue(home).facts(generation.rows.product_keys[rows].tolist())
        points["text"] = tower.embed([each.product.title for each in facts.values()])
    return {kind: _recall(index, asked) for kind, asked in points.items()}


def _recall(index: VectorIndex, asked: Floats) -> float:
    least = _exact(index, asked)[:, -1] - _ROUNDING
    found = [
        np.sort(index.vectors(hits.rows) @ point) for hits, point in zip(index.search(asked, K), asked, strict=True)
    ]
    return float(np.mean([np.count_nonzero(scores >= bar) / K for scores, bar in zip(found, least, strict=True)]))


def _exact(index: VectorIndex, asked: Floats) -> NDArray[np.float32]:
    """Returns the ten best scores of each query over all rows, best first, float32 (n, 10)."""
    best = np.full((len(asked), K), -np.inf, np.float32)
    for start in range(0, index.count, _BLOCK_ROWS):
        block = index.vectors(np.arange(start, min(start + _BLOCK_ROWS, index.count)))
        best = np.sort(np.concatenate([best, asked @ block.T], axis=1), axis=1)[:, : -K - 1 : -1]
    return best
