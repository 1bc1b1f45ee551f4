"""Measures how often the first product found for an unseen photo has its category: served, live space, PCA, plain.

    python benchmarks/same_category.py HOME FOLDER

HOME holds a generation; FOLDER one folder of .jpg photos per category, named as the products' categories, at any depth.
`served` is what a shopper gets: the likeness in the live space, and the label that the voters see in the photo.
"""

import argparse
from pathlib import Path

import numpy as np

from data.catalogue import Catalogue
from data.features import FeatureStore
from data.generations import GenerationStore
from data.settings import Settings
from engine.backbones import load_backbone, load_input, resolve_spec
from engine.search import SearchEngine, SearchRequest
from engine.space import PROJECTION_FILE, Projection, fit_pca, plain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbone", default="efficientnet_lite2")
    given = parser.parse_args()
    settings = Settings(home=given.home, backbone=given.backbone)
    spec, catalogue = resolve_spec(settings), Catalogue(given.home)
    snapshot = catalogue.snapshot()
    rows = FeatureStore(given.home, spec.fingerprint, spec.dim).read(snapshot.image_sha256)
    names = {facts.product_key: facts.product.category for facts in catalogue.iter_facts()}
    labels = np.array([names[key] for key in snapshot.product_keys.tolist()])
    paths = sorted(given.folder.rglob("*.jpg"))
    network = load_backbone(settings, spec)
    asked = np.concatenate(
        [
            network.embed(load_input(path.read_bytes(), spec.input_size, settings, spec.preprocessing)[None])
            for path in paths
        ]
    )
    wanted = np.array([path.parent.name for path in paths])
    live = Projection.load(GenerationStore(given.home).open().path(PROJECTION_FILE))
    spaces = {"live": live, "PCA": fit_pca(rows, 256), "plain": plain(spec.dim)}
    right = {
        name: labels[(space.apply(asked) @ space.apply(rows).T).argmax(axis=1)] == wanted
        for name, space in spaces.items()
    }
    engine = SearchEngine(settings)
    first = [engine.search(SearchRequest(image=path.read_bytes(), k=1)).hits[0].category for path in paths]
    right["served"] = np.array(first) == wanted
    for name, found in right.items():
        won, lost = int((found & ~right["plain"]).sum()), int((right["plain"] & ~found).sum())
        print(f"{name:6} {found.mean():.3f} of {len(wanted)} photos; against plain: {won} won, {lost} lost")


if __name__ == "__main__":
    main()
