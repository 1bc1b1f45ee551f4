"""Forgets what is kept long enough, and what killed writers left, before a rebuild; deletes old files after it."""

import logging
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from data.catalogue import Catalogue
from data.errors import LookalikeError
from data.events import Events
from data.features import drop_unused_sets
from data.photos import sweep
from data.settings import Settings
from data.storage import sweep_abandoned
from engine.index import collection_in, collection_of, drop_unused
from engine.text import drop_unused_encoders, encoder_of
from indexer.rebuild.job import Job

# Compacting rewrites all rows and briefly needs their size on disk twice, so it waits for this share of stale rows.
_STALE_SHARE = 0.2
# Another backbone's features are kept this long, for a person who compares backbones goes back and forth.
_UNUSED_S = 30 * 86_400.0
# What killed writers leave behind; `photos.sweep` deletes theirs, and the next rebuild an unfinished generation.
_UNFINISHED = (
    ".*.part",
    "features/*/.*.part",
    "training/.*.part",
    "encoders/.staged-*",
    "runtime/.export-*",
    "backbones/.new-*",
)
# A tuned encoder is as large as the model it came from, and a shop whose texts change nightly makes one every night.
_UNUSED_ENCODER_S = 7 * 86_400.0
_log = logging.getLogger("lookalike.rebuild")


def forget(settings: Settings) -> None:
    """Erases deleted products, photos that none needs, events and queries, each once the settings say so.

    It runs first, so that nothing new is learned from them, and that they go even if nothing can be published. A
    failure is only logged: the next rebuild tries again.
    """
    now = datetime.now(UTC)
    catalogue, events = Catalogue(settings.home), Events(settings.home)
    steps = (
        (settings.keep_deleted_days, catalogue.erase_deleted, "photos that products gave up"),
        (settings.keep_events_days, events.forget, "events"),
        (settings.keep_queries_days, events.forget_queries, "queries, of which events keep the rest"),
    )
    try:
        for days, erase, what in steps:
            if days and (erased := erase(now - timedelta(days=days))):
                _log.info("erased %d %s more than %d days ago", erased, what, days)
        catalogue.upkeep.count_queries()  # those that events kept no longer go
        catalogue.upkeep.tidy_index()  # the words of deleted products leave the file
        if swept := sweep(catalogue):
            _log.info("deleted %d files of photos that no product needs", swept)
        for pattern in _UNFINISHED:
            sweep_abandoned(settings.home, pattern)
        if added := catalogue.upkeep.add_checksums():
            _log.info("%d products and photos of an older version have their checksum now", added)
    except (LookalikeError, OSError) as error:
        _log.warning("what is kept long enough could not be erased: %s", error)


def stale_features(job: Job) -> list[str]:
    """Returns the feature-store keys of photos that are not in the snapshot, and of their augmented copies."""
    return _without(job.features.keys(), set(job.snapshot.image_sha256))


def prune(job: Job, stale: list[str]) -> None:
    """Deletes old generations, features and encoders; a failure is only logged, for the new generation is live already.

    Args:
        stale: from `stale_features` when the rebuild began; photos that are back in the catalogue by now stay.
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
        drop_collections(job)
        encoders = {encoder_of(folder) for folder in job.store.list()}
        for name in drop_unused_encoders(job.settings.home, encoders, unused_s=_UNUSED_ENCODER_S):
            _log.info("dropped the text encoder %s, which no generation uses", name)
    except (LookalikeError, OSError) as error:
        _log.warning("old files could not be deleted: %s", error)


def drop_collections(job: Job) -> None:
    """Drops the collections in Milvus that no published generation needs; a failure is only logged.

    That of the generation that was live when the rebuild began stays until the next one: servers search it until they
    have the new one. Only it and the live one stay in Milvus's memory.
    """
    if not job.settings.milvus_uri:
        return
    try:
        whole = job.store.list()
        served = [folder for folder in whole if folder.id == job.store.current_id()] + ([job.live] if job.live else [])
        kept = {collection_in(folder.folder) for folder in whole} | set(map(collection_of, job.store.damaged()))
        awake = {collection_in(folder.folder) for folder in served}
        for name in drop_unused(job.settings, kept, awake):
            _log.info("dropped the collection %s, which no generation needs", name)
    except LookalikeError as error:
        _log.warning("collections that no generation needs could not be dropped: %s", error)


def _without(keys: Collection[str], photos: set[str]) -> list[str]:
    return [key for key in keys if key.partition("+")[0] not in photos]
