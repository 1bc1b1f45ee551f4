"""Measures how many events a minute the behaviour simulator makes.

nice python benchmarks/simulator.py --products 3000 --events 1000000
"""

import argparse
import os
import platform
import statistics
import time
from datetime import UTC, datetime, timedelta

import numpy as np
from simulation import Shop, SimulatorOptions, shop_of, simulate

from data.catalogue import Product, ProductFacts

START, END = datetime(2024, 11, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
KINDS = ("dress", "hat", "longsleeve", "outwear", "pants", "shirt", "shoes", "shorts", "skirt", "t-shirt")
BRANDS = ("Acorn", "Birch", "Cedar", "Dune", "Elm", "Fjord", "Grove", "Heath")
COLOURS = ("red", "blue", "green", "black", "white", "grey")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=3_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    shop = made_up_shop(arguments.products)
    options = SimulatorOptions(events=arguments.events, start=START.timestamp(), end=END.timestamp())
    seconds, count = [], 0
    for _ in range(arguments.runs):
        started = time.perf_counter()
        count = len(simulate(shop, options))
        seconds.append(time.perf_counter() - started)
    median = statistics.median(seconds)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}")
    print(f"{'products':>10} {'events':>10} {'median s':>10} {'events/min':>12}")
    print(f"{arguments.products:>10,} {count:>10,} {median:>10.2f} {count / median * 60:>12,.0f}")


def made_up_shop(products: int) -> Shop:
    generator = np.random.default_rng(0)
    points = generator.standard_normal((products, 64)).astype(np.float32)
    facts = [
        ProductFacts(
            product_key=number, image_sha256=(), colours=(),
            product=Product(
                product_id=f"p{number}", category=KINDS[number % 10], brand=BRANDS[number % 8],
                colour=COLOURS[number % 7 % 6], created_at=START + timedelta(days=generator.uniform(0, 730)),
                attributes={"kids": number % 9 == 0},
            ),
        )
        for number in range(products)
    ]  # fmt: skip
    return shop_of(facts, start=START.timestamp(), end=END.timestamp(), vectors=dict(enumerate(points)))


if __name__ == "__main__":
    main()
