"""Measures words of two languages against photos in the product space: in an English shop, and of kinds it never sold.

    python benchmarks/words.py HOME [--data FOLDER] [--encoder multilingual] [--parts sample,names,grocery,left]
        [--draws 12] [--input-size 320]

`sample` draws the sample catalogue, takes its Korean texts away, and asks its Korean and English text queries.
`grocery` asks for the 81 classes of the Grocery Store Dataset (see query_embedder.py) in English and in Korean;
grocery_korean.csv holds the Korean names, and `names` prints those that deserve a second look. `left` leaves 16 classes
out of training and asks for them in English. HOME keeps catalogues and features between runs.
"""

import argparse
import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from query_embedder import Grocery, Space, left_out, report, trained

from data.catalogue import Catalogue
from data.features import FeatureStore
from data.sample import generate_sample
from data.settings import Settings
from engine.backbones import load_backbone, resolve_spec
from engine.known_queries import Rivals
from engine.protocols import Floats
from engine.space import fit_pca
from engine.text import MULTILINGUAL, EncoderTextTower, TextEncoder, TextHead
from indexer.importing import import_feed
from training.context import TrainingContext
from training.embedder import (
    EmbedderOptions,
    EmbedderTraining,
    collect_pairs,
    embed_views,
    gather_material,
    trained_head,
    trained_points,
    untrained_head,
)
from training.evaluation import read_queries
from training.known_queries import find_rivals
from training.measures import retrieval_metrics
from training.photos import PhotoReader, embed_missing

_BACKBONE = "efficientnet_lite2"
_GROCERY = Path(__file__).resolve().parents[2] / "shared" / "data" / "grocery"
_KOREAN = Path(__file__).with_name("grocery_korean.csv")
_HANGUL = re.compile("[가-힣]")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def english_feed(home: Path) -> Path:
    """Draws the sample catalogue and writes a feed of it without Korean; returns its path."""
    feed = generate_sample(home / "sample")
    lines = []
    for line in feed.read_text(encoding="utf-8").splitlines():
        product = json.loads(line)
        sentences = _SENTENCE_END.split(product["description"])
        product["description"] = " ".join(part for part in sentences if not _HANGUL.search(part))
        product["attributes"] = {
            name: value for name, value in product["attributes"].items() if not _HANGUL.search(str(value))
        }
        lines.append(json.dumps(product, ensure_ascii=False))
    english = feed.with_name("english.jsonl")
    english.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if _HANGUL.search(english.read_text(encoding="utf-8")):
        raise SystemExit(f"{english} must hold no Hangul")
    return english


def sample_context(home: Path) -> TrainingContext:
    """Returns the sample catalogue without Korean texts, imported and embedded."""
    settings = Settings(home=home, backbone=_BACKBONE)
    catalogue = Catalogue(home)
    if not catalogue.counts()["products"]:
        import_feed(settings, english_feed(home))
    spec = resolve_spec(settings)
    context = TrainingContext(
        settings=settings, catalogue=catalogue, snapshot=catalogue.snapshot(),
        features=FeatureStore(home, spec.fingerprint, spec.dim), spec=spec, live=None,
    )  # fmt: skip
    missing = context.features.missing(list(dict.fromkeys(context.snapshot.image_sha256)))
    embed_missing(settings, context.features, PhotoReader(settings), missing, lambda: load_backbone(settings, spec))
    embed_views(context, EmbedderOptions())
    return context


def sample_queries(context: TrainingContext) -> dict[str, dict[str, Floats]]:
    """Returns source (`text en`, `text ko`) -> query -> which products are right, float32 (p,)."""
    facts, home = list(context.catalogue.iter_facts()), context.settings.home
    queries: dict[str, dict[str, Floats]] = {}
    for query in read_queries([home / "sample" / "text_queries.csv"], facts, context.settings).queries:
        right = np.array([fact.product_key in query.gains for fact in facts], np.float32)
        queries.setdefault(query.source, {})[query.text] = right
    return queries


