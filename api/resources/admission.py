"""Limits the load: bounded queues with a deadline before the engine and the decoders, and a rate limit per caller."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from api.errors import RateLimited
from engine.errors import Overloaded


class Admission:
    """Lets at most `slots` requests work and at most `queue_size` wait, none longer than `deadline_s`.

    Args:
        slots: requests that may be in the engine at once.
        queue_size: requests that may wait for a slot.
        deadline_s: seconds a request may wait.
    """

    def __init__(self, *, slots: int, queue_size: int, deadline_s: float) -> None:
        self._free = threading.Semaphore(slots)
        self._lock = threading.Lock()
        self._slots, self._queue_size, self._deadline_s = slots, queue_size, deadline_s
        self._inside = 0
        self._holding = threading.local()  # whether the calling thread holds a slot

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Holds one slot while the block runs.

        Raises:
            Overloaded: the queue is full, or no slot came free before the deadline; the engine did no work.
        """
        with self._lock:
            if self.is_full:
                raise Overloaded(f"at most {self._queue_size} requests may wait, and that many do. Try again shortly.")
            self._inside += 1
        try:
            if not self._free.acquire(timeout=self._deadline_s):
                raise Overloaded(f"a request may wait at most {self._deadline_s:g} s; this one did. Try again shortly.")
            try:
                self._holding.slot = True
                yield
            finally:
                self._holding.slot = False
                self._free.release()
        finally:
            with self._lock:
                self._inside -= 1

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Lends the calling thread's slot, if it holds one, to the next in the queue while the block runs."""
        if not getattr(self._holding, "slot", False):
            yield
            return
        self._free.release()
        try:
            yield
        finally:
            self._free.acquire()

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot now."""
        return max(0, self._inside - self._slots)

    @property
    def is_full(self) -> bool:
        """Whether one more request would be refused."""
        return self._inside >= self._slots + self._queue_size


@contextmanager
def decoding(admission: Admission, photos: Admission) -> Iterator[None]:
    """Holds a slot of the decoders while the block runs, and lends the engine's slot meanwhile.

    So a large photo holds up other photos, but nobody who searches by words.

    Args:
        admission: the engine's queue.
        photos: the queue of photos that are to be decoded.

    Raises:
        Overloaded: too many photos wait, or this one waited too long.
    """
    with admission.lent(), photos.slot():
        yield


class RateLimit:
    """A token bucket per caller; beyond `callers` buckets, the least recently used is dropped.

    Args:
        per_minute: requests one caller may make per minute, even all at once; 0: no limit.
        callers: number of buckets to keep, so that memory stays bounded.
        clock: seconds, monotonic.
    """

    def __init__(self, per_minute: int, *, callers: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._callers, self._clock = per_minute, callers, clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # caller -> (tokens, when)

    def spend(self, caller: str) -> None:
        """Takes one token of `caller`.

        Raises:
            RateLimited: no token is left; the error says in how many seconds there will be one.
        """
        if not self._per_minute:
            return
        with self._lock:
            now, rate = self._clock(), self._per_minute / 60
            tokens, since = self._buckets.pop(caller, (float(self._per_minute), now))
            tokens = min(float(self._per_minute), tokens + (now - since) * rate)
            allowed = tokens >= 1
            self._buckets[caller] = (tokens - allowed, now)
            if len(self._buckets) > self._callers:
                self._buckets.popitem(last=False)
        if not allowed:
            wait_s = math.ceil((1 - tokens) / rate)
            raise RateLimited(
                f"at most {self._per_minute} requests a minute are allowed. Try again in {wait_s} s.",
                retry_after_s=wait_s,
            )
