"""Asks a server for more than it can do, and measures what it still answers.

    python benchmarks/overload.py HOME PHOTO... [--seconds 20] [--times 2]

First one client and then eight at once search by photo, which gives the capacity in answers a second. Then photos are
sent at `--times` that rate, whether or not answers come, as a crowd does. Goodput is the share of the capacity that is
still answered within ten seconds; who is refused must get 503 with Retry-After. Meanwhile others ask `/livez` and
search by words. The photos are JPEG; a comment gives each that is sent other bytes, so that none is remembered.
"""

import argparse
import http.client
import os
import statistics
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from home_server import serving
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
    with serving(options.home) as (port, _):
        closed_loop(port, photos, 1, 5.0)  # the first answers load what is loaded late
        for clients in (1, CLIENTS):
            found = closed_loop(port, photos, clients, options.seconds)
            print(found.line(f"photo, {clients} at once", options.seconds), flush=True)
        capacity = len(found.seconds) / options.seconds
        if not capacity:
            raise SystemExit("the server must answer photos; it answered none with 200.")
        crowd, light, took_s = overload(port, photos, capacity * options.times, options.seconds)
    print(crowd.line(f"photo, {capacity * options.times:.0f} sent a second", took_s))
    for name, answers in light.items():
        print(answers.line(f"{name}, meanwhile", options.seconds))
    print(f"goodput: {len(crowd.seconds) / took_s / capacity:.0%} of the capacity")


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
    started = time.perf_counter()
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)) as connection:
            headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"} if photo else {}
            connection.request("POST" if photo else "GET", path, photo or None, headers)
            answer = connection.getresponse()
            answer.read()
    except (OSError, http.client.HTTPException) as error:
        found.others[type(error).__name__] += 1
        return
    took = time.perf_counter() - started
    if answer.status == 200 and took <= PATIENCE_S:
        found.seconds.append(took)
    else:
        retry = "" if answer.status != 503 or answer.headers["Retry-After"] else " without Retry-After"
        found.others[f"{answer.status}{retry}"] += 1


def body(jpeg: bytes) -> bytes:
    """Returns the body of a form with one photo, with a comment in it that makes its bytes new."""
    photo = jpeg[:2] + b"\xff\xfe\x00\x12" + uuid.uuid4().bytes + jpeg[2:]
    return encode_multipart_formdata({"file": ("photo.jpg", photo)}, _BOUNDARY)[0]


if __name__ == "__main__":
    main()