def run_sample(home: Path, name: str) -> None:
    context, encoder, options = sample_context(home), TextEncoder(name), EmbedderOptions()
    queries = sample_queries(context)
    firsts = np.flatnonzero(np.r_[True, np.diff(context.snapshot.product_keys) > 0])
    material = gather_material(context, encoder, collect_pairs(context, options.sources), options)
    space = fit_pca(context.features.read(context.snapshot.image_sha256), 256)
    points = context.points(space, material.sha256)
    weights = EmbedderTraining(context, encoder, material, options).fit_all().weights
    learned = trained_points(weights, material)
    spaces: dict[str, tuple[Floats, TextHead | None]] = {
        "untrained": (points, untrained_head(points, material, encoder)),
        "trained": (learned, trained_head(weights, learned, material, encoder)),
    }
    for label, (photos, head) in spaces.items():
        if head is None:
            raise SystemExit("the catalogue has no texts")
        embed: Callable[[list[str]], Floats] = EncoderTextTower(encoder, head).embed
        rivals = Rivals(find_rivals(context), embed(find_rivals(context)))
        figures = {}
        for source, asked in sorted(queries.items()):
            cosines = embed(list(asked)) @ photos.T
            lead = np.stack([rivals.lead(text, row, photos) for text, row in zip(asked, cosines, strict=True)])
            scores = np.maximum.reduceat(lead, firsts, axis=1)
            figures[f"{source} mAP ({len(asked)})"] = float(
                retrieval_metrics(scores, np.stack(list(asked.values())))["map"].mean()
            )
        report(f"sample, {label}", figures)


def korean_names(grocery: Grocery) -> list[str]:
    """Returns the Korean name of each class, in the order of the catalogue."""
    with _KOREAN.open(encoding="utf-8") as rows:
        names = {row["category"]: row["korean"] for row in csv.DictReader(rows)}
    return [names[fact.product.category] for fact in grocery.catalogue.iter_facts()]


def run_names(grocery: Grocery) -> None:
    """Checks the Korean names: prints those that the encoder alone, without photos, puts nearest to another class."""
    korean = korean_names(grocery)
    nearest = (grocery.encoder.embed(korean) @ grocery.encoder.embed(grocery.names).T).argmax(axis=1)
    for name, right, found in zip(korean, grocery.names, nearest, strict=True):
        if grocery.names[found] != right:
            print(f"{name}: written for {right}, nearest to {grocery.names[found]}")


def run_grocery(grocery: Grocery, options: EmbedderOptions) -> None:
    space, _ = trained(grocery, grocery.context, options)
    snapshot = grocery.context.snapshot
    index = space.space.apply(grocery.features.read(snapshot.image_sha256))
    owners = np.searchsorted(grocery.product_keys, snapshot.product_keys)
    found = owners[space.answer(korean_names(grocery), index).argmax(axis=1)]
    report("grocery", {**space.measure(), "Korean names R@1": float((found == np.arange(len(found))).mean())})


def run_left(grocery: Grocery, options: EmbedderOptions, draws: int) -> None:
    figures = [_leave_out(grocery, options, draw) for draw in range(draws)]
    report(f"grocery, left out, mean of {draws}", {"text mAP": float(np.mean(figures))})


def _leave_out(grocery: Grocery, options: EmbedderOptions, draw: int) -> float:
    left = left_out(grocery, draw)
    space: Space = trained(grocery, grocery.without(left), options)[0]
    figures = space.measure(left)
    report(f"grocery, left out {draw}", {name: figures[name] for name in ("text mAP", "photo R@1")})
    return figures["text mAP"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--data", type=Path, default=_GROCERY)
    parser.add_argument("--encoder", default=MULTILINGUAL)
    parser.add_argument("--parts", default="sample,grocery,left")
    parser.add_argument("--draws", type=int, default=12)
    parser.add_argument("--input-size", type=int, default=0, help="of the groceries' photos")
    given = parser.parse_args()
    parts, options = given.parts.split(","), EmbedderOptions(close_ups=True, copies=2)
    if "sample" in parts:
        run_sample(given.home / "sample", given.encoder)
    if {"names", "grocery", "left"} & set(parts):
        grocery = Grocery(given.home / "grocery", given.data, _BACKBONE, options, given.encoder, given.input_size)
        if "names" in parts:
            run_names(grocery)
        if "grocery" in parts:
            run_grocery(grocery, options)
        if "left" in parts:
            run_left(grocery, options, given.draws)


if __name__ == "__main__":
    main()
