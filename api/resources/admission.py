"""Limits the load: bounded queues with a deadline before the engine and the decoders."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from engine.errors import Overloaded

_NEW_IN_A_ROW = 4
_WAITING_SHARE = 0.8  # of the deadline; the rest is for the work itself, or the answer comes when nobody waits for it
_SMOOTHING = 8  # how many of the latest requests tell how fast the queue moves


class Admission:
    """Lets at most `slots` requests work and at most `queue_size` new ones wait, none longer than `deadline_s`.

    Where the queue moves so slowly that a new request would wait for most of `deadline_s`, it is refused at once. Else
    everybody in a crowd would wait until the deadline, and who got a slot at last would have left.

    A request that comes back for the slot that it lent (`lent`) waits in a queue of its own. At most four new requests
    pass it, so that neither photos hold up those who search by words, nor words the photos.

    Args:
        slots: requests that may be in the engine at once.
        queue_size: requests that may wait for a slot.
        deadline_s: seconds a request may wait.
        clock: the time in seconds.
    """

    def __init__(
        self, *, slots: int, queue_size: int, deadline_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._queue_size, self._deadline_s, self._clock = queue_size, deadline_s, clock
        self._lock = threading.Lock()
        self._free = slots
        self._new: deque[threading.Event] = deque()  # each is set when a slot is handed over to who waits for it
        self._back: deque[threading.Event] = deque()
        self._new_in_a_row = 0
        self._pace_s = 0.0  # between two new requests that get a slot while others wait
        self._handed_at: float | None = None  # when the last new one got its slot, if others have waited ever since
        self._holding = threading.local()  # where the calling thread holds a slot: since when its request waited

    @contextmanager
    def slot(self, *, since: float | None = None) -> Iterator[None]:
        """Holds one slot while the block runs.

        Args:
            since: when the request began to wait elsewhere, seconds as `time.monotonic` counts; None: it begins now.

        Raises:
            Overloaded: the queue is full, or no slot came free before the deadline; the engine did no work.
        """
        since = time.monotonic() if since is None else since
        with self._lock:
            self.check_room()
            if not self._new:
                self._pace_s, self._handed_at = 0.0, None
            handed = self._queue_up(self._new)
        if not handed.wait(max(0.0, since + self._deadline_s - time.monotonic())) and not self._served(handed):
            raise Overloaded(f"a request may wait at most {self._deadline_s:g} s; this one did. Try again shortly.")
        try:
            self._holding.since = since
            yield
        finally:
            self._holding.since = None
            self._hand_over()

    @contextmanager
    def lent(self) -> Iterator[float | None]:
        """Lends the calling thread's slot, if it holds one, to the next in the queue while the block runs.

        Yields:
            Since when the request waited, for the next queue; None: the thread holds no slot.
        """
        since: float | None = getattr(self._holding, "since", None)
        if since is None:
            yield None
            return
        self._holding.since = None
        self._hand_over()
        try:
            yield since
        finally:
            with self._lock:
                handed = self._queue_up(self._back)
            handed.wait()
            self._holding.since = since

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot now."""
        return len(self._new) + len(self._back)

    @property
    def is_full(self) -> bool:
        """Whether one more request would be refused."""
        waits_s = len(self._new) * self._pace_s
        too_many = len(self._new) >= self._queue_size or waits_s > self._deadline_s * _WAITING_SHARE
        return not self._free and too_many

    def check_room(self) -> None:
        """Raises Overloaded if one more request would be refused now."""
        if len(self._new) >= self._queue_size and self.is_full:
            raise Overloaded(f"at most {self._queue_size} requests may wait, and that many do. Try again shortly.")
        if self.is_full:
            raise Overloaded(
                f"a request may wait at most {self._deadline_s:g} s; this one nearly would. Try again shortly."
            )

    def _queue_up(self, queue: deque[threading.Event]) -> threading.Event:
        """Returns what is set as soon as a slot is there, perhaps at once; the caller holds the lock."""
        handed = threading.Event()
        if self._free:
            self._free -= 1
            handed.set()
        else:
            queue.append(handed)
        return handed

    def _hand_over(self) -> None:
        """Gives the slot that the caller had to the next in the queues."""
        with self._lock:
            if not self._new and not self._back:
                self._free += 1
                return
            new = bool(self._new) and (not self._back or self._new_in_a_row < _NEW_IN_A_ROW)
            self._new_in_a_row = self._new_in_a_row + 1 if new else 0
            if new:
                self._note_pace()
            (self._new if new else self._back).popleft().set()

    def _note_pace(self) -> None:
        now = self._clock()
        if self._handed_at is not None:
            self._pace_s += (now - self._handed_at - self._pace_s) / _SMOOTHING
        self._handed_at = now

    def _served(self, handed: threading.Event) -> bool:
        """Returns whether a slot was handed over after all; else takes the request out of the queue."""
        with self._lock:
            if not handed.is_set():
                self._new.remove(handed)
            return handed.is_set()


@contextmanager
def decoding(admission: Admission, photos: Admission) -> Iterator[None]:
    """Holds a slot of the decoders while the block runs, and lends the engine's slot meanwhile.

    So a large photo holds up other photos, but nobody who searches by words. The decoders' slot is given back only when
    the engine's is there again: nothing more is decoded than the engine can take.

    Args:
        admission: the engine's queue.
        photos: the queue of photos that are to be decoded.

    Raises:
        Overloaded: too many photos wait, or this one waited too long.
    """
    photos.check_room()  # before the slot is lent: who is refused would wait to get it back, and keep it from others
    with ExitStack() as decoder, admission.lent() as since:
        decoder.enter_context(photos.slot(since=since))
        yield
