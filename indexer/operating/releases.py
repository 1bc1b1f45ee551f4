"""The check of `lookalike doctor` that looks at the storage of releases: what searchers find there, byte by byte."""

from collections.abc import Iterator

from data.catalogue import Catalogue
from data.errors import CorruptGeneration, NoGeneration, ReleaseUnavailable
from data.generations import GenerationStore
from data.releases import Release, ReleaseStorage
from data.settings import Settings
from engine.releases import release
from indexer.operating.finding import FAIL, OK, WARN, Finding

_SUBJECT = "releases"
_ADVICE = "lookalike doctor --repair, or lookalike rebuild"


def look_at_releases(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    """Says nothing where the settings name no storage; every file of the newest release is read."""
    if not settings.models_url:
        return
    finding = _look(settings)
    if finding.level != OK and repair:
        release(settings, anew=True)
        finding = _look(settings)
    yield finding


def _look(settings: Settings) -> Finding:
    storage = ReleaseStorage(settings.models_url)
    try:
        newest = storage.newest()
        damaged = storage.damaged(newest) if newest else {}
    except ReleaseUnavailable as error:
        return Finding(level=FAIL, subject=_SUBJECT, detail=str(error), advice=_ADVICE)
    if newest is None:
        detail = f"{settings.models_url} holds none yet"
        return Finding(level=WARN, subject=_SUBJECT, detail=detail, advice=_ADVICE)
    if damaged:
        detail = f"{len(damaged):,} files of {newest.id} are damaged or missing, for example {min(damaged)}"
        return Finding(level=FAIL, subject=_SUBJECT, detail=detail, advice=_ADVICE)
    if behind := _behind(settings, newest):
        return Finding(level=WARN, subject=_SUBJECT, detail=behind, advice=f"{_ADVICE}; a running server does so too")
    detail = (
        f"{newest.id} of generation {newest.generation} is the newest, {newest.size_bytes / 1e6:,.0f} MB, all whole"
    )
    return Finding(level=OK, subject=_SUBJECT, detail=detail)


def _behind(settings: Settings, newest: Release) -> str:
    """Returns in which way a release is not what the home holds; "" if it is."""
    try:
        live = GenerationStore(settings.home).open().id
    except (NoGeneration, CorruptGeneration):  # another check says so
        return ""
    if newest.generation != live:
        return f"{newest.id} is of generation {newest.generation}; {live} is live"
    if changes := Catalogue(settings.home).seq() - newest.seq:
        return f"{newest.id} lacks {changes:,} changes of the catalogue"
    return ""
