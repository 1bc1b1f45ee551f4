"""One generation's rows as a collection of Milvus: its fields, its filling, and what is asked of it as a whole."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.filters import MILVUS_TEXTS, MOST_COLOURS, Filter
from data.progress import track
from engine.errors import InvalidModel
from engine.index.checks import Rows
from engine.index.milvus.server import PREPARES_S, TELLS_S, Milvus
from engine.protocols import Floats

PREFIX, CHANGES = "lookalike_", "_changes"
ROW, VECTOR = "row", "vector"
METRIC = "IP"
MOST_ROWS = 16_384  # that Milvus answers one query with
_ROWS_AT_ONCE = 256  # even with the longest texts they stay below the 64 MB that a server takes in one message
_TEXT_BYTES = 65_535
_NO_FACTS: Mapping[str, Any] = {  # of a product that was deleted meanwhile: no search finds it
    **dict.fromkeys(MILVUS_TEXTS, ""), "price": -1.0, "in_stock": False, "colours": [], "attributes": {},
}  # fmt: skip
Facts = Callable[[Sequence[int]], Mapping[int, Mapping[str, Any]]]


@dataclass(frozen=True)
class Photos:
    """The rows beside their vectors.

    Attributes:
        product_keys: int64 (n,).
        sha256: bytes (n,), ASCII hex.
        facts: returns product_key -> the fields of `milvus_fields`, for given products.
    """

    product_keys: NDArray[np.int64]
    sha256: NDArray[np.bytes_]
    facts: Facts


@dataclass(frozen=True)
class Kind:
    """A kind of index: how it is built, and how it is searched.

    Attributes:
        effort: the parameter that trades time for recall; "": there is none, since it is exact.
        efforts: its values that are tried, quickest first.
    """

    name: str
    build: Mapping[str, int]
    effort: str = ""
    efforts: tuple[int, ...] = (0,)


FLAT = Kind("FLAT", {})
HNSW = Kind("HNSW", {"M": 16, "efConstruction": 200}, "ef", (32, 64, 128, 256, 512, 1024))
IVF_SQ8 = Kind("IVF_SQ8", {"nlist": 16_384}, "nprobe", (8, 16, 32, 64, 128, 256, 512, 1024))
KINDS = {kind.name: kind for kind in (FLAT, HNSW, IVF_SQ8)}
_MOST_FLAT = 50_000  # rows; up to here exact search is quick
_MOST_HNSW = 10_000_000  # rows; beyond, a quarter of the memory counts for more than speed


def kind_for(rows: int) -> Kind:
    """Returns the kind of index for so many rows: exact, a graph, or lists of 8-bit numbers."""
    if rows <= _MOST_FLAT:
        return FLAT
    return HNSW if rows <= _MOST_HNSW else IVF_SQ8


def collection_of(generation: str) -> str:
    """Returns the name of a generation's collection."""
    return PREFIX + generation


def changes_of(collection: str) -> str:
    """Returns the name of the collection that holds the changes since a generation's collection was built."""
    return collection + CHANGES


