"""Measures what is suggested for a seller's photo: each product of a catalogue is asked for without itself.

    python benchmarks/suggestions.py HOME [--category]

HOME holds a generation. Its attribute voters know every product, so they are not asked; benchmarks/attributes.py
measures them. For each fact that enough products have, by its first photo: how often the guess is right, the mean
probability promised, the expected calibration error (ten bins), for how many products the guess does not abstain,
and how often it is right then. The last lines: how often a product's own price lies in the range, which holds the
middle half of what similar products cost, and some of the titles.
"""

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from data.catalogue import Catalogue, ProductFacts
from data.generations import GenerationStore
from data.settings import Settings
from engine.generation import Generation, load_generation
from engine.live import LiveView
from engine.protocols import Floats
from engine.recognition import NAMES, Recognition
from engine.suggesting import Suggestions, fact_of, nearest, suggestions_of

_BINS = 10
_NOTHING = Recognition(labels=(), voters=dict.fromkeys(NAMES, ()), neighbours=(), abstained=True)


def main() -> None:
    options = _options()
    settings = Settings(home=options.home, backbone=options.backbone)
    catalogue = Catalogue(options.home)
    facts = {each.product_key: each for each in catalogue.iter_facts()}
    generation = load_generation(settings, GenerationStore(options.home).open())
    keys = np.random.default_rng(0).permutation(np.unique(generation.rows.product_keys))[: options.most].tolist()
    found = {key: _suggested(generation, catalogue, facts, key, known=options.category) for key in keys}
    print(f"{options.home.name}, {len(found)} products, category {'known' if options.category else 'not known'}")
    print("fact               n  right  promised    ECE  answered  right then")
    names = sorted({guess.name for each in found.values() for guess in each.attributes})
    for name in names:
        _print_fact(name, found, facts)
    _print_prices(found, facts)
    for key in keys[:8]:
        title = found[key].title
        print(f"title of {facts[key].product.title!r}: {title.text if title else None!r}")


def _suggested(
    generation: Generation, catalogue: Catalogue, facts: Mapping[int, ProductFacts], key: int, *, known: bool
) -> Suggestions:
    """Returns what is suggested for a product's first photo in a catalogue without the product."""
    view, rows = LiveView.of(generation), generation.rows.rows_of_any(np.array([key]))
    view = dataclasses.replace(view, dead=rows)
    point = generation.index.vectors(rows[:1])[0]
    category = facts[key].product.category if known else ""
    kin = np.zeros(max(facts) + 1, np.bool_)
    kin[[one for one, each in facts.items() if each.product.category == category]] = True
    near = nearest(view, catalogue, point, category, kin if known else None)
    return suggestions_of(_NOTHING, near, facts[key].colours[:1], {})  # the main colour of its first photo


def _print_fact(name: str, found: Mapping[int, Suggestions], facts: Mapping[int, ProductFacts]) -> None:
    rows: Floats = np.array([
        (guess.probability, guess.value == fact_of(facts[key], name), not guess.abstained)
        for key, each in found.items() for guess in each.attributes
        if guess.name == name and fact_of(facts[key], name) is not None
    ])  # fmt: skip
    if not len(rows):
        return
    promised, right, answered = rows[:, 0], rows[:, 1], rows[:, 2] == 1
    bins = np.minimum((promised * _BINS).astype(int), _BINS - 1)
    gaps = [abs(promised[bins == one].sum() - right[bins == one].sum()) for one in range(_BINS)]
    then = f"{right[answered].mean():.3f}" if answered.any() else "-"
    print(
        f"{name:16}{len(rows):4}{right.mean():7.3f}{promised.mean():10.3f}{sum(gaps) / len(rows):7.3f}"
        f"{answered.mean():10.3f}{then:>12}"
    )


def _print_prices(found: Mapping[int, Suggestions], facts: Mapping[int, ProductFacts]) -> None:
    inside = [
        each.price.low <= price <= each.price.high
        for key, each in found.items()
        if each.price and (price := facts[key].product.price) is not None
    ]
    if inside:
        print(f"price in the suggested range: {np.mean(inside):.3f} of {len(inside)} products")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--category", action="store_true", help="the seller has chosen the right category")
    parser.add_argument("--most", type=int, default=500, help="products asked for")
    parser.add_argument("--backbone", default="efficientnet_lite2")
    return parser.parse_args()


if __name__ == "__main__":
    main()
