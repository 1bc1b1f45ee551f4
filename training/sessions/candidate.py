"""Publishes a part that was trained alone: copies the live generation and replaces that part in the copy."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from data.generations import REBUILD_LOCK, GenerationFolder, GenerationStore
from data.settings import Settings
from data.storage import exclusive
from training.errors import TrainingError
from training.parts import Part


def publish_candidate(
    settings: Settings,
    live: GenerationFolder,
    part: Part,
    metrics: dict[str, Any],
    write: Callable[[Path], None],
    *,
    replaced: Sequence[str] = (),
    more: Mapping[str, Any] | None = None,
) -> str:
    """Copies the live generation, writes one part anew, and makes the copy the live one, atomically.

    Args:
        live: the generation that the part was trained for.
        metrics: the part's metrics, for the manifest.
        write: writes the part's files into the folder it is given.
        more: part -> metrics, of other parts that `write` writes anew.
        replaced: other files that `write` writes anew, so they are not copied from the live generation.

    Returns:
        The id of the generation that is live now; `lookalike rollback` goes back to `live`.

    Raises:
        TrainingError: another generation went live while the part was trained.
        LockHeld: a rebuild runs.
    """
    store = GenerationStore(settings.home)
    with exclusive(settings.home / REBUILD_LOCK, f"train {part.name.replace('_', '-')}"):
        if store.current_id() != live.id:
            raise TrainingError("the live generation changed during the training. Train again.")
        return _publish(store, live, {**(more or {}), part.name: metrics}, write, {*part.files, *replaced}).id


def _publish(
    store: GenerationStore,
    live: GenerationFolder,
    metrics: dict[str, Any],
    write: Callable[[Path], None],
    replaced: set[str],
) -> GenerationFolder:
    staged = store.stage()
    try:
        for name in live.manifest.files:
            if name not in replaced:
                shutil.copyfile(live.path(name), staged.folder / name)
        write(staged.folder)
        old = live.manifest
        parts = {**old.metrics.get("parts", {}), **metrics}
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