@dataclass(frozen=True)
class MilvusCollection:
    """One collection of a server. Each question raises IndexUnavailable where `Milvus.ask` does."""

    server: Milvus
    name: str

    def fill(self, vectors: Floats, photos: Photos, kind: Kind) -> None:
        """Makes a collection of rows that is ready to be searched; one of this name that is there is replaced.

        Rows are put by key, so that one that was sent twice after an error is there once.

        Args:
            vectors: float32 (n, dim).

        Raises:
            InvalidModel: a product has more colours than an expression compares.
        """
        self._ask("drop_collection", timeout=TELLS_S)
        self.server.ask(lambda client: _create(client, self.name, vectors.shape[1]))
        for start in track(range(0, len(vectors), _ROWS_AT_ONCE), "put into Milvus", unit="batches"):
            rows = _rows(vectors, photos, range(start, min(start + _ROWS_AT_ONCE, len(vectors))))
            self._ask("upsert", rows, timeout=60.0)
        self._ask("flush", timeout=PREPARES_S)
        self.server.ask(lambda client: _index(client, self.name, kind))
        self.load()

    def load(self) -> None:
        """Loads it into the server's memory and waits; does nothing if it is there."""
        self._ask("load_collection", timeout=PREPARES_S)

    def load_state(self) -> str:
        """Returns whether it is in the server's memory, in the server's words, such as `Loaded`."""
        found = self._ask("get_load_state", timeout=TELLS_S)
        return str(getattr(found["state"], "name", found["state"]))

    def count(self) -> int:
        """Returns how many rows it has, also those put a moment ago; it must be loaded."""
        found = self._ask("query", filter="", output_fields=["count(*)"], consistency_level="Strong", timeout=TELLS_S)
        return int(found[0]["count(*)"])

    def matching(self, filter: Filter, among: Rows) -> Rows:
        """Returns those of some rows, at most 16,384, that pass a filter in Milvus, int64, ascending."""
        expression = f"({filter.milvus()}) and ({ROW} in {among.tolist()})"
        found = self._ask("query", filter=expression, output_fields=[ROW], limit=MOST_ROWS, timeout=TELLS_S)
        return np.sort(np.array([row[ROW] for row in found], np.int64))

    def vectors(self, rows: Rows) -> Floats:
        """Returns what it has of some rows, float32 (m, dim), by ascending row; absent ones left out."""
        found = self._ask("query", ids=rows.tolist(), output_fields=[ROW, VECTOR], timeout=TELLS_S)
        return np.array([row[VECTOR] for row in sorted(found, key=lambda row: row[ROW])], np.float32)

    def search(self, queries: Floats, limit: int, **asked: Any) -> list[Rows]:
        """Returns the rows nearest to each query, float32 (n, dim), by Milvus's own reckoning, each int64 (m,).

        Args:
            limit: rows wanted, at most 16,384.
            asked: further parameters of `MilvusClient.search`.
        """
        answers = self._ask("search", list(queries), limit=limit, **asked)
        return [np.array(answer.ids, np.int64) for answer in answers]

    def _ask(self, what: str, *given: Any, **named: Any) -> Any:
        """Returns what this method of `MilvusClient` returns for the collection."""
        return self.server.ask(lambda client: getattr(client, what)(self.name, *given, **named))


def _create(client: Any, name: str, dim: int) -> None:
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False)
    schema.add_field(ROW, DataType.INT64, is_primary=True)
    schema.add_field("product", DataType.INT64)
    schema.add_field("sha256", DataType.VARCHAR, max_length=64)
    for text in MILVUS_TEXTS:
        schema.add_field(text, DataType.VARCHAR, max_length=_TEXT_BYTES)
    schema.add_field("price", DataType.DOUBLE)
    schema.add_field("in_stock", DataType.BOOL)
    schema.add_field("attributes", DataType.JSON)
    schema.add_field(
        "colours", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=MOST_COLOURS, max_length=_TEXT_BYTES
    )
    schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=dim)
    client.create_collection(name, schema=schema, consistency_level="Bounded", timeout=60.0)


def _index(client: Any, name: str, kind: Kind) -> None:
    wanted = client.prepare_index_params()
    wanted.add_index(VECTOR, index_type=kind.name, metric_type=METRIC, params=dict(kind.build))
    client.create_index(name, wanted, timeout=PREPARES_S)


def _rows(vectors: Floats, photos: Photos, rows: range) -> list[dict[str, Any]]:
    keys = photos.product_keys[rows.start : rows.stop].tolist()
    try:
        facts = photos.facts(sorted(set(keys)))
    except ValueError as error:
        raise InvalidModel(f"Milvus cannot hold a product: {error}. Use another index.") from error
    return [
        {
            ROW: row,
            "product": key,
            "sha256": photos.sha256[row].decode(),
            VECTOR: vectors[row],
            **facts.get(key, _NO_FACTS),
        }
        for row, key in zip(rows, keys, strict=True)
    ]
