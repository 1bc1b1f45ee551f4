"""Finds the queries that mean several things: those whose chosen products lie in clearly separated clusters."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from engine.known_queries import MOST_SENSES
from engine.protocols import Floats
from engine.space import Projection, normalise
from training.behaviour import Behaviour
from training.context import TrainingContext

_MOST_QUERIES = 5_000  # the most frequent
_LEAST_PRODUCTS = 4  # a query with fewer chosen products has one sense
_LEAST_SHARE = 0.15  # share of the query's choices that each sense must have
_SEPARATED = 0.4  # mean silhouette from which clusters are clearly apart
_CLUSTERED = 100  # largest number of products per query, those chosen most
_BLOCK = 4096


def find_senses(context: TrainingContext, behaviour: Behaviour, space: Projection) -> dict[str, Floats]:
    """Returns the queries with several senses, each with a point for every sense, float32 (2 or 3, d).

    Args:
        space: maps photos into the product space.
    """
    asked = {text: _chosen(behaviour, text) for text, _ in behaviour.query_frequencies(_MOST_QUERIES)}
    wanted = {product for chosen in asked.values() if len(chosen) >= _LEAST_PRODUCTS for product in chosen}
    places = _places(context, space, wanted)
    found: dict[str, Floats] = {}
    for text, chosen in asked.items():
        known = [product for product in chosen if product in places]
        if len(known) >= _LEAST_PRODUCTS:
            weights = np.array([chosen[product] for product in known])
            points = split_senses(np.stack([places[product] for product in known]), weights)
            if points is not None:
                found[text] = points
    return found


def split_senses(places: Floats, weights: NDArray[np.float64]) -> Floats | None:
    """Returns the senses of one query, found among the products chosen for it.

    The senses are 2 or 3 average-linkage clusters of the products, whichever has the larger mean silhouette
    (Rousseeuw, "Silhouettes", 1987). They count if the mean silhouette is at least 0.4, and each has at least 2
    products and 15 % of the choices.

    Args:
        places: float32 (m, d), L2 norm 1.
        weights: float64 (m,), weight of the choices of each product, above 0.

    Returns:
        float32 (2 or 3, d), L2 norm 1, the most chosen sense first; None: there is only one sense.
    """
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.metrics import silhouette_score

    distances = np.clip(1 - places @ places.T, 0, 2).astype(np.float64)
    np.fill_diagonal(distances, 0)
    best: tuple[float, NDArray[np.int64]] | None = None
    for count in range(2, min(MOST_SENSES, len(places) - 1) + 1):
        clusters = AgglomerativeClustering(count, metric="precomputed", linkage="average").fit_predict(distances)
        shares = np.bincount(clusters, weights=weights) / weights.sum()
        if shares.min() >= _LEAST_SHARE and np.bincount(clusters).min() > 1:
            apart = float(silhouette_score(distances, clusters, metric="precomputed"))
            if apart >= _SEPARATED and (best is None or apart > best[0]):
                best = apart, np.argsort(-shares, kind="stable")[:, None] == clusters
    if best is None:
        return None
    return normalise((best[1] * weights).astype(np.float32) @ places)


def _chosen(behaviour: Behaviour, text: str) -> Mapping[str, float]:
    """Returns the products chosen most for a query, most first, with the weight of the choices."""
    rows = behaviour.rows_of(text)
    weights, products = behaviour.weight[rows], behaviour.product[rows]
    order = np.argsort(-weights, kind="stable")[:_CLUSTERED]
    return {behaviour.product_ids[products[at]]: float(weights[at]) for at in order if weights[at] > 0}


def _places(context: TrainingContext, space: Projection, wanted: set[str]) -> dict[str, Floats]:
    """Returns each wanted product's point by product id: the mean of its photos, float32 (d,), L2 norm 1."""
    names = {}
    if wanted:
        for facts in context.catalogue.iter_facts():
            if facts.product.product_id in wanted:
                names[facts.product_key] = facts.product.product_id
    rows = np.flatnonzero(np.isin(context.snapshot.product_keys, list(names)))
    sums = {name: np.zeros(space.space_dim, np.float32) for name in names.values()}
    for block in (rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)):
        points = space.apply(context.features.read([context.snapshot.image_sha256[row] for row in block]))
        for row, point in zip(block, points, strict=True):
            sums[names[int(context.snapshot.product_keys[row])]] += point
    return {name: normalise(total) for name, total in sums.items() if total.any()}
