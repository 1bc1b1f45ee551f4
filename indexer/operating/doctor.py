"""The checks of `lookalike doctor`: this machine, the files on disk and the parts in use, with advice."""

import functools
import platform
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from data.catalogue import Catalogue
from data.database import FILE_NAME as DATABASE
from data.errors import CorruptGeneration, InvalidImage, LookalikeError, NoGeneration
from data.features import FeatureStore
from data.generations import REBUILD_LOCK, GenerationStore
from data.photos import Intake, Lost, lost_originals, mend_sources
from data.rebuilds import last_rebuild
from data.settings import Settings
from data.storage import descriptor_limit, holder
from engine.errors import MissingExtra
from engine.extras import require_extras
from engine.protocols import BackboneSpec
from engine.text import encoder_of, is_tuned, lost_encoder
from indexer.operating.files import FILE_CHECKS
from indexer.operating.finding import FAIL, OK, WARN, Finding
from indexer.operating.milvus import look_at_milvus
from indexer.operating.operate import damage
from indexer.operating.releases import look_at_releases
from indexer.rebuild import versions

_SOURCES_LOOKED_AT = 100
_FOLDERS_NAMED = 3
_LITTLE_SPACE_BYTES = 2_000_000_000
_ENOUGH_OPEN_FILES = 4_096  # a server's 1,000 connections may need 3 each


def examine(settings: Settings, *, repair: bool = False, ray: str = "") -> list[Finding]:
    """Runs every check and returns the findings; a check that raises an error becomes a `FAIL` finding.

    Args:
        repair: whether what can be mended without loss is mended.
        ray: address of a Ray cluster that is looked at too; "": none.
    """
    looks: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
        ("python", _python),
        ("open files", _open_files),
        ("backbone", _backbone),
        ("text encoder", _text_encoder),
        ("index", _index),
        ("milvus", functools.partial(look_at_milvus, repair=repair)),
        ("releases", functools.partial(look_at_releases, repair=repair)),
        ("disk", _disk),
        *((subject, functools.partial(look, repair=repair)) for subject, look in FILE_CHECKS),
        ("database", _database),
        ("generations", _generations),
        ("tuned encoder", _tuned_encoder),
        ("features", _features),
        ("sources", functools.partial(_sources, repair=repair)),
        ("rebuild", _rebuild),
        *([("ray", functools.partial(_ray, address=ray))] if ray else []),
    )
    found: list[Finding] = []
    for subject, look in looks:
        try:
            found += look(settings)
        # whatever a check raises on damaged bytes, the other checks go on
        except Exception as error:
            detail = str(error) if isinstance(error, LookalikeError | OSError) else repr(error)
            found.append(Finding(level=FAIL, subject=subject, detail=detail))
    return found


def _python(settings: Settings) -> Iterator[Finding]:
    detail = f"{platform.python_version()} on {platform.machine()}, {settings.cores} cores"
    yield Finding(level=OK, subject="python", detail=detail)
    yield Finding(level=OK, subject="packages", detail=", ".join(f"{name} {v}" for name, v in versions().items()))


def _open_files(_settings: Settings) -> Iterator[Finding]:
    """Looks at the limit of the shell that doctor runs in; a systemd unit has its own."""
    limit = descriptor_limit()
    detail = f"a process may have {limit:,} open"
    if limit < _ENOUGH_OPEN_FILES:
        advice = f"allow {_ENOUGH_OPEN_FILES:,} or more: LimitNOFILE= in the unit, ulimit -Hn in a shell"
        detail += "; a server with so few keeps fewer connections"
        yield Finding(level=WARN, subject="open files", detail=detail, advice=advice)
    else:
        yield Finding(level=OK, subject="open files", detail=detail)


def _backbone(settings: Settings) -> Iterator[Finding]:
    from engine.backbones import resolve_spec

    try:
        require_extras("train")
    except MissingExtra as error:
        yield Finding(level=WARN, subject="backbone", detail="this installation cannot rebuild", advice=str(error))
        return
    spec = resolve_spec(settings)
    yield Finding(
        level=OK, subject="backbone", detail=f"{spec.name}, {spec.dim} features, weights {spec.weights_digest[:12]}"
    )
    yield Finding(
        level=OK, subject="runtime", detail=f"{spec.runtime} {spec.precision}, {_why_runtime(settings, spec)}"
    )


def _why_runtime(settings: Settings, spec: BackboneSpec) -> str:
    runtime = f"runtime = {settings.runtime}"
    if settings.precision != "auto":
        return f"because {runtime} and precision = {settings.precision}"
    has = {"bf16": "the processor computes in bf16", "f32": "the processor does not compute in bf16 or Keras runs it"}
    return f"because {runtime}, precision = auto and {has.get(spec.precision, 'of the settings')}"


