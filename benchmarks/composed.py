"""How well a product and words for what should differ ("this, in blue") find the products that are meant.

    python benchmarks/composed.py HOME

The questions are made from the catalogue's facts: a product, and another value of one of its facts in words; right are
the products of the same category that have this value. Prints how often the first hit is right, recall@10 (of at most
ten right products) and nDCG@10 by the fact that changes: for the photo alone, for photo and words by their meaning
alone with several weights, for what the server answers, and for the same where words may become filters. A combiner
that has learned from the same facts flatters itself here: its figures on products that it had not seen come next. Then
"mug, not red": the share of unwanted products among the first ten, by meaning alone and as the server answers.
"""

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.catalogue import Catalogue, ProductFacts
from data.generations import GenerationStore
from data.settings import load_settings
from engine.search import SearchEngine, SearchRequest

MOST = 400  # questions
WAYS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("photo alone", {"text_weight": 0.0, "legs": "dense"}),
    *((f"meaning, {weight}", {"text_weight": weight, "legs": "dense"}) for weight in (0.3, 0.4, 0.5, 0.6)),
    ("answer", {}),
    ("words understood", {"understand": True}),
)


@dataclass(frozen=True)
class Change:
    """A product, the fact that should differ, its wanted value, and the ids of the products that are right."""

    product_id: str
    fact: str
    value: str
    right: frozenset[str]


def main(home: Path) -> None:
    """Prints the tables."""
    settings = load_settings(home=home)
    facts = list(Catalogue(settings.home).iter_facts())
    engine = SearchEngine(settings)
    engine.warm()
    asked = changes(facts)
    print(f"{len(asked)} questions, {np.mean([len(each.right) for each in asked]):.1f} right products each")
    for name, options in WAYS:
        figures = defaultdict[str, list[tuple[float, float, float]]](list)
        for each in asked:
            plainly = {"understand": False, "freshness": 0.0, **options}
            request = SearchRequest(product_id=each.product_id, text=each.value, **plainly)
            found = [hit.product_id for hit in engine.search(request).hits]
            for group in (each.fact, "all"):
                figures[group].append(measured(found, each.right))
        print(f"{name:18}" + "".join(f"  {group}: {_shown(rows)}" for group, rows in sorted(figures.items())))
    print(f"combiner, out of fold: {GenerationStore(settings.home).open().measured('combiner')}")
    print_unwanted(engine, facts)


def changes(facts: Sequence[ProductFacts]) -> list[Change]:
    """Returns questions about every product that has another of its category with another value of some fact."""
    by_category = defaultdict[str, list[ProductFacts]](list)
    for each in facts:
        by_category[each.product.category].append(each)
    found = []
    for each in facts:
        others = by_category[each.product.category]
        for fact, own in values_of(each).items():
            for value in sorted({values_of(other).get(fact, "") for other in others} - {own, ""}):
                right = frozenset(o.product.product_id for o in others if values_of(o).get(fact) == value)
                found.append(Change(each.product.product_id, fact, value, right))
    order = np.random.default_rng(0).permutation(len(found))[:MOST]
    return [found[at] for at in sorted(order)]


def values_of(facts: ProductFacts) -> dict[str, str]:
    """Returns the facts that a shopper may want to be different."""
    product = facts.product
    texts = {name: value for name, value in product.attributes.items() if isinstance(value, str)}
    colour = product.colour or (facts.colours or ("",))[0]
    named = {name: texts.get(name, "") for name in ("material", "pattern")}
    return {"colour": colour, "brand": product.brand} | named


def measured(found: Sequence[str], right: frozenset[str]) -> tuple[float, float, float]:
    """Returns whether the first of ten hits is right, recall@10 (of at most ten right ones) and nDCG@10."""
    hits = np.array([product_id in right for product_id in found])
    most, discount = min(len(right), 10), 1 / np.log2(np.arange(2, 12))
    return float(hits[0]), hits.sum() / most, hits @ discount[: len(hits)] / discount[:most].sum()


def print_unwanted(engine: SearchEngine, facts: Sequence[ProductFacts]) -> None:
    """Prints how many of the first ten hits of a category's name have what `not_text` names."""
    kept: dict[str, ProductFacts] = {each.product.product_id: each for each in facts}
    asked = {
        (each.product.category, fact, value)
        for each in facts
        for fact, value in values_of(each).items()
        if value and fact != "brand"
    }
    for legs in ("dense", "fused"):
        unwanted, of_kind = [], []
        for category, fact, value in sorted(asked):
            words = category.replace("-", " ")
            request = SearchRequest(text=words, not_text=value, freshness=0.0, understand=False, legs=legs)
            hits = [kept[hit.product_id] for hit in engine.search(request).hits]
            unwanted.append(np.mean([values_of(hit).get(fact) == value for hit in hits]))
            of_kind.append(np.mean([hit.product.category == category for hit in hits]))
        print(
            f"not_text, {legs}: unwanted among the first ten {np.mean(unwanted):.3f}, kind kept {np.mean(of_kind):.3f}"
        )


def _shown(rows: list[tuple[float, float, float]]) -> str:
    return " ".join(f"{figure:.3f}" for figure in np.mean(rows, axis=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
