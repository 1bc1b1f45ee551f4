"""Decodes photos in a small pool of processes that can be killed, so that no photo can stop or crash the program."""

import atexit
import hashlib
import logging
import os
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from data.errors import DecoderBusy, ImageTooLarge, InvalidImage, UnsupportedImage
from data.photos.caps import check_caps
from data.photos.content import check_bytes
from data.photos.decoder import Decoder, Killed
from data.photos.decoder_process import cpu_limit_s
from data.photos.images import Photo, Pixels
from data.photos.messages import Reply, Request
from data.settings import Settings

_log = logging.getLogger("lookalike.photos")
BUDGET_PIXELS = 80_000_000  # decoded at once in all processes together: about 1 GB where each takes 13 bytes
_REMEMBERED = 1_000  # photos that killed a process
_REFUSALS = {kind.__name__: kind for kind in (InvalidImage, ImageTooLarge, UnsupportedImage)}


def decode(content: bytes, settings: Settings, *, target: int | None = None) -> Pixels:
    """Returns the pixels of `decode_photo`: uint8 (h, w, 3), RGB, upright."""
    return decode_photo(content, settings, target=target).pixels


def decode_photo(
    content: bytes,
    settings: Settings,
    *,
    target: int | None = None,
    crop: tuple[int, int, int, int] | None = None,
    fit: int | None = None,
    colours: bool = False,
) -> Photo:
    """Returns what `images.decode_photo` returns, decoded in a process with limits of memory and processor time.

    Args:
        content: the file's bytes.
        target, crop, fit: see `images.decode_photo`.
        colours: whether to name the colours within the photo's borders, too.

    Raises:
        ImageTooLarge, UnsupportedImage, InvalidImage: as there; also `image_too_complex` where its parts, its processor
            time or its memory are beyond all bounds.
        DecoderBusy: the machine was too busy.
        DecodersUnavailable: no process can be started.
    """
    return _ask(content, settings, target=target, crop=crop, fit=fit, colours=colours)


def decode_within_borders(content: bytes, settings: Settings, *, target: int) -> Pixels:
    """Returns the pixels of a photo without its borders: what is embedded and named by colour.

    Args:
        content: the file's bytes.
        target: as of `images.decode_photo`, of the part within the borders: it is decoded larger where borders take
            much.

    Returns:
        uint8 (h, w, 3), RGB, upright.

    Raises:
        Whatever `decode_photo` raises.
    """
    return _ask(content, settings, target=target, inside=True).pixels


def _ask(content: bytes, settings: Settings, **wanted: Any) -> Photo:
    check_bytes(len(content), settings)
    request = Request(max_image_bytes=settings.max_image_bytes, max_pixels=settings.max_pixels, **wanted)
    return _shared().decode(request, content)


def decoder_outcomes() -> dict[str, int]:
    """Returns how many photos this process has decoded, by outcome: see `DecoderPool.outcomes`."""
    return dict(_shared().outcomes)


