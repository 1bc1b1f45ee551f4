"""Clients that ask a server again and again, each in a thread of its own, until a block ends."""

import threading
from typing import Self


class BusyClients:
    """Base of the clients of one load; a subclass says in `ask` what one of them does.

    Attributes:
        stopped: set when the clients are to end.
        news: to be held while what the clients found is written or waited for.
        failures: answers other than 200, and errors.
    """

    def __init__(self, count: int) -> None:
        self.stopped, self.news = threading.Event(), threading.Condition()
        self.failures: list[str] = []
        self._threads = [threading.Thread(target=self.ask, args=(number,)) for number in range(count)]

    def ask(self, number: int) -> None:
        """Asks until `stopped` is set; runs in the thread of the client of this number."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self._threads:
            thread.join()
