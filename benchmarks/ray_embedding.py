"""Measures how fast a home's photos are embedded by one process, and by the actors of a Ray cluster.

    python benchmarks/ray_embedding.py HOME --rounds 2 --threads 1

HOME is read, never changed; its network must be exported, as a rebuild does. The two take turns. Their features are
compared bit by bit. Processor time is that of all processes that take part, wherever they run on this machine.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue
from data.errors import LookalikeError
from data.photos import Intake
from data.settings import Settings, load_settings
from engine.backbones import embed_photos, load_backbone, resolve_spec
from engine.protocols import Floats
from indexer.cluster import LOCAL, embed_on_ray

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class ProcessorTime:
    """Adds up the processor time of this process and all below it, though some end before the others."""

    def __init__(self) -> None:
        self._before, self._seen = 0.0, dict[int, float]()
        self.look()
        self._before = self.seconds

    @property
    def seconds(self) -> float:
        """Seconds of all processes, as last seen, since this was made."""
        return sum(self._seen.values()) - self._before

    def look(self) -> None:
        """Reads the times of all processes that run now."""
        parents, times = dict[int, int](), dict[int, float]()
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            pid = int(path.parent.name)
            parents[pid], times[pid] = int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND
        for pid in times:
            above = pid
            while above and above != os.getpid():
                above = parents.get(above, 0)
            if above:
                self._seen[pid] = times[pid]


@dataclass
class Run:
    """What one way of embedding made, and when."""

    time: ProcessorTime
    rows: dict[str, NDArray[np.float16]]
    first_s: float = 0.0

    def keep(self, keys: list[str], rows: Floats) -> None:
        """Keeps a batch of rows."""
        self.first_s = self.first_s or time.monotonic()
        self.rows |= dict(zip(keys, rows.astype(np.float16), strict=True))
        self.time.look()


def measure(name: str, embed: Callable[[Run], None]) -> Run:
    """Runs one way of embedding, prints its line, and returns what it made."""
    run, started = Run(ProcessorTime(), {}), time.monotonic()
    embed(run)
    run.time.look()
    took_s, photos = time.monotonic() - started, len(run.rows)
    load = os.getloadavg()[0]
    print(
        f"{name:<12} {photos:>7,} {took_s:>8.1f} {run.first_s - started:>8.1f} {photos / took_s:>9.1f} "
        f"{run.time.seconds:>10.1f} {1000 * run.time.seconds / photos:>10.1f} {load:>6.1f}",
        flush=True,
    )
    return run


def refuse(sha256: str, error: LookalikeError) -> None:
    """Ends the benchmark: photos that cannot be read would make the two ways unlike."""
    raise error


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--photos", type=int, default=0, help="use only so many; 0: all")
    parser.add_argument("--threads", type=int, default=1, help="processors of an actor")
    parser.add_argument("--ray", default=LOCAL, help="address of the cluster")
    parser.add_argument("--token-file", default="", help="of a cluster that runs already")
    options = parser.parse_args()
    settings = load_settings(home=options.home)
    catalogue, spec = Catalogue(settings.home), resolve_spec(settings)
    photos = list(dict.fromkeys(catalogue.snapshot().image_sha256))[: options.photos or None]
    intake = Intake(settings, catalogue)

    def here(run: Run) -> None:
        embed_photos(load_backbone(settings, spec), photos, intake.original, settings, run.keep, refuse)

    def on_ray(run: Run) -> None:
        with tempfile.TemporaryDirectory() as folder:
            token = options.token_file or f"{folder}/token"
            there: Settings = settings.replace(threads=options.threads, ray_shards=folder, ray_token_file=token)
            embed_on_ray(options.ray, photos, catalogue.photos, there, spec, run.keep, refuse)

    print(f"{spec.name} {spec.precision}, {os.cpu_count()} cores")
    print("way           photos  clock, s first, s  photos/s  processor, s ms/photo   load")
    for _ in range(options.rounds):
        one, many = measure("one process", here), measure("Ray", on_ray)
        equal = one.rows.keys() == many.rows.keys() and all(
            np.array_equal(one.rows[sha256], many.rows[sha256]) for sha256 in one.rows
        )
        print("features bit-equal" if equal else "FEATURES DIFFER")


if __name__ == "__main__":
    main()