def _text_encoder(settings: Settings) -> Iterator[Finding]:
    from engine.text import MULTILINGUAL, check_multilingual, encoder_title

    if settings.text_encoder == MULTILINGUAL:
        check_multilingual()
    yield Finding(level=OK, subject="text encoder", detail=encoder_title(settings.text_encoder))


def _index(settings: Settings) -> Iterator[Finding]:
    """Builds a small index on the settings' device and compares its hits with numpy's."""
    from engine.index import build_index

    points = np.random.default_rng(0).standard_normal((256, 16)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    index = build_index(points, settings)
    hits = index.search(points[:8], 5)
    exact = np.argsort(-(points[:8] @ points.T), axis=1, kind="stable")[:, :5]
    right = all(set(hit.rows) == set(rows) for hit, rows in zip(hits, exact, strict=True))
    reason = f", {index.reason}" if index.reason else f", device = {settings.device}"
    if right:
        yield Finding(level=OK, subject="index", detail=f"{index.kind}{reason}; agrees with exact search")
    else:
        yield Finding(
            level=FAIL, subject="index", detail=f"{index.kind} gives wrong answers{reason}", advice="set device to cpu"
        )


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free at {folder}"
    needed = _needed_bytes(settings)
    if free < needed:
        yield Finding(
            level=FAIL,
            subject="disk",
            detail=f"{detail}; the next rebuild needs about {needed / 1e9:.2f} GB",
            advice="make room, or lower LOOKALIKE_KEEP_GENERATIONS",
        )
    elif free < max(2 * needed, _LITTLE_SPACE_BYTES):
        yield Finding(level=WARN, subject="disk", detail=detail, advice="make room before it runs out")
    else:
        yield Finding(level=OK, subject="disk", detail=detail)


def _needed_bytes(settings: Settings) -> int:
    """Returns the most bytes that a rebuild writes: float16 features and a float32 point for every photo."""
    if not (settings.home / DATABASE).exists():
        return 0
    images = Catalogue(settings.home).counts()["images"]
    return images * (2048 * 2 + settings.space_dim * 4) + 20_000_000


def _database(settings: Settings) -> Iterator[Finding]:
    """The first connection of a process runs SQLite's quick_check."""
    if not (settings.home / DATABASE).exists():
        yield Finding(level=WARN, subject="database", detail=f"none in {settings.home}", advice="lookalike import PATH")
        return
    counts = Catalogue(settings.home).counts()
    detail = f"undamaged, {counts['products']:,} products, {counts['images']:,} images"
    yield Finding(level=OK, subject="database", detail=detail)


def _generations(settings: Settings) -> Iterator[Finding]:
    store = GenerationStore(settings.home)
    try:
        live = store.open().id
    except NoGeneration:
        yield Finding(level=WARN, subject="generations", detail="nothing published yet", advice="lookalike rebuild")
        return
    except CorruptGeneration as error:
        live = ""
        advice = "lookalike rollback ID, lookalike doctor --repair (the newest whole one), or lookalike rebuild"
        yield Finding(level=FAIL, subject="generations", detail=f"the live one is damaged: {error}", advice=advice)
    damaged = store.damaged()
    whole = store.list()
    damaged |= {folder.id: reason for folder in whole if (reason := damage(folder))}
    for name, reason in damaged.items():
        yield Finding(
            level=FAIL if name == live else WARN,
            subject="generations",
            detail=f"{name} is damaged: {reason}",
            advice="lookalike rollback or doctor --repair (the newest whole one), then lookalike rebuild"
            if name == live
            else "it is deleted by the next rebuild",
        )
    if live and live not in damaged:
        detail = f"{live} is live, every file as published; {len(whole)} kept"
        yield Finding(level=OK, subject="generations", detail=detail)


def _tuned_encoder(settings: Settings) -> Iterator[Finding]:
    """Checks every file of the live generation's text encoder, if it was tuned in this home."""
    try:
        live = GenerationStore(settings.home).open()
        name = encoder_of(live)
    except (NoGeneration, CorruptGeneration):
        return
    if not is_tuned(name):
        return
    if lost := lost_encoder(settings.home, live):
        yield Finding(
            level=FAIL,
            subject="tuned encoder",
            detail=f"{lost}; the live generation needs it to search by words",
            advice="lookalike rebuild, or lookalike rollback",
        )
    else:
        yield Finding(level=OK, subject="tuned encoder", detail=f"{name}, every file as published")


def _features(settings: Settings) -> Iterator[Finding]:
    """Compares the catalogue's photos with the features of the live generation's backbone."""
    try:
        live = GenerationStore(settings.home).open()
    except (NoGeneration, CorruptGeneration):
        return
    spec = BackboneSpec.from_json(live.manifest.backbone)
    features = FeatureStore(settings.home, spec.fingerprint, spec.dim)
    missing = len(features.missing(Catalogue(settings.home).snapshot().image_sha256))
    if missing:
        detail = f"{missing:,} photos have none for {spec.name} {spec.precision}"
        yield Finding(level=WARN, subject="features", detail=detail, advice="lookalike rebuild")
    else:
        detail = f"every photo has a row for {spec.name} {spec.precision}; {features.count:,} rows kept"
        yield Finding(level=OK, subject="features", detail=detail)


def _sources(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    """Looks for every photo's original, and reads some: a rebuild with another backbone needs them all."""
    if not (settings.home / DATABASE).exists():
        return
    catalogue = Catalogue(settings.home)
    lost = lost_originals(catalogue)
    if found := [item for item in lost if item.found]:
        yield _mended(catalogue, found) if repair else _elsewhere(found)
    if gone := [item for item in lost if not item.found]:
        yield _gone(settings.home, gone)
    yield from _sampled(settings, catalogue, {item.record.sha256 for item in lost})


def _mended(catalogue: Catalogue, found: list[Lost]) -> Finding:
    mend_sources(catalogue, found)
    return Finding(level=OK, subject="sources", detail=f"mended: {len(found):,} originals were elsewhere in the home")


def _elsewhere(found: list[Lost]) -> Finding:
    detail = f"{len(found):,} originals are elsewhere in the home than the catalogue says, for example {found[0].found}"
    return Finding(level=WARN, subject="sources", detail=detail, advice="lookalike doctor --repair")


def _gone(home: Path, gone: Sequence[Lost]) -> Finding:
    """Names the folders whose photos are gone; only a backup brings back those that the home itself kept."""
    uploads = home.absolute() / "uploads"
    paths = [Path(item.record.source) for item in gone]
    own = any(path.is_relative_to(uploads) for path in paths)
    folders = Counter(str(uploads if path.is_relative_to(uploads) else path.parent) for path in paths)
    named = [f"{count:,} of {folder}" for folder, count in folders.most_common(_FOLDERS_NAMED)]
    more = ["..."] * (len(folders) > _FOLDERS_NAMED)
    return Finding(
        level=FAIL if own else WARN,
        subject="sources",
        detail=f"{len(gone):,} originals cannot be used, they are gone: {', '.join(named + more)}",
        advice="bring them back"
        + (" (uploads: from a backup of the home)" if own else "")
        + ", or import again with --images NEW_FOLDER; they are needed when the backbone changes",
    )


def _sampled(settings: Settings, catalogue: Catalogue, lost: set[str]) -> Iterator[Finding]:
    """Reads an evenly spread sample of the originals that are there."""
    intake = Intake(settings, catalogue)
    photos = sorted(set(catalogue.snapshot().image_sha256) - lost)
    looked_at = photos[:: max(1, len(photos) // _SOURCES_LOOKED_AT)]
    problems = []
    for record in catalogue.photos(looked_at).values():
        try:
            intake.read(record)
        except InvalidImage as error:
            problems.append(str(error))
    if problems:
        detail = f"{len(problems)} of {len(looked_at)} originals looked at cannot be used: {problems[0]}"
        advice = "bring them back or import again; they are needed when the backbone changes"
        yield Finding(level=WARN, subject="sources", detail=detail, advice=advice)
    elif photos and not lost:
        detail = f"all {len(photos):,} originals are there; {len(looked_at)} looked at, all as they were imported"
        yield Finding(level=OK, subject="sources", detail=detail)


def _rebuild(settings: Settings) -> Iterator[Finding]:
    running = holder(settings.home / REBUILD_LOCK)
    detail = f"{REBUILD_LOCK} is held by {running}" if running else "none is running"
    yield Finding(level=OK, subject="lock", detail=detail)
    last = last_rebuild(settings.home)
    if last is not None and not last.get("published"):
        detail = f"the last one, started {last.get('started_at')}, published nothing: {last.get('reason')}"
        yield Finding(level=WARN, subject="rebuild", detail=detail, advice="fix the cause, then lookalike rebuild")
    elif last is not None:
        detail = f"the last one, started {last.get('started_at')}, published {last.get('generation')}"
        yield Finding(level=OK, subject="rebuild", detail=detail)


def _ray(settings: Settings, *, address: str) -> Iterator[Finding]:
    """Connects to the cluster, as a rebuild does."""
    from engine.backbones import resolve_spec
    from indexer.cluster import connected, pool_for

    with connected(address, settings):
        pool = pool_for(settings, resolve_spec(settings))
    detail = f"the cluster at {address} has room for {pool.actors:,} actors with {pool.cpus} processors each"
    yield Finding(level=OK, subject="ray", detail=detail)
