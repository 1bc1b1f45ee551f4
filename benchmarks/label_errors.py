"""Plants wrong labels in labelled photos, and measures how many of the labels listed first are among them.

    python benchmarks/label_errors.py --home DIR --photos train.csv [--share 0.05] [--seeds 3]

Features are embedded once into DIR. `docs/recognition.md` says how to make the CSV; a folder per label will do too.
Errors that the photos' own labels have count against the figures, since they were not planted.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from data.settings import Settings
from engine.backbones import resolve_spec
from training.evaluation import labels
from training.photos import BackboneLoader, from_files, gather
from training.voters import VoterOptions, capped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--backbone", default="efficientnet_lite2")
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    settings = Settings(home=arguments.home.absolute(), backbone=arguments.backbone)
    spec = resolve_spec(settings)
    photos = capped(from_files(arguments.photos), seed=0)
    loader = BackboneLoader(settings=settings, spec=spec)
    photos, rows = gather(settings, spec, photos, get_backbone=loader)
    print(f"{len(photos)} photos, {len(photos.labels)} labels; {arguments.share:.0%} wrong labels planted")
    print("seed  planted  listed  first 25  first 50  first 100  planted found  processor s")
    for seed in range(arguments.seeds):
        random = np.random.default_rng(seed)
        planted = random.choice(len(photos), round(arguments.share * len(photos)), replace=False)
        y = photos.y.copy()
        y[planted] = (y[planted] + random.integers(1, len(photos.labels), len(planted))) % len(photos.labels)
        started = time.process_time()
        doubts, _ = labels.find_doubts(replace(photos, y=y), replace(rows, y=y), VoterOptions())
        wrong = {photos.keys[row] for row in planted}
        found = np.array([doubt.photo in wrong for doubt in doubts])
        shares = "  ".join(f"{found[:count].mean():8.2f}" for count in (25, 50, 100))
        print(
            f"{seed:4}  {len(planted):7}  {len(doubts):6}  {shares}  {found.sum() / len(wrong):15.2f}  "
            f"{time.process_time() - started:11.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
