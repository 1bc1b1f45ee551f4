"""A fixture for tests of hostile files: what reads them must be quick and need little memory."""

import resource
import time
from collections.abc import Iterator

import pytest

MOST_S, MOST_BYTES = 2.0, 200_000_000


@pytest.fixture
def within_bounds() -> Iterator[None]:
    """Fails a test that takes long or much memory; what it may allocate is cut off, so that the machine is spared."""
    import faiss  # noqa: F401 - loaded before memory is measured

    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    yield
    assert time.process_time() - started < MOST_S
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST_BYTES
