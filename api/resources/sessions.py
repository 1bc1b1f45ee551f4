"""Sessions of operators in a browser: a random cookie that stands for an API key, in memory and for a short time."""

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from data.keys import ApiKey, Keys

IDLE_S = 30 * 60.0
_LONGEST_S = 12 * 3600.0
_MOST = 100


class Sessions:
    """Maps cookies to keys. A session ends 30 minutes after its last use, after 12 hours, or with its key.

    Args:
        keys: the keys of the catalogue.
        clock: seconds, monotonic.
    """

    def __init__(self, keys: Keys, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys, self._clock = keys, clock
        self._lock = threading.Lock()
        self._open: OrderedDict[str, tuple[str, float, float]] = OrderedDict()  # digest -> (key id, begun, last used)

    def begin(self, key: ApiKey) -> str:
        """Returns the cookie of a new session; beyond 100 sessions, the one used longest ago ends."""
        cookie = secrets.token_urlsafe(32)
        with self._lock:
            now = self._clock()
            self._open[_digest(cookie)] = (key.id, now, now)
            if len(self._open) > _MOST:
                self._open.popitem(last=False)
        return cookie

    def key(self, cookie: str) -> ApiKey | None:
        """Returns the key that a cookie stands for; None if there is no such session any more, or no such key."""
        with self._lock:
            key_id, begun, used = self._open.pop(_digest(cookie), ("", 0.0, 0.0))
            now = self._clock()
            if not key_id or now - used > IDLE_S or now - begun > _LONGEST_S:
                return None
            self._open[_digest(cookie)] = (key_id, begun, now)
        return self._keys.valid(key_id)

    def end(self, cookie: str) -> None:
        """Ends a session, if there is one."""
        with self._lock:
            self._open.pop(_digest(cookie), None)


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
