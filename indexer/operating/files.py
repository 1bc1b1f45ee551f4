"""The checks of `lookalike doctor` that read every file the home owns, and mend what can be mended on this machine.

Nothing is deleted but what is damaged and can be made again.
"""

import shutil
import tomllib
from collections.abc import Callable, Iterator
from itertools import islice

from data.catalogue import Catalogue, Unsound
from data.database import FILE_NAME as DATABASE
from data.database import find_problems, mend_indexes
from data.errors import CorruptGeneration, FeatureStoreError, NoGeneration
from data.features import FeatureStore, mend_meta, stored_sets
from data.generations import GenerationStore
from data.photos import Intake, damaged_copies, damaged_uploads, lost_thumbnails, mend_thumbnails
from data.settings import SECRETS, Settings, load_settings
from data.storage import read_small
from engine.exports import damaged_exports
from engine.rollback import roll_back
from engine.text import lost_encoder
from indexer.operating.contents import other_files
from indexer.operating.finding import FAIL, OK, WARN, Finding
from indexer.operating.operate import damage
from indexer.rebuild import read_canaries

_REPAIR = "lookalike doctor --repair"
_NAMED = 3
Check = Callable[..., Iterator[Finding]]


def _settings_file(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    """Names what `lookalike.toml` sets; a file that breaks a rule raises an error, which becomes a finding."""
    path = settings.home / "lookalike.toml"
    if path.exists():
        load_settings({}, home=settings.home)
        values = tomllib.loads(read_small(path).decode("utf-8"))
        shown = {name: "(hidden)" if name in SECRETS else repr(value) for name, value in values.items()}
        given = ", ".join(f"{name} = {value}" for name, value in shown.items())
        yield Finding(level=OK, subject="settings", detail=f"lookalike.toml sets {given or 'nothing'}")


def _integrity(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    if not (settings.home / DATABASE).exists():
        return
    problems = find_problems(settings.home)
    if problems and repair and all("index" in problem for problem in problems) and mend_indexes(settings.home):
        before, problems = problems, find_problems(settings.home)
        if not problems:
            detail = f"mended: the indexes of {DATABASE} were made anew ({before[0]})"
            yield Finding(level=OK, subject="integrity", detail=detail)
            return
    if problems:
        only_indexes = all("index" in problem for problem in problems)
        advice = _REPAIR if only_indexes else "restore a backup of the home"
        yield Finding(
            level=FAIL, subject="integrity", detail=f"{DATABASE}: {'; '.join(problems[:_NAMED])}", advice=advice
        )
    else:
        yield Finding(level=OK, subject="integrity", detail=f"every page, row and index of {DATABASE} is whole")


def _rows(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    """Compares every product and photo of catalog.db with the checksum that was written with it."""
    if not (settings.home / DATABASE).exists():
        return
    catalogue = Catalogue(settings.home)
    found = catalogue.upkeep.unsound()
    if found.unchecked and repair:
        detail = f"mended: {catalogue.upkeep.add_checksums():,} old products and photos have their checksum now"
        yield Finding(level=OK, subject="rows", detail=detail)
    elif found.unchecked:
        detail = f"{found.unchecked:,} products and photos of an older version have no checksum yet"
        yield Finding(level=WARN, subject="rows", detail=detail, advice=f"lookalike rebuild, or {_REPAIR}")
    if found.filters and repair:
        catalogue.upkeep.index_again(found.filters)
        detail = f"mended: what filters read of {len(found.filters):,} products was made anew"
        yield Finding(level=OK, subject="rows", detail=detail)
    elif found.filters:
        detail = f"filters read damaged rows of {len(found.filters):,} products"
        yield Finding(level=FAIL, subject="rows", detail=detail, advice=_REPAIR)
    for what, names in (("products", found.products), ("photos", found.photos)):
        if names:
            detail = f"{len(names):,} {what} are not as they were written: {', '.join(names[:_NAMED])}"
            advice = "import or PUT them again, which writes them anew, or restore a backup of the home"
            yield Finding(level=FAIL, subject="rows", detail=detail, advice=advice)
    if found == Unsound():
        yield Finding(level=OK, subject="rows", detail="every product and photo is as it was written")


def _live_generation(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    """Makes the newest whole generation live where the live one is damaged; `generations` tells what is damaged."""
    store = GenerationStore(settings.home)
    try:
        problem = damage(store.open())
    except (NoGeneration, CorruptGeneration) as error:
        problem = str(error)
    whole = [folder for folder in store.list() if not damage(folder) and not lost_encoder(settings.home, folder)]
    if problem and whole and repair:
        newest = max(whole, key=lambda folder: folder.id)
        roll_back(settings, newest.id)
        detail = f"mended: generation {newest.id}, the newest whole one, is live now ({problem})"
        yield Finding(level=WARN, subject="live", detail=detail, advice="lookalike rebuild")


def _encoders(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    """Checks the tuned text encoders of kept generations; `tuned encoder` tells about the live one's."""
    store = GenerationStore(settings.home)
    try:
        live = store.current_id()
    except CorruptGeneration:
        live = None
    for folder in store.list():
        if folder.id != live and not damage(folder) and (lost := lost_encoder(settings.home, folder)):
            detail = f"{lost}; generation {folder.id} needs it to search by words"
            yield Finding(level=WARN, subject="encoders", detail=detail, advice="lookalike rebuild")


def _exports(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    """Checks the networks that were exported for the processor."""
    for folder, problem in damaged_exports(settings.home).items():
        if repair:
            shutil.rmtree(folder)
            detail = f"mended: the damaged export {folder} was deleted; the next run makes it again"
            yield Finding(level=OK, subject="exports", detail=detail)
        else:
            yield Finding(level=FAIL, subject="exports", detail=problem, advice=_REPAIR)


def _backbones(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    """Checks the backbones that were brought to this home or fine-tuned in it, whether or not they are used."""
    from engine.backbones import damaged_backbones

    for problem in damaged_backbones(settings.home).values():
        advice = "bring it back from a backup of the home, or train or add it again"
        yield Finding(level=FAIL, subject="backbones", detail=problem, advice=advice)


def _detectors(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    """Checks the detectors that were brought to this home, whether or not they are used."""
    from engine.detectors import damaged_detectors

    for problem in damaged_detectors(settings.home):
        advice = "bring it back from a backup of the home, or add it again"
        yield Finding(level=FAIL, subject="detectors", detail=problem, advice=advice)


def _feature_files(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    """Checks every stored feature row against its checksum."""
    if not (settings.home / DATABASE).exists():
        return
    for fingerprint, dim in stored_sets(settings.home).items():
        try:
            store = FeatureStore(settings.home, fingerprint, dim)
        except FeatureStoreError as error:
            if not repair or not mend_meta(settings.home, fingerprint, dim):
                yield Finding(level=FAIL, subject="feature files", detail=str(error), advice=_REPAIR)
                continue
            store = FeatureStore(settings.home, fingerprint, dim)
            detail = f"mended: meta.json of {fingerprint[:12]} was written anew"
            yield Finding(level=OK, subject="feature files", detail=detail)
        yield from _feature_rows(settings, store, fingerprint[:12], repair=repair)


def _feature_rows(settings: Settings, store: FeatureStore, name: str, *, repair: bool) -> Iterator[Finding]:
    unchecked = store.unchecked
    if unchecked and repair:
        detail = f"mended: {store.add_checksums():,} old rows of {name} have their checksum now"
        yield Finding(level=OK, subject="feature files", detail=detail)
    elif unchecked:
        detail = f"{unchecked:,} old rows of {name} have no checksum yet"
        yield Finding(level=WARN, subject="feature files", detail=detail, advice=f"lookalike rebuild, or {_REPAIR}")
    if lost := store.damaged(store.keys()):
        detail = f"{len(lost):,} rows of {name} are damaged and not used: {_sources(settings, lost)}"
        advice = "lookalike rebuild, which embeds the photos again"
        yield Finding(level=WARN, subject="feature files", detail=detail, advice=advice)
    else:
        detail = f"all {store.count:,} rows of {name} are as they were stored"
        yield Finding(level=OK, subject="feature files", detail=detail)


def _sources(settings: Settings, keys: list[str]) -> str:
    """Returns the originals of the first photos; copies and shoppers' photos have none and are named by key."""
    known = Catalogue(settings.home).photos(keys[:_NAMED])
    named = [known[key].source if key in known else f"photo {key}" for key in islice(keys, _NAMED)]
    return ", ".join(named) + (", ..." if len(keys) > _NAMED else "")


def _thumbnails(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    if not (settings.home / DATABASE).exists():
        return
    catalogue = Catalogue(settings.home)
    photos = sorted(set(catalogue.snapshot().image_sha256))
    lost = lost_thumbnails(settings.home, photos, threads=settings.cores)
    if lost and not repair:
        detail = f"{len(lost):,} of {len(photos):,} are missing or damaged: {_sources(settings, lost)}"
        yield Finding(level=WARN, subject="thumbnails", detail=detail, advice=_REPAIR)
        return
    hopeless = mend_thumbnails(Intake(settings, catalogue), lost)
    if len(lost) > len(hopeless):
        detail = f"mended: {len(lost) - len(hopeless):,} were made anew from their originals"
        yield Finding(level=OK, subject="thumbnails", detail=detail)
    if hopeless:
        detail = f"{len(hopeless):,} cannot be made anew, their originals are gone: {_sources(settings, hopeless)}"
        yield Finding(level=WARN, subject="thumbnails", detail=detail, advice="bring the originals back, then again")
    elif photos and not lost:
        yield Finding(level=OK, subject="thumbnails", detail=f"all {len(photos):,} can be shown")


def _larger_copies(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    """Says nothing where all is well: a copy is made when a browser asks for it, so none need be there."""
    if not (damaged := list(damaged_copies(settings.home))):
        return
    detail = f"{len(damaged):,} larger copies of photos are damaged"
    if not repair:
        yield Finding(level=WARN, subject="larger copies", detail=f"{detail}: {damaged[0]}", advice=_REPAIR)
        return
    for path in damaged:
        path.unlink(missing_ok=True)
    yield Finding(level=OK, subject="larger copies", detail=f"{detail}; they were deleted and are made anew when asked")


def _uploads(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    """Reads every original that the home itself keeps."""
    if damaged := damaged_uploads(settings.home):
        detail = f"{len(damaged):,} uploaded originals hold other bytes than were uploaded: {damaged[0]}"
        advice = "bring them back from a backup of the home, or upload them again"
        yield Finding(level=FAIL, subject="uploads", detail=detail, advice=advice)


def _canaries(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    """A file that breaks a rule raises an error, which becomes a finding."""
    path = settings.home / "canaries.jsonl"
    if path.exists():
        yield Finding(level=OK, subject="canaries", detail=f"{len(read_canaries(path))} can be asked")


FILE_CHECKS: tuple[tuple[str, Check], ...] = (
    ("settings", _settings_file),
    ("integrity", _integrity),
    ("rows", _rows),
    ("live", _live_generation),
    ("encoders", _encoders),
    ("exports", _exports),
    ("backbones", _backbones),
    ("detectors", _detectors),
    ("feature files", _feature_files),
    ("thumbnails", _thumbnails),
    ("larger copies", _larger_copies),
    ("uploads", _uploads),
    ("canaries", _canaries),
    ("files", other_files),
)
