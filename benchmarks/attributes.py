"""Measures the attribute voters of a home: how often they are right and how far their chances hold, out of fold.

    python benchmarks/attributes.py HOME [--clothes] [--unseen] [--photos DIR]

HOME holds a generation with its features; nothing in it is changed. For each attribute that can be learned: the figures
that a rebuild writes into its report. `--clothes` is for the Clothing dataset, small: what its categories say of a
garment become attributes of their own, so that five are told at once. `--unseen` trains without every fourth product,
then asks the voters for all photos of those. `--photos` also asks for the photos of a folder and prints the median time
of a recognition with attributes, and of its attribute voters, in milliseconds of the clock and of the processor. The
home must then have been rebuilt with attribute voters.
"""

import argparse
import os
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from data.catalogue import Catalogue
from data.features import FeatureStore
from data.generations import GenerationStore
from data.settings import Settings
from engine.generation import load_generation
from engine.protocols import BackboneSpec, Mask
from engine.recognition import ATTRIBUTES_FILE, load_attribute_voters
from engine.search import SearchEngine
from engine.suggesting import fact_of
from training import attributes
from training.context import TrainingContext
from training.measures import reliability
from training.reports import attributes as attributes_report

_UPPER, _LEGS = ("longsleeve", "outwear", "shirt", "t-shirt"), ("pants", "shorts", "skirt")
_WORN_ON = {"dress": "whole body", "hat": "head", "shoes": "feet", **dict.fromkeys(_LEGS, "legs")}
_MOST_PHOTOS = 40


def main() -> None:
    options = _options()
    settings = Settings(home=options.home, backbone=options.backbone, threads=1)
    print(f"{options.home.name}, load {os.getloadavg()[0]:.1f}")
    with threadpool_limits(1, user_api="blas"), tempfile.TemporaryDirectory() as folder:
        context = _context(settings, Path(folder), clothes=options.clothes)
        held = np.array([_is_held(context, key) for key in context.snapshot.product_keys.tolist()]) & options.unseen
        _print_figures(_without(context, held), Path(folder))
        if options.unseen:
            _print_unseen(context, np.flatnonzero(held), Path(folder))
    if options.photos:
        with threadpool_limits(1, user_api="blas"):
            _print_times(settings, sorted(options.photos.rglob("*.jpg"))[:_MOST_PHOTOS])


def _context(settings: Settings, folder: Path, *, clothes: bool) -> TrainingContext:
    """Returns what a rebuild would train with; attributes are only added to a copy of the catalogue."""
    catalogue = Catalogue(settings.home)
    live = GenerationStore(settings.home).open()
    spec = BackboneSpec.from_json(live.manifest.backbone)
    context = TrainingContext(
        settings=settings, catalogue=catalogue, snapshot=catalogue.snapshot(),
        features=FeatureStore(settings.home, spec.fingerprint, spec.dim), spec=spec, live=live,
    )  # fmt: skip
    if not clothes:
        return context
    catalogue.backup(folder / "catalog.db")
    copy = Catalogue(folder)
    for facts in list(copy.iter_facts()):
        own = {**facts.product.attributes, **_garment(facts.product.category)}
        copy.patch(facts.product.product_id, {"attributes": own})
    return replace(context, catalogue=copy)


def _garment(kind: str) -> dict[str, str]:
    """Returns what the name of a kind of clothes says of it."""
    found = {"kind": kind, "worn on": _WORN_ON.get(kind, "upper body")}
    if kind in _UPPER:
        found["sleeves"] = "short" if kind == "t-shirt" else "long"
    if kind in _LEGS:
        found["legs"] = {"pants": "long", "shorts": "short"}.get(kind, "none")
    return found


def _is_held(context: TrainingContext, product_key: int) -> bool:
    return zlib.crc32(context.catalogue.facts([product_key])[product_key].product.product_id.encode()) % 4 == 0


def _without(context: TrainingContext, held: Mask) -> TrainingContext:
    snapshot, rows = context.snapshot, np.flatnonzero(~held)
    left = replace(
        snapshot, product_keys=snapshot.product_keys[rows], image_keys=snapshot.image_keys[rows],
        image_sha256=[snapshot.image_sha256[row] for row in rows],
    )  # fmt: skip
    return replace(context, snapshot=left)


def _print_unseen(context: TrainingContext, rows: NDArray[np.int64], folder: Path) -> None:
    """Prints how often the voters in `folder` are right for the photos in these rows, and what they promise."""
    voters = load_attribute_voters(folder / ATTRIBUTES_FILE)
    found: dict[str, list[tuple[float, bool, bool]]] = {}
    for row in rows.tolist():
        sha256, key = context.snapshot.image_sha256[row], int(context.snapshot.product_keys[row])
        colours = context.catalogue.photos([sha256])[sha256].colours
        facts = context.catalogue.facts([key])[key]
        for name, guess in voters.guess(context.features.read([sha256])[0], colours).items():
            if (value := fact_of(facts, name)) is not None:
                right = str(guess.value).casefold() == str(value).casefold()
                found.setdefault(name, []).append((guess.probability, right, not guess.abstained))
    for name, told in found.items():
        chances, right, answered = np.array(told).T
        error = reliability(chances, right == 1).expected_error
        then = right[answered == 1].mean() if answered.any() else float("nan")
        print(
            f"unseen {name}: {len(told)} photos, right {right.mean():.3f}, promised {chances.mean():.3f}, "
            f"calibration error {error:.3f}, answered {answered.mean():.3f}, right then {then:.3f}"
        )


def _print_figures(context: TrainingContext, folder: Path) -> None:
    started = time.process_time()
    rows = attributes_report.attribute_rows(attributes.train(context, folder))
    print(f"trained in {time.process_time() - started:.1f} s of the processor")
    table = [attributes_report.ATTRIBUTE_HEAD, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print("  ".join(map(str.ljust, row, widths)).rstrip())


def _print_times(settings: Settings, photos: list[Path]) -> None:
    engine = SearchEngine(settings)
    contents = [path.read_bytes() for path in photos]
    engine.suggest(contents[0])
    voters = load_generation(settings, GenerationStore(settings.home).open()).attributes
    row = engine.embed(contents[:1], space="pool3")[0]
    _print_median("recognition with attributes", [partial(engine.suggest, one, k=3) for one in contents])
    if voters is not None:
        several = f"{len(voters.voters)} attribute voters of it"
        _print_median(several, [partial(voters.guess, row, ("red", "white"))] * len(contents))


def _print_median(name: str, calls: list[Callable[[], object]]) -> None:
    spent = []
    for call in calls:
        clock, processor = time.perf_counter(), time.process_time()
        call()
        spent.append((time.perf_counter() - clock, time.process_time() - processor))
    clock, processor = 1000 * np.median(spent, axis=0)
    least = 1000 * min(spent)[0]
    print(f"{name}: {clock:.2f} ms of the clock (at least {least:.2f}), {processor:.2f} of the processor")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--clothes", action="store_true", help="what the categories of clothes say becomes attributes")
    parser.add_argument("--unseen", action="store_true", help="train without every fourth product, then ask for those")
    parser.add_argument("--photos", type=Path, help="folder of photos to time")
    parser.add_argument("--backbone", default="efficientnet_lite2")
    return parser.parse_args()


if __name__ == "__main__":
    main()
