"""The server's process: its socket, its limit of open files, its app, and how signals end it."""

import atexit
import ctypes
import dataclasses
import os
import signal
import socket
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from threadpoolctl import threadpool_limits

from api.app import create_app
from api.errors import ServerError
from api.resources import EXTENSION, FOLLOWER, Readiness, Resources
from api.server.limits import BACKLOG, Limits, body_limit, connections_within
from api.server.listener import Server
from api.server.log import log_as_json
from data.settings import Settings
from data.storage import raise_descriptor_limit
from engine.releases import Releaser

QUEUES = 4  # in the app: engine, decoders, fetched photos, changed products; whoever finds one full is told at once
SPARE_THREADS = 24  # in addition to those who wait in the queues: pages, thumbnails, and slots beyond one per core
SWITCH_S = 0.001  # after which a thread lets another one run Python code, if one wants to; Python's own: 0.005
_M_ARENA_MAX = -8  # of glibc's malloc.h
_MODEL_LIBRARIES = ("openvino", "tensorflow", "torch", "faiss")


def serve(settings: Settings, host: str, port: int, *, searcher: bool = False) -> NoReturn:
    """Serves until SIGTERM or SIGINT, lets running requests end, and ends the process with status 0.

    A second signal ends it at once.

    Args:
        searcher: whether it only searches, in the releases at `models_url`.

    Raises:
        ServerError: nothing can listen at this address.
    """
    if any(name in sys.modules for name in _MODEL_LIBRARIES):
        # A new process is free of the memory and the threads that a rebuild leaves behind.
        os.environ.update(_environment(settings))
        os.execv(sys.executable, _command(host, port, searcher))  # noqa: S606
    listener = _listen(host, port)
    url = _url(listener)
    log_as_json()
    limits = Limits(connections=connections_within(raise_descriptor_limit()))
    # The matrices of one query are small. BLAS's helper threads would spin for a while after each product and hold
    # the cores that FAISS's threads need.
    threadpool_limits(1, user_api="blas")
    _share_heaps(settings.cores)
    # The loop that serves all clients must not wait long for its turn where many threads compute in Python.
    sys.setswitchinterval(SWITCH_S)
    app = create_app(settings, searcher=searcher)
    held: Resources = app.extensions[EXTENSION]
    server = Server(
        app, listener, threads=QUEUES * (settings.cores + settings.queue_size) + SPARE_THREADS,
        body_limit=body_limit(settings), limits=limits, log_addresses=settings.log_addresses,
    )  # fmt: skip
    _stop_on_signals(server, held.readiness)
    held.readiness.start(
        lambda: _say(f"Lookalike is ready at {url}"),
        lambda reason: _say(f"Lookalike listens at {url} and waits ({reason}); searches answer 503 until then."),
    )
    if searcher:
        app.extensions[FOLLOWER].start()
    else:
        held.engine.changes.start()
        Releaser(settings).start()
    server.run()
    held.engine.changes.stop()
    held.search_log.flush()
    _end()


def _end() -> NoReturn:
    """Ends the process without waiting for its threads; one that loads a model or computes would abort it instead."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _share_heaps(most: int) -> None:
    """Lets the process's threads share so many heaps; glibc would keep eight for each core, each with room to spare."""
    with suppress(AttributeError, OSError):  # other C libraries have no such call
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, most)


def _stop_on_signals(server: Server, readiness: Readiness) -> None:
    def stop(number: int, _frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_DFL)
        readiness.stop()
        server.stop()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)


def _command(host: str, port: int, searcher: bool) -> list[str]:
    # -P: a data.py in the current folder must not be imported instead of ours.
    return [sys.executable, "-P", "-m", "lookalike", "serve", "--host", host, "--port", str(port),
            *["--searcher"] * searcher]  # fmt: skip


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
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise ServerError(
            f"host and port must be free to listen at; got {host}:{port} ({error}). Stop what uses it, or name another "
            "with --port."
        ) from error


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
