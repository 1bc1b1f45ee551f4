"""The engines that benchmarks/peers.py compares: each indexes the same rows and answers the same searches."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from peer_engines.work import SHARES, Engine, K, Work, work_of

ENGINES = {
    "lookalike": "ours.Lookalike",
    "milvus": "milvus.MilvusServer",
    "milvus-lite": "milvus.MilvusLite",
    "lancedb": "lance.Lance",
    "pgvector": "postgres.Postgres",
    "usearch": "usearch_graph.Usearch",
    "hnswlib": "hnsw.Hnsw",
}

__all__ = ["ENGINES", "SHARES", "Engine", "K", "Work", "engine_of", "work_of"]


def engine_of(name: str, work: Work, folder: Path) -> Engine:
    """Returns an engine with the rows in it; `folder`, empty, is for its files. Only now its library is imported."""
    module, _, kind = ENGINES[name].partition(".")
    make: Callable[[Work, Path], Engine] = getattr(import_module(f"peer_engines.{module}"), kind)
    return make(work, folder)
