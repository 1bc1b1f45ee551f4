"""Asks a server for more than it can do, and measures what it still answers.

    python benchmarks/overload.py HOME PHOTO... [--seconds 20] [--times 2]

First one client and then eight at once search by photo, which gives the capacity in answers a second. Then photos are
sent at `--times` that rate, whether or not answers come, as a crowd does. Goodput is the share of the capacity that is
still answered within ten seconds; who is refused must get 503 with Retry-After. Meanwhile others ask `/livez` and
search by words. The photos are JPEG; a comment gives each that is sent other bytes, so that none is remembered.

The clients share the machine with the server, perhaps with other work too. So processor time is told as well. What an
answer costs the server with eight clients, divided by what one costs it in the crowd (refusals, words and all), is the
goodput that it would have with the machine to itself.
"""

import argparse
import os
import socket
import statistics
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote

import numpy as np
from home_server import processor_s, serving
from numpy.typing import NDArray
from urllib3 import encode_multipart_formdata

CLIENTS, PATIENCE_S, PAUSE_S = 8, 10.0, 0.2
LIGHT = {"/livez": "/livez", "words": "/v1/search/text?q=" + quote("red mug")}
_BOUNDARY = "overload"


@dataclass
class Answers:
    """Seconds that answers of status 200 took, and how many there were of every other kind."""

    seconds: list[float] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)

    def line(self, name: str, during_s: float) -> str:
        took = sorted(self.seconds) or [float("nan")]
        p50, p95 = statistics.median(took), took[int(len(took) * 0.95)]
        others = ", ".join(f"{count} x {status}" for status, count in self.others.items()) or "none"
        return f"{name:<28} {len(self.seconds) / during_s:>8.1f} {p50 * 1e3:>8.0f} {p95 * 1e3:>8.0f}  {others}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--times", type=float, default=2.0)
    options = parser.parse_args()
    photos = [path.read_bytes() for path in options.photos]
    if not all(photo.startswith(b"\xff\xd8") for photo in photos):
        raise SystemExit("all photos must be JPEG; got another file.")
    print(f"{len(photos)} photos, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'':<28} {'200 / s':>8} {'p50 ms':>8} {'p95 ms':>8}  other answers")
    with serving(options.home) as (port, server):
        closed_loop(port, photos, 1, 5.0)  # the first answers load what is loaded late
        for clients in (1, CLIENTS):
            before = spent_s(server)
            found = closed_loop(port, photos, clients, options.seconds)
            calm = spent_s(server) - before
            print(found.line(f"photo, {clients} at once", options.seconds), flush=True)
        capacity = len(found.seconds) / options.seconds
        if not capacity:
            raise SystemExit("the server must answer photos; it answered none with 200.")
        before = spent_s(server)
        crowd, light, took_s = overload(port, photos, capacity * options.times, options.seconds)
        crowded = spent_s(server) - before
    print(crowd.line(f"photo, {capacity * options.times:.0f} sent a second", took_s))
    for name, answers in light.items():
        print(answers.line(f"{name}, meanwhile", options.seconds))
    print(f"goodput: {len(crowd.seconds) / took_s / capacity:.0%} of the capacity")
    calm_ms, crowded_ms = calm / len(found.seconds) * 1e3, crowded / max(1, len(crowd.seconds)) * 1e3
    print("processor time for each photo answered, ms       server  clients")
    for name, (server_ms, clients_ms) in ((f"{CLIENTS} at once", calm_ms), ("the crowd", crowded_ms)):
        print(f"{name:<46} {server_ms:>8.1f} {clients_ms:>8.1f}")
    print(f"goodput by the server's processor time: {calm_ms[0] / crowded_ms[0]:.0%}")


def spent_s(server: int) -> NDArray[np.float64]:
    """Returns the processor time spent so far, in seconds: that of the server with its decoders, and of the clients."""
    tasks = Path(f"/proc/{server}/task").glob("*/children")
    decoders = [int(process) for children in tasks for process in children.read_text(encoding="ascii").split()]
    return np.array([sum(map(processor_s, (server, *decoders))), time.process_time()])


def closed_loop(port: int, photos: list[bytes], clients: int, seconds: float) -> Answers:
    """Returns the answers to clients of which each waits for its answer before it asks again."""
    found, stop = Answers(), time.perf_counter() + seconds

    def client(first: int) -> None:
        at = first
        while time.perf_counter() < stop:
            ask(port, found, body(photos[at % len(photos)]))
            at += clients

    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(client, range(clients)))
    return found


def overload(port: int, photos: list[bytes], per_s: float, seconds: float) -> tuple[Answers, dict[str, Answers], float]:
    """Sends photos at a fixed rate while others ask now and then.

    Returns:
        The answers to the photos, those to the others, and the seconds from the first photo to the last answer: what
        waits when the last photo is sent is answered later, and takes as long.
    """
    found, light, stop = Answers(), {name: Answers() for name in LIGHT}, threading.Event()
    others = [threading.Thread(target=now_and_then, args=(port, LIGHT[name], light[name], stop)) for name in LIGHT]
    for thread in others:
        thread.start()
    count, started = int(per_s * seconds), time.perf_counter()
    with ThreadPoolExecutor(int(per_s * PATIENCE_S) + CLIENTS) as threads:
        for at in range(count):
            time.sleep(max(0.0, started + at / per_s - time.perf_counter()))
            threads.submit(ask, port, found, body(photos[at % len(photos)]))
        stop.set()
    took_s = time.perf_counter() - started
    for thread in others:
        thread.join()
    return found, light, took_s


def now_and_then(port: int, path: str, found: Answers, stop: threading.Event) -> None:
    while not stop.wait(PAUSE_S):
        ask(port, found, path=path)


def ask(port: int, found: Answers, photo: bytes = b"", path: str = "/v1/search/image") -> None:
    """Sends a request and counts its answer, with as little work as a client can do: it shares the server's cores."""
    head = f"{'POST' if photo else 'GET'} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    if photo:
        head += f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\nContent-Length: {len(photo)}\r\n"
    started = time.perf_counter()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
            connection.sendall(head.encode() + b"\r\n" + photo)
            answer = b"".join(iter(partial(connection.recv, 1 << 16), b""))
    except OSError as error:
        found.others[type(error).__name__] += 1
        return
    took = time.perf_counter() - started
    status = answer[9:12].decode() or "no answer"
    if status == "200" and took <= PATIENCE_S:
        found.seconds.append(took)
    else:
        retry = "" if status != "503" or b"\r\nRetry-After: " in answer else " without Retry-After"
        found.others[f"{status}{retry}"] += 1


def body(jpeg: bytes) -> bytes:
    """Returns the body of a form with one photo, with a comment in it that makes its bytes new."""
    photo = jpeg[:2] + b"\xff\xfe\x00\x12" + uuid.uuid4().bytes + jpeg[2:]
    return encode_multipart_formdata({"file": ("photo.jpg", photo)}, _BOUNDARY)[0]


if __name__ == "__main__":
    main()
