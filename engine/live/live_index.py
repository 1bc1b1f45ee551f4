"""`LiveIndex`: hands out the newest view, and swaps in a generation that another process published."""

import logging
import threading
import time

from data.catalogue import Catalogue
from data.errors import CorruptGeneration, NoGeneration, in_words, is_expected
from data.generations import GenerationStore
from data.settings import Settings
from engine.generation import Generation, Models, load_generation
from engine.index import agree
from engine.live.tracker import Tracker
from engine.live.view import LiveView
from engine.protocols import Backbone

_log = logging.getLogger("lookalike.live")
_RETRY_FAILED_SWAP_S = 30.0


class LiveIndex:
    """Hands out the newest `LiveView`. Safe to use from several threads.

    A generation that another process publishes is loaded in a background thread while the old one keeps serving; one
    that fails verification is never served.

    Attributes:
        swap_error: why the generation that CURRENT names is not the one that is served; "" if it is, or comes.
    """

    def __init__(
        self, settings: Settings, catalogue: Catalogue, backbone: Backbone | None = None, models: Models | None = None
    ) -> None:
        self._settings, self._catalogue, self._leads = settings, catalogue, models is None
        self._store = GenerationStore(settings.home)
        self._models = models or Models(settings, backbone)
        self._lock = threading.Lock()
        self._tracker: Tracker | None = None
        self._view: LiveView | None = None
        self._loading: threading.Thread | None = None
        self._failed: tuple[str, float] = ("", 0.0)
        self.swap_error = ""

    def view(self) -> LiveView:
        """Returns a view that holds every change acknowledged before this call.

        Raises:
            NoGeneration: nothing has been published.
            CorruptGeneration: the only generation there is fails verification.
        """
        current, seq = self._current(), self._catalogue.seq()
        with self._lock:
            if self._tracker is None or self._view is None:
                if current is None:
                    raise NoGeneration("a generation must be live to search; none is. Run `lookalike rebuild`.")
                return self._serve(self._load(current))
            if current is not None and current != self._view.generation.id:
                self._load_behind(current)
            if seq > self._view.seq:
                self._view = self._tracker.follow(self._catalogue, seq)
            elif seq < self._view.seq and self._catalogue.seq() < self._view.seq:
                return self._serve(self._tracker.generation)  # the catalogue was restored from a backup
            if (newer := self._tracker.retry_pending()) is not None:
                self._view = newer
            return self._view

    def wait(self, timeout_s: float | None = None) -> None:
        """Waits, at most `timeout_s` seconds, until no generation is being loaded in the background."""
        thread = self._loading
        if thread is not None:
            thread.join(timeout_s)

    def _current(self) -> str | None:
        """Returns the id of the live generation; of the one that is served, where CURRENT is damaged."""
        served = self._view.generation.id if self._view else ""
        try:
            current = self._store.current_id()
        except CorruptGeneration as error:
            if not served:
                raise
            if self.swap_error != str(error):
                _log.error("generation %s goes on being served: %s", served, error)
            self.swap_error = str(error)
            return served
        if current == served:
            self.swap_error = ""
        return current

    def _load(self, generation: str) -> Generation:
        loaded = load_generation(self._settings, self._store.open(generation), models=self._models)
        if self._leads:
            agree(self._settings)  # whoever published it may have been killed before the alias followed
        return loaded

    def _serve(self, generation: Generation) -> LiveView:
        """Starts to follow the catalogue from `generation`; the caller holds the lock."""
        tracker = Tracker(self._settings, generation)
        view = tracker.follow(self._catalogue, self._catalogue.seq())
        self._tracker, self._view = tracker, view
        return view

    def _load_behind(self, generation: str) -> None:
        failed, when = self._failed
        recently = failed == generation and time.monotonic() - when < _RETRY_FAILED_SWAP_S
        if recently or (self._loading is not None and self._loading.is_alive()):
            return
        self._loading = threading.Thread(target=self._swap, args=(generation,), name="generation-swap", daemon=True)
        self._loading.start()

    def _swap(self, name: str) -> None:
        try:
            generation = self._load(name)
            generation.backbone()
            generation.text_tower()
            with self._lock:
                if self._store.current_id() != name:  # there was a rollback, or another publish, meanwhile
                    return
                self._serve(generation)
                self._failed, self.swap_error = ("", 0.0), ""
            self._models.keep_only(generation.spec.fingerprint, generation.encoder_digest)
            _log.info("generation %s is live", name)
        except Exception as error:  # whatever it is, the next try must wait, and `status` must say why
            self._failed, self.swap_error = (name, time.monotonic()), in_words(error)
            _log.error(
                "generation %s cannot be served, the old one stays: %s", name, error, exc_info=not is_expected(error)
            )
