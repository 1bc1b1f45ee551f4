"""The rebuild's part `combiner`: learned on changes of facts and on what shoppers chose, kept where it wins."""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from engine.protocols import Floats
from engine.space import PROJECTION_FILE, Combiner, Projection, normalise, space_digest
from engine.text import HEAD_FILE, EncoderTextTower, TextHead, encoder_of_head
from training.combiner.changes import find_changes
from training.combiner.chosen import find_chosen
from training.combiner.lesson import NO_FOLD, Lesson
from training.context import TrainingContext

_LEAST_CHANGES = 200
_MOST_PRODUCTS = 20_000
_BLOCK = 4096


def train(context: TrainingContext, folder: Path) -> dict[str, Any]:
    """Learns and measures the combiner in folds of products; writes it if it beats every weighted mean.

    A change is measured with a combiner that has seen its product neither as something shown nor as a target.

    Returns:
        `published`, and the `reason` if not (`skipped`, if nothing could be learned); the number of `changes`; out of
        fold, recall@10 and mean average precision of the best `mean` with its `weight`, and of the combiner (`learned`)
        with the `strength` of its penalty. `clicks`: whether what shoppers chose after `searches` with a photo and
        words teaches too; `chosen` has the figures on these searches, of combiners that learn `without` and `with`
        them.
    """
    if not (folder / HEAD_FILE).is_file():
        return {"published": False, "skipped": "products need texts; got none"}
    space = Projection.load(folder / PROJECTION_FILE)
    products = list(islice(context.facts(), _MOST_PRODUCTS))
    changes = find_changes(products)
    if len(changes) < _LEAST_CHANGES:
        reason = f"at least {_LEAST_CHANGES} changes of one fact are needed; the products show {len(changes)}"
        return {"published": False, "skipped": reason}
    head = TextHead.load(folder / HEAD_FILE)
    encoder = encoder_of_head(head, context.settings.home, context.settings.cores)
    places = product_points(context, space, [each.product_key for each in products])
    tower = EncoderTextTower(encoder, head)
    chosen = find_chosen(context, space, [each.product.product_id for each in products])
    said = tower.embed(chosen.texts) if len(chosen) else None
    lesson = Lesson(changes, places, tower.embed(changes.texts), chosen, said)
    figures = lesson.measure()
    if figures["published"]:
        matrix = lesson.learn(NO_FOLD, figures["strength"], clicks=figures["clicks"])[0]
        Combiner(matrix, space_digest(space)).save(folder)
    return {"changes": len(changes), **figures}


def product_points(context: TrainingContext, space: Projection, product_keys: list[int]) -> Floats:
    """Returns the mean point of each product's photos, float32 (p, d), L2 norm 1; zeros for one without features."""
    sums = np.zeros((len(product_keys), space.space_dim), np.float32)
    at = {key: place for place, key in enumerate(product_keys)}
    rows = np.flatnonzero(np.isin(context.snapshot.product_keys, product_keys))
    for block in (rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)):
        points = space.apply(context.features.read([context.snapshot.image_sha256[row] for row in block]))
        np.add.at(sums, [at[int(context.snapshot.product_keys[row])] for row in block], points)
    return normalise(sums)
