"""Real servers on free ports of the loopback: another port is another origin to a browser."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


@contextmanager
def serving(app: Flask | Wsgi, port: int = 0) -> Iterator[str]:
    """Serves an app while the block runs, and gives its origin."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class HostPages:
    """A site of somebody else: files in memory, sent with this Content-Security-Policy.

    Attributes:
        files: path -> media type and content.
        policy: the header of every answer; empty: none.
    """

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, str]] = {}
        self.policy = ""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        found = self.files.get(environ["PATH_INFO"])
        if found is None:
            start_response("404 Not Found", [])
            return []
        headers = [("Content-Type", f"{found[0]}; charset=utf-8"), ("Content-Security-Policy", self.policy)]
        start_response("200 OK", headers[: 1 + bool(self.policy)])
        return [found[1].encode()]
