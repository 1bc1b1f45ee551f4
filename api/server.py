"""The server: gunicorn with one worker process, many threads and one copy of the models."""

import dataclasses
import json
import os
import socket
import sys
import threading
import time
from datetime import timedelta
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker
from threadpoolctl import threadpool_limits

from api.app import create_app
from api.errors import ServerError
from api.resources import EXTENSION, Resources
from data.settings import Settings

HEADER_DEADLINE_S = 10.0
STALL_S = 20  # a client that sends and receives nothing for this long during a request is cut off
DRAIN_S = 30
WARM_S = 300  # a worker without a heartbeat for this long is replaced
SPARE_THREADS = 16  # in addition to those for queries: health checks, thumbnails, slow clients
_MODEL_LIBRARIES = ("openvino", "tensorflow", "torch", "faiss")


def serve(settings: Settings, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT, then lets running requests end; the process exits with status 0.

    Raises:
        ServerError: nothing can listen at this address.
    """
    if any(name in sys.modules for name in _MODEL_LIBRARIES):
        # The worker is forked, and thread pools of these libraries do not survive a fork.
        os.environ.update(_environment(settings))
        os.execv(sys.executable, _command(host, port))  # noqa: S606
    listener = _listen(host, port)
    _Server(settings, listener).run()


def _command(host: str, port: int) -> list[str]:
    # -P: a data.py in the current folder must not be imported instead of ours.
    return [sys.executable, "-P", "-m", "lookalike", "serve", "--host", host, "--port", str(port)]


def _environment(settings: Settings) -> dict[str, str]:
    """Returns the variables that give a new process these same settings."""
    values: dict[str, str] = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        paths = os.pathsep.join(map(str, value)) if isinstance(value, tuple) else str(value)
        values[f"LOOKALIKE_{field.name.upper()}"] = paths
    return values


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=512)
    except (OSError, OverflowError) as error:
        raise ServerError(
            f"host and port must be free to listen at; got {host}:{port} ({error}). Stop what uses it, or name another "
            "with --port."
        ) from error


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn, configured in code instead of by a file."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings, self._listener = settings, listener
        self.url = _url(listener)
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": [f"fd://{self._listener.detach()}"],
            "worker_class": f"{__name__}.Worker",
            "workers": 1,
            "threads": self._settings.cores + self._settings.queue_size + SPARE_THREADS,
            "worker_connections": 1000,
            "timeout": WARM_S,
            "graceful_timeout": DRAIN_S,
            "keepalive": 15,
            "logger_class": f"{__name__}.{'JsonLogger' if self._settings.log_addresses else 'AddresslessLogger'}",
            "accesslog": "-",
            "errorlog": "-",
            "loglevel": "warning",
            "forwarded_allow_ips": "",
            "limit_request_line": 8190,
            "pre_request": _headers_read,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Returns the app, made in the worker process, and starts to load its models."""
        # The matrices of one query are small. BLAS's helper threads would spin for a while after each product and hold
        # the cores that FAISS's threads need.
        threadpool_limits(1, user_api="blas")
        app = create_app(self._settings)
        held: Resources = app.extensions[EXTENSION]
        held.readiness.start(self._say_ready, self._say_waiting)
        return app

    def _say_ready(self) -> None:
        _say(f"Lookalike is ready at {self.url}")

    def _say_waiting(self, reason: str) -> None:
        _say(f"Lookalike listens at {self.url} and waits ({reason}); searches answer 503 until then.")


class Worker(ThreadWorker):  # type: ignore[misc]
    """gthread that cuts off clients which send their headers too slowly, and reports unready when it stops."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading: dict[int, tuple[Any, float]] = {}  # thread -> its connection, and since when it reads headers

    def handle(self, conn: Any) -> Any:
        thread = threading.get_ident()
        self._reading[thread] = (conn, time.monotonic())
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, option, _timeval(STALL_S))
        try:
            return super().handle(conn)
        finally:
            self._reading.pop(thread, None)

    def notify(self) -> None:
        super().notify()
        now = time.monotonic()
        for conn, since in list(self._reading.values()):
            if now - since > HEADER_DEADLINE_S:
                _cut_off(conn.sock)

    def headers_read(self) -> None:
        self._reading.pop(threading.get_ident(), None)

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not self.alive:  # refused at once rather than left in a queue that nobody will serve
            for listener in self.sockets:
                listener.close()

    def handle_exit(self, sig: int, frame: Any) -> None:
        if app := getattr(self, "wsgi", None):  # not there while it starts
            held: Resources = app.extensions[EXTENSION]
            held.readiness.stop()
        super().handle_exit(sig, frame)


class JsonLogger(Logger):  # type: ignore[misc]
    """Writes one JSON object per request to standard error; never a query string, a header or a body."""

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "method": environ.get("REQUEST_METHOD"),
            "path": environ.get("PATH_INFO"),
            "status": int(str(resp.status).split()[0]),
            "bytes": resp.sent or resp.response_length,
            "ms": round(request_time.total_seconds() * 1000, 1),
            "from": environ.get("REMOTE_ADDR"),
        }
        sys.stderr.write(json.dumps(line) + "\n")


class AddresslessLogger(JsonLogger):
    """The same without the caller's address."""

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        super().access(resp, req, {**environ, "REMOTE_ADDR": None}, request_time)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _headers_read(worker: Worker, _request: Any) -> None:
    worker.headers_read()


def _timeval(seconds: int) -> bytes:
    """Returns a C `struct timeval`."""
    return seconds.to_bytes(8, sys.byteorder) + bytes(8)


def _cut_off(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:  # it is gone already
        return
