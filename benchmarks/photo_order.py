"""Measures what the label that the voters see in a photo is worth for the order of the hits, by its weight.

    python benchmarks/photo_order.py CATALOGUE.jsonl IMAGES FOLDER [--by ATTRIBUTE]

A quarter of the photos is held out of everything: whole groups of photos that look alike, or with `--by` all photos
of a quarter of an attribute's values, for example all that some sellers took. The rest is imported into FOLDER and
rebuilt; then the photos held out are asked with. Where every product has one photo, hits should have the photo's
category, else they should be the product.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue, Product
from data.columns import ColumnStore
from data.progress import track
from data.settings import Settings
from engine.answers import VOTED, Finder, SearchRequest, label_bonus
from engine.backbones import load_backbone, load_input, resolve_spec
from engine.live import LiveIndex
from engine.protocols import Floats
from engine.space import plain
from training.photos import look_folds

FOLDS = 4
WEIGHTS = (0.0, 0.02, 0.03, 0.05, 0.08, 0.12)
_IN_USE = 0.05


@dataclass(frozen=True)
class Held:
    """A photo that was held out, and what its first hit should be."""

    path: Path
    product_id: str
    category: str

    def is_shown_by(self, product: Product, *, single: bool) -> bool:
        """Whether a hit is right: of the category where products have a single photo, else the product itself."""
        return product.category == self.category if single else product.product_id == self.product_id


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("catalogue", "images", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--backbone", default="efficientnet_lite2")
    parser.add_argument("--by", default="", help="attribute whose values are held out whole")
    options = parser.parse_args()
    products = [json.loads(line) for line in options.catalogue.read_text(encoding="utf-8").splitlines()]
    single = all(len(product["images"]) == 1 for product in products)
    held = hold_out(products, options.images, options.by, options.backbone)
    options.folder.mkdir(parents=True, exist_ok=True)
    rest = options.folder / "catalogue.jsonl"
    rest.write_text("\n".join(json.dumps(each, ensure_ascii=False) for each in products if each["images"]))
    settings = Settings(home=options.folder / "home", backbone=options.backbone)
    if not (settings.home / "CURRENT").exists():
        for command in (["import", str(rest), "--images", str(options.images)], ["rebuild"]):
            program = [sys.executable, "-m", "lookalike", "--home", str(settings.home), "--backbone", options.backbone]
            subprocess.run([*program, *command], check=True)
    first, near = asked(settings, held, single=single)
    print(f"{len(held)} photos held out; {'category' if single else 'product'} first, and among the first ten")
    for weight, one, ten in zip(WEIGHTS, first.mean(axis=0), near.mean(axis=0), strict=True):
        print(f"weight {weight:.2f}: {one:.3f}, {ten:.3f}")


def hold_out(products: Sequence[dict[str, Any]], images: Path, by: str, backbone: str) -> list[Held]:
    """Takes a quarter of the photos out of the products, and returns them."""
    photos = [(product, name) for product in products for name in product["images"]]
    if by:
        values = [str(product.get("attributes", {}).get(by, "")) for product, _ in photos]
        folds = np.array([int(hashlib.sha256(f"fold {value}".encode()).hexdigest(), 16) % FOLDS for value in values])
    else:
        folds = look_folds(
            _features([images / name for _, name in photos], backbone),
            np.unique([product["product_id"] for product, _ in photos], return_inverse=True)[1],
            FOLDS,
        )
    held = [photos[at] for at in np.flatnonzero(folds == 0)]
    gone = {name for _, name in held}
    for product in products:
        product["images"] = [name for name in product["images"] if name not in gone]
    return [Held(images / name, product["product_id"], product["category"]) for product, name in held]


def _features(paths: Sequence[Path], backbone: str) -> NDArray[np.float32]:
    settings = Settings(backbone=backbone)
    spec = resolve_spec(settings)
    network = load_backbone(settings, spec)
    rows = [
        network.embed(load_input(path.read_bytes(), spec.input_size, settings, spec.preprocessing)[None])
        for path in track(paths, "embed", len(paths), "photos")
    ]
    return plain(spec.dim).apply(np.concatenate(rows))


def asked(settings: Settings, held: Sequence[Held], *, single: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns for each photo and weight whether the first hit is right, and how well the first ten do, (n, weights)."""
    catalogue = Catalogue(settings.home)
    view = LiveIndex(settings, catalogue).view()
    finder, columns, voters = Finder(settings, catalogue), ColumnStore(catalogue), view.generation.recogniser
    if voters is None:
        raise SystemExit("the catalogue must have at least 2 categories with 2 photos each; there are no voters.")
    products = {facts.product_key: facts.product for facts in catalogue.iter_facts()}
    first, near = np.zeros((len(held), len(WEIGHTS))), np.zeros((len(held), len(WEIGHTS)))
    for at, photo in enumerate(track(held, "ask", len(held), "photos")):
        request = SearchRequest(image=photo.path.read_bytes())
        question = finder.ask(view, request)
        ranked = finder.find(view, request, question, depth=VOTED).ranked
        found = [products[key] for key in ranked.product_keys.tolist()]
        right = np.array([photo.is_shown_by(product, single=single) for product in found])
        features = cast(Floats, question.features)
        bonus = label_bonus(voters, features, columns.columns([voters.label_kind]), ranked.product_keys)
        for number, weight in enumerate(WEIGHTS):
            order = np.argsort(-(ranked.scores + bonus * weight / _IN_USE), kind="stable")[:10]
            first[at, number] = right[order[0]]
            near[at, number] = right[order].mean() if single else right[order].any()
    return first, near


if __name__ == "__main__":
    main()
