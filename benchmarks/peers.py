"""Compares Lookalike's index with other engines on the same rows, filters, queries and processor cores.

    pip install .[cpu,bench]
    python benchmarks/peers.py HOME [--engines lookalike,milvus,...] [--recall 0.99] [--json FILE]

The rows and prices are those of HOME's live generation (benchmarks/scale.py makes one of any size). A query is a row
with noise added. A filter asks for prices below a number, so that 50, 5 and 0.5 % of the rows pass. Each engine runs in
a process of its own and takes, for each filter, the quickest setting that finds `--recall` of the ten nearest rows;
where none does, the table shows the most thorough one. Memory is that of the engine's processes alone, what they share
counted in parts, without the file pages that the system keeps for them.

The last line is Lookalike as a shop meets it: "similar" over HTTP, with all that an answer holds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from family_memory import family_memory_mb
from home_server import serving
from numpy.typing import NDArray
from peer_engines import ENGINES, SHARES, Engine, K, Work, engine_of, work_of

CLIENTS, BURST_S = 8, 4.0
OVER_HTTP = "lookalike over HTTP"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, help="a home that benchmarks/scale.py filled and rebuilt")
    parser.add_argument("--engines", default=",".join(ENGINES), help="some of them, with commas between")
    parser.add_argument("--recall", type=float, default=0.99)
    parser.add_argument("--json", type=Path, help="a file for the figures")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)  # what the process of one engine is given
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measured(options.engines, options.measure, options.recall)))
        return
    figures = {}
    work, product_ids = work_of(options.home)
    print(f"{len(work.rows):,} rows of {work.rows.shape[1]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        work.save(Path(folder))
        for name in options.engines.split(","):
            figures[name] = in_own_process(name, Path(folder), options)
            show(name, figures[name])
    figures[OVER_HTTP] = over_http(options.home, work, product_ids)
    show(OVER_HTTP, figures[OVER_HTTP])
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def in_own_process(name: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Returns the figures of one engine, or what went wrong under the name `failed`."""
    command = [sys.executable, __file__, str(options.home), "--engines", name, "--recall", str(options.recall)]
    done = subprocess.run([*command, "--measure", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": [f"exit status {done.returncode}", *done.stderr.strip().splitlines()][-1][:300]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(name: str, folder: Path, recall: float) -> dict[str, Any]:
    work = Work.load(folder)
    before_mb = family_memory_mb(os.getpid())
    with tempfile.TemporaryDirectory(dir=folder) as own:
        started = time.perf_counter()
        engine = engine_of(name, work, Path(own))
        seconds = time.perf_counter() - started
        try:
            shares = [share for share in SHARES if share == 1 or engine.filters]
            lines = [line(engine, work, share, recall) for share in shares]
            memory_mb = family_memory_mb(os.getpid(), naming=own) - before_mb
        finally:
            engine.close()
    return {"version": engine.version, "build_s": seconds, "memory_mb": memory_mb, "lines": lines}


def line(engine: Engine, work: Work, share: float, recall: float) -> dict[str, float]:
    """Returns the figures of one filter, at the quickest setting that finds enough."""
    below, truth = work.below(share), work.truth(share)
    for effort in engine.efforts:
        found = [engine.search(query, below, effort) for query in work.queries]
        got = recall_of(found, truth)
        if got >= recall:
            break

    def search(at: int) -> None:
        engine.search(work.queries[at % len(work.queries)], below, effort)

    return {"share": share, "effort": effort, "recall": got, **speed(search, len(work.queries))}


def recall_of(found: list[NDArray[np.int64]], truth: NDArray[np.int64]) -> float:
    return float(np.mean([len(np.intersect1d(rows, right)) / K for rows, right in zip(found, truth, strict=True)]))


def speed(search: Callable[[int], None], count: int) -> dict[str, float]:
    """Returns p50 and p95 of `count` searches one after another, and the searches a second of eight clients."""
    times = [timed(search, at) for at in range(count)]
    stop = time.perf_counter() + BURST_S

    def client(first: int) -> int:
        done = 0
        while time.perf_counter() < stop:
            search(first + done)
            done += 1
        return done

    with ThreadPoolExecutor(CLIENTS) as threads:
        answered = sum(threads.map(client, range(0, CLIENTS * 25, 25)))
    p95_ms = sorted(times)[int(len(times) * 0.95)]
    return {"p50_ms": statistics.median(times), "p95_ms": p95_ms, "per_s": answered / BURST_S}


def timed(search: Callable[[int], None], at: int) -> float:
    started = time.perf_counter()
    search(at)
    return (time.perf_counter() - started) * 1000


def over_http(home: Path, work: Work, product_ids: list[str]) -> dict[str, Any]:
    """Returns the figures of `similar` for these products; each must answer with K hits."""
    paths = [f"/v1/products/{product_id}/similar" for product_id in product_ids]
    started = time.perf_counter()
    with serving(home) as (port, pid):
        ready_s = time.perf_counter() - started
        lines = []
        for share in SHARES:
            below = work.below(share)
            asking = urlencode({"k": K} | ({} if below is None else {"filter": f"price < {below}"}))

            def search(at: int, asking: str = asking, share: float = share) -> None:
                hits = asked_hits(port, f"{paths[at % len(paths)]}?{asking}")
                if len(hits) != K:
                    raise SystemExit(f"similar must find {K} products of the {share:.1%} that pass; got {len(hits)}.")

            lines.append({"share": share, "effort": 0, "recall": float("nan"), **speed(search, len(paths))})
        memory_mb = family_memory_mb(pid)
    return {"version": "", "build_s": ready_s, "memory_mb": memory_mb, "lines": lines}


def asked_hits(port: int, path: str) -> list[Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        hits: list[Any] = json.loads(connection.getresponse().read())["hits"]
    finally:
        connection.close()
    return hits


def show(name: str, figures: dict[str, Any]) -> None:
    for text in shown(name, figures):
        print(text, flush=True)


def shown(name: str, figures: dict[str, Any]) -> Iterator[str]:
    if "failed" in figures:
        yield f"\n{name}: {figures['failed']}"
        return
    yield f"\n{name} {figures['version']}: built in {figures['build_s']:.0f} s, {figures['memory_mb']:.0f} MB"
    yield f"{'rows that pass':>15} {'recall':>7} {'p50 ms':>8} {'p95 ms':>8} {'queries/s':>10}"
    for one in figures["lines"]:
        share = f"{one['share']:.1%}"
        yield f"{share:>15} {one['recall']:>7.3f} {one['p50_ms']:>8.2f} {one['p95_ms']:>8.2f} {one['per_s']:>10.0f}"


if __name__ == "__main__":
    main()
