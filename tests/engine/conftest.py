"""Fixtures of the engine's tests: a tiny shop and its search engine, and bounds for what reads hostile files."""

import resource
import time
from collections.abc import Iterator

import pytest
from tiny_shop import AxisTower, TinyShop

from data.settings import Settings
from engine.generation import Generation
from engine.search import SearchEngine

MOST_S, MOST_BYTES = 2.0, 200_000_000


@pytest.fixture
def shop(settings: Settings) -> TinyShop:
    return TinyShop(settings)


@pytest.fixture
def engine(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> SearchEngine:
    """A search engine of the tiny shop; words mean axes, and the last digit of a text is the axis."""
    monkeypatch.setattr(Generation, "text_tower", lambda self: AxisTower())
    return SearchEngine(shop.settings, backbone=shop.backbone)


@pytest.fixture
def within_bounds() -> Iterator[None]:
    """Fails a test that takes long or much memory; what it may allocate is cut off, so that the machine is spared."""
    import faiss  # noqa: F401 - loaded before memory is measured

    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    yield
    assert time.process_time() - started < MOST_S
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST_BYTES
