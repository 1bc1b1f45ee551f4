"""Kills a rebuild and a server with signal 9 at random moments, again and again, and checks what comes back.

Each round: a server runs; a client writes products over HTTP and notes every acknowledged one; a rebuild runs beside
it; at a random moment the rebuild, the server, or both are killed. Then the server is started again, and:
    - it serves the generation that CURRENT names, every file of which is as published,
    - every acknowledged product is there with its last acknowledged title, every acknowledged deletion is gone,
    - the products acknowledged last are found by their own photos.
At the end an undisturbed rebuild must publish. The exit status is 1 if any check fails.

Example: python benchmarks/crash_rounds.py --rounds 20 --feed catalogue.jsonl --backbone efficientnet_lite2
"""

import argparse
import contextlib
import http.client
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data.generations import GenerationStore

BOUNDARY = "crash-rounds-boundary"
READY_S = 180


@dataclass
class Written:
    """Acknowledged writes: product_id -> title, None if deleted. `unsure`: ids whose last write got no answer."""

    products: dict[str, str | None] = field(default_factory=dict)
    photos: dict[str, bytes] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    newest: list[str] = field(default_factory=list)


running: list[subprocess.Popen[bytes]] = []


def lookalike(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts the command in a process group of its own, so that its children die with it."""
    log = (home / "crash_rounds.log").open("ab")
    command = [sys.executable, "-m", "lookalike", *arguments, "--home", str(home)]
    running.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))
    return running[-1]


def kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def call(port: int, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, Any]:
    """Sends one request; returns status and decoded JSON (None where there is no body)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, {"Content-Type": kind} if kind else {})
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content.startswith((b"{", b"[")) else None
    finally:
        connection.close()


