"""An index in Milvus: each generation's rows are a collection, and an alias names the live generation's."""

from engine.index.milvus.alias import agree, drop_unused, named_collection
from engine.index.milvus.building import build, make_ready
from engine.index.milvus.collection import MilvusCollection, Photos, changes_of, collection_of
from engine.index.milvus.files import INDEX_FILE, ROWS_FILE, collection_in
from engine.index.milvus.index import MilvusIndex
from engine.index.milvus.server import Milvus, server_of

__all__ = [
    "INDEX_FILE",
    "ROWS_FILE",
    "Milvus",
    "MilvusCollection",
    "MilvusIndex",
    "Photos",
    "agree",
    "build",
    "changes_of",
    "collection_in",
    "collection_of",
    "drop_unused",
    "make_ready",
    "named_collection",
    "server_of",
]
