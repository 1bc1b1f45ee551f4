"""Sends random and hostile requests to a real server: none may be an internal error, and it must stay alive."""

import json
import random
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

from reliability.serving import BOUNDARY, MULTIPART, Server, form
from reliability.shop import draw_photo, small_shop
from reliability.table import Result

_CLIENTS = 4
_GROWTH_MB = 300  # caches fill; what is refused must not stay
_ROUTES = {
    "GET": "/ /docs /openapi.json /v1/search/text /v1/products/feed-1 /v1/products/feed-1/similar /v1/status /livez "
    "/readyz /metrics /thumbs/x.webp /static/page.css /sell /nowhere /v1/queries/complete /v1/queries/related",
    "POST": "/v1/search/text /v1/search/image /v1/recognize /v1/recommend /v1/events /v1/products:batch / /sell",
    "PUT": "/v1/products/feed-1 /v1/products/x",
    "PATCH": "/v1/products/feed-1 /v1/products/x",
    "DELETE": "/v1/products/x",
}
_OTHER_METHODS = ("HEAD", "OPTIONS", "TRACE", "BREW", "get")
_NAMES = (
    *("q", "k", "filter", "cursor", "diversity", "freshness", "text", "text_weight", "not_text", "image_url", "box"),
    *("product_id", "label", "colour", "purge", "within", "utm_source", "price", "title", "attributes", "images"),
    *("kind", "shown", "query_id", "position", "session", "at", "delete", "file"),
)
_TEXTS = (
    *("", " ", "0", "-1", "1e999", "NaN", "Infinity", "true", "null", "[]", "{}", "\0", "\ud800", "\ufeff", "％"),
    *("a" * 3000, "9" * 400, "(" * 500, "NOT " * 300 + "price < 1", "빨간 머그컵", "🎽" * 50, "\r\nX: y", "feed-1"),
    *("' OR 1=1 --", '"; DROP TABLE products', "<script>alert(1)</script>", "{{7*7}}", "${jndi:ldap://x}"),
    *("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "file:///etc/passwd", "http://169.254.169.254/"),
    *("http://[::ffff:127.0.0.1]:80/", 'price < 20 AND (colour IN ("red")', "attr.x = 1", "[0,0,1,1]", "[1e99,-1]"),
)
_KINDS = (
    *("application/json", "application/x-ndjson", MULTIPART, "multipart/form-data", "multipart/form-data; boundary="),
    *("application/x-www-form-urlencoded", "text/plain", "image/png", "application/json; charset=utf-16", "", "\x01"),
)


def run(folder: Path, rounds: int = 20_000, seed: int = 0) -> Result:
    """Sends that many requests from four clients."""
    result = Result("Hostile requests", ("what", "count"))
    with small_shop(folder, 12) as shop:
        server = Server.of(shop)
        _ask_all(server, range(rounds // 10), f"{seed} warm")
        before = _memory_mb(server)
        counts = _ask_all(server, range(rounds), str(seed))
        after = _memory_mb(server)
        statuses = Counter(status for status, _ in counts.elements())
        for status, count in sorted(statuses.items()):
            result.rows.append((f"answered {status}" if status else "cut off, or no answer", f"{count:,}"))
        result.faults += [f"{status} to {request}" for status, request in counts if request]
        result.rows.append(("memory before and after, MB", f"{before:.0f}, {after:.0f}"))
        if server.try_ask("GET", "/v1/products/feed-9/similar")[0] != 200:
            result.faults.append("it does not answer any more")
        if after - before > _GROWTH_MB:
            result.faults.append(f"its memory grew from {before:.0f} to {after:.0f} MB")
        if server.stop():
            result.faults.append("it did not stop cleanly")
    return result


def _ask_all(server: Server, numbers: range, seed: str) -> Counter[tuple[int, str]]:
    """Returns how often each status was answered; a 5xx with the start of its request."""
    counts = Counter[tuple[int, str]]()

    def ask(number: int) -> tuple[int, str]:
        request = _request(random.Random(f"{seed} {number}"))
        status = _send(server, request)
        return status, repr(request[:300]) if status >= 500 and status != 503 else ""

    with ThreadPoolExecutor(_CLIENTS) as pool:
        counts.update(pool.map(ask, numbers))
    return counts


def _request(rng: random.Random) -> bytes:
    """Returns the bytes of one request, right in most parts and wrong in some."""
    method = rng.choice(("GET", "GET", "POST", "POST", "POST", "PUT", "PATCH", "DELETE"))
    path = rng.choice(_ROUTES[method].split())
    if rng.random() < 0.05:
        method = rng.choice(_OTHER_METHODS)
    if rng.random() < 0.1:
        path = f"{path.rpartition('/')[0]}/{quote(_text(rng), safe=rng.choice(('', '/', '%')), errors='replace')}"
    if rng.random() < 0.6:
        pairs = (f"{rng.choice(_NAMES)}={_quoted(rng)}" for _ in range(rng.randrange(4)))
        path += "?" + "&".join(pairs)
    body = _body(rng) if method not in ("GET", "HEAD") or rng.random() < 0.05 else b""
    kind = rng.choice(_KINDS)
    if rng.random() < 0.9:
        kind = (
            MULTIPART if body.startswith(b"--") else "application/x-ndjson" if "batch" in path else "application/json"
        )
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", f"Content-Type: {kind}"]
    lines.append(f"Content-Length: {len(body) if rng.random() < 0.97 else rng.choice((0, 1, -1, 10**12, 'x'))}")
    if rng.random() < 0.1:
        lines.append(f"{rng.choice(('Authorization', 'Origin', 'Range', 'Accept', 'Expect'))}: {_text(rng)[:200]}")
    whole = "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body
    return _mutated(whole, rng) if rng.random() < 0.1 else whole


def _text(rng: random.Random) -> str:
    return rng.choice(_TEXTS) if rng.random() < 0.8 else "".join(chr(rng.randrange(1, 0xD800)) for _ in range(9))


def _quoted(rng: random.Random) -> str:
    text = _text(rng)
    return quote(text.encode("utf-8", "surrogatepass")) if rng.random() < 0.95 else text.replace(" ", "+")[:200]


def _value(rng: random.Random, depth: int = 0) -> object:
    kind = rng.randrange(8 if depth < 4 else 5)
    if kind == 5:
        return [_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    if kind > 5:
        return {rng.choice(_NAMES) if rng.random() < 0.8 else _text(rng): _value(rng, depth + 1) for _ in range(3)}
    return rng.choice(
        (_text(rng), rng.randrange(-10, 10**6), rng.random(), None, True, 10**400, float("inf"), "feed-1")
    )


def _body(rng: random.Random) -> bytes:
    kind = rng.randrange(6)
    if kind < 3:
        fields = {rng.choice(_NAMES): _value(rng) for _ in range(rng.randrange(5))}
        return json.dumps(fields, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    if kind == 3:
        return b"\n".join(json.dumps(_value(rng)).encode() for _ in range(rng.randrange(9)))
    photo = draw_photo(rng, 64)
    body = form({"price": rng.choice((1, "x", None))}, _mutated(photo, rng) if rng.random() < 0.8 else photo)
    if kind == 4:
        return body.replace(b'name="image"', f'name="{rng.choice(["file", "file", "product", *_NAMES])}"'.encode())
    return rng.choice((_mutated(body, rng), b"[" * 5000, b"{" * 100, f"--{BOUNDARY}".encode(), rng.randbytes(200)))


def _mutated(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 6)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed[: rng.randrange(1, len(changed) + 1)] if rng.random() < 0.2 else changed)


def _send(server: Server, request: bytes) -> int:
    """Returns the status that was answered, 0 where none came."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            return int(client.recv(100).split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _memory_mb(server: Server) -> float:
    """Returns the resident memory of the server's processes."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in server.pids())
    return pages * 4096 / 1e6
