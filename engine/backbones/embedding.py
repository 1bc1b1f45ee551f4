"""Embeds many photos; threads decode ahead, so that the network does not have to wait."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from data.errors import DecoderBusy, InvalidImage, LookalikeError
from data.photos import decode_within_borders
from data.progress import Progress
from data.settings import Settings
from engine.backbones.preprocess import decode_target, looked_at, to_input
from engine.protocols import Backbone, Floats

Pixels = NDArray[np.uint8]
Read = Callable[[str], bytes | Pixels]
_BATCH = 32
# Batches decoded ahead of the network: enough to ride out a few large photos or a slow disk.
_AHEAD = 4


def load_input(
    source: bytes | Pixels, size: int, settings: Settings, preprocessing: str, look: str = "photo"
) -> Pixels:
    """Turns one photo into network input, the same way for catalogue and query photos.

    Args:
        source: an image file's bytes, of which what lies within its borders is taken; or pixels uint8 (h, w, 3), which
            are taken as they are.
        size: side of the network's input in pixels.
        preprocessing: the rule that says which part of the photo the network sees.
        look: see `looked_at`.

    Returns:
        uint8 (size, size, 3).

    Raises:
        InvalidImage: the bytes are not an image that this project accepts.
    """
    if isinstance(source, bytes):
        source = decode_within_borders(source, settings, target=decode_target(size, preprocessing, look))
    return to_input(looked_at(source, look), size, preprocessing)


def embed_photos(
    backbone: Backbone,
    keys: Sequence[str],
    read: Read,
    settings: Settings,
    on_batch: Callable[[list[str], Floats], None],
    on_error: Callable[[str, LookalikeError], None],
    *,
    label: str = "embed",
) -> int:
    """Embeds photos with bounded memory, however many there are.

    Args:
        backbone: the network. One that has an attribute `parallel` is called from that many threads at once.
        keys: names of the photos, in the order in which they are read.
        read: returns a photo's encoded bytes, or its pixels uint8 (h, w, 3); called from several threads.
        settings: image caps and number of decoding threads.
        on_batch: receives finished keys and their pool_3 rows float32 (len(keys), dim), in the calling thread.
        on_error: receives key and error of each photo that cannot be read or decoded, in the calling thread.
        label: name of the work in the progress bar.

    Returns:
        How many photos were embedded.

    Raises:
        Whatever `on_batch`, `on_error`, `backbone.embed` or (other than LookalikeError and OSError) `read` raises; the
        rest of the work is dropped then.
    """
    spec, parallel = backbone.spec, int(getattr(backbone, "parallel", 1))

    def load(key: str) -> Pixels:
        return load_input(read(key), spec.input_size, settings, spec.preprocessing)

    def prepare(key: str) -> Pixels:
        try:
            with suppress(DecoderBusy):  # unlike a request, this work can wait for a busy machine
                return load(key)
            return load(key)
        except OSError as error:
            raise InvalidImage(f"photo {key} must be readable; got {error}.", code="unreadable_image") from error

    decoders = ThreadPoolExecutor(settings.cores, "decode")
    network = ThreadPoolExecutor(parallel, "network")
    try:
        with Progress(label, len(keys), "photos") as progress:
            inputs = _ahead(decoders, prepare, keys)
            run = _Run(network, backbone, on_batch, progress, limit=parallel + 1)
            for key, future in inputs:
                if isinstance(error := future.exception(), LookalikeError):
                    on_error(key, error)
                    progress.advance()
                else:
                    run.add(key, future.result())
            run.finish()
            return run.done
    finally:
        for pool in (decoders, network):
            pool.shutdown(cancel_futures=True)


def _ahead(
    pool: ThreadPoolExecutor, prepare: Callable[[str], Pixels], keys: Sequence[str]
) -> Iterator[tuple[str, Future[Pixels]]]:
    """Yields every key with its future, in order, while threads work on later ones."""
    waiting: deque[tuple[str, Future[Pixels]]] = deque()
    for key in keys:
        waiting.append((key, pool.submit(prepare, key)))
        if len(waiting) > _BATCH * _AHEAD:
            yield waiting.popleft()
    while waiting:
        yield waiting.popleft()


@dataclass
class _Run:
    """Batches on their way through the network; at most `limit` of them."""

    network: ThreadPoolExecutor
    backbone: Backbone
    on_batch: Callable[[list[str], Floats], None]
    progress: Progress
    limit: int
    done: int = 0
    _keys: list[str] = field(default_factory=list)
    _inputs: list[Pixels] = field(default_factory=list)
    _running: dict[Future[Floats], list[str]] = field(default_factory=dict)

    def add(self, key: str, pixels: Pixels) -> None:
        self._keys.append(key)
        self._inputs.append(pixels)
        if len(self._keys) == _BATCH:
            self._start()
            self._deliver(at_most=self.limit)

    def finish(self) -> None:
        if self._keys:
            self._start()
        self._deliver(at_most=0)

    def _start(self) -> None:
        future = self.network.submit(self.backbone.embed, np.stack(self._inputs))
        self._running[future] = self._keys
        self._keys, self._inputs = [], []

    def _deliver(self, *, at_most: int) -> None:
        """Hands out finished batches, the earliest first, and waits until at most `at_most` are on their way."""
        while self._running:
            timeout = None if len(self._running) > at_most else 0
            finished, _ = wait(self._running, timeout, FIRST_COMPLETED)
            if not finished:
                return
            for future in [started for started in self._running if started in finished]:
                keys = self._running.pop(future)
                self.on_batch(keys, future.result())
                self.done += len(keys)
                self.progress.advance(len(keys))
