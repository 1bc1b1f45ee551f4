"""Limits how many requests one caller may make a minute."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from api.errors import RateLimited


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
