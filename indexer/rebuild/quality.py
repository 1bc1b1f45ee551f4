"""The quality gate: the new generation against the live one, on the same held-out queries of the present catalogue."""

import dataclasses
from typing import Any

from data.features import FeatureStore
from data.generations import GenerationFolder
from engine.protocols import BackboneSpec
from indexer.rebuild.gates import GateResult, check_quality
from indexer.rebuild.job import Job
from training.context import TrainingContext
from training.measures import measure_generation


def training_context(job: Job) -> TrainingContext:
    """Returns the training context of this rebuild: what training and measuring need to know."""
    return TrainingContext(
        settings=job.settings,
        catalogue=job.catalogue,
        snapshot=job.snapshot,
        features=job.features,
        spec=job.spec,
        live=job.live,
    )


def compare(job: Job, staged: GenerationFolder) -> GateResult:
    """Returns the quality gate's result, after measuring both generations.

    Args:
        staged: the new generation, whose parts were trained anew.
    """
    new = measure_generation(training_context(job), staged)
    return check_quality(new, _measure_live(job), max_drop=job.settings.max_quality_drop)


def _measure_live(job: Job) -> dict[str, Any] | None:
    """Returns the live generation's quality, or None if there is none or its backbone lacks features of some photo."""
    if job.live is None:
        return None
    spec = BackboneSpec.from_json(job.live.manifest.backbone)
    features = FeatureStore(job.settings.home, spec.fingerprint, spec.dim)
    if features.missing(job.snapshot.image_sha256):
        return None
    context = dataclasses.replace(training_context(job), spec=spec, features=features)
    return measure_generation(context, job.live)
