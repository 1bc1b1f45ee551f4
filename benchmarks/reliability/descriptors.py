"""Runs the commands and the server with few file descriptors, and opens more connections than the server can have."""

import random
import re
import socket
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from reliability.serving import Server
from reliability.shop import Shop, copy_of, draw_photo, small_shop
from reliability.table import Result
from reliability.whole import faults_of

_LIMITS = (64, 128, 256)
_CONNECTIONS = 300
_RECOVERY_S = 20


def run(folder: Path, rounds: int = len(_LIMITS), seed: int = 0) -> Result:
    """Tries that many limits."""
    columns = ("descriptors", "what", "outcome", "with faults")
    result = Result("Few file descriptors", columns)
    (folder / "whole").mkdir()
    with small_shop(folder / "whole", 12) as shop:
        for limit in _LIMITS[:rounds]:
            (folder / str(limit)).mkdir()
            limited = copy_of(shop, folder / str(limit))
            limited.limits = f"ulimit -n {limit}"
            feed = shop.write_feed(range(12), seed=seed + limit)
            for arguments in (("import", str(feed)), ("rebuild", "--json"), ("doctor",)):
                _add(result, limit, arguments[0], *_command(limited, *arguments))
            try:
                _add(result, limit, "server", *_serve(limited, random.Random(seed)))
            finally:
                limited.stop_all()
    return result


def _add(result: Result, limit: int, what: str, outcome: str, found: list[str]) -> None:
    result.rows.append((limit, what, outcome, int(bool(found))))
    result.faults += [f"{what} with {limit} descriptors: {fault}" for fault in found]


def _command(shop: Shop, *arguments: str) -> tuple[str, list[str]]:
    """Returns how a command ended and its faults; a second run without the limit must work."""
    done = shop.run(*arguments)
    found = [f"status {done.status}: {done.err[-300:]}"] * (done.status not in (0, 1) or done.traceback)
    if done.status:
        unlimited = Shop(shop.folder, shop.environment)
        again = unlimited.run(*arguments)
        found += [f"without the limit it ends with {again.err[-300:]}"] * bool(again.status)
    return "done" if done.status == 0 else "refused", found + faults_of(Shop(shop.folder))


def _serve(shop: Shop, rng: random.Random) -> tuple[str, list[str]]:
    """Holds 300 connections open, asks beside them, closes them, and asks again."""
    try:
        server = Server.of(shop)
    except RuntimeError:
        return "refused", _untold(shop)
    counts = Counter[int]()
    with ExitStack() as held:
        for _ in range(_CONNECTIONS):
            try:
                client = held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=5))
                client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: ")
            except OSError:
                counts[-1] += 1
        for number in range(5):
            counts[_quick(server, "/v1/products/feed-1/similar")] += 1
            counts[_quick(server, f"/v1/products/feed-{number}")] += 1
    recovered_s = _recovery_s(server)
    after = [server.try_ask("GET", "/v1/products/feed-1/similar")[0] for _ in range(20)]
    after.append(server.put("later", {"price": 1}, draw_photo(rng)))
    found = [f"after the crowd it answers {status}" for status in set(after) - {200, 201}]
    found += [f"among the crowd it answers {status}" for status in set(counts) - {-1, 0, 200, 503}]
    found += _untold(shop)
    server.stop()
    answered = sum(counts[status] for status in (200, 503))
    outcome = f"{answered} of 10 answered among {_CONNECTIONS} held connections, well again after {recovered_s:.1f} s"
    return outcome, found


def _recovery_s(server: Server) -> float:
    """Returns the seconds until it answers a search again, once the connections are closed."""
    started = time.monotonic()
    while time.monotonic() - started < _RECOVERY_S and _quick(server, "/v1/products/feed-1/similar") != 200:
        time.sleep(0.1)
    return time.monotonic() - started


def _quick(server: Server, path: str) -> int:
    """Returns the status, 0 where no answer comes within 5 seconds."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            return int(client.recv(64).split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _untold(shop: Shop) -> list[str]:
    """Returns the first error in the log that nobody had foreseen."""
    log = (shop.folder / "log.txt").read_text(errors="replace") if (shop.folder / "log.txt").exists() else ""
    errors = re.findall(r"^(?:\w+\.)*\w*(?:Error|Exception)\b.*", log, re.MULTILINE)
    return [f"the log holds {len(errors)} errors that nobody had foreseen, the first: {errors[0]}"] if errors else []
