"""Asks a server of a large catalogue: one client, eight clients, and one client while products are put."""

import itertools
import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import quote, urlencode

import numpy as np
from home_server import processor_s
from scale_catalogue import BRANDS, MATERIALS, MEDIAN_PRICE, brand
from urllib3 import encode_multipart_formdata

PUTS_A_SECOND = 20
PUTTERS = 4
CLIENTS = 8
_BOUNDARY = "scale-boundary"
_SHARES = ("", "0.5 %", "5 %", "50 %", "none")
_WARM_UP = 5


@dataclass(frozen=True)
class Question:
    """One request: its method, path and body."""

    method: str
    path: str
    body: bytes = b""

    def ask(self, client: HTTPConnection) -> dict[str, object]:
        """Returns the answer's JSON; nothing for 204.

        Raises:
            SystemExit: the status is none of 200, 201 and 204.
        """
        headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"} if self.body else {}
        client.request(self.method, self.path, body=self.body or None, headers=headers)
        response = client.getresponse()
        content = response.read()
        if response.status not in (200, 201, 204):
            raise SystemExit(f"{self.method} {self.path} must succeed; got {response.status}: {content[:300]!r}")
        answer: dict[str, object] = json.loads(content or b"{}")
        return answer


class Questions:
    """Makes questions that differ, so that nothing remembered answers them.

    Args:
        count: products p0, p1, ... of the catalogue.
        photos: bytes of photos to ask with.
    """

    kinds = ("similar", "text", "photo")

    def __init__(self, count: int, photos: Sequence[bytes], seed: int = 1) -> None:
        self._count, self._chance = count, random.Random(seed)
        self._photos = itertools.cycle(photos)
        self._words = [f"{look} {kind}" for look in ("striped", "summer", "따뜻한", "floral", "여름", "red", "검정")
                       for kind in ("dress", "shoes", "t-shirt", "hat", "skirt", "outwear")]  # fmt: skip

    def of(self, kind: str, share: str = "") -> Iterator[Question]:
        """Yields questions of a kind without end, under a filter that passes the given share of the products."""
        while True:
            filter_ = {"filter": self._filter(share)} if share else {}
            if kind == "similar":
                path = f"/v1/products/p{self._chance.randrange(self._count)}/similar"
                yield Question("GET", f"{path}?{urlencode(filter_)}")
            elif kind == "text":
                words = f"{self._chance.choice(self._words)} {brand(self._chance.randrange(BRANDS)).split()[0]} "
                yield Question(
                    "GET", "/v1/search/text?" + urlencode({"q": words + str(self._chance.randrange(977)), **filter_})
                )
            else:
                yield Question("POST", "/v1/search/image", _form(filter_, file=next(self._photos)))

    def _filter(self, share: str) -> str:
        """Returns a filter that passes 0.5 %, 5 % or 50 % of the products, or none; each is another one."""
        number = self._chance.randrange(10_000)
        return {
            "0.5 %": f'brand = "{brand(number % BRANDS)}"',
            "5 %": f'attr.material = "material {number % MATERIALS}"',
            "50 %": f"price < {MEDIAN_PRICE + (number % 100) / 100}",
            "none": f'brand = "Nobody {number}"',
        }[share]


def put(product_id: str, photo: bytes) -> Question:
    """Returns the request that writes a product with this photo."""
    facts = json.dumps({"title": f"new {product_id}", "price": 20, "currency": "EUR"})
    return Question("PUT", f"/v1/products/{quote(product_id)}", _form({"product": facts}, image=photo))


def _form(fields: dict[str, str], **photo: bytes) -> bytes:
    files = {name: ("photo", content) for name, content in photo.items()}
    return encode_multipart_formdata({**fields, **files}, _BOUNDARY)[0]


def ask_all(port: int, server: int, questions: Questions, queries: int) -> None:
    """Prints p50 and p95 of every kind of question, plain and under filters, and queries a second at 8 clients.

    The processor time of a query is that of all threads of the server; other work on the machine changes it less.
    """
    print(f"\n{'question':10}{'filter':>8}{'p50 ms':>9}{'p95 ms':>9}{'slowest':>9}{'processor':>11}{'queries/s':>11}")
    for kind in questions.kinds:
        for share in _SHARES:
            before_s = processor_s(server)
            times = _times(port, questions.of(kind, share), queries)
            spent_ms = (processor_s(server) - before_s) * 1000 / (queries + _WARM_UP)
            rate = f"{_rate(port, kind, questions, queries):.0f}" if not share else ""
            _row(kind, share, times, f"{spent_ms:.1f}", rate)


