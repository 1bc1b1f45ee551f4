"""Measures what the query adapter does for phone photos that it did not learn from.

    python benchmarks/query_adapter.py HOME QUERIES.csv [--clicked 0.5]

HOME holds a live generation, for instance the one that `lookalike demo` makes with its sample/queries.csv; a copy of it
is used. QUERIES.csv has the columns query_photo (a path relative to the file) and product_id. `--clicked` is the share
of these photos, drawn by a hash of their names, that count as clicked events and are learned from; the others are
measured on. The adapter is measured even if training would not keep it.
"""

import argparse
import csv
import hashlib
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from data.events import Event, Events
from data.settings import load_settings
from engine.backbones import load_backbone
from engine.protocols import Floats
from engine.space import PROJECTION_FILE, Projection
from engine.text import TextEncoder
from training import space
from training.context import TrainingContext
from training.embedder import (
    EmbedderTraining,
    PhotoQueries,
    catalogue_points,
    collect_pairs,
    describe,
    embed_views,
    gather_material,
    gather_queries,
    learn_adapter,
    recall,
)
from training.photos import PhotoReader, embed_missing
from training.sessions import EmbedderSession


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--clicked", type=float, default=0.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        shutil.copytree(given.home, home)
        session = EmbedderSession.open(load_settings(home=home), {"adapter": True})
        try:
            _measure(session, given.queries, given.clicked)
        finally:
            session.close()


def _measure(session: EmbedderSession, path: Path, share: float) -> None:
    context = session.context
    with path.open(newline="") as source:
        products = {path.parent / row["query_photo"]: row["product_id"] for row in csv.DictReader(source)}
    photos = {hashlib.sha256(photo.read_bytes()).hexdigest(): photo for photo in products}
    _embed(context, photos)
    clicked = {name for name, photo in photos.items() if _draw(photo.name) < share}
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    clicks = [
        Event(event_id=name, kind="click", at=moment, photo_sha256=name, product_id=products[photos[name]])
        for name in clicked
    ]
    Events(context.settings.home).store(clicks)
    embed_views(context, session.options)
    pairs = collect_pairs(context, session.options.sources)
    encoder = TextEncoder(context.settings.text_encoder, context.settings.cores)
    material = gather_material(context, encoder, pairs, session.options)
    space.train(context, session.folder)
    plain = Projection.load(session.folder / PROJECTION_FILE)
    run = EmbedderTraining(context, encoder, material, session.options)
    print("trained:", run.compare(context.points(plain, material.sha256), plain)["published"])
    queries = gather_queries(context, pairs, material)
    _, found = run.adapt(queries, plain)
    print(describe(found))
    run.save(session.folder)
    trained = Projection.load(session.folder / PROJECTION_FILE)
    keys = {context.catalogue.get(product).product_key for product in set(products.values())}
    places = {
        context.catalogue.facts([key])[key].product.product_id: at
        for at, key in enumerate(material.keys.tolist())
        if key in keys
    }
    names = [name for name in photos if name not in clicked]
    asked = PhotoQueries(
        names=tuple(names),
        products=np.array([places[products[photos[name]]] for name in names]),
        rows=np.full(len(names), -1),
    )
    held = np.flatnonzero(material.photos.held[: material.real])
    own = PhotoQueries(names=tuple(material.sha256[row] for row in held), products=material.products[held], rows=held)
    learned = queries.only((queries.rows < 0) | ~material.photos.held[queries.rows])
    for name, where in (("untrained", plain), ("trained", trained)):
        catalogue = catalogue_points(context, material, where)
        started = time.process_time()
        adapter = learn_adapter(context, learned, material, where)
        took = time.process_time() - started

        def figure(rows: Floats, queries: PhotoQueries, catalogue: Floats = catalogue) -> str:
            return f"{recall(rows, queries, catalogue, material):.4f}"

        for what, group in (("photos not clicked", asked), ("catalogue photos held out", own)):
            points = group.points(context, where)
            without, adapted = figure(points, group), figure(adapter.apply(points), group)
            print(f"{name:10}{what:27}{len(group):5}  R@1 {without}  with the adapter {adapted}  ({took:.1f} s)")


def _embed(context: TrainingContext, photos: dict[str, Path]) -> None:
    reader = PhotoReader(context.settings, photos)
    missing = context.features.missing(list(photos))
    embed_missing(
        context.settings, context.features, reader, missing, lambda: load_backbone(context.settings, context.spec)
    )


def _draw(name: str) -> float:
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32


if __name__ == "__main__":
    main()
