"""The server itself: accepts connections, gives whole requests to threads, and looks after time, room and its end."""

import logging
import socket
import time
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from api.server.connections import Connection
from api.server.limits import ANSWER_IN_MEMORY_BYTES, BACKLOG, HEAD_BYTES, IN_MEMORY_BYTES, BodyLimit, Limits
from api.server.log import log_access
from api.server.requests import NoRoom
from api.server.threads import Threads

_log = logging.getLogger("lookalike.server")
_HEALTH = ("/livez", "/readyz")
_OWN_THREADS = 4  # for health checks and refusals
_ACCEPTS = 256  # connections accepted at once, before the others are looked at again
_NO_LIMIT = 1 << 40  # where waitress has a limit that `Limits` has too


class Server(TcpWSGIServer):
    """waitress with the limits of `Limits`, and with threads of their own for health checks and for refusals.

    Args:
        app: the WSGI app.
        listener: the socket to accept connections from.
        threads: requests that run at once.
        body_limit: most bytes of a request's body.
        log_addresses: whether the access log names the clients' addresses.
    """

    channel_class = Connection

    def __init__(
        self, app: Any, listener: socket.socket, *, threads: int, body_limit: BodyLimit, limits: Limits,
        log_addresses: bool,
    ) -> None:  # fmt: skip
        self.limits, self.body_limit, self._log_addresses = limits, body_limit, log_addresses
        self.is_stopping = False
        self._next_look = 0.0
        self._own_threads = Threads(_OWN_THREADS)
        adjustments = Adjustments(
            sockets=[listener], backlog=BACKLOG, ident=None, log_socket_errors=False, asyncore_use_poll=True,
            recv_bytes=65_536, max_request_header_size=HEAD_BYTES, max_request_body_size=_NO_LIMIT,
            inbuf_overflow=IN_MEMORY_BYTES, outbuf_overflow=ANSWER_IN_MEMORY_BYTES, outbuf_high_watermark=_NO_LIMIT,
            connection_limit=_NO_LIMIT, channel_timeout=_NO_LIMIT,
        )  # fmt: skip
        kind = (listener.family, listener.type, listener.proto, listener.getsockname())
        super().__init__(
            app, _sock=listener, dispatcher=Threads(threads), adj=adjustments, sockinfo=kind, bind_socket=False
        )

    def run(self) -> None:
        """Serves until `stop` is called, and then until running requests have ended, at most `drain_s` seconds."""
        while not self.is_stopping:
            self._turn()
        wasyncore.dispatcher.close(self)  # who connects now is refused at once
        until = time.monotonic() + self.limits.drain_s
        while time.monotonic() < until and any(connection.is_busy for connection in self._connections()):
            self._turn()

    def stop(self) -> None:
        """Makes `run` come to its end; may be called by a signal handler."""
        self.is_stopping = True
        self.pull_trigger()

    def add_task(self, task: Connection) -> None:
        """Gives the connection's first request to a thread."""
        request = task.requests[0]
        own = request.error or request.path in _HEALTH
        (self._own_threads if own else self.task_dispatcher).add_task(task)

    def handle_accept(self) -> None:
        """Accepts those who wait, and closes for each one too many the one that has kept the server waiting longest."""
        for _ in range(_ACCEPTS):
            before = len(self.active_channels)
            super().handle_accept()
            if len(self.active_channels) == before:
                break
        excess = len(self.active_channels) - self.limits.connections
        for connection in _longest_waiting(self._connections())[: max(0, excess)]:
            connection.handle_close()

    def log_access(self, entry: dict[str, Any]) -> None:
        log_access(entry if self._log_addresses else {**entry, "from": None})

    def _turn(self) -> None:
        """Waits for clients, at most one tick, and does what they ask for; looks at all connections once per tick."""
        try:
            wasyncore.loop(timeout=self.limits.tick_s, use_poll=True, map=self._map, count=1)
            now = time.monotonic()
            if now >= self._next_look:
                self._next_look = now + self.limits.tick_s
                for connection in self._connections():
                    connection.look(now)
                self._make_room()
        except Exception:  # whatever it was, the other clients must be served
            _log.exception("the server's loop failed and goes on")

    def _make_room(self) -> None:
        """Refuses the bodies that have been coming in longest while all bodies together are too many bytes."""
        excess_bytes = sum(connection.body_bytes for connection in self._connections()) - self.limits.bodies_bytes
        for connection in _longest_waiting(self._connections()):
            if excess_bytes <= 0:
                return
            if connection.body_bytes and not connection.is_at_work:
                excess_bytes -= connection.body_bytes
                connection.refuse(NoRoom("too many uploads are coming in at once. Try again shortly."))

    def _connections(self) -> list[Connection]:
        return list(self.active_channels.values())


def _longest_waiting(connections: list[Connection]) -> list[Connection]:
    """Returns the connections, those first that no thread works for and that do the same thing for longest."""
    return sorted(connections, key=lambda connection: (connection.is_at_work, connection.since))