class DecoderPool:
    """Decoder processes, started when they are needed. Safe to use from several threads.

    Args:
        size: processes at most.

    Attributes:
        outcomes: photos by outcome: `photo`, `refused`, `defect` (an unexpected exception), `time`, `busy`, `crash`.
    """

    def __init__(self, size: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self._free = threading.BoundedSemaphore(size)
        self._idle: list[Decoder] = []
        self._budget = _Budget(BUDGET_PIXELS)
        self._killers: OrderedDict[str, tuple[int, InvalidImage]] = OrderedDict()  # sha256 -> bytes, refusal
        self._lock = threading.Lock()
        self._seen_defects: set[str] = set()

    def decode(self, request: Request, content: bytes) -> Photo:
        """Returns the photo, or raises as `decode_photo` does."""
        self._refuse_killer(content)
        pixels = check_caps(content, request.target)
        with self._budget.taken(min(pixels, request.max_pixels)), self._free:
            reply = self._ask(request, content)
        self._count(reply.kind)
        if reply.kind == "photo" and reply.pixels is not None:
            return Photo(reply.pixels, **reply.fields)
        if reply.kind == "refused":
            raise _refusal(reply)
        raise self._defect(str(reply.fields.get("what")))

    def close(self) -> None:
        """Ends the processes that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for decoder in idle:
            decoder.kill()

    def forget(self) -> None:
        """Lets go of the processes in a forked child: they belong to the parent."""
        for decoder in self._idle:
            decoder.forget()

    @property
    def pids(self) -> list[int]:
        """Process ids of the idle processes."""
        return [decoder.pid for decoder in self._idle]

    def _ask(self, request: Request, content: bytes) -> Reply:
        with self._lock:
            decoder = self._idle.pop() if self._idle else None
        decoder = decoder or Decoder()
        try:
            reply = decoder.ask(request, content)
        except Killed as killed:
            self._count(killed.reason)
            raise self._lost(killed, request, content) from killed
        with self._lock:
            self._idle.append(decoder)
        return reply

    def _lost(self, killed: Killed, request: Request, content: bytes) -> InvalidImage:
        """Returns the refusal of a photo whose process is gone, and remembers the photo if it was its fault."""
        sha256 = hashlib.sha256(content).hexdigest()
        _log.warning("The decoder process of photo %s was lost and is replaced: %s", sha256, killed.detail)
        if killed.reason == "busy":
            return DecoderBusy("the machine is too busy to decode this photo now. Try again shortly.")
        if killed.reason == "time":
            seconds = cpu_limit_s(request.max_pixels)
            error = _too_complex(f"more than {seconds:g} s of work")
        else:
            error = InvalidImage("image must be a readable file; this one crashes its decoder. Export it again.")
        with self._lock:
            self._killers[sha256] = len(content), error
            if len(self._killers) > _REMEMBERED:
                self._killers.popitem(last=False)
        return error

    def _refuse_killer(self, content: bytes) -> None:
        """Refuses a photo that killed a process before."""
        with self._lock:
            known = any(size == len(content) for size, _ in self._killers.values())  # spares most photos the sha256
            if not known or (killer := self._killers.get(hashlib.sha256(content).hexdigest())) is None:
                return
        error = killer[1]
        raise InvalidImage(str(error), code=error.code)

    def _defect(self, what: str) -> InvalidImage:
        """Returns the refusal of a photo at which a decoder raised what none should; logs each kind of it once."""
        with self._lock:
            is_new = what not in self._seen_defects and len(self._seen_defects) < _REMEMBERED
            self._seen_defects.add(what) if is_new else None
        if is_new:
            _log.warning("A decoder has a defect; photos at which it shows are refused: %s", what)
        if what.startswith("MemoryError"):
            return _too_complex("more memory than any photo may take")
        return InvalidImage("image must be a readable file; got damaged bytes. Export it again.")

    def _count(self, outcome: str) -> None:
        with self._lock:
            self.outcomes[outcome] += 1


class _Budget:
    """An amount that is shared out; who asks first is served first.

    Args:
        amount: all there is; a larger wish gets all of it.
    """

    def __init__(self, amount: int) -> None:
        self._amount = self._left = amount
        self._turn, self._changed = threading.Lock(), threading.Condition()

    @contextmanager
    def taken(self, wish: int) -> Iterator[None]:
        wish = min(wish, self._amount)
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._left >= wish)
            self._left -= wish
        try:
            yield
        finally:
            with self._changed:
                self._left += wish
                self._changed.notify()


def _refusal(reply: Reply) -> InvalidImage:
    kind = _REFUSALS.get(reply.fields["error"], InvalidImage)
    return kind(reply.fields["message"], code=reply.fields["code"])


def _too_complex(found: str) -> InvalidImage:
    return InvalidImage(
        f"image must be as simple as photos are; decoding this one takes {found}. Save it again as a plain JPEG.",
        code="image_too_complex",
    )


_made: list[DecoderPool] = []
_making = threading.Lock()


def _shared() -> DecoderPool:
    """Returns the one pool of this process, with a decoder process for each core."""
    with _making:
        if not _made:
            _made.append(DecoderPool(len(os.sched_getaffinity(0))))
            atexit.register(_made[0].close)
        return _made[0]


def _forget_after_fork() -> None:
    global _making
    _making = threading.Lock()
    while _made:
        _made.pop().forget()


os.register_at_fork(after_in_child=_forget_after_fork)
