"""A running server of a small shop, asked over HTTP, and a client that remembers every acknowledged write."""

import http.client
import json
import random
import re
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reliability.shop import Shop, draw_photo, kill

BOUNDARY = "reliability-boundary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
READY_S = 120
SWAP_S = 30


@dataclass
class Server:
    """A server process and its port.

    Attributes:
        ready_s: seconds from its start until it was ready.
    """

    process: subprocess.Popen[bytes]
    port: int
    ready_s: float

    @classmethod
    def of(cls, shop: Shop, *options: str) -> "Server":
        """Starts a server and waits until it is ready.

        Raises:
            RuntimeError: it ended, or is not ready after two minutes.
        """
        started = time.monotonic()
        process = shop.start("serve", "--port", "0", *options, out=subprocess.PIPE)
        line = process.stdout.readline().decode() if process.stdout else ""
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        while found and process.poll() is None and time.monotonic() - started < READY_S:
            server = cls(process, int(found[1]), time.monotonic() - started)
            if server.try_ask("GET", "/readyz")[0] == 200:
                return server
            time.sleep(0.05)
        kill(process)
        raise RuntimeError(f"the server must become ready; it did not. See {shop.folder / 'log.txt'}")

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, Any]:
        """Sends one request; returns its status and its decoded JSON, or None where it is no JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {"Content-Type": kind} if kind else {})
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content.startswith((b"{", b"[")) else None
        finally:
            connection.close()

    def try_ask(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, Any]:
        """Does the same; the status is 0 where no answer comes."""
        try:
            return self.ask(method, path, body, kind)
        except (OSError, http.client.HTTPException, ValueError):
            return 0, None

    def put(self, product_id: str, fields: dict[str, Any], photo: bytes | None = None) -> int:
        """Writes one product; returns the status, 0 where no answer came."""
        return self.try_ask("PUT", f"/v1/products/{product_id}", form(fields, photo), MULTIPART)[0]

    def follows(self, generation: str | None) -> list[str]:
        """Waits until it serves this generation; the questions make it look. Returns one fault where it never does."""
        deadline = time.monotonic() + SWAP_S
        while time.monotonic() < deadline:
            if self.ask("GET", "/v1/status")[1]["generation"] == generation:
                return []
            time.sleep(0.1)
        return [f"CURRENT names {generation}, and the server serves another generation"]

    def pids(self) -> list[int]:
        """Returns the numbers of its processes, the parent's first."""
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [parent, *map(int, children)]

    def stop(self) -> int:
        """Asks the server to stop and returns its exit status."""
        self.process.terminate()
        return self.process.wait(60)


def form(fields: dict[str, Any] | None, photo: bytes | None) -> bytes:
    """Returns a multipart body with the parts `product` and `image`, or `file` alone where there is no product."""
    parts = []
    if fields is not None:
        head = 'Content-Disposition: form-data; name="product"\r\nContent-Type: application/json\r\n\r\n'
        parts.append(head.encode() + json.dumps(fields).encode())
    if photo is not None:
        name = "image" if fields is not None else "file"
        head = f'Content-Disposition: form-data; name="{name}"; filename="p.png"\r\nContent-Type: image/png\r\n\r\n'
        parts.append(head.encode() + photo)
    return b"".join(f"--{BOUNDARY}\r\n".encode() + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()


@dataclass
class Written:
    """What was acknowledged: product_id -> price, None if deleted.

    Attributes:
        unsure: ids whose last write got no answer.
        count: how many writes were acknowledged.
    """

    prices: dict[str, float | None] = field(default_factory=dict)
    photos: dict[str, bytes] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    count: int = 0

    def lost(self, server: Server) -> list[str]:
        """Returns one line for each product that is not as it was acknowledged, or is not found by its photo."""
        found = []
        sure = [name for name in self.prices if name not in self.unsure]
        for name in sure:
            price = self.prices[name]
            status, product = server.ask("GET", f"/v1/products/{name}")
            if (status != 404) if price is None else (status != 200 or product["price"] != price):
                found.append(f"{name} must cost {price}; got {status} {product and product.get('price')}")
        for name in [name for name in sure if self.prices[name] is not None and name in self.photos][-3:]:
            status, answer = server.ask("POST", "/v1/search/image", form(None, self.photos[name]), MULTIPART)
            hits = [hit["product_id"] for hit in (answer or {}).get("hits", [])]
            if name not in hits[:3]:
                found.append(f"{name} is not found by its own photo; got {status} {hits[:3]}")
        return found


class Writer(threading.Thread):
    """Puts, changes, deletes and purges products, one after another, until `stop` is called or the server is gone."""

    def __init__(self, server: Server, written: Written, rng: random.Random, name: str) -> None:
        super().__init__(daemon=True)
        self._server, self._written, self._rng, self._prefix = server, written, rng, name
        self._stopping = threading.Event()

    def run(self) -> None:
        number = 0
        while not self._stopping.wait(0.005):
            number += 1
            known = [name for name, price in self._written.prices.items() if price is not None]
            if known and self._rng.random() < 0.3:
                is_answered = self._change(self._rng.choice(known[-20:]))
            else:
                is_answered = self._put(f"{self._prefix}-{number}")
            if not is_answered:
                return

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    def _put(self, name: str) -> bool:
        photo, price = draw_photo(self._rng), float(self._rng.randrange(10**6))
        return self._note(name, price, lambda: self._server.put(name, {"price": price}, photo), photo)

    def _change(self, name: str) -> bool:
        kind = self._rng.random()
        if kind < 0.4:
            price = float(self._rng.randrange(10**6))
            body = json.dumps({"price": price}).encode()
            path = f"/v1/products/{name}"
            return self._note(name, price, lambda: self._server.try_ask("PATCH", path, body, "application/json")[0])
        path = f"/v1/products/{name}" + ("?purge=true" if kind < 0.7 else "")
        return self._note(name, None, lambda: self._server.try_ask("DELETE", path)[0])

    def _note(self, name: str, price: float | None, send: Callable[[], int], photo: bytes | None = None) -> bool:
        self._written.unsure.add(name)
        status = send()
        if status in (200, 201, 204):
            self._written.count += 1
            self._written.prices[name] = price
            if photo is not None:
                self._written.photos[name] = photo
            self._written.unsure.discard(name)
        return status != 0
