"""Sends the largest photos allowed to a server, many at once; measures its memory and who else is answered meanwhile.

A server is started on a copy of HOME. Clients post a PNG of 40 megapixels with 16-bit colours and transparency to
`/v1/recommend`, each a file of its own, while others search by words and ask `/livez` and `/readyz`.

    python benchmarks/photo_load.py HOME [--clients 20] [--photos 60] [--label mug]
"""

import argparse
import http.client
import json
import shutil
import statistics
import struct
import tempfile
import threading
import time
import zlib
from collections import Counter
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from family_memory import family_memory_mb
from home_server import serving
from urllib3 import encode_multipart_formdata

PAUSE_S = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--label", default="mug")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        shutil.copytree(options.home, home)
        with serving(home) as (port, pid):
            _run(options, pid, port)


def _run(options: argparse.Namespace, pid: int, port: int) -> None:
    photos = _largest(options.photos)
    paths = ("/v1/search/text?q=" + quote(options.label), "/livez", "/readyz")
    alone = {path: [_timed(port, path)[1] for _ in range(20)] for path in paths}
    idle_mb, stop = family_memory_mb(pid), threading.Event()
    peak, others, statuses = [idle_mb], {path: list[tuple[int, float]]() for path in paths}, Counter[str]()
    threads = [threading.Thread(target=_watch, args=(pid, peak, stop))]
    threads += [threading.Thread(target=_ask, args=(port, path, others[path], stop)) for path in paths]
    senders = [
        threading.Thread(target=_send, args=(port, options.label, photos, statuses)) for _ in range(options.clients)
    ]
    started = time.perf_counter()
    for thread in threads + senders:
        thread.start()
    for thread in senders:
        thread.join()
    seconds = time.perf_counter() - started
    stop.set()
    for thread in threads:
        thread.join()
    print(
        f"{options.photos} photos of 40 megapixels from {options.clients} clients in {seconds:.1f} s: {dict(statuses)}"
    )
    print(
        f"memory of the server and its decoders: {idle_mb:,.0f} MB idle, {peak[0] - idle_mb:,.0f} MB more at the peak"
    )
    for path, answers in others.items():
        failed = sum(status != 200 for status, _ in answers)
        times = [seconds for _, seconds in answers]
        print(
            f"{path:28} alone p95 {_p95(alone[path]) * 1000:6.0f} ms; meanwhile {len(answers):4} asked, "
            f"{failed} failed, p50 {statistics.median(times) * 1000:6.0f} ms, p95 {_p95(times) * 1000:6.0f} ms"
        )


def _largest(photos: int) -> list[bytes]:
    """Returns PNGs of 8,000 x 5,000 pixels, 16-bit RGBA; a number in each makes it a file of its own."""
    packer, row = zlib.compressobj(), bytes(1 + 8_000 * 8)
    pixels = b"".join(packer.compress(row) for _ in range(5_000)) + packer.flush()
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 8_000, 5_000, 16, 6, 0, 0, 0))
    rest = _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")
    return [b"\x89PNG\r\n\x1a\n" + header + _chunk(b"tEXt", b"n\0%d" % number) + rest for number in range(photos)]


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _send(port: int, label: str, photos: list[bytes], statuses: "Counter[str]") -> None:
    while photos:
        try:
            photo = photos.pop()
        except IndexError:
            return
        body, kind = encode_multipart_formdata({"label": label, "file": ("a.png", photo)})
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
            connection.request("POST", "/v1/recommend", body, {"Content-Type": kind})
            answer = connection.getresponse()
            content = answer.read()
        code = "" if answer.status == 200 else " " + json.loads(content)["code"]
        retry = " without Retry-After" if answer.status == 503 and not answer.headers["Retry-After"] else ""
        statuses[f"{answer.status}{code}{retry}"] += 1


def _ask(port: int, path: str, answers: list[tuple[int, float]], stop: threading.Event) -> None:
    while not stop.wait(PAUSE_S):
        answers.append(_timed(port, path))


def _timed(port: int, path: str) -> tuple[int, float]:
    started = time.perf_counter()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
    return answer.status, time.perf_counter() - started


def _watch(pid: int, peak: list[float], stop: threading.Event) -> None:
    while not stop.wait(0.02):
        peak[0] = max(peak[0], family_memory_mb(pid))


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


if __name__ == "__main__":
    main()
