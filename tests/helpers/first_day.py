"""A folder as a newcomer has it who reads README and docs: their files, a small home in `var`, and the commands."""

import csv
import gzip
import os
import shutil
import sys
import zipfile
from pathlib import Path

from doc_blocks import ROOT, blocks_of
from PIL import Image
from tiny_backbone import TinyBackbone

from data.sample import generate_sample
from data.settings import Settings
from indexer.importing import import_feed
from indexer.rebuild import rebuild

PRODUCTS = 16
_SHIMS = {
    "lookalike": f'exec {sys.executable} {ROOT}/tests/helpers/small_lookalike.py "$@"\n',
    # what a stranger's machine or network would give
    "ssh": 'shift; exec "$@"\n',
    "git": '[ "$1" = clone ] && cp -r "$ELSEWHERE/remote/$(basename "$2" .git)" .\n',
    "curl": 'exec /usr/bin/env -u CURL_HOME "$REAL_CURL" -sS --fail-with-body "$@"\n',
}


def furnish(folder: Path) -> dict[str, str]:
    """Fills an empty folder; returns the environment in which the documented commands run there."""
    _home(folder)
    photos = _photos(folder)
    _feeds(folder, photos)
    _grocery(folder / "remote" / "GroceryStoreDataset", photos)
    _labelled(folder, photos)
    commands = folder / "bin"
    commands.mkdir()
    for name, body in _SHIMS.items():
        (commands / name).write_text(f"#!/bin/sh\n{body}")
        (commands / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOOKALIKE_")}
    return {
        **kept,
        "PATH": f"{commands}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'helpers'}",
        "ELSEWHERE": str(folder),
        "REAL_CURL": shutil.which("curl") or "curl",
    }


def _home(folder: Path) -> None:
    """Makes `var` as `lookalike demo` does, with two generations."""
    settings = Settings(home=folder / "var")
    import_feed(settings, generate_sample(settings.home / "sample", products=PRODUCTS))
    # A documented dry run of a feed with one product would be refused otherwise.
    (settings.home / "lookalike.toml").write_text("max_full_feed_drop = 1\n")
    for name in ("grocery", "mine", "shop1"):  # a page names them in flags
        (settings.home / "backbones" / name).mkdir(parents=True)
        (settings.home / "backbones" / name / "backbone.json").touch()
    for _ in range(2):
        rebuild(settings, backbone=TinyBackbone())


def _photos(folder: Path) -> list[Path]:
    """Writes the photos that the pages name; returns those of the sample."""
    sample = sorted((folder / "var" / "sample" / "queries").glob("*.jpg"))
    names = (
        "photo.jpg",
        "front.jpg",
        "side.jpg",
        "a.jpg",
        "b.jpg",
        "photos/mug-17-front.jpg",
        "photos/mug-17-side.jpg",
    )
    (folder / "photos").mkdir()
    for name, path in zip(names, sample * len(names), strict=False):
        with Image.open(path) as photo:
            photo.convert("RGB").resize((600, 800)).save(folder / name)
    return sample


def _feeds(folder: Path, photos: list[Path]) -> None:
    product = next(block.text for block in blocks_of("README.md") if '"mug-17"' in block.text)
    (folder / "catalogue.jsonl").write_text(product)
    rows = [["product_id", "title", "price", "currency", "image"], ["cup-1", "Red cup", "9.50", "EUR", "photo.jpg"]]
    text = "\n".join(",".join(row) for row in rows) + "\n"
    for name in ("export.csv", "feed.csv"):
        (folder / name).write_text(text)
    (folder / "catalogue.csv.gz").write_bytes(gzip.compress(text.encode()))
    with zipfile.ZipFile(folder / "export.zip", "w") as archive:
        archive.writestr("export.csv", text)
        archive.write(folder / "photo.jpg", "photo.jpg")
    with (folder / "queries.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["query_text", "category"], ["mug", "Mugs"], ["backpack", "Backpacks"]])
    # cold start needs 100 clicks in the last fifth
    times = [f"2026-{1 + day // 28:02}-{1 + day % 28:02}T{hour:02}:00:00Z" for day in range(30) for hour in range(20)]
    searches = "".join(f"{time},mug,mug-001;vase-001,mug-001\n" for time in times)
    (folder / "log.csv").write_text(f"at,query_text,shown,clicked\n{searches}")


def _grocery(root: Path, photos: list[Path]) -> None:
    """Writes a tree as that of the public data set, with two classes."""
    for place, (part, kind) in enumerate((part, kind) for part in ("train", "val") for kind in ("Apple", "Banana")):
        target = root / "dataset" / part / "Fruit" / kind
        target.mkdir(parents=True)
        for number, photo in enumerate(photos[place % 2 :: 2][:6], 1):
            shutil.copy(photo, target / f"{kind}_{number:03}.jpg")


def _labelled(folder: Path, photos: list[Path]) -> None:
    """Writes labelled photos: a folder per label, and the lists of the public data set."""
    with (folder / "var" / "sample" / "queries.csv").open() as file:
        labels = {Path(row["query_photo"]).name: row["category"] for row in csv.DictReader(file)}
    for photo in photos:
        label = labels[photo.name]
        for root in ("labelled", "DIR"):
            (folder / root / label).mkdir(parents=True, exist_ok=True)
            shutil.copy(photo, folder / root / label)
    (folder / "train.csv").write_text("path,label\n")
    (folder / "val.csv").write_text("path,label\n")
    (folder / "classes.csv").write_text("Class Name (str),Class ID (int)\nApple,0\nBanana,1\n")
    for part in ("train", "val"):
        files = sorted((folder / "remote" / "GroceryStoreDataset" / "dataset" / part).rglob("*.jpg"))
        lines = [f"{path.relative_to(folder)}, {int(path.parent.name == 'Banana')}, 0\n" for path in files]
        (folder / f"{part}.txt").write_text("".join(lines))
