"""The nightly rebuild: embeds new photos, trains, builds an index, verifies it and publishes the generation.

Until `publish` returns, the live generation is untouched. The next rebuild uses the features that a killed one stored,
and deletes its staged folder.
"""

import dataclasses
import logging
from typing import Any

import numpy as np

from data.generations import REBUILD_LOCK, GenerationFolder, StagedGeneration
from data.settings import Settings
from data.storage import exclusive
from engine.extras import require_extras
from engine.index import agree
from engine.protocols import Backbone, Floats
from engine.releases import keep_released
from engine.text import lost_encoder
from indexer.rebuild.gates import GateResult, refuse_failed
from indexer.rebuild.housekeeping import drop_collections, forget, prune, stale_features
from indexer.rebuild.indexing import build_index
from indexer.rebuild.job import Job, open_job
from indexer.rebuild.parts import (
    FAILED_ON_DATA,
    Trained,
    inputs_of,
    not_trained,
    parts_to_take_over,
    take_over_parts,
    train_parts,
)
from indexer.rebuild.photos import embed
from indexer.rebuild.summary import Journal, RebuildSummary, reason_of, remember
from indexer.rebuild.verify import verify
from indexer.rebuild.versions import versions

_log = logging.getLogger("lookalike.rebuild")


def rebuild(
    settings: Settings,
    *,
    train: bool = True,
    full: bool = False,
    backbone: Backbone | None = None,
    ray: str = "",
    journal: Journal | None = None,
) -> RebuildSummary:
    """Builds a new generation from the catalogue and makes it the live one.

    Args:
        train: whether the parts are trained if anything changed; otherwise the live generation's are taken over.
        full: whether every photo's source is read again, and the parts are trained even where nothing changed.
        backbone: replaces the one that the settings name.
        ray: address of the Ray cluster that embeds, `HOST:PORT` or `local`; "": this process does.
        journal: collects the outcome; pass one to learn how far a failed rebuild got.

    Returns:
        The summary of a published generation; it is also kept for `status`.

    Raises:
        MissingExtra: a library that this needs is not installed.
        ClusterUnavailable, ClusterFailed: the Ray cluster cannot be used, or failed.
        LockHeld: another rebuild runs; the message names it.
        NothingToIndex: the catalogue holds no product, or has lost all its photos.
        GateFailed: a gate refused the new generation; the message says what was measured and required.
        LookalikeError, OSError: a step failed. In every case the live generation stays as it is.
    """
    journal = journal or Journal()
    require_extras("serve", *(["train"] if train else []))
    if ray:
        from indexer.cluster import require_cluster

        require_cluster(ray, settings)
    with exclusive(settings.home / REBUILD_LOCK, "rebuild"):
        try:
            _run(settings, journal, train=train, full=full, backbone=backbone, ray=ray)
        except Exception as error:
            remember(settings.home, journal.summary(reason_of(error)))
            raise
        summary = journal.summary()
        remember(settings.home, summary)
    return summary


def _run(settings: Settings, journal: Journal, *, train: bool, full: bool, backbone: Backbone | None, ray: str) -> None:
    with journal.step("snapshot"):
        forget(settings)
        job = open_job(settings, journal, full, backbone, ray)
        if not train:
            parts_to_take_over(job)  # before photos are embedded, which may take hours
        stale = stale_features(job)
    with journal.step("embed"):
        job = dataclasses.replace(job, snapshot=embed(job))
    inputs = inputs_of(job)
    journal.unchanged = not full and job.live is not None and _is_unchanged(settings, job.live, inputs)
    staged = job.store.stage()
    journal.generation = staged.id
    try:
        with journal.step("train"):
            anew = train and not journal.unchanged
            parts = train_parts(job, staged, inputs) if anew else take_over_parts(job, staged)
            journal.metrics, journal.not_trained = parts.metrics, not_trained(parts.metrics)
        with journal.step("index"):
            vectors, index = build_index(job, staged)
        fields = manifest_fields(job, vectors, parts, index)
        with journal.step("verify"):
            folder = job.store.preview(staged, **fields, gates=[])
            gates = run_gates(job, folder, vectors, compare_quality=parts.anew)
        with journal.step("report"):
            changes = report(job, folder, vectors, gates, trained_anew=parts.anew)
        with journal.step("publish"):
            publish(job, staged, {**fields, "metrics": {**fields["metrics"], "changes": changes}}, gates)
    except BaseException:
        job.store.discard(staged)
        drop_collections(job)
        raise
    with journal.step("prune"):
        prune(job, stale)


def _is_unchanged(settings: Settings, live: GenerationFolder, inputs: dict[str, Any]) -> bool:
    if live.manifest.metrics.get("inputs") != inputs:
        return False
    if lost := lost_encoder(settings.home, live):
        _log.warning("the parts are trained anew: %s, which the live generation needs to search by words", lost)
    return not lost


def run_gates(job: Job, folder: GenerationFolder, vectors: Floats, *, compare_quality: bool) -> list[GateResult]:
    """Runs the gates on the staged files, loaded as a server would load them; returns all results so far.

    Args:
        folder: the staged generation, as it will be published.
        vectors: float32 (n, d), what the index must hold, in row order.
        compare_quality: whether the parts differ from the live generation's.

    Raises:
        GateFailed: a gate refused; raised after all gates have run.
    """
    results = verify(job.settings, job.catalogue, folder, vectors, job.backbone)
    if compare_quality:
        from indexer.rebuild.quality import compare

        results.append(compare(job, folder))
    job.journal.gates += tuple(results)
    refuse_failed(results)
    return list(job.journal.gates)


def manifest_fields(job: Job, vectors: Floats, parts: Trained, index: dict[str, Any]) -> dict[str, Any]:
    """Returns the manifest's fields for the staged generation, except the gates."""
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
        "versions": versions(),
        "metrics": {"parts": parts.metrics, "inputs": parts.inputs, "index": index},
    }


def report(
    job: Job, folder: GenerationFolder, vectors: Floats, gates: list[GateResult], *, trained_anew: bool
) -> dict[str, Any]:
    """Adds the report to the staged generation; returns what changed since the live one, as plain JSON values."""
    from indexer.rebuild.changes import changes_of
    from indexer.rebuild.report import write_report

    changes = changes_of(job, folder)
    job.journal.changes = changes.to_json()
    try:
        write_report(job, folder, gates=gates, changes=changes, vectors=vectors, trained_anew=trained_anew)
    except FAILED_ON_DATA:  # a generation that passed its gates need not wait for a page about it
        _log.warning("the report could not be written; the generation is published without it", exc_info=True)
    return job.journal.changes


def publish(job: Job, staged: StagedGeneration, fields: dict[str, Any], gates: list[GateResult]) -> None:
    """Makes the staged generation the live one, atomically and durably."""
    job.store.publish(staged, **fields, gates=[dataclasses.asdict(gate) for gate in gates])
    agree(job.settings)
    job.journal.published = True
    keep_released(job.settings)
