"""Milvus: its server, and its small form inside the program's own process, with a graph (HNSW)."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from milvus import MilvusServer as Process
from numpy.typing import NDArray
from pymilvus import DataType, MilvusClient

from engine.protocols import Floats
from peer_engines.work import K, Work

_PHOTOS = "photos"
_ROWS_AT_ONCE = 5_000
_GRAPH = {"M": 16, "efConstruction": 200}


class _Milvus:
    efforts = (16, 32, 64, 128, 256, 512, 1024)
    filters = True

    def __init__(self, client: MilvusClient, work: Work) -> None:
        self._client = client
        self.version = str(client.get_server_version())
        schema = client.create_schema(auto_id=False)
        schema.add_field("row", DataType.INT64, is_primary=True)
        schema.add_field("price", DataType.FLOAT)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=work.rows.shape[1])
        client.create_collection(_PHOTOS, schema=schema, consistency_level="Bounded")
        for start in range(0, len(work.rows), _ROWS_AT_ONCE):
            client.insert(_PHOTOS, _records(work, start, start + _ROWS_AT_ONCE))
        client.flush(_PHOTOS)
        wanted = client.prepare_index_params()
        wanted.add_index("vector", index_type="HNSW", metric_type="IP", params=_GRAPH)
        client.create_index(_PHOTOS, wanted, timeout=3600)
        client.load_collection(_PHOTOS, timeout=3600)

    def search(self, query: Floats, below: float | None, effort: int) -> NDArray[np.int64]:
        how = {"metric_type": "IP", "params": {"ef": effort}}
        where = "" if below is None else f"price < {below!r}"
        found = self._client.search(_PHOTOS, [query.tolist()], filter=where, limit=K, search_params=how)
        return np.array([hit["row"] if "row" in hit else hit["id"] for hit in found[0]], np.int64)

    def close(self) -> None:
        self._client.close()


class MilvusServer(_Milvus):
    def __init__(self, work: Work, folder: Path) -> None:
        self._process = Process()
        self._process.set_base_dir(str(folder / "milvus"))
        self._process.start()
        super().__init__(MilvusClient(uri=f"http://127.0.0.1:{self._process.listen_port}"), work)
        time.sleep(5)  # until the index is loaded instead of the rows as they came

    def close(self) -> None:
        super().close()
        self._process.stop()


class MilvusLite(_Milvus):
    def __init__(self, work: Work, folder: Path) -> None:
        super().__init__(MilvusClient(str(folder / "lite.db")), work)


def _records(work: Work, start: int, stop: int) -> list[dict[str, Any]]:
    rows = zip(work.rows[start:stop].tolist(), work.prices[start:stop].tolist(), strict=True)
    return [{"row": start + at, "price": price, "vector": vector} for at, (vector, price) in enumerate(rows)]
