"""The trained parts of a generation: trained anew, or taken over from the live one."""

import hashlib
import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.catalogue import decisions_state
from data.errors import NoGeneration
from data.events import Events
from data.generations import GenerationFolder, StagedGeneration
from data.storage import write_bytes
from engine.errors import FingerprintMismatch, InvalidModel
from indexer.rebuild.job import Job
from indexer.rebuild.versions import versions
from training.context import TrainingContext
from training.errors import NotEnoughData
from training.parts import PARTS, SPACE, Part

# What numpy, scipy, scikit-learn and PyTorch raise on numbers that they cannot work with.
FAILED_ON_DATA = (ArithmeticError, LookupError, ValueError, RuntimeError, InvalidModel)
_log = logging.getLogger("lookalike.rebuild")


@dataclass(frozen=True)
class Trained:
    """The trained parts in the staged folder.

    Attributes:
        metrics: part name -> the metrics of its training.
        inputs: what the parts were trained from, see `inputs_of`.
        anew: whether this rebuild trained them; otherwise they are copies of the live generation's.
    """

    metrics: dict[str, Any]
    inputs: dict[str, Any]
    anew: bool


def inputs_of(job: Job) -> dict[str, Any]:
    """Returns all that trained parts depend on; if it is the same for the live generation, its parts can be reused."""
    names = ("space", "space_dim", "text_encoder")
    return {
        "seq": job.snapshot.seq,
        "photos": hashlib.sha256("".join(job.snapshot.image_sha256).encode()).hexdigest(),
        "fingerprint": job.spec.fingerprint,
        "parts": sorted(part.name for part in PARTS),
        "labels": decisions_state(job.settings.home),
        "events": Events(job.settings.home).state(),
        "versions": versions(),
        **{name: getattr(job.settings, name) for name in names},
    }


def train_parts(job: Job, staged: StagedGeneration, inputs: dict[str, Any]) -> Trained:
    """Trains every part into the staged folder."""
    from indexer.rebuild.quality import training_context

    context = training_context(job).drawn()
    if (taught := len(context.snapshot.image_sha256)) < (photos := len(job.snapshot.image_sha256)):
        _log.info("train: with %d of %d photos, drawn from the whole catalogue", taught, photos)
    measured = {}
    for number, part in enumerate(PARTS, 1):
        _log.info("train: %s (%d of %d)", part.name.replace("_", " "), number, len(PARTS))
        measured[part.name] = train_part(part, context, staged.folder)
    return Trained(_plain(measured), inputs, anew=True)


def train_part(part: Part, context: TrainingContext, folder: Path) -> dict[str, Any]:
    """Trains one part into the staged folder, or leaves the part out and returns why in `skipped`.

    A part is left out where it has too little to learn from, and where it fails on data that nobody foresaw. A failure
    stops the rebuild, though, where the live generation has the part: it must not vanish from a server overnight.
    """
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    try:
        return part.train(context, folder)
    except NotEnoughData as error:
        if part is SPACE:
            raise
        reason = str(error)
    except FAILED_ON_DATA as error:
        if part is SPACE or (context.live is not None and any(map(context.live.has, part.files))):
            raise
        _log.warning("the part %s failed and is left out", part.name, exc_info=True)
        reason = f"its training failed ({type(error).__name__}: {error}); please report this"
    for path in list(folder.iterdir()):
        path.unlink()
    for name, content in before.items():
        write_bytes(folder / name, content)
    return {"skipped": reason}


def not_trained(metrics: dict[str, Any]) -> dict[str, str]:
    """Returns the parts that were left out, each with the reason."""
    return {name: str(found["skipped"]) for name, found in metrics.items() if found.get("skipped")}


def _plain(measured: dict[str, Any]) -> dict[str, Any]:
    """Returns the metrics as a manifest can hold them: numpy numbers as Python's, non-finite ones as None."""
    text = json.dumps(measured, default=float)
    plain: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)
    return plain


def parts_to_take_over(job: Job) -> GenerationFolder:
    """Returns the live generation, whose trained parts fit the photos' features.

    Raises:
        NoGeneration: there is no live generation to take them from.
        FingerprintMismatch: the live generation's parts were trained on another backbone.
    """
    if job.live is None:
        raise NoGeneration("--no-train needs an undamaged live generation; there is none. Run without --no-train.")
    if job.live.manifest.fingerprint != job.spec.fingerprint:
        raise FingerprintMismatch(
            f"--no-train needs the live generation's backbone {job.live.manifest.fingerprint[:12]}; the settings give "
            f"{job.spec.fingerprint[:12]} ({job.spec.name}, {job.spec.precision}). Run without --no-train."
        )
    return job.live


def take_over_parts(job: Job, staged: StagedGeneration) -> Trained:
    """Copies the live generation's trained parts into the staged folder."""
    live = parts_to_take_over(job)
    for name in (name for part in PARTS for name in part.files):
        if live.has(name):
            shutil.copyfile(live.path(name), staged.folder / name)
    metrics = live.manifest.metrics
    return Trained(dict(metrics.get("parts", {})), dict(metrics.get("inputs", {})), anew=False)
