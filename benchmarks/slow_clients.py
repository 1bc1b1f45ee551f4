"""Hangs hundreds of slow clients on a real server, and asks for /livez, searches and uploads photos meanwhile.

Each kind of slow client attacks a server of its own. The exit status is 1 when an answer to /livez takes more than a
second, or when another client is not answered.

    python benchmarks/slow_clients.py HOME PHOTO [--clients 200] [--seconds 20] [--kinds heads,bodies] [--port PORT]

HOME is a home with a published generation. With --port, the server that listens there is attacked instead of new ones.
"""

import argparse
import asyncio
import http.client
import multiprocessing
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from family_memory import memory_mb
from home_server import serving

from data.catalogue import Catalogue

DRIP_S = 8.0  # between two bytes of a slow client
AGAIN_S = 1.0  # before a slow client that was cut off comes again
PAUSE_S = 0.1  # between two questions of one of the others
LIVEZ_MS = 1000.0
_GET = b"GET /%s HTTP/1.1\r\nHost: x\r\n"
_POST = b"POST /v1/search/image HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
_PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="p"\r\n\r\n'
# kind -> what a client sends at once, and what it sends then, byte by byte
KINDS: dict[str, tuple[bytes, bytes]] = {
    "none": (b"", b""),
    "silent": (b"", b""),
    "idle": (_GET % b"livez" + b"\r\n", b""),
    "heads": (_GET % b"livez" + b"X-Slow: ", b"x" * 1000),
    "bodies": (_POST + b"Content-Length: 9000000\r\n\r\n" + _PART, b"x" * 1000),
    "chunks": (_POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 200),
    "photos": (_POST + b"Content-Length: 9000000\r\n\r\n" + _PART + b"x" * 8_900_000, b"x" * 1000),
    "readers": ((_GET % b"openapi.json" + b"\r\n") * 8, b""),
}


@dataclass
class _Asked:
    """Another client's question, how long its answers took, and what went wrong."""

    method: str
    path: str
    body: bytes | None = None
    times_ms: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def ask(self, port: int) -> None:
        headers = {"Content-Type": "multipart/form-data; boundary=b"} if self.body else {}
        started = time.perf_counter()
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as client:
                client.request(self.method, self.path, body=self.body, headers=headers)
                response = client.getresponse()
                response.read()
                if response.status != 200:
                    self.failures.append(f"{self.path} {response.status}")
        except OSError as error:
            self.failures.append(f"{self.path} {error!r}")
        self.times_ms.append((time.perf_counter() - started) * 1000)

    def cells(self) -> str:
        return f"{statistics.median(self.times_ms):>9.0f}{max(self.times_ms):>9.0f}"


def main() -> None:
    options = _options()
    product_id = next(iter(Catalogue(options.home).iter_facts())).product.product_id
    upload = _PART + options.photo.read_bytes() + b"\r\n--b--\r\n"
    print(f"{options.clients} slow clients, {options.seconds:g} s each kind; times in ms: p50 and slowest")
    print(f"{'kind':9}{'/livez':>18}{'similar':>18}{'photo':>18}{'asked':>7}{'failed':>7}{'files':>7}{'RSS MB':>7}")
    bad = False
    for kind in options.kinds.split(","):
        asked = [
            _Asked("GET", "/livez"),
            _Asked("GET", f"/v1/products/{quote(product_id)}/similar?k=20"),
            _Asked("POST", "/v1/search/image", upload),
        ]
        count = 0 if kind == "none" else options.clients
        with _server(options) as (port, pid), _slow_clients(port, kind, count):
            _ask_for(options.seconds, asked, port)
            use = f"{_open_files(pid):>7}{memory_mb(pid) if pid else 0:>7.0f}"
        failures = [failure for each in asked for failure in each.failures]
        count = sum(len(each.times_ms) for each in asked)
        print(f"{kind:9}{''.join(each.cells() for each in asked)}{count:>7}{len(failures):>7}{use}", flush=True)
        for failure in sorted(set(failures))[:3]:
            print(f"    {failure}")
        bad |= bool(failures) or max(asked[0].times_ms) > LIVEZ_MS
    sys.exit(1 if bad else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--port", type=int, default=0)
    return parser.parse_args()


def _server(options: argparse.Namespace) -> AbstractContextManager[tuple[int, int]]:
    """Returns the port and the process id of a new server, or of the one at --port, whose id counts as 0."""
    return nullcontext((options.port, 0)) if options.port else serving(options.home)


@contextmanager
def _slow_clients(port: int, kind: str, count: int) -> Iterator[None]:
    """Runs slow clients in a process of their own, from the moment that all have connected."""
    connected = multiprocessing.Semaphore(0)
    attack = multiprocessing.Process(target=_attack, args=(port, *KINDS[kind], count, connected), daemon=True)
    attack.start()
    for _ in range(count):
        if not connected.acquire(timeout=60):
            raise SystemExit(f"{count} clients must be able to connect; not all could.")
    yield
    attack.kill()
    attack.join()


def _attack(
    port: int, at_once: bytes, slowly: bytes, count: int, connected: "multiprocessing.synchronize.Semaphore"
) -> None:
    async def all_clients() -> None:
        await asyncio.gather(*(_hang(port, at_once, slowly, connected) for _ in range(count)))

    asyncio.run(all_clients())


async def _hang(port: int, at_once: bytes, slowly: bytes, connected: "multiprocessing.synchronize.Semaphore") -> None:
    """One slow client. It reads next to nothing, and when the server cuts it off, it comes again."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
            connected.release()
            writer.write(at_once)
            await writer.drain()
            for byte in slowly:
                await asyncio.sleep(DRIP_S)
                writer.write(bytes([byte]))
                await writer.drain()
            while await reader.read(1):
                await asyncio.sleep(DRIP_S)
        except OSError:
            pass
        await asyncio.sleep(AGAIN_S)


def _ask_for(seconds: float, asked: list[_Asked], port: int) -> None:
    """Asks every question again and again, each in a thread of its own."""
    until = time.monotonic() + seconds

    def repeat(question: _Asked) -> None:
        while time.monotonic() < until:
            question.ask(port)
            time.sleep(PAUSE_S)

    threads = [threading.Thread(target=repeat, args=(question,)) for question in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir())) if pid else 0


if __name__ == "__main__":
    main()
