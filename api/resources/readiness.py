"""Decides whether this process should get traffic: engine warm, generation live, home there, queue not full."""

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from api.resources.admission import Admission
from data.catalogue import Catalogue
from data.errors import LookalikeError, NoGeneration

_log = logging.getLogger("lookalike.api")
RETRY_S = 1.0


class Warmed(Protocol):
    """What can be made ready for searches."""

    def warm(self) -> None: ...


class Readiness:
    """Warms the engine in the background and says whether the process is ready.

    Args:
        engine: the engine to warm, or what a searcher has in its place.
        admission: the queue that must not be full.
        catalogue: the catalogue that must be readable.
    """

    def __init__(self, engine: Warmed, admission: Admission, catalogue: Catalogue) -> None:
        self._engine, self._admission, self._catalogue = engine, admission, catalogue
        self._home_failure = ""
        self._warm, self._stopping = threading.Event(), threading.Event()
        self._last_failure = "the models are being loaded"

    def start(self, on_ready: Callable[[], None], on_waiting: Callable[[str], None]) -> None:
        """Warms the engine in a thread, trying again until it succeeds.

        Args:
            on_ready: called once the engine is warm.
            on_waiting: called once, with the reason, when the first try fails.
        """
        threading.Thread(target=self._warm_up, args=(on_ready, on_waiting), name="warm-up", daemon=True).start()

    def stop(self) -> None:
        """Makes the process not ready, so that load balancers go elsewhere; later requests are still answered."""
        self._stopping.set()

    def failure(self) -> str:
        """Returns why this process is not ready; empty when it is."""
        if self._stopping.is_set():
            return "the server is stopping"
        if not self._warm.is_set():
            return self._last_failure
        return self._of_home() or ("the queue is full" if self._admission.is_full else "")

    def warm_once(self) -> bool:
        """Tries to warm the engine; returns whether it is warm now."""
        try:
            self._engine.warm()
        except NoGeneration:
            self._last_failure = "nothing has been published yet; run `lookalike rebuild`"
        except LookalikeError as error:
            if error.code not in self._last_failure:
                _log.error("The engine cannot start: %s", error)
            self._last_failure = f"the engine cannot start: {error.code}"
        except Exception:
            if not self._stopping.is_set():  # a process that ends may stop it in the middle
                _log.exception("The engine cannot start")
            self._last_failure = "the engine failed to start"
        else:
            self._warm.set()
        return self._warm.is_set()

    def _of_home(self) -> str:
        """Returns why the catalogue cannot be read; logs it when it begins and when it ends."""
        try:
            self._catalogue.seq()
            failure, why = "", "it is there again"
        except LookalikeError as error:
            failure, why = f"the home cannot be used: {error.code}", str(error)
        if failure != self._home_failure:
            _log.error("The home: %s", why)
            self._home_failure = failure
        return failure

    def _warm_up(self, on_ready: Callable[[], None], on_waiting: Callable[[str], None]) -> None:
        is_warm = self.warm_once()
        if not is_warm:
            on_waiting(self._last_failure)
        while not is_warm and not self._stopping.wait(RETRY_S):
            is_warm = self.warm_once()
        if is_warm:
            on_ready()
