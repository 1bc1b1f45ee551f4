"""A shop's own server in this process, which takes what sellers offer and checks who it comes from."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

SECRET = "a secret of the shop's own"


class ShopServer:
    """A running server.

    Attributes:
        status: what it answers.
        taken: the offers whose signature was right, in order.
        forged: how many had another one.
    """

    def __init__(self) -> None:
        self.status, self.taken, self.forged = 200, list[dict[str, Any]](), 0
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                shop.take(self.rfile.read(int(self.headers["Content-Length"])), self.headers["Lookalike-Signature"])
                self.send_response(shop.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/offers?from=lookalike"

    def take(self, body: bytes, signature: str) -> None:
        at, _, digest = signature.removeprefix("t=").partition(",v1=")
        wanted = hmac.new(SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
        if hmac.compare_digest(wanted, digest):
            self.taken.append(json.loads(body))
        else:
            self.forged += 1

    def run(self) -> None:
        self._server.serve_forever()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def shop_server() -> Iterator[ShopServer]:
    """Runs a shop's server while the block runs."""
    shop = ShopServer()
    thread = threading.Thread(target=shop.run)
    thread.start()
    try:
        yield shop
    finally:
        shop.stop()
        thread.join()
