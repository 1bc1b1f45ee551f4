"""Measures a catalogue of a given size: filling it, rebuilding it, and asking a server of it over HTTP.

    python benchmarks/scale.py 1000000 HOME FOLDER [--steps fill,first,again,ask] [--queries 200]

HOME is a home with a published generation, whose stored features are mixed into those of the new products, and whose
photos are asked with. FOLDER is where the new home is made. Each step can be run alone, and `fill` goes on where it
stopped. `first` is a rebuild that trains; `again` keeps the trained parts, those of HOME where FOLDER has none. Run it
with the settings that HOME was built with, for example LOOKALIKE_BACKBONE=efficientnet_lite2.
"""

import argparse
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import home_server
from family_memory import memory_mb
from scale_catalogue import Source, fill
from scale_questions import Questions, ask_all, ask_beside_puts
from scale_recall import recall_at_10

from data.catalogue import Catalogue
from data.generations import GenerationStore

STEPS = ("fill", "first", "again", "ask")
_PHOTOS = 400


def main() -> None:
    options = _options()
    steps = options.steps.split(",")
    if unknown := set(steps) - set(STEPS):
        raise SystemExit(f"--steps must name {', '.join(STEPS)}; got {', '.join(sorted(unknown))}.")
    print(f"{options.count:,} products, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}", flush=True)
    if "fill" in steps:
        fill(options.home, Source.of(options.source), options.count)
    if "first" in steps:
        rebuild(options.home)
    if "again" in steps:
        if GenerationStore(options.home).current_id() is None:
            _lend_parts(options.source, options.home)
        rebuild(options.home, "--no-train")
    if "ask" in steps:
        for kind, found in recall_at_10(options.home, options.queries).items():
            print(f"recall@10 of {kind} against exact: {found:.4f}")
        with home_server.serving(options.home) as (port, server):
            ask(port, server, options)


def rebuild(home: Path, *flags: str) -> None:
    """Runs `lookalike rebuild`, and prints the seconds of its steps and its peak memory.

    Raises:
        SystemExit: nothing was published.
    """
    command = [*home_server.COMMAND, "--home", str(home), "rebuild", "--json", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        summary = json.loads(running.stdout.read() if running.stdout else b"")
        _, _, used = os.wait4(running.pid, 0)
        running.returncode = 0
    if not summary["published"]:
        raise SystemExit(f"the rebuild must publish; it did not: {summary['reason']}")
    print(
        f"rebuild {' '.join(flags)}: " + ", ".join(f"{name} {took:.1f} s" for name, took in summary["seconds"].items())
    )
    print(f"  at most {used.ru_maxrss / 1e6:.2f} GB, processor {used.ru_utime + used.ru_stime:.0f} s", flush=True)


def ask(port: int, server: int, options: argparse.Namespace) -> None:
    """Prints the times of all kinds of questions, and the server's memory."""
    photos = _photos(options.source)
    questions = Questions(options.count, photos)
    ask_all(port, server, questions, options.queries)
    ask_beside_puts(port, questions, options.queries, photos)
    now_mb, own_mb, most_mb = (memory_mb(server, name) for name in ("VmRSS", "RssAnon", "VmHWM"))
    print(f"\nserver: {now_mb:.0f} MB, of which {own_mb:.0f} MB its own and the rest files; at most {most_mb:.0f} MB")


def _lend_parts(source: Path, home: Path) -> None:
    """Publishes the generation of another home in this one, so that its trained parts are taken over."""
    shutil.copytree(source / "generations", home / "generations", dirs_exist_ok=True)
    shutil.copyfile(source / "CURRENT", home / "CURRENT")


def _photos(home: Path) -> Sequence[bytes]:
    catalogue = Catalogue(home)
    paths = [Path(record.source) for record in catalogue.photos(catalogue.snapshot().image_sha256).values()]
    found = [path.read_bytes() for path in sorted(paths)[:: max(1, len(paths) // _PHOTOS)] if path.is_file()]
    if not found:
        raise SystemExit(f"the originals of the photos of {home} must be there to ask with; got none of {len(paths)}.")
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int)
    parser.add_argument("source", type=Path)
    parser.add_argument("home", type=Path)
    parser.add_argument("--steps", default="fill,first,ask")
    parser.add_argument("--queries", type=int, default=200)
    return parser.parse_args()


if __name__ == "__main__":
    main()
