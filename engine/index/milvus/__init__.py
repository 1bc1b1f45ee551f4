"""An index in Milvus: each generation's rows are a collection, and an alias names the live generation's."""

from engine.index.milvus.alias import agree, drop_unused, named_collection
from engine.index.milvus.building import build, make_ready
from engine.index.milvus.collection import Photos, collection_of, count, load_state, matching, stored_vectors, version
from engine.index.milvus.files import INDEX_FILE, ROWS_FILE, collection_in
from engine.index.milvus.index import MilvusIndex
from engine.index.milvus.server import Milvus, server_of

__all__ = [
    "INDEX_FILE",
    "ROWS_FILE",
    "Milvus",
    "MilvusIndex",
    "Photos",
    "agree",
    "build",
    "collection_in",
    "collection_of",
    "count",
    "drop_unused",
    "load_state",
    "make_ready",
    "matching",
    "named_collection",
    "server_of",
    "stored_vectors",
    "version",
]
