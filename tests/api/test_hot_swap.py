"""Publishing under load: no request fails, no answer mixes two generations, and nothing of an old one is left."""

import gc
import http.client
import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from busy_clients import BusyClients
from hot_swap import publish_again
from shape_catalogue import draw_catalogue
from tiny_backbone import TinyBackbone
from werkzeug.serving import make_server

from api.app import create_app
from data.generations import GenerationFolder, GenerationStore
from data.settings import Settings
from engine.generation import Generation
from engine.search import SearchEngine
from indexer.importing import import_feed
from indexer.rebuild import rebuild

DIMS = (12, 8, 16)  # each generation has a space of its own, so its scores tell it apart
CLIENTS = 3


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", space_dim=24, keep_generations=2, threads=2)


@pytest.fixture
def port(settings: Settings, tmp_path: Path) -> Iterator[int]:
    import_feed(settings, draw_catalogue(tmp_path / "feed", texts=False))
    rebuild(settings, backbone=TinyBackbone())
    server = make_server(
        "127.0.0.1", 0, create_app(settings, SearchEngine(settings, backbone=TinyBackbone())), threaded=True
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


class Load(BusyClients):
    """Clients that ask the same question again and again.

    Attributes:
        answers: generation -> all different answers, each its hits' ids and scores.
    """

    def __init__(self, port: int, path: str) -> None:
        super().__init__(CLIENTS)
        self._port, self._path = port, path
        self.answers: dict[str, set[Any]] = defaultdict(set)
        self.count = 0

    def wait_for(self, generation: str) -> None:
        with self.news:
            assert self.news.wait_for(lambda: generation in self.answers or self.failures, timeout=60)

    def ask(self, number: int) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)) as connection:
            while not self.stopped.is_set():
                try:
                    connection.request("GET", self._path)
                    response = connection.getresponse()
                    body = response.read()
                except OSError as error:
                    self._note(error, b"")
                else:
                    self._note(response.status, body)

    def _note(self, status: int | OSError, body: bytes) -> None:
        with self.news:
            self.count += 1
            if status == 200:
                answer = json.loads(body)
                hits = tuple((hit["product_id"], hit["score"]) for hit in answer["hits"])
                self.answers[answer["generation"]].add(hits)
            else:
                self.failures.append(f"{status!r} {body!r}")
            self.news.notify_all()


def test_three_publishes_under_load(settings: Settings, port: int) -> None:
    with Load(port, "/v1/products/red-disc/similar?k=24") as load:
        for dim in DIMS:
            summary = rebuild(settings.replace(space_dim=dim), full=True, backbone=TinyBackbone())
            assert summary.published, summary
            assert summary.generation is not None
            load.wait_for(summary.generation)
    assert load.failures == []
    assert len(load.answers) == 1 + len(DIMS)
    for generation, answers in load.answers.items():
        assert len(answers) == 1, f"{generation} answered in {len(answers)} ways"
    assert len(set.union(*load.answers.values())) == 1 + len(DIMS)
    assert all(len(hits) == 23 for answers in load.answers.values() for hits in answers)


def test_many_swaps_leave_no_file_and_no_old_generation_open(generation: GenerationFolder, settings: Settings) -> None:
    def swap(times: int) -> tuple[int, int]:
        """Returns how many files and generations are open after so many swaps."""
        for _ in range(times):
            newest = publish_again(GenerationStore(settings.home), generation)
            engine.refresh()
            assert engine.status()["generation"] == newest
        gc.collect()
        alive = sum(type(thing) is Generation for thing in gc.get_objects())
        return len(list(Path("/proc/self/fd").iterdir())), alive

    engine = SearchEngine(settings, backbone=TinyBackbone())
    assert engine.status()["generation"] == generation.id
    assert swap(2) == swap(8)
