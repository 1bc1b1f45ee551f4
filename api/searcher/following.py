"""Follows the newest release: fetches it, makes it ready, and only then lets requests have it."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from api.errors import ReleaseNotHere
from api.resources import HomeMetrics, Readiness, Resources, resources_of
from data.database import require_own_tables
from data.errors import NoGeneration, ReleaseUnavailable, in_words, is_expected
from data.releases import Release, ReleaseCache, ReleaseStorage
from data.storage import exclusive
from engine.errors import CursorExpired
from engine.generation import Models

LOOK_S = 2.0
_LEAST_S = 0.2
_KEPT_S = 300.0  # for which a release that was replaced still answers further pages
_MOST_KEPT = 3  # releases in memory
_LINGER_S = 60.0  # after which no request can still be using a release that was dropped
_RETRY_S = 30.0
_MOST_WAITING = 16  # requests that wait for a release that another searcher has already
_log = logging.getLogger("lookalike.searcher")


@dataclass
class _Served:
    release: Release
    held: Resources
    replaced_at: float = 0.0


class Following:
    """The releases that this process serves. Safe to use from several threads.

    Args:
        held: the searcher's own resources; those of a release share all with them but engine, catalogue and shelf.

    Attributes:
        own: the searcher's own resources, which answer as long as there is no release.
        problem: why the newest release is not served; "" if it is.
    """

    def __init__(self, held: Resources) -> None:
        self.own = replace(held, readiness=Readiness(self, held.admission, held.catalogue))
        self._storage = ReleaseStorage(held.settings.models_url)
        self._cache = ReleaseCache(held.settings.home)
        self._models = Models(held.settings)
        self._served: list[_Served] = []  # oldest first
        self._dropped: list[_Served] = []
        self._coming: list[Release] = []  # the newest in the storage, or none
        self._failed: dict[str, float] = {}  # release -> when it could not be served
        self._alone = ExitStack()  # holds the lock as long as the process runs
        self._changed, self._wake = threading.Condition(), threading.Event()
        self._waiting = threading.BoundedSemaphore(_MOST_WAITING)
        self.problem = ""

    def start(self) -> None:
        """Begins to follow, in a thread that ends with the process.

        Raises:
            LockHeld: another searcher has the same home; each would delete what the other serves.
        """
        self._alone.enter_context(exclusive(self.own.settings.home / "searcher.lock", "serve --searcher"))
        threading.Thread(target=self._run, name="following", daemon=True).start()

    def now(self) -> Resources:
        """Returns the resources of the newest release that is ready; the searcher's own if there is none yet."""
        served = self._served
        return served[-1].held if served else self.own

    def of(self, release: str) -> Resources:
        """Returns the resources of one release; waits a little for one that comes.

        Raises:
            CursorExpired: it is not kept any more.
            ReleaseNotHere: it is newer than those here, and did not come in time.
        """
        if (found := self._find(release)) is not None:
            return found
        if self._served and release < self._served[-1].release.id:
            raise CursorExpired("cursor must be of a recent answer; its release is gone. Send the question again.")
        if self._waiting.acquire(blocking=False):
            try:
                self._wake.set()
                with self._changed:
                    self._changed.wait_for(lambda: self._find(release), self.own.settings.deadline_s)
            finally:
                self._waiting.release()
        if (found := self._find(release)) is None:
            raise ReleaseNotHere(f"release {release} of this cursor is not here yet; try again in a moment.")
        return found

    def warm(self) -> None:
        """Does nothing once a release is served.

        Raises:
            NoGeneration, ReleaseUnavailable: none is.
        """
        if self._served:
            return
        if self.problem:
            raise ReleaseUnavailable(self.problem)
        raise NoGeneration("a release must be stored at models_url to search; none is. Run `lookalike rebuild`.")

    def look(self) -> None:
        """Serves the newest release if it is not served yet, and drops those that nobody needs any more."""
        try:
            self._follow()
            self.problem = ""
        except Exception as error:  # whatever it is, what is served stays
            if (told := in_words(error)) != self.problem:
                _log.error("the newest release cannot be served: %s", error, exc_info=not is_expected(error))
            self.problem = told
        if not self._served:
            self._serve_brought()
        self._drop(time.monotonic())

    def _run(self) -> None:
        while True:
            try:
                self.look()
            except Exception:  # the thread must not end while the process serves
                _log.exception("the newest release cannot be served")
            self._wake.wait(LOOK_S)
            self._wake.clear()
            time.sleep(_LEAST_S)  # whatever cursors requests come with

    def _follow(self) -> None:
        current = self._storage.current()
        if current is None and self._served:
            raise ReleaseUnavailable(
                "models_url must hold CURRENT, as it did before; it is gone. Look at the storage, or run "
                "`lookalike doctor --repair` where the catalogue is."
            )
        if current is None or (self._served and self._served[-1].release.id == current[0]):
            return
        if self._has_just_failed(current[0]):
            raise ReleaseUnavailable(self.problem)
        with self._noting_failure(current[0]):
            release = self._storage.record(*current)
            self._coming = [release]
            self._serve(release, self._cache.bring(self._storage, release))

    def _serve_brought(self) -> None:
        """Serves what was brought before this process began, where the storage has nothing that can be served."""
        for release in self._cache.whole():
            if self._has_just_failed(release.id):
                continue
            try:
                with self._noting_failure(release.id):
                    self._serve(release, self._cache.folder(release.id))
                return
            except Exception as error:  # an older one may do
                _log.error("release %s, fetched before, cannot be served: %s", release.id, error)

    def _has_just_failed(self, release: str) -> bool:
        return time.monotonic() - self._failed.get(release, -_RETRY_S) < _RETRY_S

    @contextmanager
    def _noting_failure(self, release: str) -> Iterator[None]:
        try:
            yield
        except Exception:
            self._failed = dict([*self._failed.items()][-_MOST_KEPT:]) | {release: time.monotonic()}
            raise

    def _serve(self, release: Release, home: Path) -> None:
        try:
            held = resources_of(self.own, release.id, home, self._models)
            require_own_tables(home)
            held.engine.warm()
        except Exception:
            if release.id not in self._failed and self._cache.drop_if_damaged(release):
                _log.warning("the copy of release %s here was damaged, and is fetched again", release.id)
            raise
        with self._changed:
            for older in self._served[-1:]:
                older.replaced_at = time.monotonic()
            self._served = [*self._served, _Served(release, held)]
            self._changed.notify_all()
        held.metrics.watch(HomeMetrics(held.engine, held.catalogue))
        _log.info("release %s of generation %s is served", release.id, release.generation)

    def _drop(self, now: float) -> None:
        if not self._served:
            self._cache.drop_all_but([*self._coming, *self._cache.whole()[:_MOST_KEPT]])
            return
        *older, newest = self._served
        kept = [each for each in older[1 - _MOST_KEPT :] if now - each.replaced_at < _KEPT_S]
        for gone in (each for each in older if each not in kept):
            self._dropped.append(_Served(gone.release, self.own, now))
        self._served = [*kept, newest]
        lingering = [each for each in self._dropped if now - each.replaced_at < _LINGER_S]
        if len(lingering) < len(self._dropped) or not older:
            # with the one that comes: a try that failed goes on with what it had fetched
            used = [each.release for each in (*lingering, *self._served)]
            self._cache.drop_all_but([*used, *self._coming])
        self._dropped = lingering

    def _find(self, release: str) -> Resources | None:
        return next((each.held for each in self._served if each.release.id == release), None)
