"""Runs the campaigns of docs/reliability.md and prints their tables; the exit status is 1 if any finds a fault.

Each makes a small shop of its own, and needs no weights and no network.

    python benchmarks/campaigns.py all
    python benchmarks/campaigns.py kill --rounds 100 --seed 3
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from reliability import CAMPAIGNS, Result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("campaign", choices=("all", *CAMPAIGNS))
    parser.add_argument("--rounds", type=int, help="how often; by default what docs/reliability.md says")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    names = list(CAMPAIGNS) if chosen.campaign == "all" else [chosen.campaign]
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}\n"
    )
    faults = 0
    for name in names:
        started = time.monotonic()
        result = _play(CAMPAIGNS[name], chosen.rounds, chosen.seed)
        faults += len(result.faults)
        print(f"{result.text()}\n\nseed {chosen.seed}, {time.monotonic() - started:.0f} s\n", flush=True)
    sys.exit(1 if faults else 0)


def _play(run: Callable[..., Result], rounds: int | None, seed: int) -> Result:
    with tempfile.TemporaryDirectory(prefix="reliability-") as folder:
        return run(Path(folder), seed=seed) if rounds is None else run(Path(folder), rounds, seed)


if __name__ == "__main__":
    main()
