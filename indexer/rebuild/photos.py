"""The embedding step: every photo of the snapshot gets a row in the feature store, or is left out and reported."""

import itertools
import logging
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Snapshot
from data.errors import InvalidImage, LookalikeError
from data.photos import Intake
from data.progress import track
from engine.protocols import Backbone
from indexer.rebuild.gates import check_unreadable, refuse_failed
from indexer.rebuild.job import Job

_CALIBRATION_PHOTOS = 200
_NAMED_PHOTOS = 20
_log = logging.getLogger("lookalike.rebuild")


def embed(job: Job) -> Snapshot:
    """Embeds the photos that the feature store lacks; returns the snapshot without photos that cannot be used.

    Stored features that a disk has damaged are dropped first, so these photos are embedded again.

    Raises:
        GateFailed: too large a share of the photos is unreadable.
    """
    photos = list(dict.fromkeys(job.snapshot.image_sha256))
    _note_damaged(job, job.features.drop_damaged())
    missing = job.features.absent(photos)
    unusable = _embed_missing(job, missing)
    if job.full:
        unusable |= _check_sources(job, sorted(set(photos) - set(missing)))
    usable = np.array([sha256 not in unusable for sha256 in job.snapshot.image_sha256], dtype=np.bool_)
    job.journal.counts |= {"embedded": len(set(missing) - unusable), "unreadable": int(np.count_nonzero(~usable))}
    gate = check_unreadable(int(np.count_nonzero(~usable)), len(usable))
    job.journal.gates = (gate,)
    refuse_failed([gate])
    return Snapshot(
        seq=job.snapshot.seq,
        product_keys=job.snapshot.product_keys[usable],
        image_keys=job.snapshot.image_keys[usable],
        image_sha256=list(itertools.compress(job.snapshot.image_sha256, usable)),
    )


def _note_damaged(job: Job, keys: list[str]) -> None:
    """Names the photos whose stored features were damaged in the summary; `keys` may be of their augmented copies."""
    for sha256 in list(dict.fromkeys(key.partition("+")[0] for key in keys))[:_NAMED_PHOTOS]:
        record = job.catalogue.photo(sha256)
        source = record.source if record else ""
        what = source or f"{sha256}, which a shopper searched with"
        message = f"the stored features of photo {what} were damaged and dropped"
        message += "; they are made again from the photo" if source else ""
        job.journal.damaged.append({"photo": sha256, "source": source, "message": message})


def _embed_missing(job: Job, missing: list[str]) -> set[str]:
    if not missing:
        return set()
    sources = _Sources(job)
    backbone = job.backbone or _load_backbone(job, sources)
    if job.ray:
        from indexer.cluster import embed_on_ray

        del backbone  # it is exported now, which is all that the workers need of it here
        embed_on_ray(
            job.ray, missing, job.catalogue.photos, job.settings, job.spec, job.features.append, sources.give_up
        )
    else:
        from engine.backbones import embed_photos

        embed_photos(backbone, missing, sources.read, job.settings, job.features.append, sources.give_up)
    return sources.unusable


class _Sources:
    """The photos' originals, read from several threads at once, and a note of those that cannot be used."""

    def __init__(self, job: Job) -> None:
        self._catalogue, self._journal = job.catalogue, job.journal
        self.read = Intake(job.settings, job.catalogue).original
        self.unusable: set[str] = set()

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


def _load_backbone(job: Job, sources: _Sources) -> Backbone:
    from engine.backbones import load_backbone

    return load_backbone(job.settings, job.spec, calibration=_calibration(job, sources))


def _calibration(job: Job, sources: _Sources) -> Iterator[NDArray[np.uint8]]:
    """Yields catalogue photos as network inputs, spread over the whole catalogue, always the same ones."""
    from engine.backbones import load_input

    photos = sorted(set(job.snapshot.image_sha256))
    for sha256 in photos[:: max(1, len(photos) // _CALIBRATION_PHOTOS)]:
        try:
            yield load_input(sources.read(sha256), job.spec.input_size, job.settings, job.spec.preprocessing)
        except InvalidImage as error:
            _log.debug("a photo is left out of the calibration: %s", error)


def _check_sources(job: Job, stored: list[str]) -> set[str]:
    """Reads the source of every photo that is embedded already; returns those that are gone or hold other bytes."""
    sources = _Sources(job)
    for sha256 in track(stored, "check sources", len(stored), "photos"):
        try:
            sources.read(sha256)
        except InvalidImage as error:
            sources.give_up(sha256, error)
    return sources.unusable
