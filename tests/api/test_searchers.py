"""Real processes: a writer and two searchers that follow it, through publishes, kills, and the end of the writer."""

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import home_server
import pytest
import small_lookalike
from home_server import serving
from searchers import publish_under_load, wait_for
from shape_catalogue import draw_catalogue
from tiny_backbone import TinyBackbone

from data.catalogue import Catalogue
from data.generations import GenerationFolder, GenerationStore
from data.releases import ReleaseStorage
from data.settings import Settings
from indexer.importing import import_feed
from indexer.rebuild import parts, rebuild
from training.parts import SPACE

pytest.importorskip("fsspec", reason="the extra `searcher` is not installed")
SMALL = [sys.executable, str(Path(small_lookalike.__file__))]
DIMS = (12, 8)


@dataclass(frozen=True)
class Shop:
    """A writer that runs, and its two searchers.

    Attributes:
        sources: two generations of spaces of their own.
        ports: of the searchers.
    """

    settings: Settings
    sources: list[GenerationFolder]
    writer: int
    ports: tuple[int, int]
    folder: Path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("searchers")
    settings = Settings(home=folder / "home", models_url=str(folder / "storage"))
    import_feed(settings, draw_catalogue(folder / "feed", texts=False))
    with pytest.MonkeyPatch.context() as patch, ExitStack() as running:
        patch.setattr(parts, "PARTS", (SPACE,))
        patch.setattr(home_server, "COMMAND", SMALL)
        sources = []
        for dim in DIMS:
            rebuild(settings.replace(space_dim=dim, models_url=""), full=True, backbone=TinyBackbone())
            sources.append(GenerationStore(settings.home).open())
        storage = {"models_url": settings.models_url}
        writer = running.enter_context(serving(settings.home, settings=storage))[0]
        asked = {**storage, "writer_url": f"http://127.0.0.1:{writer}"}
        ports = [running.enter_context(serving(folder / name, "--searcher", settings=asked))[0] for name in ("a", "b")]
        yield Shop(settings, sources, writer, (ports[0], ports[1]), folder)


def ask(port: int, path: str, method: str = "GET", body: Any = None) -> tuple[int, Any, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as client:
        sent = None if body is None else json.dumps(body)
        client.request(method, path, sent, {"Content-Type": "application/json"} if sent else {})
        response = client.getresponse()
        content = response.read()
        return response.status, json.loads(content) if content else None, response.getheader("Location", "")


def test_publishes_under_load(shop: Shop) -> None:
    load = publish_under_load(shop.settings, shop.sources, shop.ports, publishes=4, clients=4)
    assert load.failures == []
    assert load.mixed() == 0, load.report()
    assert {price for _, price in load.answers} == {0, 1, 2, 3, 4}


def test_a_change_at_a_searcher_reaches_all(shop: Shop) -> None:
    status, _, address = ask(shop.ports[0], "/v1/products/red-disc", "PATCH", {"price": 77.5})
    assert (status, address) == (307, f"http://127.0.0.1:{shop.writer}/v1/products/red-disc")
    assert ask(shop.writer, "/v1/products/red-disc", "PATCH", {"price": 77.5})[0] == 200
    storage, wanted = ReleaseStorage(shop.settings.models_url), Catalogue(shop.settings.home).seq()
    until = time.monotonic() + 60
    while (newest := storage.newest()) is None or newest.seq < wanted:  # the writer itself releases what was changed
        assert time.monotonic() < until
        time.sleep(0.05)
    for port in shop.ports:
        wait_for(port, newest.id)
        assert ask(port, "/v1/products/red-disc")[1]["price"] == 77.5


@pytest.mark.timeout(120)
def test_a_killed_searcher_comes_back_with_what_it_had(shop: Shop) -> None:
    command = [*SMALL, "--home", str(shop.folder / "c"), "serve", "--port", "0", "--searcher"]
    environment = {"LOOKALIKE_MODELS_URL": shop.settings.models_url}
    for storage in (shop.settings.models_url, str(shop.folder / "gone")):
        environment["LOOKALIKE_MODELS_URL"] = storage
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as searcher:
            try:
                assert searcher.stdout
                line = next(line for line in iter(searcher.stdout.readline, "") if "ready at" in line)
                status, answer, _ = ask(int(line.rpartition(":")[2]), "/v1/products/red-disc/similar?k=3")
                assert (status, len(answer["hits"])) == (200, 3)
            finally:
                searcher.send_signal(signal.SIGKILL)
