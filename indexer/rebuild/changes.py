"""What changed since the live generation was built: products, photos, labels and settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import LookalikeError
from data.generations import GenerationFolder
from indexer.rebuild.job import Job
from training.measures import RECOGNITION_FILE, Measured

_NAMED = 12  # products of each kind that are named
_SETTINGS = ("space", "space_dim", "text_encoder")
Keys = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Products or photos of which something can be said together.

    Attributes:
        count: how many there are.
        keys: keys of the first few products; empty for photos.
        names: their titles, in the same order.
    """

    count: int
    keys: tuple[int, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The changes since the generation `since`, which is empty where none was live: then everything is new.

    Attributes:
        added: products with photos that the live generation lacks; `removed`: the other way round, so a product that
            lost its last photo counts here.
        changed: products that both have, but whose facts or photos were written since.
        labels_added, labels_removed: categories that the voters can name now, or no longer can.
        settings: name -> what it was and what it is, for settings, backbone and versions of libraries.
    """

    since: str
    added: Group
    changed: Group
    removed: Group
    photos_added: int
    photos_removed: int
    labels_added: tuple[str, ...] = ()
    labels_removed: tuple[str, ...] = ()
    settings: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Returns the changes as plain JSON values."""
        groups = {name: getattr(self, name) for name in ("added", "changed", "removed")}
        return {
            "since": self.since,
            "products": {name: {"count": group.count, "names": list(group.names)} for name, group in groups.items()},
            "photos": {"added": self.photos_added, "removed": self.photos_removed},
            "labels": {"added": list(self.labels_added), "removed": list(self.labels_removed)},
            "settings": {name: list(values) for name, values in self.settings.items()},
        }


def changes_of(job: Job, staged: GenerationFolder) -> Changes:
    """Returns what changed between the live generation and the staged one.

    Args:
        staged: the staged generation, as it will be published.
    """
    from engine.generation import ROWS_FILE, RowTable

    now, photos = np.unique(job.snapshot.product_keys), set(job.snapshot.image_sha256)
    before, photos_before = np.zeros(0, np.int64), set[str]()
    if job.live is not None:
        rows = RowTable.load(job.live.path(ROWS_FILE))
        before, photos_before = np.unique(rows.product_keys), {sha.decode() for sha in rows.image_sha256.tolist()}
    written = job.catalogue.written_since(job.live.manifest.seq) if job.live else before
    labels, labels_before = _labels(staged), _labels(job.live)
    return Changes(
        since=job.live.id if job.live else "",
        added=_group(job, np.setdiff1d(now, before)),
        changed=_group(job, np.intersect1d(np.intersect1d(now, before), written)),
        removed=_group(job, np.setdiff1d(before, now)),
        photos_added=len(photos - photos_before),
        photos_removed=len(photos_before - photos),
        labels_added=tuple(sorted(labels - labels_before)) if job.live else (),
        labels_removed=tuple(sorted(labels_before - labels)) if labels else (),
        settings=_settings(job.live, staged) if job.live else {},
    )


def _group(job: Job, keys: Keys) -> Group:
    first = tuple(keys[:_NAMED].tolist())
    titles = job.catalogue.titles(first)
    return Group(count=len(keys), keys=first, names=tuple(titles.get(key, "?") for key in first))


def _labels(folder: GenerationFolder | None) -> set[str]:
    """Returns the labels that a generation's voters were measured on; none if there are no voters."""
    if folder is None or not folder.has(RECOGNITION_FILE):
        return set()
    try:
        return set(Measured.load(folder.path(RECOGNITION_FILE)).labels)
    except LookalikeError:
        return set()


def _settings(live: GenerationFolder, staged: GenerationFolder) -> dict[str, tuple[str, str]]:
    before, now = _setting_values(live), _setting_values(staged)
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return {name: (before.get(name, "not there"), now.get(name, "not there")) for name in names}


def _setting_values(folder: GenerationFolder) -> dict[str, str]:
    inputs = folder.manifest.metrics.get("inputs", {})
    values = {
        **{name: inputs[name] for name in _SETTINGS if name in inputs},
        **{f"backbone {name}": value for name, value in folder.manifest.backbone.items()},
        **folder.manifest.versions,
    }
    return {name: str(value) for name, value in values.items()}
