"""Measures the first training of a catalogue part by part: seconds, processor time and the most memory.

    python benchmarks/training_parts.py HOME [--parts space,query_embedder] [--minutes 10]

HOME is a home with a published generation whose photos have features, such as one of `benchmarks/scale.py`. The parts
are trained as by a first rebuild, into a folder that is deleted again; nothing is published. A part needs those before
it. Run it with the settings that HOME was built with, for example LOOKALIKE_BACKBONE=efficientnet_lite2.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from family_memory import memory_mb

from data.catalogue import Catalogue
from data.features import FeatureStore
from data.generations import GenerationStore
from data.settings import load_settings
from engine.protocols import BackboneSpec
from training.context import TrainingContext
from training.errors import NotEnoughData
from training.parts import PARTS


def main() -> None:
    options = _options()
    wanted = options.parts.split(",")
    if unknown := set(wanted) - {part.name for part in PARTS}:
        raise SystemExit(f"--parts must name parts of a generation; got {', '.join(sorted(unknown))}.")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True)
    watch = _Watch()
    context = context_of(options.home, options.minutes)
    photos = len(context.snapshot.image_sha256)
    context = context.drawn()
    watch.say(f"snapshot of {photos:,} photos, {len(context.snapshot.image_sha256):,} drawn")
    with tempfile.TemporaryDirectory() as folder:
        for part in (each for each in PARTS if each.name in wanted):
            try:
                found = part.train(context, Path(folder))
            except NotEnoughData as error:
                found = {"skipped": str(error)}
            watch.say(f"{part.name} {found.get('skipped') or ''}")


def context_of(home: Path, train_minutes: float) -> TrainingContext:
    """Returns the context of a first training: nothing is live, so every option has its default."""
    settings = load_settings(home=home, train_minutes=train_minutes)
    spec = BackboneSpec.from_json(GenerationStore(home).open().manifest.backbone)
    catalogue = Catalogue(home)
    return TrainingContext(
        settings=settings,
        catalogue=catalogue,
        snapshot=catalogue.snapshot(),
        features=FeatureStore(home, spec.fingerprint, spec.dim),
        spec=spec,
        live=None,
    )


class _Watch:
    """Prints what each step took; the kernel's mark of the most memory is set back after each."""

    def __init__(self) -> None:
        self._start()

    def say(self, step: str) -> None:
        seconds, processor_s = time.perf_counter() - self._since, time.process_time() - self._processor_s
        most_gb = memory_mb(os.getpid(), "VmHWM") / 1000
        print(f"{step}: {seconds:.1f} s, processor {processor_s:.1f} s, at most {most_gb:.2f} GB", flush=True)
        self._start()

    def _start(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")
        self._since, self._processor_s = time.perf_counter(), time.process_time()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--parts", default=",".join(part.name for part in PARTS))
    parser.add_argument("--minutes", type=float, default=10.0, help="train_minutes of the query embedder")
    return parser.parse_args()


if __name__ == "__main__":
    main()
