"""Embeds photos on a Ray cluster: what `engine.backbones.embed_photos` does in this process."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.catalogue import PhotoRecord
from data.errors import InvalidImage, LookalikeError
from data.progress import Progress
from data.settings import Settings
from engine.protocols import BackboneSpec, Floats
from indexer.cluster.connection import connected
from indexer.cluster.places import PhotoAddresses, require_file_system, shards_address
from indexer.cluster.shards import MOST_PHOTOS, Shards, name_of
from indexer.cluster.worker import Orders, Worker, deciding_versions
from indexer.errors import ClusterFailed, ClusterUnavailable, InvalidShard

Records = Callable[[Sequence[str]], Mapping[str, PhotoRecord]]
_LEAST_PHOTOS, _SHARDS_AN_ACTOR = 32, 8  # small shards where photos are few, so that all actors end at about one time
_PHOTOS_A_ROUND = 2_000_000  # about 1 GB of tasks in memory; actors start anew in each round
_PATIENCE_S = 1800.0
_log = logging.getLogger("lookalike.rebuild")


def embed_on_ray(
    address: str,
    photos: Sequence[str],
    records: Records,
    settings: Settings,
    spec: BackboneSpec,
    on_batch: Callable[[list[str], Floats], None],
    on_error: Callable[[str, LookalikeError], None],
) -> None:
    """Embeds photos on a Ray cluster; what an earlier run left as shards is taken over first, not embedded again.

    Args:
        address: `HOST:PORT` of the cluster's head, or `local`.
        photos: their sha256.
        records: returns what the catalogue knows of some photos.
        settings: limits of photos, threads of an actor, and the settings whose names begin with `ray_`.
        spec: the backbone, exported already where OpenVINO runs it.
        on_batch, on_error: as of `embed_photos`.

    Raises:
        MissingExtra, SettingsError, ClusterUnavailable: the cluster cannot be used.
        ClusterFailed: a worker failed, or none finished anything for 30 minutes. What is on disk is kept.
    """
    addresses = PhotoAddresses(settings.ray_photos)
    require_file_system("ray_shards", shards_address(settings))
    shards = Shards(shards_address(settings), spec)
    with Progress("embed", len(photos), "photos") as progress:
        taking = _Taking(shards, set(photos), on_batch, on_error, progress)
        for name in shards.names():
            taking.take_left(name)
        left = [sha256 for sha256 in photos if sha256 in taking.waiting]
        if not left:
            return
        with connected(address, settings):
            pool = pool_for(settings, spec)
            orders = _orders(settings, spec, pool)
            for start in range(0, len(left), _PHOTOS_A_ROUND):
                block = left[start : start + _PHOTOS_A_ROUND]
                size = _photos_a_shard(len(block), pool.actors)
                tasks = list(_tasks(block, size, records, addresses, on_error))
                for name in _finished(tasks, pool, orders):
                    taking.take(name)


@dataclass
class _Taking:
    """Takes shards into the feature store, each photo once.

    Attributes:
        waiting: the photos that are still to come.
    """

    shards: Shards
    waiting: set[str]
    on_batch: Callable[[list[str], Floats], None]
    on_error: Callable[[str, LookalikeError], None]
    progress: Progress

    def take(self, name: str) -> None:
        """Takes a shard of this run, and then removes it."""
        self._take(name, tell=self.on_error)

    def take_left(self, name: str) -> None:
        """Takes a shard that an earlier run left; photos that it could not read are tried again."""
        try:
            self._take(name, tell=lambda *_: None)
        except InvalidShard as error:
            _log.warning("%s", error)
            self.shards.remove(name)

    def _take(self, name: str, tell: Callable[[str, LookalikeError], None]) -> None:
        shard = self.shards.read(name)
        wanted = [place for place, sha256 in enumerate(shard.sha256s) if sha256 in self.waiting]
        if wanted:
            keys = [shard.sha256s[place] for place in wanted]
            self.on_batch(keys, shard.rows[wanted].astype(np.float32))
            self.waiting.difference_update(keys)
        for sha256, (code, message) in shard.failed.items():
            tell(sha256, InvalidImage(message, code=code))
        self.shards.remove(name)
        self.progress.advance(len(wanted) + len(shard.failed))


@dataclass(frozen=True)
class Pool:
    """The actors that a cluster has room for.

    Attributes:
        actors: how many.
        cpus, gpus: processors and GPUs of each.
    """

    actors: int
    cpus: int
    gpus: int


def pool_for(settings: Settings, spec: BackboneSpec) -> Pool:
    """Returns one actor for each machine where they are equal; several on one that has a multiple of the smallest.

    Raises:
        ClusterUnavailable: no node of the cluster that this process is connected to has processors.
    """
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    gpus = int(spec.runtime == "keras" and any(node.get("GPU") for node in nodes))
    sizes = [int(node["CPU"]) for node in nodes if node.get("CPU", 0) >= 1 and node.get("GPU", 0) >= gpus]
    if not sizes:
        raise ClusterUnavailable(
            f"the Ray cluster must have a node with processors; its {len(nodes)} have none. Start one with `ray start`."
        )
    cpus = min(settings.threads or min(sizes), *sizes)
    return Pool(sum(size // cpus for size in sizes), cpus, gpus)


def _photos_a_shard(photos: int, actors: int) -> int:
    return min(MOST_PHOTOS, max(_LEAST_PHOTOS, math.ceil(photos / (actors * _SHARDS_AN_ACTOR))))


def _tasks(
    left: Sequence[str],
    size: int,
    records: Records,
    addresses: PhotoAddresses,
    on_error: Callable[[str, LookalikeError], None],
) -> Iterator[dict[str, Any]]:
    for start in range(0, len(left), size):
        block = left[start : start + size]
        known = records(block)
        for sha256 in (sha256 for sha256 in block if sha256 not in known):
            message = f"photo {sha256} must be in the catalogue; it was removed meanwhile."
            on_error(sha256, InvalidImage(message, code="photo_gone"))
        photos = [
            {"sha256": sha256, "source": record.source, "address": addresses.of(record.source)}
            for sha256, record in known.items()
        ]
        if photos:
            yield {"name": name_of(list(known)), "photos": photos}


def _orders(settings: Settings, spec: BackboneSpec, pool: Pool) -> Orders:
    """Returns what a worker needs to know: of the settings only that, for they hold secrets too."""
    import ray

    return Orders(
        spec=spec,
        settings=Settings(
            backbone=spec.name,
            weights=settings.weights,
            weights_sha256=settings.weights_sha256,
            threads=pool.cpus,
            max_image_bytes=settings.max_image_bytes,
            max_pixels=settings.max_pixels,
        ),
        shards=shards_address(settings),
        model=ray.put(_model_files(settings.home, spec)),
        versions=deciding_versions(spec.runtime),
    )


def _model_files(home: Path, spec: BackboneSpec) -> dict[str, bytes]:
    """Returns the files that a network is loaded from, as far as they are in the home."""
    from engine.backbones import model_folder

    folder = model_folder(home, spec) if spec.runtime == "openvino" else home / "backbones" / spec.name
    return {str(path.relative_to(home)): path.read_bytes() for path in folder.glob("*") if path.is_file()}


def _finished(tasks: list[dict[str, Any]], pool: Pool, orders: Orders) -> Iterator[str]:
    """Yields the name of each shard when it is on disk."""
    import ray.data

    if not tasks:
        return
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False  # the rebuild has its own
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context.wait_for_min_actors_s = int(_PATIENCE_S)
    done = ray.data.from_items(tasks, override_num_blocks=len(tasks)).map_batches(
        Worker,
        fn_constructor_args=(orders,),
        batch_size=None,
        batch_format="pyarrow",
        num_cpus=pool.cpus,
        num_gpus=pool.gpus,
        # more actors than there is room for now, so that machines that join are used too
        compute=ray.data.ActorPoolStrategy(
            min_size=1,
            initial_size=min(pool.actors, len(tasks)),
            max_size=len(tasks),
            max_tasks_in_flight_per_actor=2,
        ),
    )
    rows = iter(done.iter_rows())
    waiter = ThreadPoolExecutor(1, "ray")
    try:
        while row := waiter.submit(next, rows, None).result(_PATIENCE_S):
            if row["problem"]:
                raise ClusterFailed(f"a worker of the Ray cluster failed, {row['problem']}")
            yield row["name"]
    except TimeoutError as error:
        raise ClusterFailed(
            f"the Ray cluster must finish some photos within {_PATIENCE_S / 60:.0f} minutes; it finished none. See "
            "`ray status` for nodes that are gone, then run the rebuild again: what is on disk is kept."
        ) from error
    except ray.exceptions.RayError as error:
        raise ClusterFailed(f"a worker of the Ray cluster failed: {error}") from error
    finally:
        waiter.shutdown(wait=False)
