"""Measures the query embedder on Grocery Store photos: also on left-out classes, per ingredient, and its speed.

    python benchmarks/query_embedder.py HOME [--data FOLDER] [--parts table,left,no_match,ablation,speed]
        [--copies 2] [--no-close-ups] [--seed 0] [--draws 2] [--backbone efficientnet_lite2]

HOME keeps the imported catalogue and the embedded photos between runs; --backbone may name one fine-tuned there. FOLDER
is the Grocery Store Dataset (Klasson et al., github.com/marcusklasson/GroceryStoreDataset) with a catalogue.jsonl of
one product per class: its class name, description, iconic image and training photos.

The part `no_match` asks the live generation for the validation photos of the clothing data set as well
(github.com/alexeygrigorev/clothing-dataset-small). Queries are the 81 class names and the photos of val.txt; no figure
here uses the official test split.
"""

import argparse
import hashlib
import os
import platform
import time
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue, Snapshot
from data.features import FeatureStore
from data.generations import GenerationStore
from data.settings import Settings
from engine.backbones import load_backbone, resolve_spec
from engine.known_queries import Rivals
from engine.protocols import Backbone, Floats
from engine.space import (
    CALIBRATION_FILE,
    PROJECTION_FILE,
    MatchCalibration,
    Projection,
    fit_pca,
    normalise,
)
from engine.text import MULTILINGUAL, TextEncoder, TextHead, text_features
from indexer.importing import import_feed
from training.context import TrainingContext
from training.embedder import (
    EmbedderOptions,
    EmbedderTraining,
    Material,
    Photos,
    Sampler,
    TextBank,
    Weights,
    collect_pairs,
    embed_views,
    fit,
    gather_material,
    plan_of,
    trained_head,
    trained_points,
    untrained_head,
)
from training.known_queries import find_rivals
from training.photos import PhotoReader, embed_missing, look_key

_DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "grocery"
_LEFT_OUT = 16
_PLAIN = EmbedderOptions()
_ABLATION: dict[str, dict[str, Any]] = {
    "full": {},
    "no image-image term": {"image_image": False},
    "no mask of false negatives": {"mask": False},
    "no logQ": {"log_q": False},
    "no random negatives": {"randoms": 0},
    "fixed temperature": {"learned_temperature": False},
    "no hard negatives": {"hard_negatives": False},
    "start: PCA, not whitened": {"whitened": False},
    "no mirror images, no copies": {"views": False},
    "with ImageNet class names": {"classifier_names": True},
    "margin loss (baseline)": {"loss": "margin"},
}
Numbers = NDArray[np.int64]


class Grocery:
    """The catalogue and the query photos, imported and embedded once."""

    def __init__(
        self, home: Path, data: Path, backbone: str, options: EmbedderOptions, encoder: str = MULTILINGUAL,
        input_size: int = 0,
    ) -> None:  # fmt: skip
        self.settings = Settings(home=home, backbone=backbone, input_size=input_size)
        self.catalogue = Catalogue(home)
        if not self.catalogue.counts()["products"]:
            import_feed(self.settings, data / "catalogue.jsonl")
        self.spec = resolve_spec(self.settings)
        self.features = FeatureStore(home, self.spec.fingerprint, self.spec.dim)
        self.context = self.context_of(self.catalogue.snapshot())
        self.encoder = TextEncoder(encoder, self.settings.cores, home)
        paths = [line.split(",")[0] for line in (data / "val.txt").read_text().splitlines() if line.strip()]
        self.queries = [hashlib.sha256((data / path).read_bytes()).hexdigest() for path in paths]
        self.embed(dict(zip(self.queries, [data / path for path in paths], strict=True)), close_ups=True)
        embed_views(self.context, options)
        facts = list(self.catalogue.iter_facts())
        self.names = [fact.product.title for fact in facts]
        self.product_keys = np.array([fact.product_key for fact in facts])
        categories = [fact.product.category for fact in facts]
        self.answers = np.array([categories.index(Path(path).parent.name) for path in paths])

    def context_of(self, snapshot: Snapshot) -> TrainingContext:
        return TrainingContext(
            settings=self.settings, catalogue=self.catalogue, snapshot=snapshot, features=self.features,
            spec=self.spec, live=None,
        )  # fmt: skip

    @cached_property
    def backbone(self) -> Backbone:
        return load_backbone(self.settings, self.spec)

    def embed(self, files: dict[str, Path], *, close_ups: bool) -> None:
        """Embeds the catalogue's photos and `files` (sha256 -> path), unless they are stored already."""
        reader = PhotoReader(self.settings, files)
        wanted = [
            *files,
            *(look_key(sha256, "close") for sha256 in files if close_ups),
            *self.context.snapshot.image_sha256,
        ]
        missing = self.features.missing(list(dict.fromkeys(wanted)))
        embed_missing(self.settings, self.features, reader, missing, lambda: self.backbone)

    def without(self, left: Numbers) -> TrainingContext:
        """Returns the context without the photos (and so the pairs) of some products."""
        snapshot = self.context.snapshot
        keep = ~np.isin(snapshot.product_keys, self.product_keys[left])
        return self.context_of(
            Snapshot(
                seq=snapshot.seq,
                product_keys=snapshot.product_keys[keep],
                image_keys=snapshot.image_keys[keep],
                image_sha256=[sha for sha, kept in zip(snapshot.image_sha256, keep, strict=True) if kept],
            )
        )


