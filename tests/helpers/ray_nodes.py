"""Embeds a home's photos on a Ray cluster of three nodes on this machine; kills one of the two that embed in mid-job.

    python ray_nodes.py HOME REPORT

It embeds twice: at first it fails when it takes in its first shard, as on a full disk, and the photos of the shards
that it left are deleted. Then it loses a node after its first new shard. REPORT tells what was seen, as JSON.
"""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.catalogue import Catalogue
from data.features import FeatureStore
from data.settings import Settings
from engine.backbones import resolve_spec
from indexer.cluster import embedding
from indexer.cluster.shards import Shards
from indexer.operating.doctor import _ray
from indexer.rebuild import Journal
from indexer.rebuild.job import open_job
from indexer.rebuild.photos import embed

# so that the head misses a node within a few seconds instead of twenty, but not because the machine halts for one; and
# so that workers do not wait for other tests: their usual niceness of 15 leaves them 3 % of a processor that another
# process keeps busy
_QUICK = {
    "worker_niceness": 0,
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 6,
}


class FullDisk(OSError):
    """Stands for a disk that is full when the first features come back."""


def start_nodes() -> Any:
    """Starts a head that embeds nothing and two nodes that do; returns the cluster."""
    from ray.cluster_utils import Cluster

    memory = {"object_store_memory": 100_000_000}
    head = {"num_cpus": 0, "include_dashboard": False, "_system_config": _QUICK, **memory}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(2):
        cluster.add_node(num_cpus=1, **memory)
    return cluster


def embedding_node(cluster: Any) -> list[int]:
    """Returns the process ids of a node whose worker has begun to embed; empty: none has."""
    for node in cluster.worker_nodes:
        raylet = node.all_processes["raylet"][0].process.pid
        workers = dict(_below(raylet))
        if any("MapWorker" in title and "__init__" not in title for title in workers.values()):
            return [raylet, *workers]
    return []


def _below(parent: int) -> Iterator[tuple[int, str]]:
    """Yields the process id and the title of each child of a process."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title, stat = (folder / "cmdline").read_text(), (folder / "stat").read_text()
        except (OSError, UnicodeDecodeError):  # it has ended
            continue
        if int(stat.rpartition(")")[2].split()[1]) == parent:
            yield int(folder.name), title


def embed_failing(settings: Settings, address: str) -> dict[str, list[str]]:
    """Fails at the first shard; returns the photos of each shard that it left."""

    def full(*_: Any, **__: Any) -> None:
        raise FullDisk("no space left on device")

    whole, FeatureStore.append = FeatureStore.append, full  # type: ignore[method-assign]
    try:
        embed(open_job(settings, Journal(), False, None, address))
    except FullDisk:
        spec = resolve_spec(settings)
        shards = Shards(str(settings.home / "shards"), spec)
        return {name: shards.read(name).sha256s for name in shards.names()}
    finally:
        FeatureStore.append = whole  # type: ignore[method-assign]
    raise AssertionError("features must not have been stored")


def embed_losing_a_node(settings: Settings, cluster: Any) -> tuple[Journal, list[list[str]], int]:
    """Embeds, and kills a node as soon as it has made a shard.

    Returns:
        The journal, the photos of each shard that was taken in, and how many shards there were when the node died.
    """
    whole, taken, journal, died = FeatureStore.append, list[list[str]](), Journal(), 0

    def append(store: FeatureStore, keys: list[str], *rest: Any, **named: Any) -> None:
        whole(store, keys, *rest, **named)
        taken.append(list(keys))
        nonlocal died
        if not died and (processes := embedding_node(cluster)):
            died = len(taken)
            for process in processes:
                os.kill(process, signal.SIGKILL)

    FeatureStore.append = append  # type: ignore[method-assign,assignment]
    embed(open_job(settings, journal, False, None, cluster.address))
    return journal, taken, died


def main(home: Path, report: Path) -> None:
    settings = Settings(home=home, backbone="efficientnet_lite2", precision="f32")
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(home / "ray.token")}
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
    embedding._LEAST_PHOTOS = 8  # 15 shards of 120 photos
    cluster = start_nodes()
    found = [str(finding) for finding in _ray(settings, address=cluster.address)]
    left = embed_failing(settings, cluster.address)
    catalogue = Catalogue(home)
    for sha256 in (sha256 for sha256s in left.values() for sha256 in sha256s):
        Path(catalogue.photos([sha256])[sha256].source).unlink()
    journal, taken, died = embed_losing_a_node(settings, cluster)
    told = {"doctor": found, "left": left, "taken": taken, "died": died, "counts": journal.counts}
    told |= {"unreadable": journal.unreadable}
    report.write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:  # paths of Ray's sockets must be short
        os.environ["RAY_TMPDIR"] = folder
        main(Path(sys.argv[1]), Path(sys.argv[2]))
