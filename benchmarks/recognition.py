"""Measures times and accuracy of the voters on labelled photos: plain, with mirror images, with augmented copies.

    python benchmarks/recognition.py --home DIR --train train.csv --test val.csv [--copies 4]

Features are embedded once into DIR; run it twice to time training alone. `docs/recognition.md` says how to make the
CSVs.
"""

import argparse
import platform
from pathlib import Path

from data.settings import Settings
from engine.backbones import resolve_spec
from training.measures import MODELS
from training.photos import BackboneLoader, from_files, label_photos
from training.voters import VoterOptions, train_voters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--backbone", default="efficientnet_lite2")
    parser.add_argument("--copies", type=int, default=4)
    arguments = parser.parse_args()
    settings = Settings(home=arguments.home.absolute(), backbone=arguments.backbone)
    spec = resolve_spec(settings)
    photos = from_files(arguments.train)
    test = label_photos(arguments.test, photos.labels)
    print(f"{platform.machine()}, {settings.cores} cores; {spec.name} {spec.precision}; {len(photos)} photos to learn")
    print("recipe           model    Top-1  Top-3  Top-5  last fit s  ms a photo  all s")
    recipes = {
        "plain": VoterOptions(close_ups=False, augment=0),
        "close-ups": VoterOptions(close_ups=True, augment=0),
        f"close-ups, {arguments.copies} copies": VoterOptions(close_ups=True, augment=arguments.copies),
    }
    for name, options in recipes.items():
        loader = BackboneLoader(settings=settings, spec=spec)
        trained = train_voters(settings, spec, photos, options, loader, test)
        for model, line in zip(MODELS, trained.metrics["models"], strict=True):
            tops = "  ".join(f"{100 * line[f'top{k}']:5.1f}" for k in (1, 3, 5))
            print(
                f"{name:16} {model:8} {tops}  {line['training_s']:10.1f}  {line['inference_ms']:10.2f}  "
                f"{trained.metrics['training_s']:5.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
