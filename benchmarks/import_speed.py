"""Compares how fast checkouts import, in turn: processor time with that of all child processes, and the clock.

    python benchmarks/import_speed.py SAMPLE CHECKOUT [CHECKOUT ...] [--rows 20000] [--rounds 5]

SAMPLE is the folder of a sample catalogue (`lookalike demo` makes one in HOME/sample). Each CHECKOUT has its own
`.venv`; the first is what the others are compared with. Every import goes into a home of its own. The second feed is a
CSV of so many rows with facts alone. Printed are medians, so that other work on the machine says less; a first round
is not counted, for it may compile modules.
"""

import argparse
import csv
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

_WORDS = ("canvas", "cotton", "leather", "enamel", "stoneware", "linen", "walnut", "steel", "glass", "wool", "cork")
_COLOURS = ("red", "blue", "green", "black", "white", "grey")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sample", type=Path)
    parser.add_argument("checkouts", type=Path, nargs="+")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        facts = _facts_feed(Path(folder) / "facts.csv", options.rows)
        feeds = {"sample": options.sample.absolute() / "catalogue.jsonl", f"{options.rows:,} rows": facts}
        for name, feed in feeds.items():
            taken: dict[Path, list[tuple[float, float]]] = {checkout: [] for checkout in options.checkouts}
            for _ in range(options.rounds + 1):
                for checkout in options.checkouts:
                    taken[checkout].append(_import(checkout.absolute(), feed, Path(folder)))
            _print(name, taken)


def _import(checkout: Path, feed: Path, folder: Path) -> tuple[float, float]:
    """Returns the seconds of processor time and of the clock that one import into a new home takes."""
    command = [str(checkout / ".venv/bin/python"), str(checkout / "lookalike.py")]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory(dir=folder) as home, Path(home, "log").open("wb") as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--home", f"{home}/home", "import", str(feed)], stdout=log, stderr=log, env=environment
        )
        _, status, used = os.wait4(process.pid, 0)
        taken_s = time.perf_counter() - started
        if status:
            raise SystemExit(f"{checkout} must import {feed}; got: {Path(home, 'log').read_text()}")
    return used.ru_utime + used.ru_stime, taken_s


def _print(name: str, taken: dict[Path, list[tuple[float, float]]]) -> None:
    first: tuple[float, float] | None = None
    for checkout, rounds in taken.items():
        cpu_s, wall_s = (statistics.median(times) for times in zip(*rounds[1:], strict=True))
        first = first or (cpu_s, wall_s)
        print(
            f"{name:14} {checkout!s:24} cpu {cpu_s:6.2f} s {cpu_s / first[0]:5.2f}x   "
            f"clock {wall_s:6.2f} s {wall_s / first[1]:5.2f}x",
            flush=True,
        )


def _facts_feed(path: Path, rows: int) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _product(0))
        writer.writeheader()
        writer.writerows(map(_product, range(rows)))
    return path


def _product(row: int) -> dict[str, str]:
    material, colour = _WORDS[row % len(_WORDS)], _COLOURS[row % len(_COLOURS)]
    title = f"{colour.title()} {material} bag {row}"
    return {
        "product_id": f"sku-{row}",
        "title": title,
        "description": f"{title}, made of {material}, with details in {_COLOURS[row % 5]}. 편안한 가방 {row % 97}번.",
        "brand": f"Brand {row % 50}",
        "category": f"Kind {row % 30}",
        "price": f"{5 + row % 4000 / 10:.2f}",
        "currency": "EUR",
        "colour": colour,
        "attr.size": "SML"[row % 3],
    }


if __name__ == "__main__":
    main()
