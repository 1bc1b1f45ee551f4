"""`ChangeQueue`: hands each change of products since the rebuild on to Milvus, behind the acknowledgement."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.catalogue import Catalogue, ChangePlace, ProductChanges, ProductState
from data.errors import LookalikeError, NoGeneration, in_words, is_expected
from data.features import FeatureStore
from data.generations import GenerationFolder
from data.settings import Settings
from data.storage import exclusive
from engine.changes.change import Change
from engine.changes.log import ChangeLog, Confirmed
from engine.generation import Generation
from engine.index import MilvusIndex, load_index
from engine.protocols import Floats

LOCK = "changes.lock"
_LOOKS_EVERY_S = 0.25
_RETRY_S, _MOST_RETRY_S = 1.0, 30.0
_AT_ONCE = 200  # products
_EMBEDDED_SHARE = 0.05  # largest share of the time spent on asking whether photos were embedded
_STOP_S = 5.0  # for which the end of the process waits for a batch on its way; the next one goes on behind it
_log = logging.getLogger("lookalike.changes")


def waiting_changes(settings: Settings, live: GenerationFolder) -> int | None:
    """Returns how many changed products Milvus has not confirmed; None where the generation is not searched there.

    Raises:
        IndexUnavailable: Milvus does not answer.
    """
    index = load_index(live.folder, settings)
    if not isinstance(index, MilvusIndex):
        return None
    confirmed = ChangeLog(index.collection.server, index.collection.name).confirmed()
    place = confirmed.place if confirmed else ChangePlace.after(live.manifest.seq)
    return ProductChanges(settings.home).count_after(place)


@dataclass(frozen=True)
class _Batch:
    """Changes on their way; after an error the same rows are written again."""

    changes: Sequence[Change]
    place: ChangePlace


class ChangeQueue:
    """Follows the catalogue's changes in a thread of its own, and writes them to the log of the live collection.

    The catalogue itself is the queue: what the log confirms says where to go on, after an error, a kill or a publish.
    Of several processes of one home, one writes, until it ends.

    Args:
        generation: returns the generation that is served.

    Attributes:
        problem: why nothing can be written at the moment; "" if all is well.
    """

    def __init__(self, settings: Settings, generation: Callable[[], Generation]) -> None:
        self._settings, self._generation = settings, generation
        self._catalogue, self._changes = Catalogue(settings.home), ProductChanges(settings.home)
        self._writer: _Writer | None = None
        self._place: ChangePlace | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="changes", daemon=True)
        self.problem = ""

    def start(self) -> None:
        """Begins; does nothing where the settings name no server."""
        if self._settings.milvus_uri:
            self._thread.start()

    def stop(self) -> None:
        """Ends after the batch that is being written; a batch that takes longer than five seconds is left alone."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    @property
    def lag(self) -> int:
        """How many changed products Milvus has not confirmed; 0 where this process does not write them."""
        writer = self._writer
        place = writer.confirmed.place if writer else self._place
        return self._changes.count_after(place) if place else 0

    def step(self) -> bool:
        """Writes the next changes; returns whether there may be more. The caller lets one thread in at a time.

        Raises:
            LookalikeError, OSError: nothing was confirmed; the next call tries the same again.
        """
        generation = self._generation()
        index = generation.index
        if not isinstance(index, MilvusIndex):
            self._writer = self._place = None
            return False
        if self._writer is None or self._writer.generation.id != generation.id:
            self._writer, self._place = None, ChangePlace.after(generation.seq)
            log = ChangeLog(index.collection.server, index.collection.name)
            self._writer = _Writer(self._settings.home, generation, self._changes, log)
        seq = self._writer.confirmed.place.seq
        if seq > max(self._catalogue.seq(), generation.seq):
            _log.warning("the catalogue is older than its changes in Milvus; these are begun anew")
            self._writer.begin_anew()
        return self._writer.step()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                # Held through errors too: what another process wrote meanwhile would be written over.
                with exclusive(self._settings.home / LOCK, "handing changes on to Milvus"):
                    self._write_on()
            except (LookalikeError, OSError) as error:
                self._tell(error)
                self._stopping.wait(_RETRY_S)

    def _write_on(self) -> None:
        """Writes changes until the process ends."""
        retry_s = _RETRY_S
        while not self._stopping.is_set():
            try:
                wait_s = 0 if self.step() else _LOOKS_EVERY_S
                self.problem, retry_s = "", _RETRY_S
            except NoGeneration:
                wait_s = _RETRY_S
            except Exception as error:  # the thread must not end while the process serves
                self._tell(error)
                wait_s, retry_s = retry_s, min(2 * retry_s, _MOST_RETRY_S)
            self._stopping.wait(wait_s)

    def _tell(self, error: Exception) -> None:
        """Logs the first of several errors one after another, and says in `problem` what the last one was."""
        if not self.problem:
            _log.warning("changes of products cannot be handed on: %s", error, exc_info=not is_expected(error))
        self.problem = in_words(error)