class Space:
    """A projection and a text head, measured as a shop uses them: one view of the query and of each indexed photo."""

    def __init__(self, grocery: Grocery, context: TrainingContext, space: Projection, head: TextHead | None) -> None:
        if head is None:
            raise SystemExit("the catalogue has no texts")
        self.grocery, self.space, self.head = grocery, space, head
        names = find_rivals(context)
        self._rivals = Rivals(names, self.points_of(names))

    def measure(self, only: Numbers | None = None) -> dict[str, float]:
        """Returns text mAP and P@5 over the query photos, photo R@1, also with close-ups, and own-title R@1, all 0..1.

        Args:
            only: numbers of the classes to query; all photos and classes still compete.
        """
        shop = self.grocery
        snapshot = shop.context.snapshot
        index = self.space.apply(shop.features.read(snapshot.image_sha256))
        owners = np.searchsorted(shop.product_keys, snapshot.product_keys)
        photos = self.space.apply(shop.features.read(shop.queries))
        close = self.space.apply(shop.features.read([look_key(sha256, "close") for sha256 in shop.queries]))
        asked = np.arange(len(shop.names)) if only is None else only
        chosen = np.isin(shop.answers, asked)
        both = normalise(photos + close)
        return {
            **_text_figures(self.answer([shop.names[at] for at in asked], photos), shop.answers, asked),
            "photo R@1": float((owners[(photos[chosen] @ index.T).argmax(axis=1)] == shop.answers[chosen]).mean()),
            "with close-up": float((owners[(both[chosen] @ index.T).argmax(axis=1)] == shop.answers[chosen]).mean()),
            "own title": float(
                (owners[self.answer([shop.names[at] for at in asked], index).argmax(axis=1)] == asked).mean()
            ),
        }

    def answer(self, texts: list[str], photos: Floats) -> Floats:
        """Returns how well each photo answers each text, as a search of words reckons it, float32 (texts, photos)."""
        scores = self.points_of(texts) @ photos.T
        return np.stack([self._rivals.lead(text, row, photos) for text, row in zip(texts, scores, strict=True)])

    def points_of(self, texts: list[str]) -> Floats:
        """Returns the texts' points, float32 (n, d)."""
        return self.head.apply(text_features(self.grocery.encoder, texts, self.head.characters, self.head.sounds))


def _text_figures(scores: Floats, answers: Numbers, asked: Numbers) -> dict[str, float]:
    precision, at_5 = [], []
    for row, wanted in zip(scores, asked, strict=True):
        right = answers[np.argsort(-row, kind="stable")] == wanted
        if right.any():
            precision.append((np.cumsum(right) / np.arange(1, len(right) + 1))[right].mean())
            at_5.append(right[:5].mean())
    return {"text mAP": float(np.mean(precision)), "P@5": float(np.mean(at_5))}


def untrained(grocery: Grocery, context: TrainingContext, material: Material) -> Space:
    space = fit_pca(context.features.read(context.snapshot.image_sha256), 256)
    head = untrained_head(context.points(space, material.sha256), material, grocery.encoder)
    return Space(grocery, context, space, head)


def trained(grocery: Grocery, context: TrainingContext, options: EmbedderOptions) -> tuple[Space, float]:
    """Trains on all that the context holds, for the whole plan; returns the space and the seconds it took."""
    started = time.perf_counter()
    material = gather_material(context, grocery.encoder, collect_pairs(context, options.sources), options)
    run = EmbedderTraining(context, grocery.encoder, material, options)
    weights = run.fit_all().weights
    start = material.photos.start
    space = Projection(transform=start.transform, mean=start.mean, matrix=start.matrix @ weights.photo)
    head = trained_head(weights, trained_points(weights, material), material, grocery.encoder)
    return Space(grocery, context, space, head), time.perf_counter() - started


