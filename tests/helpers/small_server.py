"""The project's server in this process, around a small WSGI app, for tests of what clients may do to it."""

import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from api.server.limits import Limits
from api.server.listener import Server

BODY_LIMIT = 1_000_000
LONG = 20_000_000  # bytes of the answer to /long, more than the kernel keeps for a client who does not read


class SmallApp:
    """Answers with the length of the body; /hold waits for `released`, /long is long, /fail fails.

    Attributes:
        held: released once by each thread that waits.
    """

    def __init__(self) -> None:
        self.held, self.released = threading.Semaphore(0), threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/fail":
            raise RuntimeError("planted")
        if path == "/hold":
            self.held.release()
            assert self.released.wait(60)
        body = b"x" * LONG if path == "/long" else b"%d" % len(environ["wsgi.input"].read())
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]


class Running:
    """A running server.

    Attributes:
        ended: seconds that `stop` took.
    """

    def __init__(self, server: Server, app: SmallApp) -> None:
        self.server, self.app = server, app
        self._thread = threading.Thread(target=server.run)
        self._thread.start()

    def connect(self, content: bytes = b"") -> socket.socket:
        """Returns a new connection that has sent `content`."""
        sock = socket.create_connection(("127.0.0.1", int(self.server.effective_port)), timeout=60)
        sock.sendall(content)
        return sock

    def ask(self, content: bytes) -> bytes:
        """Returns all that the server answers on a new connection, which it must close."""
        with self.connect(content) as sock:
            return read_all(sock)

    def get(self, path: str) -> bytes:
        return self.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

    def wait_until(self, number: int) -> None:
        """Waits until so many connections are open."""
        until = time.monotonic() + 60
        while len(self.server.active_channels) != number:
            assert time.monotonic() < until
            time.sleep(0.001)

    def stop(self) -> None:
        self.server.stop()
        self._thread.join(60)
        assert not self._thread.is_alive()


@contextmanager
def running(*, threads: int = 2, log_addresses: bool = True, **limits: Any) -> Iterator[Running]:
    """Runs a server with these limits while the block runs."""
    app = SmallApp()
    server = Server(
        app, socket.create_server(("127.0.0.1", 0)), threads=threads, body_limit=lambda _method, _path: BODY_LIMIT,
        limits=Limits(**{"tick_s": 0.02, "drain_s": 5, **limits}), log_addresses=log_addresses,
    )  # fmt: skip
    run = Running(server, app)
    try:
        yield run
    finally:
        app.released.set()
        run.stop()


def read_all(sock: socket.socket) -> bytes:
    """Returns what comes until the other side closes the connection."""
    parts = []
    while part := sock.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)
