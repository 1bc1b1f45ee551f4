"""usearch: a graph in memory with rows of float16. Its Python interface has no filter."""

from pathlib import Path

import numpy as np
import usearch
from numpy.typing import NDArray
from usearch.index import Index

from engine.protocols import Floats
from peer_engines.work import K, Work


class Usearch:
    efforts = (16, 32, 64, 128, 256, 512, 1024)
    filters = False

    def __init__(self, work: Work, folder: Path) -> None:
        self.version = str(usearch.__version__)
        self._index = Index(ndim=work.rows.shape[1], metric="ip", dtype="f16")
        self._index.add(np.arange(len(work.rows)), work.rows)

    def search(self, query: Floats, below: float | None, effort: int) -> NDArray[np.int64]:
        self._index.expansion_search = effort
        return np.asarray(self._index.search(query, K, threads=1).keys, np.int64)

    def close(self) -> None:
        pass
