"""Measures releases of one home: the writer's time, memory and bytes, and those of a searcher that follows.

    python benchmarks/releases.py HOME [--models-url ADDRESS]

HOME is copied. A first release is stored, and a searcher started; then one product gets another price, one another
title, and one is deleted, with a release after each. ADDRESS is an empty folder or bucket; by default a new folder.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from family_memory import memory_mb
from home_server import processor_s, serving
from searchers import wait_for

from data.catalogue import Catalogue
from data.releases import Release, ReleaseStorage

_RELEASE = """
import json, resource, sys, time
from pathlib import Path
from data.settings import load_settings
from engine.releases import release
settings = load_settings(home=Path(sys.argv[1])).replace(models_url=sys.argv[2])
started = time.perf_counter()
made = release(settings)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
print(json.dumps([made.id, time.perf_counter() - started, peak]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--models-url", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(options.home, folder / "home")
        measure(folder, options.models_url or str(folder / "storage"))


def measure(folder: Path, address: str) -> None:
    """Prints a line for each release: what the writer took, and what the searcher took until it served it."""
    home, storage, before = folder / "home", ReleaseStorage(address), set[str]()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    newest, before = store(home, address, storage, "first", before)
    started = time.perf_counter()
    with serving(folder / "searcher", "--searcher", settings={"models_url": address}) as (port, process):
        print(f"  a searcher: {time.perf_counter() - started:.1f} s from its start, {_memory(process)}", flush=True)
        for change, make in CHANGES.items():
            make(Catalogue(home))
            newest, before = store(home, address, storage, change, before)
            started, spent_s = time.perf_counter(), processor_s(process)
            wait_for(port, newest.id)
            took_s, spent_s = time.perf_counter() - started, processor_s(process) - spent_s
            print(f"  the searcher: {took_s:.1f} s, processor {spent_s:.1f} s, {_memory(process)}", flush=True)


def store(home: Path, address: str, storage: ReleaseStorage, change: str, before: set[str]) -> tuple[Release, set[str]]:
    """Releases in a process of its own; returns the release, and the sha256 of all that it has in the storage."""
    command = [sys.executable, "-c", _RELEASE, str(home), address]
    made, took_s, peak_mb = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    newest = storage.newest()
    if newest is None or newest.id != made:
        raise SystemExit(f"{address} must hold release {made}.")
    parts = {part.sha256: part.size_bytes for file in newest.files.values() for part in file.stored}
    new_mb = sum(size for sha256, size in parts.items() if sha256 not in before) / 1e6
    size_mb = newest.size_bytes / 1e6
    print(f"{change}: {size_mb:.0f} MB, {new_mb:.1f} MB new, {took_s:.1f} s, at most {peak_mb:.0f} MB", flush=True)
    return newest, set(parts)


def _memory(process: int) -> str:
    return f"{memory_mb(process, 'RssAnon'):.0f} MB of its own, in memory at most {memory_mb(process, 'VmHWM'):.0f} MB"


def _product(catalogue: Catalogue, share: float) -> str:
    products = sorted(facts.product.product_id for facts in catalogue.iter_facts())
    return products[int(share * (len(products) - 1))]


def _price(catalogue: Catalogue) -> None:
    catalogue.patch(_product(catalogue, 0.5), {"price": 1234.5})


def _title(catalogue: Catalogue) -> None:
    catalogue.patch(_product(catalogue, 0.25), {"title": "A title of quite other words"})


def _deletion(catalogue: Catalogue) -> None:
    catalogue.delete(_product(catalogue, 0.75))


CHANGES = {"another price": _price, "another title": _title, "a deletion": _deletion}


if __name__ == "__main__":
    main()
