"""The rebuild's part `learned_queries`: moves the points of frequent queries towards what shoppers chose.

The products' points stay where their photos put them. If clicks moved them too, new products that nobody has clicked
yet would be pushed away from every query. Only the query's point moves, towards the looks that shoppers choose, so a
new product with these looks is found on its first day.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.known_queries import LearnedQueries
from engine.protocols import Floats, TextTower
from engine.space import PROJECTION_FILE, Projection, normalise, space_digest
from engine.text import HEAD_FILE, EncoderTextTower, TextHead, encoder_of_head
from training.behaviour import Behaviour
from training.context import TrainingContext

MOST_QUERIES = 20_000
_LEAST_CLICKS = 20
_MOST_LOOKS = 20.0  # more looks at a product tell no more, because looks are only estimated
_UNSEEN_LOOKS = 0.3  # products that were never shown count as if looked at this often without a click
_RIDGE = 30.0
_LEAST_TEXT = 0.5  # least weight of the text tower's direction, in mean success per unit of cosine


def train(context: TrainingContext, folder: Path) -> dict[str, Any]:
    """Writes `learned_queries.safetensors` if shoppers have clicked; runs after the parts that write the text head.

    Returns:
        `queries`, how many were learned; `skipped`, the reason if none could be.
    """
    if not (folder / HEAD_FILE).exists():
        return {"queries": 0, "skipped": "no product has words to learn from; nothing can be searched by words"}
    behaviour = context.behaviour.words
    if not behaviour.has_searches or not behaviour.clicks.sum() >= _LEAST_CLICKS:
        needed = f"searches with the products they showed, and at least {_LEAST_CLICKS} clicks, are needed"
        return {"queries": 0, "skipped": f"{needed}; got {int(behaviour.clicks.sum())} clicks"}
    head = TextHead.load(folder / HEAD_FILE)
    tower = EncoderTextTower(encoder_of_head(head, context.settings.home, context.settings.cores), head)
    space = Projection.load(folder / PROJECTION_FILE)
    product_ids, vectors = _products(context, space)
    learned = learn_queries(behaviour, tower, product_ids, vectors)
    if learned.texts:
        LearnedQueries(learned.texts, learned.points, space_digest(space)).save(folder)
    return {"queries": len(learned.texts)}


def learn_queries(
    behaviour: Behaviour, tower: TextTower, product_ids: list[str], vectors: Floats
) -> LearnedQueries:  # fmt: skip
    """Returns the learned points of those of the 20,000 most frequent queries that have at least 20 clicks.

    Each is a ridge regression of the products' success (clicks over looks, relative to the query's mean) on their
    points, weighted by looks, that starts from the text tower's direction.

    Args:
        product_ids: (n,), the products that `vectors` belong to.
        vectors: float32 (n, d), L2 norm 1.
    """
    numbers = {product_id: number for number, product_id in enumerate(product_ids)}
    place = np.array([numbers.get(name, -1) for name in behaviour.product_ids], np.int64)
    exact = vectors.astype(np.float64)
    gram = _UNSEEN_LOOKS * exact.T @ exact
    texts: list[str] = []
    points: list[Floats] = []
    for text, _ in behaviour.query_frequencies(MOST_QUERIES):
        rows = behaviour.rows_of(text)
        looks, clicks = np.zeros(len(vectors)), np.zeros(len(vectors))
        known = place[behaviour.product[rows]]
        looks[known[known >= 0]] = behaviour.looks[rows][known >= 0]
        clicks[known[known >= 0]] = behaviour.clicks[rows][known >= 0]
        clicks[looks == 0] = 0
        if clicks.sum() >= _LEAST_CLICKS:
            texts.append(text)
            points.append(_learn(tower.embed([text])[0], looks, clicks, exact, gram))
    dim = vectors.shape[1]
    return LearnedQueries(texts, np.stack(points) if points else np.zeros((0, dim), np.float32))


def _learn(
    start: Floats,
    looks: NDArray[np.float64],
    clicks: NDArray[np.float64],
    vectors: NDArray[np.float64],
    gram: NDArray[np.float64],
) -> Floats:
    """Returns the learned point float32 (d,), L2 norm 1."""
    seen = looks > 0
    success = np.zeros(len(looks))
    success[seen] = clicks[seen] / np.maximum(looks[seen], 1e-9) / (clicks.sum() / looks.sum())
    weight = np.where(seen, np.minimum(looks, _MOST_LOOKS), _UNSEEN_LOOKS)
    total = weight.sum()
    mean = weight @ vectors / total
    score = vectors @ start - mean @ start
    above = success - weight @ success / total
    text_share = max(float((weight * score * above).sum() / max((weight * score**2).sum(), 1e-9)), _LEAST_TEXT)
    left = above - text_share * score
    extra = weight[seen] - _UNSEEN_LOOKS
    spread = gram + (vectors[seen] * extra[:, None]).T @ vectors[seen] - total * np.outer(mean, mean)
    move = np.linalg.solve(spread + _RIDGE * np.eye(len(mean)), (vectors - mean).T @ (weight * left))
    return normalise((text_share * start + move).astype(np.float32))


def _products(context: TrainingContext, space: Projection) -> tuple[list[str], Floats]:
    """Returns the ids of products with photos, and the mean point of each, float32 (n, d), L2 norm 1."""
    snapshot = context.snapshot
    points = context.points(space, snapshot.image_sha256)
    keys, firsts = np.unique(snapshot.product_keys, return_index=True)
    names = {facts.product_key: facts.product.product_id for facts in context.facts()}
    middles = normalise(np.add.reduceat(points, firsts, axis=0))
    return [names.get(int(key), "") for key in keys], middles
