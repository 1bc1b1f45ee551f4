"""One connection to a client: how long the client may take for what, and how it ends."""

import functools
import math
import socket
import time
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.utilities import Error

from api.server.answers import Answer, Refusal
from api.server.limits import PIPELINED
from api.server.requests import Request, TooSlow


class Connection(HTTPChannel):
    """A connection that the server's loop reads and writes; only a whole request is given to a thread.

    Attributes:
        since: when the client began what it does now, in seconds of `time.monotonic`.
    """

    task_class, error_task_class = Answer, Refusal
    request: Any  # the one that is coming in, or None

    def __init__(self, server: Any, sock: socket.socket, addr: Any, adj: Adjustments, map: Any = None) -> None:
        self.parser_class = functools.partial(Request, body_limit=server.body_limit)
        self.since = time.monotonic()
        self._doing: tuple[str, float] = ("nothing yet", 0)
        self._sent_bytes = self._moved_before = 0
        self._lingers = self._is_lingering = False
        super().__init__(server, sock, addr, adj, map)

    @property
    def is_at_work(self) -> bool:
        """Whether a thread runs a request, or will."""
        return bool(self.requests)

    @property
    def is_busy(self) -> bool:
        """Whether a request is coming in, is run, or is being answered; or the connection is about to be closed."""
        return bool(self.requests or self.request or self.total_outbufs_len or self.close_when_flushed)

    @property
    def body_bytes(self) -> int:
        """Bytes of bodies that are held for this connection."""
        requests = [*self.requests, self.request] if self.request else self.requests
        return sum(request.body_bytes_received for request in requests)

    def look(self, now: float) -> None:
        """Ends what takes the client too long; the server's loop calls it again and again."""
        limits = self.server.limits
        doing, moved_bytes = self._progress()
        if doing != self._doing:
            self._doing, self.since, self._moved_before = doing, now, moved_bytes
        what = doing[0]
        moving_s = limits.grace_s + (moved_bytes - self._moved_before) / limits.least_rate
        most_s = {"idles": limits.idle_s, "heads": limits.head_s, "lingers": limits.linger_s, "waits": math.inf}
        if now - self.since <= most_s.get(what, moving_s):
            return
        if what in ("heads", "sends"):
            self.refuse(TooSlow("a request must come faster; this one took too long. Send it again."))
        else:
            self.handle_close()

    def refuse(self, error: Error) -> None:
        """Answers `error` to a request that is still coming in."""
        with self.requests_lock:
            request, self.request = self.request, None
            request.refuse(error)
            self.requests.append(request)
            self.server.add_task(self)

    def linger(self) -> None:
        """Makes the connection read on for a while after its last answer, and forget what it reads.

        A connection that is closed with bytes unread is reset, and the client would lose the answer.
        """
        self._lingers = True

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent_bytes: int = super().send(data, do_close)
        self._sent_bytes += sent_bytes
        return sent_bytes

    def received(self, data: bytes) -> bool:
        taken: bool = super().received(data)
        if len(self.requests) > PIPELINED:
            self.will_close = True
        return taken

    def readable(self) -> bool:
        return bool(self._is_lingering and not self.will_close) or bool(super().readable())

    def writable(self) -> bool:
        if self._is_lingering:
            return bool(self.will_close)
        return bool(super().writable()) and not (self.total_outbufs_len and self._thread_sends)

    def handle_write(self) -> None:
        # The thread that answers may set `close_when_flushed` at any moment; waitress would then close at once.
        if self.will_close or not self._lingers:
            super().handle_write()
            return
        self._flush_exception(self._flush_some_if_lockable)
        if self.close_when_flushed and not self.total_outbufs_len:
            self._is_lingering = True
            self.socket.shutdown(socket.SHUT_WR)

    @property
    def _thread_sends(self) -> bool:
        """Whether a thread sends its answer now. What is left, it leaves to the loop, and wakes it at its end.

        A loop that waits until it can send here would be called again at once, and again, until the thread is done.
        """
        is_free = self.outbuf_lock.acquire(False)
        if is_free:
            self.outbuf_lock.release()
        return not is_free

    def _progress(self) -> tuple[tuple[str, float], int]:
        """Returns what the client does now, in one word and a number that tells it from the next, and bytes moved."""
        if self._is_lingering:
            return ("lingers", 0), 0
        if self.total_outbufs_len:
            return ("takes", 0), self._sent_bytes
        if self.requests:
            return ("waits", 0), 0
        if self.request is None:
            return ("idles", self.last_activity), 0
        if self.request.headers_finished:
            return ("sends", id(self.request)), self.request.body_bytes_received
        return ("heads", id(self.request)), 0
