"""The threads that run requests: the one that ended its work last is given the next."""

import logging
import threading
from collections import deque
from queue import SimpleQueue
from typing import Any

_log = logging.getLogger("lookalike.server")


class Threads:
    """Runs tasks in at most `most` threads, each started when it is first needed; in waitress's terms, a dispatcher.

    A free thread that ran lately goes before one that ran long ago. The libraries of the models keep helper threads and
    memory for each thread that calls them, so few threads should call them while few requests come.
    """

    def __init__(self, most: int) -> None:
        self._most, self._started = most, 0
        self._lock = threading.Lock()
        self._free: list[SimpleQueue[Any]] = []
        self._waiting: deque[Any] = deque()

    def add_task(self, task: Any) -> None:
        """Calls `task.service()` in a thread, as soon as one is free."""
        with self._lock:
            if self._free:
                self._free.pop().put(task)
            elif self._started < self._most:
                self._started += 1
                # A daemon, so that a request which does not end cannot keep the process from ending.
                threading.Thread(target=self._run, args=(task,), name=f"request-{self._started}", daemon=True).start()
            else:
                self._waiting.append(task)

    def _run(self, task: Any) -> None:
        own: SimpleQueue[Any] = SimpleQueue()
        while True:
            try:
                task.service()
            except Exception:  # whatever it was, the next request must be run
                _log.exception("a request failed")
            with self._lock:
                if waiting := bool(self._waiting):
                    task = self._waiting.popleft()
                else:
                    self._free.append(own)
            if not waiting:
                task = own.get()