def run_no_match(grocery: Grocery, clothing: Path) -> None:
    """Asks the live generation for photos of groceries and of clothes; `lookalike rebuild --home HOME` makes it."""
    folder = GenerationStore(grocery.settings.home).open()
    space = Projection.load(folder.path(PROJECTION_FILE))
    calibration = MatchCalibration.load(folder.path(CALIBRATION_FILE))
    index = space.apply(grocery.features.read(grocery.context.snapshot.image_sha256))
    strangers = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in sorted(clothing.glob("*/*.jpg"))}
    grocery.embed(strangers, close_ups=False)
    for label, photos in (("grocery val.txt", grocery.queries), ("clothing validation", list(strangers))):
        rows = grocery.features.read(photos)
        best = (space.apply(rows) @ index.T).max(axis=1)
        refused = [calibration.no_match(float(score), "photo", row) for score, row in zip(best, rows, strict=True)]
        report(f"{label}, {len(photos)} photos", {"no_match": float(np.mean(refused))})
    print(calibration.measured)


def run_speed(pairs: int) -> None:
    """Trains one pass over simulated pairs: Zipf queries, products of two photos, normally distributed features."""
    random = np.random.default_rng(0)
    products, texts = 50_000, 50_000
    rows = random.standard_normal((1, 2 * products, 512), dtype=np.float32).astype(np.float16)
    start = Projection(transform="none", mean=np.zeros(512, np.float32), matrix=np.eye(512, dtype=np.float32))
    photos = Photos(
        start=start, views=rows, products=np.repeat(np.arange(products), 2), copies=np.arange(2 * products),
        held=np.zeros(2 * products, np.bool_),
    )  # fmt: skip
    bank = TextBank(
        features=random.standard_normal((texts, 896), dtype=np.float32).astype(np.float16),
        texts=np.minimum(random.zipf(1.3, pairs) - 1, texts - 1),
        products=random.integers(products, size=pairs),
        weights=np.ones(pairs, np.float32),
    )
    options = EmbedderOptions(epochs=1)
    sampler = Sampler(photos, bank, options, 512)
    plan = plan_of(len(sampler), options)
    weights = Weights(np.eye(512, 256, dtype=np.float32), np.zeros((896, 256), np.float32), np.ones(256, np.float32), 1)
    wall, cpu = time.perf_counter(), time.process_time()
    fit(sampler, weights, plan, options)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    done = plan.steps * plan.batch
    print(f"{done} simulated pairs: {done / wall:.0f} pairs/s, {done / cpu:.0f} pairs per CPU second")


def left_out(grocery: Grocery, draw: int) -> Numbers:
    return np.sort(np.random.default_rng(draw).choice(len(grocery.names), _LEFT_OUT, replace=False))


def report(label: str, rows: dict[str, float]) -> None:
    print(f"{label:32}" + "".join(f"  {name} {value:.3f}" for name, value in rows.items()), flush=True)


def run_table(grocery: Grocery, options: EmbedderOptions) -> None:
    material = gather_material(grocery.context, grocery.encoder, collect_pairs(grocery.context), options)
    report("untrained", untrained(grocery, grocery.context, material).measure())
    space, seconds = trained(grocery, grocery.context, options)
    report(f"trained ({seconds:.0f} s)", space.measure())


def run_left(grocery: Grocery, options: EmbedderOptions, draws: int) -> None:
    for draw in range(draws):
        left = left_out(grocery, draw)
        context = grocery.without(left)
        material = gather_material(context, grocery.encoder, collect_pairs(context), options)
        report(f"untrained, left out {draw}", untrained(grocery, context, material).measure(left))
        space, _ = trained(grocery, context, options)
        report(f"trained, left out {draw}", space.measure(left))


def run_ablation(grocery: Grocery, options: EmbedderOptions) -> None:
    left = left_out(grocery, 0)
    for label, change in _ABLATION.items():
        changed = replace(options, **change)
        report(label, trained(grocery, grocery.context, changed)[0].measure())
        report(f"{label}, left out", trained(grocery, grocery.without(left), changed)[0].measure(left))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--data", type=Path, default=_DEFAULT)
    parser.add_argument("--parts", default="table,left")
    parser.add_argument("--backbone", default="efficientnet_lite2")
    parser.add_argument("--clothing", type=Path, default=_DEFAULT.parent / "clothing" / "validation")
    parser.add_argument("--copies", type=int, default=2)
    parser.add_argument("--no-close-ups", action="store_true")
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    options = replace(_PLAIN, close_ups=not given.no_close_ups, copies=given.copies, seed=given.seed)
    print(f"{platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} cores, {options}")
    parts = given.parts.split(",")
    if "speed" in parts:
        run_speed(1_000_000)
    if parts == ["speed"]:
        return
    grocery = Grocery(given.home, given.data, given.backbone, options)
    if "table" in parts:
        run_table(grocery, options)
    if "left" in parts:
        run_left(grocery, options, given.draws)
    if "no_match" in parts:
        run_no_match(grocery, given.clothing)
    if "ablation" in parts:
        run_ablation(grocery, options)


if __name__ == "__main__":
    main()
