"""Fixtures of the engine's tests: a tiny shop and its search engine, and bounds for what reads hostile files."""

import resource
import time
from collections.abc import Iterator

import pytest
from tiny_shop import AxisTower, TinyShop

from data.settings import Settings
from engine.answers import WordsAhead
from engine.generation import Generation
from engine.live import Allowed, LiveView
from engine.protocols import Aim, Floats, Hits
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
def tower(monkeypatch: pytest.MonkeyPatch) -> AxisTower:
    """The text tower of every generation, which remembers the words that it is asked for, and no others."""
    tower = AxisTower()
    monkeypatch.setattr(Generation, "text_tower", lambda self: tower)
    monkeypatch.setattr(WordsAhead, "compute", lambda *_: None)  # it asks for the words as typed, used or not
    return tower


@pytest.fixture
def aims(monkeypatch: pytest.MonkeyPatch) -> list[Aim]:
    """What the index is told of each search, as in a shop with very many products."""
    monkeypatch.setattr("engine.answers.find._MANY_PRODUCTS", 0)
    told: list[Aim] = []
    search = LiveView.search

    def noted(view: LiveView, query: Floats, k: int, allowed: Allowed, aim: Aim) -> Hits:
        told.append(aim)
        return search(view, query, k, allowed, aim)

    monkeypatch.setattr(LiveView, "search", noted)
    return told


@pytest.fixture
def within_bounds() -> Iterator[None]:
    """Fails a test that takes long or much memory; what it may allocate is cut off, so that the machine is spared."""
    import faiss  # noqa: F401 - loaded before memory is measured

    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    yield
    assert time.process_time() - started < MOST_S
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST_BYTES
