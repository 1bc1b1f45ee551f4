"""Measures searches over HTTP at the server of a home, at one searcher of it, and at two, with the same clients.

All run on this machine, so two searchers share its processors with one another and with the clients. Rounds of the
three alternate, so that other work on the machine hits them alike. The processor time of the servers is printed too.

    python benchmarks/searcher_load.py HOME [--clients 4] [--seconds 20] [--rounds 3]
"""

import argparse
import itertools
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from home_server import processor_s, serving

from data.catalogue import Catalogue
from data.generations import GenerationStore
from data.settings import load_settings
from engine.releases import release

Running = tuple[int, int]  # port and process


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        shutil.copytree(options.home, folder / "home")
        live = GenerationStore(folder / "home").open()
        settings = load_settings(
            home=folder / "home", backbone=live.manifest.backbone["name"], models_url=str(folder / "storage")
        )
        release(settings)
        storage = {"models_url": settings.models_url}
        single = running.enter_context(serving(settings.home))
        pair = [
            running.enter_context(serving(folder / each, "--searcher", settings=storage)) for each in ("one", "other")
        ]
        questions = [
            f"/v1/search/text?{urlencode({'q': facts.product.title or facts.product.category, 'k': 10})}"
            for facts in Catalogue(settings.home).iter_facts()
        ]
        ways = {"the server itself": [single], "one searcher": pair[:1], "two searchers": pair}
        print(f"{live.manifest.counts}, {options.clients} clients, {os.cpu_count()} processors")
        print(f"{'asked':20}{'queries/s':>11}{'p50 ms':>9}{'p95 ms':>9}{'processor ms a query':>22}{'load':>7}")
        for _ in range(options.rounds):
            for way, servers in ways.items():
                print(_row(way, servers, questions, options.clients, options.seconds), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def _row(way: str, servers: Sequence[Running], questions: Sequence[str], clients: int, seconds: float) -> str:
    """Asks for so many seconds and returns one line; each client stays at one server."""
    took_ms: list[float] = []
    before_s, until = [processor_s(process) for _, process in servers], time.perf_counter() + seconds

    def ask(number: int) -> None:
        port = servers[number % len(servers)][0]
        with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as client:
            for question in itertools.islice(itertools.cycle(questions), number * 17, None):
                started = time.perf_counter()
                if started >= until:
                    return
                client.request("GET", question)
                response = client.getresponse()
                response.read()
                if response.status != 200:
                    raise SystemExit(f"{question}: {response.status}")
                took_ms.append((time.perf_counter() - started) * 1000)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent_s = sum(processor_s(process) for _, process in servers) - sum(before_s)
    late = statistics.quantiles(took_ms, n=20)[-1]
    return (
        f"{way:20}{len(took_ms) / seconds:>11.1f}{statistics.median(took_ms):>9.1f}{late:>9.1f}"
        f"{spent_s * 1000 / len(took_ms):>22.1f}{os.getloadavg()[0]:>7.1f}"
    )


if __name__ == "__main__":
    main()
