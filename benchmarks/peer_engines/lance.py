"""LanceDB: files of columns on disk, with IVF and product quantisation, refined by the full rows."""

from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.protocols import Floats
from peer_engines.work import K, Work


class Lance:
    efforts = (5, 10, 20, 40, 80, 160, 320)  # lists that are looked into; 10 x K rows are refined
    filters = True

    def __init__(self, work: Work, folder: Path) -> None:
        self.version = str(lancedb.__version__)
        dim = work.rows.shape[1]
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(work.rows.ravel()), dim)
        columns = {"row": np.arange(len(work.rows)), "price": work.prices, "vector": vectors}
        self._table = lancedb.connect(folder).create_table("photos", pa.table(columns))
        lists = max(2, int(len(work.rows) ** 0.5))
        self._table.create_index(metric="dot", num_partitions=lists, num_sub_vectors=dim // 4, index_type="IVF_PQ")
        self._table.create_scalar_index("price")

    def search(self, query: Floats, below: float | None, effort: int) -> NDArray[np.int64]:
        search = self._table.search(query).distance_type("dot").nprobes(effort).refine_factor(10)
        if below is not None:
            search = search.where(f"price < {below!r}", prefilter=True)
        found = search.limit(K).select(["row", "_distance"]).to_arrow()
        return np.asarray(found["row"].to_numpy(), np.int64)

    def close(self) -> None:
        pass
