"""What a rebuild clears away once its generation is live: old generations, unused features and text encoders."""

import logging
from collections.abc import Collection

from data.errors import LookalikeError
from data.events import Events
from data.features import drop_unused_sets
from engine.text import drop_unused_encoders
from indexer.rebuild.encoders import encoder_of
from indexer.rebuild.job import Job

# Rewriting the rows costs their whole size on disk for a moment, so they are rewritten when it pays.
_STALE_SHARE = 0.2
# Another backbone's features: a person who compares backbones goes back and forth for a while.
_UNUSED_S = 30 * 86_400.0
# A tuned encoder is as large as the model it came from, and a shop whose texts change nightly makes one every night.
_UNUSED_ENCODER_S = 7 * 86_400.0
_log = logging.getLogger("lookalike.rebuild")


def stale_features(job: Job) -> list[str]:
    """Returns the stored keys, augmented copies' too, of photos that the snapshot does not hold."""
    return _without(job.features.keys(), set(job.snapshot.image_sha256))


def prune(job: Job, stale: list[str]) -> None:
    """Deletes what is old. The new generation is live already, so that what cannot be deleted now is only logged.

    Args:
        stale: of `stale_features` when the rebuild began; what came back to the catalogue meanwhile stays.
    """
    try:
        job.journal.pruned = tuple(job.store.prune(job.settings.keep_generations))
        # photos that shoppers searched with stay as long as their events do: the query embedder learns from both
        needed = set(job.catalogue.snapshot().image_sha256) | Events(job.settings.home).photos()
        stale = _without(stale, needed)
        if len(stale) > _STALE_SHARE * job.features.count:
            freed = job.features.compact(stale)
            _log.info("dropped the features of %d photos and copies that are gone: %d bytes", len(stale), freed)
        used = {job.spec.fingerprint, *(folder.manifest.fingerprint for folder in job.store.list())}
        for fingerprint in drop_unused_sets(job.settings.home, used, unused_s=_UNUSED_S):
            _log.info("dropped the features of backbone %s, which no generation uses", fingerprint[:12])
        encoders = {encoder_of(folder) for folder in job.store.list()}
        for name in drop_unused_encoders(job.settings.home, encoders, unused_s=_UNUSED_ENCODER_S):
            _log.info("dropped the text encoder %s, which no generation uses", name)
    except (LookalikeError, OSError) as error:
        _log.warning("what is old could not be deleted: %s", error)


def _without(keys: Collection[str], photos: set[str]) -> list[str]:
    return [key for key in keys if key.partition("+")[0] not in photos]
