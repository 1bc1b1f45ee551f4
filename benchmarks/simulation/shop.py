"""What a simulated shop sells and is asked for: products with arrival times, and queries made from their facts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.catalogue import ProductFacts
from engine.protocols import Floats
from training.errors import NotEnoughData
from training.texts import words_of

PARTIAL_MATCH = 0.3  # match of a product of the right category that lacks the wanted colour, brand or attribute
# How often people ask in each way, before Zipf's law sets the frequencies of single queries.
_ASKED = {"category": 1.0, "colour": 0.5, "attribute": 0.5, "brand": 0.2}
_SPREAD = 1.0  # standard deviation of the logarithm of a query's popularity


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The products of a simulated shop.

    Attributes:
        product_ids: (n,).
        queries: for each way to ask, query text -> numbers of the products that match it fully.
        category: text of each product's category; a query's other candidates are of this category too.
        created: float64 (n,), seconds since 1970, when each is first offered.
        vectors: float32 (n, d), the look of each product; None: looks play no part.
    """

    product_ids: tuple[str, ...]
    queries: Mapping[str, Mapping[str, list[int]]]
    category: tuple[str, ...]
    created: NDArray[np.float64]
    vectors: Floats | None = None


@dataclass(frozen=True)
class Demand:
    """The queries and their candidates, query after query.

    Attributes:
        queries: (q,) texts.
        kinds: (q,), how each asks: category, colour, attribute, brand.
        frequency: float64 (q,), share of searches, sums to 1.
        starts: int64 (q + 1,); candidates starts[i]:starts[i + 1] are those of query i.
        products: int32 (c,), numbers of products.
        match: float32 (c,), 1 or PARTIAL_MATCH.
    """

    queries: tuple[str, ...]
    kinds: tuple[str, ...]
    frequency: NDArray[np.float64]
    starts: NDArray[np.int64]
    products: NDArray[np.int32]
    match: NDArray[np.float32]


def shop_of(
    facts: Iterable[ProductFacts],
    *,
    start: float,
    end: float,
    seed: int = 0,
    vectors: Mapping[int, Floats] | None = None,
) -> Shop:
    """Returns the shop that sells a catalogue's products.

    Args:
        start, end: seconds since 1970. A product without `created_at`, or created after `end`, arrives at a random time
            in between; an older one is there from the start.
        vectors: product key -> float32 (d,); products that have none are left out.
    """
    generator = np.random.default_rng([seed, 1])
    ids: list[str] = []
    categories: list[str] = []
    created: list[float] = []
    points: list[Floats] = []
    queries: dict[str, dict[str, list[int]]] = {kind: {} for kind in _ASKED}
    for fact in facts:
        category = " ".join(words_of(fact.product.category or fact.product.title).split())
        if not category or (vectors is not None and fact.product_key not in vectors):
            continue
        number = len(ids)
        for kind, text in _asked(fact, category.lower()):
            queries[kind].setdefault(text, []).append(number)
        ids.append(fact.product.product_id)
        categories.append(category.lower())
        moment = fact.product.created_at.timestamp() if fact.product.created_at else np.inf
        drawn = generator.uniform(start, end)
        created.append(drawn if moment > end else moment)
        if vectors is not None:
            points.append(vectors[fact.product_key])
    return Shop(
        product_ids=tuple(ids),
        queries=queries,
        category=tuple(categories),
        created=np.array(created, np.float64),
        vectors=np.stack(points) if points else None,
    )


def demand_of(shop: Shop, queries: int, zipf: float, generator: np.random.Generator) -> Demand:
    """Returns the most popular queries, drawn at random, with their frequencies and candidates.

    Raises:
        NotEnoughData: no product has a category or title.
    """
    known = {text: (kind, found) for kind in _ASKED for text, found in shop.queries.get(kind, {}).items()}
    if not known:
        raise NotEnoughData("a simulated shop needs products with a category or title; got none.")
    texts = list(known)
    sizes = np.array([len(known[text][1]) for text in texts])
    asked = np.array([_ASKED[known[text][0]] for text in texts])
    popularity = asked * np.sqrt(sizes) * np.exp(_SPREAD * generator.standard_normal(len(texts)))
    chosen = np.argsort(-popularity, kind="stable")[:queries]
    frequency = np.arange(1, len(chosen) + 1) ** -zipf
    of_category: dict[str, list[int]] = {}
    for number, category in enumerate(shop.category):
        of_category.setdefault(category, []).append(number)
    parts = [_candidates(known[texts[at]][1], shop, of_category) for at in chosen]
    return Demand(
        queries=tuple(texts[at] for at in chosen),
        kinds=tuple(known[texts[at]][0] for at in chosen),
        frequency=frequency / frequency.sum(),
        starts=np.concatenate([[0], np.cumsum([len(part) for part, _ in parts])]).astype(np.int64),
        products=np.concatenate([part for part, _ in parts]),
        match=np.concatenate([match for _, match in parts]),
    )


def _candidates(
    full: list[int], shop: Shop, of_category: Mapping[str, list[int]]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    products = np.array(of_category[shop.category[full[0]]], np.int32)
    return products, np.where(np.isin(products, full), 1.0, PARTIAL_MATCH).astype(np.float32)


def _asked(facts: ProductFacts, category: str) -> Iterable[tuple[str, str]]:
    """Yields the ways in which people may ask for a product, as pairs of kind and query text."""
    product = facts.product
    yield "category", category
    if colour := product.colour or (facts.colours[0] if facts.colours else ""):
        yield "colour", f"{colour.lower()} {category}"
    if product.brand:
        yield "brand", f"{product.brand.lower()} {category}"
    for name, value in product.attributes.items():
        if value is True:
            yield "attribute", f"{name.lower()} {category}"
        elif isinstance(value, str) and value and not value.isdigit():
            yield "attribute", f"{value.lower()} {category}"
