"""How much two rounds of liked and unliked products help, for shoppers who want what two facts of a product say.

    python benchmarks/likes.py HOME

A simulated shopper types one fact's value ("mugs") and wants the products that have another value too (colour: blue).
Of the first ten products it likes two that are right and unlikes two that are wrong, twice. Products of one attribute's
value alone are wanted where no two facts have six products. nDCG@10 before and after is measured on the products that
were never judged (residual collection), for several weights of `engine.answers.feedback`.
"""

import sys
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue, ProductFacts
from data.settings import load_settings
from engine.answers import feedback, rank_products
from engine.live import LiveIndex, LiveView
from engine.protocols import Floats
from training.measures import retrieval_metrics

MOST_TASKS, LEAST_WANTED = 120, 6
ROUNDS, SHOWN, JUDGED = 2, 10, 2
WEIGHTS = ((1.0, 0.0), (1.0, 0.5), (1.0, 1.0), (1.5, 1.0), (2.0, 1.5), (3.0, 2.0))
Keys = NDArray[np.int64]


@dataclass(frozen=True)
class Task:
    """What a shopper types, and the keys of the products that are wanted."""

    point: Floats
    wanted: Keys


def main(home: Path) -> None:
    """Prints a table."""
    settings = load_settings(home=home)
    catalogue = Catalogue(settings.home)
    view = LiveIndex(settings, catalogue).view()
    tower = view.generation.text_tower()
    if tower is None:
        raise SystemExit("HOME must have a live generation that has learned words; this one has none. Rebuild.")
    asked = wishes(list(catalogue.iter_facts()))
    points = tower.embed([words for words, _ in asked])
    tasks = [Task(point, wanted) for point, (_, wanted) in zip(points, asked, strict=True)]
    print(f"{len(tasks)} tasks, {np.mean([len(task.wanted) for task in tasks]):.1f} wanted products each")
    print("liked unliked  before   after  change")
    for feedback._LIKED, feedback._UNLIKED in WEIGHTS:
        found = np.array([shopper for task in tasks if (shopper := simulate(view, task)) is not None])
        before, after = found.mean(axis=0)
        print(f"{feedback._LIKED:5} {feedback._UNLIKED:7} {before:7.4f} {after:7.4f} {after / before - 1:+7.1%}")


def simulate(view: LiveView, task: Task) -> tuple[float, float] | None:
    """Returns nDCG@10 without and with feedback, on what was never judged; None if nothing wanted is left."""
    liked, unliked = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for _ in range(ROUNDS):
        found = ranking(view, task.point, liked, unliked)
        shown = found[~np.isin(found, [*liked, *unliked])][:SHOWN]
        right = np.isin(shown, task.wanted)
        liked, unliked = np.r_[liked, shown[right][:JUDGED]], np.r_[unliked, shown[~right][:JUDGED]]
    left = np.setdiff1d(task.wanted, liked)
    if not len(left):
        return None
    judged, nothing = np.r_[liked, unliked], np.zeros(0, np.int64)
    rankings = [ranking(view, task.point, *given) for given in ((nothing, nothing), (liked, unliked))]
    before, after = (ndcg(found[~np.isin(found, judged)], left) for found in rankings)
    return before, after


def ranking(view: LiveView, point: Floats, liked: Keys, unliked: Keys) -> Keys:
    """Returns all products, best first."""
    asked = feedback.moved(point, view.centroids(liked), view.centroids(unliked))
    return rank_products(view, asked, view.findable_count, view.allowed()).product_keys


def ndcg(found: Keys, wanted: Keys) -> float:
    scores = -np.arange(len(found), dtype=np.float32)[None]
    return float(retrieval_metrics(scores, np.isin(found, wanted)[None].astype(np.float32))["ndcg10"][0])


def wishes(products: list[ProductFacts]) -> list[tuple[str, Keys]]:
    """Returns what shoppers type and the products that they want."""
    keys = np.array([facts.product_key for facts in products])
    values = _values(products)
    found: list[tuple[str, Keys]] = []
    for first, second in permutations(sorted(values), 2):
        for one in sorted(set(values[first]) - {""}):
            for other in sorted(set(values[second]) - {""}):
                wanted = (values[first] == one) & (values[second] == other)
                found.append((one.replace("-", " "), keys[wanted]))
    found = [wish for wish in found if len(wish[1]) >= LEAST_WANTED]
    if not found:  # every product is a category of its own: one is typed, and all of its attribute's value are wanted
        for name in sorted(set(values) - {"category"}):
            groups = [
                (facts.product.title, keys[values[name] == each])
                for facts, each in zip(products, values[name], strict=True)
            ]
            found += [wish for wish in groups if LEAST_WANTED <= len(wish[1]) < len(keys) / 2]
    order = np.random.default_rng(0).permutation(len(found))[:MOST_TASKS]
    return [found[at] for at in sorted(order)]


def _values(products: list[ProductFacts]) -> dict[str, NDArray[np.str_]]:
    """Returns category, colour and those attributes that several products share, one value a product."""
    found = {
        "category": [facts.product.category for facts in products],
        "colour": [facts.product.colour or (facts.colours or ("",))[0] for facts in products],
    }
    for name in sorted({name for facts in products for name in facts.product.attributes}):
        values = [facts.product.attributes.get(name, "") for facts in products]
        texts = [value if isinstance(value, str) and not value.isdigit() else "" for value in values]
        if 2 <= len(set(texts) - {""}) <= len(products) / 4:
            found[name] = texts
    return {name: np.array(texts) for name, texts in found.items()}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
