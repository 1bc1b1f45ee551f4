"""hnswlib: a graph in memory. Its filter is a Python function that is called for each row that it visits."""

from importlib.metadata import version
from pathlib import Path

import hnswlib
import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from peer_engines.work import K, Work


class Hnsw:
    efforts = (16, 32, 64, 128, 256, 512, 1024)
    filters = True

    def __init__(self, work: Work, folder: Path) -> None:
        self.version = version("hnswlib")
        self._prices = work.prices
        self._index = hnswlib.Index("ip", work.rows.shape[1])
        self._index.init_index(len(work.rows), M=16, ef_construction=200)
        self._index.add_items(work.rows)
        self._index.set_num_threads(1)

    def search(self, query: Floats, below: float | None, effort: int) -> NDArray[np.int64]:
        self._index.set_ef(effort)
        allowed = None if below is None else (lambda row: bool(self._prices[row] < below))
        try:
            rows, _ = self._index.knn_query(query, K, filter=allowed)
        except RuntimeError:  # it found fewer than K
            return np.zeros(0, np.int64)
        return np.asarray(rows[0], np.int64)

    def close(self) -> None:
        pass
