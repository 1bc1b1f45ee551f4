"""A real Milvus server for these tests; they are skipped where its packages are missing."""

import logging
from collections.abc import Iterator

import pytest
from milvus_server import MilvusServer, missing_package


@pytest.fixture(scope="module")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    """For one file: an idle server takes an eighth of a processor until the last test of all has ended."""
    if reason := missing_package():
        pytest.skip(reason)
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    server = MilvusServer(tmp_path_factory.mktemp("milvus"))
    server.start()
    yield server
    server.kill()
