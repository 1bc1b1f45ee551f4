"""The nightly rebuild: embed what is new, train, build an index, verify it, publish it.

Each step is a function of this module. Until `publish` returns, the live generation is untouched; whatever a killed
rebuild leaves behind is either of use to the next one (stored features) or swept by it (the staged folder).
"""

import dataclasses
import hashlib
import importlib
import itertools
import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue, Snapshot
from data.errors import CorruptGeneration, InvalidImage, LookalikeError, NoGeneration
from data.features import FeatureStore
from data.generations import GenerationFolder, GenerationStore, StagedGeneration
from data.intake import Intake
from data.locks import exclusive
from data.progress import track
from data.settings import Settings
from engine.errors import FingerprintMismatch
from engine.protocols import Backbone, BackboneSpec, Floats
from indexer.errors import GateFailed, NothingToIndex
from indexer.gates import GateResult, check_unreadable
from indexer.summary import Journal, RebuildSummary, remember
from indexer.verify import verify
from indexer.versions import versions

LOCK_FILE = "rebuild.lock"
# trained part (module of `training`) -> the files it writes, which --no-train takes over
PARTS: dict[str, tuple[str, ...]] = {"space": ("projection.safetensors", "text_head.safetensors")}
_CALIBRATION_PHOTOS = 200
_NAMED_PHOTOS = 20
_BLOCK_ROWS = 16_384
_log = logging.getLogger("lookalike.rebuild")


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What every step of one rebuild needs. `snapshot` holds usable photos only once they are embedded."""

    settings: Settings
    full: bool
    backbone: Backbone | None
    journal: Journal
    catalogue: Catalogue
    store: GenerationStore
    spec: BackboneSpec
    features: FeatureStore
    snapshot: Snapshot
    live: GenerationFolder | None


def rebuild(
    settings: Settings,
    *,
    train: bool = True,
    full: bool = False,
    backbone: Backbone | None = None,
    journal: Journal | None = None,
) -> RebuildSummary:
    """Builds a new generation from the catalogue and makes it the live one.

    Args:
        train: whether the parts learn anew; otherwise the live generation's are taken over.
        full: whether every photo's source is read again, and the parts are trained even where nothing changed.
        backbone: replaces the one that the settings name.
        journal: collects what happens, for a caller who also wants to know how far a failed rebuild came.

    Returns:
        The summary of a published generation; it is also kept for `status`.

    Raises:
        LockHeld: another rebuild runs; the message names it.
        NothingToIndex: the catalogue holds no photo.
        GateFailed: a gate refused the new generation; the message says what was measured and required.
        LookalikeError, OSError: a step failed. In every case the live generation stays as it is.
    """
    journal = journal or Journal()
    with exclusive(settings.home / LOCK_FILE, "rebuild"):
        try:
            _run(settings, journal, train=train, full=full, backbone=backbone)
        except Exception as error:
            remember(settings.home, journal.summary(str(error) or type(error).__name__))
            raise
        summary = journal.summary()
        remember(settings.home, summary)
    return summary


def _run(settings: Settings, journal: Journal, *, train: bool, full: bool, backbone: Backbone | None) -> None:
    with journal.step("snapshot"):
        job = _open(settings, journal, full, backbone)
    with journal.step("embed"):
        job = dataclasses.replace(job, snapshot=embed(job))
    inputs = inputs_of(job)
    journal.unchanged = not full and job.live is not None and job.live.manifest.metrics.get("inputs") == inputs
    staged = job.store.stage()
    journal.generation = staged.id
    try:
        with journal.step("train"):
            parts = train_parts(job, staged) if train and not journal.unchanged else take_over_parts(job, staged)
            journal.metrics = parts
        with journal.step("index"):
            vectors = build_index(job, staged)
        fields = manifest_fields(job, vectors, parts, inputs)
        with journal.step("verify"):
            gates = run_gates(job, staged, vectors, fields)
        with journal.step("publish"):
            publish(job, staged, fields, gates)
    except BaseException:
        job.store.discard(staged)
        raise
    with journal.step("prune"):
        prune(job)


def _open(settings: Settings, journal: Journal, full: bool, backbone: Backbone | None) -> _Job:
    store = GenerationStore(settings.home)
    store.sweep()
    catalogue = Catalogue(settings.home)
    snapshot = catalogue.snapshot()
    journal.counts = {"products": len(np.unique(snapshot.product_keys)), "images": len(snapshot.image_sha256)}
    if not snapshot.image_sha256:
        raise NothingToIndex("the catalogue must hold at least one photo; got none. Run `lookalike import PATH` first.")
    spec = backbone.spec if backbone else _resolve_spec(settings)
    return _Job(
        settings=settings,
        full=full,
        backbone=backbone,
        journal=journal,
        catalogue=catalogue,
        store=store,
        spec=spec,
        features=FeatureStore(settings.home, spec.fingerprint, spec.dim),
        snapshot=snapshot,
        live=_live(store),
    )


def _resolve_spec(settings: Settings) -> BackboneSpec:
    from engine.backbones import resolve_spec

    return resolve_spec(settings)


def _live(store: GenerationStore) -> GenerationFolder | None:
    """Returns the live generation; a damaged one counts as none, for the way out of it is a new one."""
    try:
        return store.open()
    except NoGeneration:
        return None
    except CorruptGeneration as error:
        _log.warning("the live generation is damaged and is replaced: %s", error)
        return None


def embed(job: _Job) -> Snapshot:
    """Embeds the photos that the feature store lacks; returns the snapshot without those that cannot be used.

    Raises:
        GateFailed: too large a share of the photos is unreadable.
    """
    photos = list(dict.fromkeys(job.snapshot.image_sha256))
    missing = job.features.missing(photos)
    unusable = _embed_missing(job, missing)
    if job.full:
        unusable |= _check_sources(job, sorted(set(photos) - set(missing)))
    usable = np.array([sha256 not in unusable for sha256 in job.snapshot.image_sha256], dtype=np.bool_)
    job.journal.counts |= {"embedded": len(set(missing) - unusable), "unreadable": int(np.count_nonzero(~usable))}
    gate = check_unreadable(int(np.count_nonzero(~usable)), len(usable))
    job.journal.gates = (gate,)
    _refuse_failed([gate])
    return Snapshot(
        seq=job.snapshot.seq,
        product_keys=job.snapshot.product_keys[usable],
        image_keys=job.snapshot.image_keys[usable],
        image_sha256=list(itertools.compress(job.snapshot.image_sha256, usable)),
    )


def _embed_missing(job: _Job, missing: list[str]) -> set[str]:
    if not missing:
        return set()
    from engine.embedding import embed_photos

    sources = _Sources(job)
    backbone = job.backbone or _load_backbone(job, sources)
    embed_photos(backbone, missing, sources.read, job.settings, job.features.append, sources.give_up)
    return sources.unusable


class _Sources:
    """Reads photos' originals, from several threads at once, and notes those that cannot be used."""

    def __init__(self, job: _Job) -> None:
        self._catalogue, self._journal = job.catalogue, job.journal
        self._intake = Intake(job.settings, job.catalogue)
        self.unusable: set[str] = set()

    def read(self, sha256: str) -> bytes:
        """Returns the original's bytes.

        Raises:
            InvalidImage: it is gone, was changed, or its product was changed since the snapshot.
        """
        record = self._catalogue.photo(sha256)
        if record is None:
            raise InvalidImage(f"photo {sha256} must be in the catalogue; it went meanwhile.", code="photo_gone")
        return self._intake.read(record)

    def give_up(self, sha256: str, error: LookalikeError) -> None:
        self.unusable.add(sha256)
        record = self._catalogue.photo(sha256)
        _log.warning("photo is left out: %s", error)
        if len(self._journal.unreadable) < _NAMED_PHOTOS:
            self._journal.unreadable.append(
                {
                    "sha256": sha256,
                    "source": record.source if record else "",
                    "code": error.code,
                    "message": str(error),
                }
            )


