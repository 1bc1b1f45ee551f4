"""What runs on the other machines: one copy of the network, which embeds one shard of photos after the other."""

import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import LookalikeError
from data.photos import read_original
from data.settings import Settings
from engine.extras import installed_versions
from engine.protocols import Backbone, BackboneSpec, Floats
from indexer.cluster.shards import Shard, Shards
from indexer.errors import ClusterFailed

if TYPE_CHECKING:
    import pyarrow as pa

_OF_PIXELS = ("lookalike", "numpy", "pillow", "pillow-heif")
_OF_FEATURES = {"openvino": ("openvino",), "keras": ("keras", "tensorflow", "tensorflow-cpu")}


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What a worker is told before its first photo.

    Attributes:
        spec: the backbone.
        settings: limits of photos, threads, and what names the weights; nothing secret.
        shards: fsspec address of the shards.
        model: a reference to the files of the network: path within the home -> bytes.
        versions: see `deciding_versions`, on the machine that rebuilds.
    """

    spec: BackboneSpec
    settings: Settings
    shards: str
    model: Any
    versions: Mapping[str, str]


def deciding_versions(runtime: str) -> dict[str, str]:
    """Returns the versions of the installed packages that decide the pixels, and the features in this runtime."""
    return installed_versions((*_OF_PIXELS, *_OF_FEATURES[runtime]))


class Worker:
    """Embeds photos on one machine of the cluster; Ray Data makes one for each actor."""

    def __init__(self, orders: Orders) -> None:
        self._orders, self._settings = orders, orders.settings

    def __call__(self, tasks: "pa.Table") -> "pa.Table":
        """Embeds the photos of each task, unless an earlier try has.

        Returns:
            The name of each task's shard, and the problem, as text, of one that could not be done; "": none.
        """
        rows = [{"name": task["name"], "problem": self._problem(task)} for task in tasks.to_pylist()]
        return type(tasks).from_pylist(rows)

    def _problem(self, task: Mapping[str, Any]) -> str:
        try:
            shards = Shards(self._orders.shards, self._orders.spec)
            if not shards.holds(task["name"]):
                shards.write(task["name"], self._embed(task))
        except (LookalikeError, OSError) as error:  # told as a line; raised here, it would come as pages of traces
            return f"{socket.gethostname()}: {error}"
        return ""

    @cached_property
    def _backbone(self) -> Backbone:
        import ray

        if (here := deciding_versions(self._orders.spec.runtime)) != self._orders.versions:
            raise ClusterFailed(
                f"every machine must have the packages {dict(self._orders.versions)}; got {here}. Install the same."
            )
        return _load(ray.get(self._orders.model), self._orders)

    def _embed(self, task: Mapping[str, Any]) -> Shard:
        from engine.backbones import embed_photos

        photos = {photo["sha256"]: photo for photo in task["photos"]}

        def read(sha256: str) -> bytes:
            photo = photos[sha256]
            return read_original(photo["source"], sha256, self._settings, address=photo["address"])

        made = _Made()
        embed_photos(self._backbone, list(photos), read, self._settings, made.keep, made.give_up)
        rows = np.concatenate(made.rows) if made.rows else np.zeros((0, self._orders.spec.dim), np.float16)
        return Shard(made.keys, rows, made.failed)


@dataclass
class _Made:
    """What has been made of a task's photos so far."""

    keys: list[str] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)

    def keep(self, keys: list[str], rows: Floats) -> None:
        self.keys += keys
        with np.errstate(over="ignore"):  # the feature store refuses what float16 cannot hold
            self.rows.append(rows.astype(np.float16))

    def give_up(self, sha256: str, error: LookalikeError) -> None:
        self.failed[sha256] = error.code, str(error)


def _load(model: Mapping[str, bytes], orders: Orders) -> Backbone:
    """Loads the network from its files, in a home that lasts only that long."""
    from engine.backbones import load_backbone

    with tempfile.TemporaryDirectory(prefix="lookalike-") as home:
        for name, content in model.items():
            path = Path(home) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return load_backbone(orders.settings.replace(home=Path(home)), orders.spec)