def ask_beside_puts(port: int, questions: Questions, queries: int, photos: Sequence[bytes]) -> None:
    """Prints the times of questions while 20 products a second are put; each must be found by the next search."""
    print(f"\nwhile {PUTS_A_SECOND} products a second are put")
    for kind in questions.kinds:
        with _Putting(port, photos, f"{kind}-{time.time_ns()}") as putting:
            times = _times(port, questions.of(kind), queries)
        _row(kind, "", times, "", "")
        print(f"{'':10}{putting.rate:.1f} a second; of {putting.count} pairs {putting.found} found each other at once")


def _times(port: int, asked: Iterator[Question], queries: int) -> list[float]:
    """Returns the milliseconds of each question, asked one after the other."""
    times = []
    with closing(HTTPConnection("127.0.0.1", port, timeout=600)) as client:
        for place, question in enumerate(itertools.islice(asked, queries + _WARM_UP)):
            started = time.perf_counter()
            question.ask(client)
            if place >= _WARM_UP:
                times.append((time.perf_counter() - started) * 1000)
    return times


def _rate(port: int, kind: str, questions: Questions, queries: int) -> float:
    """Returns how many questions a second are answered to 8 clients together."""
    asked = list(itertools.islice(questions.of(kind), max(queries, CLIENTS)))
    started = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:  # raises what a client raised, where a thread would end unnoticed
        list(clients.map(lambda at: _times(port, iter(asked[at::CLIENTS]), queries), range(CLIENTS)))
    return len(asked) / (time.perf_counter() - started)


def _row(kind: str, share: str, times: Sequence[float], spent: str, rate: str) -> None:
    middle, late = np.percentile(times, [50, 95])
    print(f"{kind:10}{share:>8}{middle:>9.1f}{late:>9.1f}{max(times):>9.1f}{spent:>11}{rate:>11}", flush=True)


class _Putting:
    """Puts products at a steady rate while the block runs, two with each photo, and looks whether one finds the other.

    Attributes:
        count, found: how many pairs were put, and of how many the second was found by the first in the next search.
        rate: how many products were put in a second.
    """

    def __init__(self, port: int, photos: Sequence[bytes], name: str) -> None:
        self._port, self._photos, self._name = port, itertools.cycle(photos), name
        self._started, self._ended, self._lock = time.perf_counter(), threading.Event(), threading.Lock()
        self._putters = ThreadPoolExecutor(PUTTERS)
        self._running: list[Future[None]] = []
        self._numbers, self._put = itertools.count(), list[str]()
        self.count = self.found = 0
        self.rate = 0.0

    def __enter__(self) -> "_Putting":
        self._running = [self._putters.submit(self._run) for _ in range(PUTTERS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for putter in self._running:
            putter.result()
        self._putters.shutdown()
        self.rate = 2 * self.count / (time.perf_counter() - self._started)
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=600)) as client:
            for product_id in self._put:  # so that the home has as many products as before
                Question("DELETE", f"/v1/products/{quote(product_id)}").ask(client)

    def _run(self) -> None:
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=600)) as client:
            while not self._ended.is_set() or not self.count:
                with self._lock:
                    number, photo = next(self._numbers), next(self._photos)
                self._ended.wait(max(0.0, self._started + 2 * number / PUTS_A_SECOND - time.perf_counter()))
                found = self._put_pair(client, number, photo)
                with self._lock:
                    self.count, self.found = self.count + 1, self.found + found

    def _put_pair(self, client: HTTPConnection, number: int, photo: bytes) -> bool:
        first, second = (f"{self._name}-{number}{half}" for half in "ab")
        for product_id in (first, second):
            put(product_id, photo).ask(client)
            self._put.append(product_id)
        hits = Question("GET", f"/v1/products/{first}/similar").ask(client)["hits"]
        return isinstance(hits, list) and second in [hit["product_id"] for hit in hits]