def _load_backbone(job: _Job, sources: _Sources) -> Backbone:
    from engine.backbones import load_backbone

    return load_backbone(job.settings, job.spec, calibration=_calibration(job, sources))


def _calibration(job: _Job, sources: _Sources) -> Iterator[NDArray[np.uint8]]:
    """Yields catalogue photos as network inputs, spread over the whole catalogue, always the same ones."""
    from engine.embedding import load_input

    photos = sorted(set(job.snapshot.image_sha256))
    for sha256 in photos[:: max(1, len(photos) // _CALIBRATION_PHOTOS)]:
        try:
            yield load_input(sources.read(sha256), job.spec.input_size, job.settings)
        except InvalidImage as error:
            _log.debug("a photo is left out of the calibration: %s", error)


def _check_sources(job: _Job, stored: list[str]) -> set[str]:
    """Reads the source of every photo that is embedded already; returns those that are gone or hold other bytes."""
    sources = _Sources(job)
    for sha256 in track(stored, "check sources", len(stored), "photos"):
        try:
            sources.read(sha256)
        except InvalidImage as error:
            sources.give_up(sha256, error)
    return sources.unusable


def inputs_of(job: _Job) -> dict[str, Any]:
    """Returns what decides how the parts come out; where the live generation had the same, they need no training."""
    names = ("space", "space_dim", "text_encoder")
    return {
        "seq": job.snapshot.seq,
        "photos": hashlib.sha256("".join(job.snapshot.image_sha256).encode()).hexdigest(),
        "fingerprint": job.spec.fingerprint,
        "parts": sorted(PARTS),
        "versions": versions(),
        **{name: getattr(job.settings, name) for name in names},
    }


def train_parts(job: _Job, staged: StagedGeneration) -> dict[str, Any]:
    """Trains every part into the staged folder; returns what each measured."""
    from training.context import TrainingContext

    context = TrainingContext(
        settings=job.settings,
        catalogue=job.catalogue,
        snapshot=job.snapshot,
        features=job.features,
        spec=job.spec,
        live=job.live,
    )
    measured = {name: importlib.import_module(f"training.{name}").train(context, staged.folder) for name in PARTS}
    return _plain(measured)


def _plain(measured: dict[str, Any]) -> dict[str, Any]:
    """Returns the same as a manifest can hold it: numpy's numbers as Python's, what is not finite as None."""
    text = json.dumps(measured, default=float)
    plain: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)
    return plain


def take_over_parts(job: _Job, staged: StagedGeneration) -> dict[str, Any]:
    """Copies the live generation's trained parts; returns what they measured when they were trained.

    Raises:
        NoGeneration: there is no live generation to take them from.
        FingerprintMismatch: the live generation's were trained on another backbone.
    """
    if job.live is None:
        raise NoGeneration("--no-train needs an undamaged live generation; there is none. Run without --no-train.")
    if job.live.manifest.fingerprint != job.spec.fingerprint:
        raise FingerprintMismatch(
            f"--no-train needs the live generation's backbone {job.live.manifest.fingerprint[:12]}; the settings give "
            f"{job.spec.fingerprint[:12]} ({job.spec.name}, {job.spec.precision}). Run without --no-train."
        )
    for name in itertools.chain.from_iterable(PARTS.values()):
        if job.live.has(name):
            shutil.copyfile(job.live.path(name), staged.folder / name)
    return dict(job.live.manifest.metrics.get("parts", {}))


def build_index(job: _Job, staged: StagedGeneration) -> Floats:
    """Projects every usable photo and writes the index; returns the points, float32 (n, d), in row order."""
    from engine import projection
    from engine.generation import write_generation_files

    space = projection.Projection.load(staged.folder / projection.FILE)
    photos = job.snapshot.image_sha256
    vectors = np.empty((len(photos), space.space_dim), dtype=np.float32)
    for start in track(range(0, len(photos), _BLOCK_ROWS), "project", unit="blocks"):
        block = photos[start : start + _BLOCK_ROWS]
        vectors[start : start + len(block)] = space.apply(job.features.read(block))
    write_generation_files(
        staged.folder,
        space,
        vectors,
        job.snapshot.product_keys,
        job.snapshot.image_keys,
        photos,
        job.settings,
    )
    job.journal.counts["indexed"] = len(vectors)
    return vectors


def run_gates(job: _Job, staged: StagedGeneration, vectors: Floats, fields: dict[str, Any]) -> list[GateResult]:
    """Checks the staged files as a server would load them.

    Args:
        vectors: float32 (n, d), what the index must hold, in row order.
        fields: the manifest's, but for the gates.

    Raises:
        GateFailed: one refused; all have been asked.
    """
    folder = job.store.preview(staged, **fields, gates=[])
    results = verify(job.settings, job.catalogue, folder, vectors, live=job.live, backbone=job.backbone)
    job.journal.gates += tuple(results)
    _refuse_failed(results)
    return list(job.journal.gates)


def _refuse_failed(results: Sequence[GateResult]) -> None:
    failed = [
        f"{gate.name} must be {gate.required}, measured {gate.measured} ({gate.detail})"
        for gate in results
        if not gate.passed
    ]
    if failed:
        raise GateFailed(f"the new generation was refused and nothing was published: {'; '.join(failed)}")


def manifest_fields(job: _Job, vectors: Floats, parts: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    """Returns what the manifest says of the staged generation, but for the gates."""
    return {
        "fingerprint": job.spec.fingerprint,
        "dim": int(vectors.shape[1]),
        "metric": "inner_product",
        "counts": {
            "products": len(np.unique(job.snapshot.product_keys)),
            "images": len(vectors),
            "unreadable": job.journal.counts["unreadable"],
        },
        "seq": job.snapshot.seq,
        "backbone": job.spec.to_json(),
        "versions": inputs["versions"],
        "metrics": {"parts": parts, "inputs": inputs},
    }


def publish(job: _Job, staged: StagedGeneration, fields: dict[str, Any], gates: list[GateResult]) -> None:
    """Makes the staged generation the live one, atomically and durably."""
    job.store.publish(staged, **fields, gates=[dataclasses.asdict(gate) for gate in gates])
    job.journal.published = True


def prune(job: _Job) -> None:
    """Deletes old generations. The new one is live already, so that what cannot be deleted now is only logged."""
    try:
        job.journal.pruned = tuple(job.store.prune(job.settings.keep_generations))
    except (LookalikeError, OSError) as error:
        _log.warning("old generations could not be deleted: %s", error)