def serve(home: Path) -> tuple[subprocess.Popen[bytes], int, float]:
    """Starts a server and waits until it is ready; returns it, its port, and the seconds that took."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    started = time.monotonic()
    server = lookalike(home, "serve", "--port", str(port))
    while time.monotonic() - started < READY_S:
        if server.poll() is not None:
            break
        try:
            if call(port, "GET", "/readyz")[0] == 200:
                return server, port, time.monotonic() - started
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.1)
    kill(server)
    raise SystemExit(f"the server did not become ready within {READY_S} s; see {home / 'crash_rounds.log'}")


def form(product: dict[str, Any] | None, photo: bytes | None) -> bytes:
    """Returns a multipart body with the parts `product` and `image`, or `file` alone where there is no product."""
    parts = []
    if product is not None:
        head = 'Content-Disposition: form-data; name="product"\r\nContent-Type: application/json\r\n\r\n'
        parts.append(head.encode() + json.dumps(product).encode())
    if photo is not None:
        name = "image" if product is not None else "file"
        head = f'Content-Disposition: form-data; name="{name}"; filename="p.png"\r\nContent-Type: image/png\r\n\r\n'
        parts.append(head.encode() + photo)
    return b"".join(f"--{BOUNDARY}\r\n".encode() + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()


def draw(rng: random.Random) -> bytes:
    """Draws a photo that no other product has: large random blocks of colour."""
    blocks = np.array([[[rng.randrange(256) for _ in range(3)] for _ in range(6)] for _ in range(6)], np.uint8)
    out = io.BytesIO()
    Image.fromarray(blocks).resize((240, 240), Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()


class Writer(threading.Thread):
    """Writes products, one after another, until `stopping` is set or the server is gone."""

    def __init__(self, port: int, written: Written, rng: random.Random, round_: int) -> None:
        super().__init__(daemon=True)
        self._port, self._written, self._rng, self._round = port, written, rng, round_
        self.stopping = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.stopping.is_set():
            number += 1
            try:
                self._write(f"crash-{self._round}-{number}")
            except (OSError, http.client.HTTPException):
                return
            self.stopping.wait(0.02)

    def _write(self, product_id: str) -> None:
        known = [name for name, title in self._written.products.items() if title is not None]
        if known and self._rng.random() < 0.15:
            self._change(self._rng.choice(known))
            return
        photo, title = draw(self._rng), f"Pattern {product_id}"
        self._written.unsure.add(product_id)
        body = form({"title": title, "price": 1.0, "currency": "EUR"}, photo)
        status, _ = call(
            self._port, "PUT", f"/v1/products/{product_id}", body, f"multipart/form-data; boundary={BOUNDARY}"
        )
        if status in (200, 201):
            self._written.products[product_id], self._written.photos[product_id] = title, photo
            self._written.newest.append(product_id)
            self._written.unsure.discard(product_id)

    def _change(self, product_id: str) -> None:
        self._written.unsure.add(product_id)
        if self._rng.random() < 0.5:
            status, _ = call(self._port, "DELETE", f"/v1/products/{product_id}")
            title: str | None = None
        else:
            title = f"Changed {self._rng.randrange(10**9)}"
            body = json.dumps({"title": title}).encode()
            status, _ = call(self._port, "PATCH", f"/v1/products/{product_id}", body, "application/json")
        if status in (200, 204):
            self._written.products[product_id] = title
            self._written.unsure.discard(product_id)


def faults(home: Path, port: int, written: Written) -> list[str]:
    """Returns one line per fault: a lost acknowledged write, or a served generation other than CURRENT."""
    found = []
    live = GenerationStore(home).open()
    live.verify()
    served = call(port, "GET", "/v1/status")[1]["generation"]
    if served != live.id:
        found.append(f"CURRENT names {live.id}, the server serves {served}")
    for product_id, title in written.products.items():
        if product_id in written.unsure:
            continue
        status, product = call(port, "GET", f"/v1/products/{product_id}")
        if (status != 404) if title is None else (status != 200 or product["title"] != title):
            found.append(f"{product_id} must be {title!r}; got {status} {product and product.get('title')!r}")
    newest = [name for name in written.newest if written.products[name] and name not in written.unsure][-5:]
    for product_id in newest:
        body = form(None, written.photos[product_id])
        _, answer = call(port, "POST", "/v1/search/image", body, f"multipart/form-data; boundary={BOUNDARY}")
        hits = [hit["product_id"] for hit in (answer or {}).get("hits", [])]
        if product_id not in hits[:3]:
            found.append(f"{product_id} is not found by its own photo; got {hits[:3]}")
    return found


def play(home: Path, rounds: int, seed: int) -> int:
    rng, written, failures = random.Random(seed), Written(), 0
    print(f"{'round':>5}  {'killed':16} {'after s':>7}  {'published':9} {'acknowledged':>12} {'ready s':>7}  outcome")
    server, port, _ = serve(home)
    longest = 4.0
    for round_ in range(1, rounds + 1):
        before = GenerationStore(home).current_id()
        victim = ("rebuild", "server", "rebuild + server")[round_ % 3]
        writer = Writer(port, written, rng, round_)
        writer.start()
        started, moment = time.monotonic(), rng.uniform(0.2, longest)
        rebuilding = lookalike(home, "rebuild", "--full", "--json")
        try:
            rebuilding.wait(timeout=moment)
            longest = max(2.0, time.monotonic() - started)
        except subprocess.TimeoutExpired:
            longest = min(longest * 1.3, 120)
        after = time.monotonic() - started
        for process in (rebuilding,) * ("rebuild" in victim) + (server,) * ("server" in victim):
            kill(process)
        writer.stopping.set()
        writer.join()
        rebuilding.wait()
        ready = 0.0
        if server.poll() is not None:
            server, port, ready = serve(home)
        wait_for_swap(home, port)
        found = faults(home, port, written)
        failures += bool(found)
        published = "yes" if GenerationStore(home).current_id() != before else "no"
        print(
            f"{round_:5}  {victim:16} {after:7.1f}  {published:9} {len(written.products):12} {ready:7.1f}  "
            f"{'ok' if not found else '; '.join(found[:3])}",
            flush=True,
        )
    last = lookalike(home, "rebuild", "--json").wait()
    wait_for_swap(home, port)
    found = faults(home, port, written) + (["the undisturbed rebuild failed"] if last else [])
    outcome = "; ".join(found[:3]) or "ok"
    print(f"  end  {'nothing':16} {'':7}  {'no' if last else 'yes':9} {len(written.products):12} {'':7}  {outcome}")
    return failures + bool(found)


def wait_for_swap(home: Path, port: int) -> None:
    """Waits until a running server has noticed the newest generation; queries make it look."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if call(port, "GET", "/v1/status")[1]["generation"] == GenerationStore(home).current_id():
            return
        time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--feed", type=Path, help="catalogue to import first; without it, the synthetic sample")
    parser.add_argument("--backbone", default="efficientnet_lite2")
    chosen = parser.parse_args()
    os.environ["LOOKALIKE_BACKBONE"] = chosen.backbone
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="crash-rounds-") as folder:
        home = Path(folder)
        feed = chosen.feed
        if feed is None:
            from data.sample import generate_sample

            feed = generate_sample(home / "sample", products=60)
        try:
            for step in (("import", str(feed)), ("rebuild", "--json")):
                if lookalike(home, *step).wait():
                    raise SystemExit((home / "crash_rounds.log").read_text(encoding="utf-8", errors="replace")[-3000:])
            failed = play(home, chosen.rounds, chosen.seed)
        finally:
            for process in running:
                if process.poll() is None:
                    kill(process)
    print(f"{chosen.rounds} rounds, {failed} with faults")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
