"""The writer's side of releases: stores one when the live generation or the catalogue is not what was released."""

import logging
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from data.catalogue import Catalogue
from data.errors import LookalikeError, NoGeneration
from data.generations import GenerationFolder, GenerationStore, new_id
from data.releases import File, Release, ReleaseStorage, copy_catalogue
from data.settings import Settings
from data.storage import make_folder, waiting
from engine.protocols import BackboneSpec
from engine.releases.contents import contents_of

_LOCK = "release.lock"
_STAGED = ".release"  # in the home; whoever holds the lock writes there
_CATALOGUE = "catalog.db"  # of which most pages stay as they are from one copy to the next
_COPIED = (_CATALOGUE, "features/")  # what `copy_catalogue` writes
_LOOK_S = 10.0
_MOST_S = 600.0
_MOST_OF_TIME = 0.1  # share of the time that releases may take, so that a large catalogue is copied less often
_log = logging.getLogger("lookalike.releases")


def release(settings: Settings, *, anew: bool = False) -> Release:
    """Stores the live generation and the catalogue at `models_url`, unless its newest release is just that.

    Args:
        anew: whether it is stored in any case, and files that are damaged there are replaced.

    Raises:
        NoGeneration: nothing has been published.
        ReleaseUnavailable: the storage fails.
        LookalikeError, OSError: the home cannot be read, or has no room for a copy of the catalogue.
    """
    storage = ReleaseStorage(settings.models_url)
    with waiting(settings.home / _LOCK):
        live = GenerationStore(settings.home).open()
        newest = None if anew else storage.newest()
        if newest and (newest.generation, newest.seq) == (live.id, Catalogue(settings.home).seq()):
            return newest
        staged = settings.home / _STAGED
        shutil.rmtree(staged, ignore_errors=True)
        make_folder(staged)
        try:
            made, sources = _made(settings.home.absolute(), live, staged, newest)
            for file in storage.damaged(made).values() if anew else ():
                storage.remove(file)
            storage.publish(made, sources)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        storage.prune()
    _log.info("release %s of generation %s is stored", made.id, made.generation)
    return made


def keep_released(settings: Settings, known_problem: str = "") -> str:
    """Calls `release` where the settings name a storage; a failure is only logged, for the next call tries again.

    Args:
        known_problem: what the call before returned; it is not logged again.

    Returns:
        Why nothing could be released; "" if all is well.
    """
    if not settings.models_url:
        return ""
    try:
        release(settings)
    except NoGeneration:
        return ""
    except (LookalikeError, OSError) as error:
        if str(error) != known_problem:
            _log.error("searchers keep what they have, since the newest state could not be released: %s", error)
        return str(error)
    return ""


class Releaser:
    """Releases again and again what changed, in a thread of its own that ends with the process.

    It looks every ten seconds, and less often where a release takes long.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def start(self) -> None:
        """Does nothing where the settings name no storage."""
        if self._settings.models_url:
            threading.Thread(target=self._run, name="releases", daemon=True).start()

    def _run(self) -> None:
        problem = ""
        while True:
            started = time.monotonic()
            try:
                problem = keep_released(self._settings, problem)
            except Exception:  # the thread must not end while the process serves
                _log.exception("the newest state could not be released")
            took_s = time.monotonic() - started
            time.sleep(min(max(_LOOK_S, took_s / _MOST_OF_TIME), _MOST_S))


def _made(home: Path, live: GenerationFolder, staged: Path, newest: Release | None) -> tuple[Release, dict[str, Path]]:
    """Returns the record of a new release, and where each of its files lies."""
    manifest = live.manifest
    dim = BackboneSpec.from_json(manifest.backbone).dim
    seq = copy_catalogue(home, staged, after_seq=manifest.seq, fingerprint=manifest.fingerprint, dim=dim)
    copied = {
        path.relative_to(staged).as_posix(): path
        for path in sorted(staged.rglob("*"))
        if path.is_file() and not _beside(path)
    }
    if newest is not None and newest.generation == live.id:  # then nothing but the copy is new
        files = {name: file for name, file in newest.files.items() if not name.startswith(_COPIED)}
        sources = {name: home / name for name in files}
    else:
        sources = contents_of(home, live)
        files = _contents(sources)
    made = new_id(newest.id if newest else "")
    return Release(id=made, generation=live.id, seq=seq, files=files | _contents(copied)), sources | copied


def _contents(sources: Mapping[str, Path]) -> dict[str, File]:
    return {name: File.of(path, in_pieces=name == _CATALOGUE) for name, path in sources.items()}


def _beside(path: Path) -> bool:
    """Returns whether a file is one that SQLite or a lock keeps beside the catalogue."""
    return path.name.startswith("catalog.db-") or path.name.endswith(".lock") or path.name == "lock"
