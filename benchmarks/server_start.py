"""How long a server takes to become ready, how much memory it has then, and which large libraries it loaded.

Its processor time is printed too: other work on the machine changes it less.

    python benchmarks/server_start.py HOME [--runs 3]

HOME must hold a published generation. The time includes the start of Python.
"""

import argparse
import statistics
import time
from pathlib import Path

from family_memory import memory_mb
from home_server import processor_s, serving

_LIBRARIES = ("torch", "tensorflow", "keras", "transformers", "sklearn", "scipy", "matplotlib", "openvino", "faiss")


def measure(home: Path) -> tuple[float, float, float, list[str]]:
    """Returns seconds until ready, processor seconds, MB of resident memory, and which of `_LIBRARIES` are loaded."""
    started = time.perf_counter()
    with serving(home) as (_, pid):
        took_s, used_s = time.perf_counter() - started, processor_s(pid)
        maps = Path(f"/proc/{pid}/maps").read_text()
        return took_s, used_s, memory_mb(pid), [name for name in _LIBRARIES if f"site-packages/{name}/" in maps]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    runs = [measure(given.home) for _ in range(given.runs)]
    print(f"ready after {statistics.median(run[0] for run in runs):.1f} s (median of {given.runs})")
    print(f"processor   {statistics.median(run[1] for run in runs):.1f} s")
    print(f"memory      {statistics.median(run[2] for run in runs):.0f} MB")
    print(f"libraries   {', '.join(runs[0][3])}")


if __name__ == "__main__":
    main()
