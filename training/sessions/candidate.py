"""One part trained alone: a candidate generation that is the live one but for that part."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.generations import GenerationFolder, GenerationStore
from data.settings import Settings


def publish_candidate(
    settings: Settings,
    live: GenerationFolder,
    part: str,
    metrics: dict[str, Any],
    replaced: tuple[str, ...],
    write: Callable[[Path], None],
) -> GenerationFolder:
    """Copies the live generation, writes one part anew, and makes the copy the live one, atomically.

    The caller holds the rebuild lock.

    Args:
        part: its name in the manifest's metrics.
        metrics: what it measured.
        replaced: files of the live generation that belong to the part and are not copied.
        write: writes the part's files into the folder it is given.

    Returns:
        The generation that is live now; `lookalike rollback` goes back to `live`.
    """
    store = GenerationStore(settings.home)
    staged = store.stage()
    try:
        for name in live.manifest.files:
            if name not in replaced:
                shutil.copyfile(live.path(name), staged.folder / name)
        write(staged.folder)
        old = live.manifest
        parts = {**old.metrics.get("parts", {}), part: metrics}
        return store.publish(
            staged,
            fingerprint=old.fingerprint,
            dim=old.dim,
            metric=old.metric,
            counts=old.counts,
            seq=old.seq,
            backbone=old.backbone,
            versions=old.versions,
            metrics={**old.metrics, "parts": parts},
            gates=old.gates,
        )
    except BaseException:
        store.discard(staged)
        raise