class _Writer:
    """Writes the log of one generation."""

    def __init__(self, home: Path, generation: Generation, changes: ProductChanges, log: ChangeLog) -> None:
        self.generation, self._changes, self._log = generation, changes, log
        self._features = FeatureStore(home, generation.spec.fingerprint, generation.spec.dim)
        self._batch: _Batch | None = None
        self._missing: dict[int, set[str]] = {}  # photos that are not embedded yet, by product
        self._look_again_at = 0.0
        self.confirmed = self._open()

    def begin_anew(self) -> None:
        self._log.drop()
        self._missing, self._batch = {}, None
        self.confirmed = self._open()

    def step(self) -> bool:
        if self._batch is not None:
            self._look_after_an_error()
        self._batch = self._batch or self._next()
        if self._batch is None:
            return False
        self.confirmed = self._log.append(self._batch.changes, self.confirmed, self._batch.place)
        self._batch = None
        return True

    def _look_after_an_error(self) -> None:
        """Opens another log if that of before is gone; otherwise the same rows are written again."""
        there = self._log.confirmed()
        if there is None or there.log != self.confirmed.log:
            self._batch, self._missing = None, {}
            self.confirmed = self._open()

    def _open(self) -> Confirmed:
        confirmed = self._log.open(self.generation.index.dim, ChangePlace.after(self.generation.seq))
        for state in self._changes.of(self._log.waiting()):
            self._missing[state.place.product_key] = {photo.sha256 for photo in state.photos}
        return confirmed

    def _next(self) -> _Batch | None:
        if states := self._changes.after(self.confirmed.place, _AT_ONCE):
            return _Batch(self._read(states), states[-1].place)
        if keys := self._embedded_by_now():
            return _Batch(self._read(self._changes.of(keys)), self.confirmed.place)
        return None

    def _embedded_by_now(self) -> list[int]:
        """Returns some products of which a photo was embedded after they were written."""
        began = time.monotonic()
        if not self._missing or began < self._look_again_at:
            return []
        missing = set(self._features.missing(list(set().union(*self._missing.values()))))
        ended = time.monotonic()
        self._look_again_at = ended + max(_RETRY_S, (ended - began) / _EMBEDDED_SHARE)
        return [key for key, own in self._missing.items() if not own <= missing][:_AT_ONCE]

    def _read(self, states: Sequence[ProductState]) -> list[Change]:
        """Returns the changes that say how these products are, with the vectors of their photos."""
        wanted = {photo.sha256 for state in states if self._has_new_photos(state) for photo in state.photos}
        missing = set(self._features.missing(list(wanted)))
        stored = sorted(wanted - missing)
        points: dict[str, Floats] = {}
        if stored:
            points = dict(zip(stored, self.generation.projection.apply(self._features.read(stored)), strict=True))
        for state in states:
            self._missing.pop(state.place.product_key, None)
            if late := {photo.sha256 for photo in state.photos} & missing:
                self._missing[state.place.product_key] = late
        return [self._change(state, points) for state in states]

    def _change(self, state: ProductState, points: Mapping[str, Floats]) -> Change:
        is_new = self._has_new_photos(state)
        embedded = tuple(place for place, photo in enumerate(state.photos) if is_new and photo.sha256 in points)
        vectors = [points[state.photos[place].sha256] for place in embedded]
        return Change(
            seq=state.place.seq,
            product_key=state.place.product_key,
            product_id=state.product_id,
            product=state.product,
            images_changed=is_new,
            image_keys=state.image_keys,
            photos=state.photos,
            embedded=embedded,
            vectors=np.array(vectors, np.float32).reshape(-1, self.generation.index.dim),
        )

    def _has_new_photos(self, state: ProductState) -> bool:
        return state.image_seq > self.generation.seq
