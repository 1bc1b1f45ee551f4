"""Measures what the seller's form says of labelled photos: how often "very likely", "likely" and "perhaps" are right.

    python benchmarks/seller_words.py HOME PHOTOS

HOME holds a generation. PHOTOS is a folder of .jpg photos per category, or a CSV with the columns path,label and paths
relative to it. Also: how often the right category is among the three, how often the form asks the seller to choose, and
how often a guessed fact is right, where all products of the photo's category have one value of it.
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from api.selling import words_for
from data.catalogue import Catalogue
from data.settings import Settings
from engine.search import SearchEngine
from engine.suggesting import Suggestions, fact_names, fact_of

CHOICES = 3


def main() -> None:
    options = _options()
    settings = Settings(home=options.home, backbone=options.backbone)
    engine = SearchEngine(settings)
    seen = [(label, engine.suggest(path.read_bytes(), k=CHOICES)) for path, label in _photos(options.photos)]
    print(f"{options.home.name}, {len(seen)} photos")
    said: dict[str, list[bool]] = defaultdict(list)
    for label, one in seen:
        said[words_for(one.labels[0].probability)].append(one.labels[0].label == label)
    for words, right in said.items():
        print(f"the first category, {words}: said {len(right)} times, right {sum(right) / len(right):.3f}")
    among = [label in {each.label for each in one.labels} for label, one in seen]
    print(f"right category among the {CHOICES}: {sum(among) / len(among):.3f}")
    chosen = [one.labels[0].label == label for label, one in seen if not one.abstained]
    print(f"a category is chosen for {len(chosen) / len(seen):.3f}, right for {sum(chosen) / len(chosen):.3f} of these")
    _print_facts(seen, Catalogue(options.home))


def _print_facts(seen: list[tuple[str, Suggestions]], catalogue: Catalogue) -> None:
    values: dict[tuple[str, str], set[object]] = defaultdict(set)
    for facts in catalogue.iter_facts():
        for name in fact_names(facts):
            values[facts.product.category, name].add(fact_of(facts, name))
    right: dict[str, list[bool]] = defaultdict(list)
    for label, one in seen:
        for guess in one.attributes:
            if len(known := values[label, guess.name]) == 1 and not guess.abstained:
                right[guess.name].append(guess.value in known)
    for name, each in sorted(right.items()):
        print(f"{name}: filled in for {len(each)} photos, right {sum(each) / len(each):.3f}")


def _photos(source: Path) -> Iterator[tuple[Path, str]]:
    if source.is_dir():
        yield from ((path, path.parent.name) for path in sorted(source.glob("*/*.jpg")))
        return
    with source.open(encoding="utf-8", newline="") as file:
        yield from ((source.parent / row["path"], row["label"]) for row in csv.DictReader(file))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--backbone", default="efficientnet_lite2")
    return parser.parse_args()


if __name__ == "__main__":
    main()
