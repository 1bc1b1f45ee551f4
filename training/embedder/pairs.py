"""Training pairs: a query, by words or by photo, the product that was meant, and a weight."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.catalogue import ProductFacts
from engine.known_queries import query_key
from training.behaviour import WORTH, ShopBehaviour
from training.context import TrainingContext
from training.errors import NotEnoughData
from training.texts import product_texts

EVENT_SOURCES = ("click", "purchase", "photo")
TEXT_SOURCES = ("title", "brand", "category", "attribute", "description")
SOURCES = (*EVENT_SOURCES, *TEXT_SOURCES)
MOST_TEXTS = 100_000
_FOLD_ROWS = 500_000
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Training pairs in columns: n pairs, no two with the same query, product and source.

    Attributes:
        texts: the distinct query texts.
        photos: sha256 of the distinct query photos.
        queries: int64 (n,), place in `texts`; for a photo, len(texts) plus the place in `photos`.
        products: int64 (n,), product keys.
        weights: float32 (n,), above 0.
        sources: int64 (n,), places in SOURCES.
        corrected: how many clicks, carts and purchases the position-bias correction changed.
    """

    texts: tuple[str, ...]
    photos: tuple[str, ...]
    queries: Numbers
    products: Numbers
    weights: NDArray[np.float32]
    sources: Numbers
    corrected: int = 0

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def counts(self) -> dict[str, int]:
        """Number of pairs from each source."""
        return dict(zip(SOURCES, np.bincount(self.sources, minlength=len(SOURCES)).tolist(), strict=True))


def collect_pairs(context: TrainingContext, sources: Collection[str] = SOURCES) -> Pairs:
    """Returns the pairs of the products that have a photo in the snapshot.

    Memory grows with the distinct pairs, not with the events. The worth of a pair's choices is summed up, and its
    weight is the square root of the sum, so a query asked a thousand times does not drown out the rest.

    Args:
        sources: which of SOURCES to use.

    Raises:
        NotEnoughData: a source is unknown.
    """
    if unknown := sorted(set(sources) - set(SOURCES)):
        raise NotEnoughData(f"sources must be among {', '.join(SOURCES)}; got {', '.join(unknown)}.")
    gathering = _Gathering()
    keys: dict[str, int] = {}
    for facts in context.facts():
        keys[facts.product.product_id] = facts.product_key
        _add_texts(gathering, facts, sources)
    if set(sources) & set(EVENT_SOURCES):
        _add_choices(gathering, context.behaviour, keys, sources)
    return gathering.finish()


def _add_texts(gathering: "_Gathering", facts: ProductFacts, sources: Collection[str]) -> None:
    for text in product_texts(facts.product):
        if text.source in sources:
            gathering.add(text.text, facts.product_key, text.weight, text.source)


def _add_choices(
    gathering: "_Gathering", behaviour: ShopBehaviour, keys: Mapping[str, int], sources: Collection[str]
) -> None:
    read = {
        "click": (behaviour.words, ("click",)),
        "purchase": (behaviour.words, ("add_to_cart", "purchase")),
        "photo": (behaviour.photos, tuple(WORTH)),
    }
    for source, (chosen, kinds) in read.items():
        if source not in sources:
            continue
        weight = chosen.weight_of(kinds)
        for at in np.flatnonzero(weight):
            product = keys.get(chosen.product_ids[chosen.product[at]])
            if product is not None:
                gathering.add(chosen.queries[chosen.query[at]], product, float(weight[at]), source)
        gathering.corrected += sum(chosen.moved[kind] for kind in kinds)


_Known = dict[str, tuple[str, int]]  # `query_key` of a query -> the query as first written, its number


class _Gathering:
    """Sums worths by query, product and source; merges new rows in batches, so memory stays small."""

    def __init__(self) -> None:
        self.corrected = 0
        self._numbers: tuple[_Known, _Known] = ({}, {})  # texts, photos
        self._keys = np.zeros((0, 3), np.int64)
        self._sums: NDArray[np.float64] = np.zeros(0)
        self._new: list[tuple[int, int, int]] = []
        self._worths: list[float] = []

    def add(self, query: str, product: int, worth: float, source: str) -> None:
        known = self._numbers[source == "photo"]
        _, number = known.setdefault(query_key(query), (query, len(known)))
        self._new.append((number, product, SOURCES.index(source)))
        self._worths.append(worth)
        if len(self._new) >= _FOLD_ROWS:
            self._fold()

    def _fold(self) -> None:
        if not self._new:
            return
        keys = np.concatenate([self._keys, np.array(self._new, np.int64)])
        self._keys, inverse = np.unique(keys, axis=0, return_inverse=True)
        sums = np.concatenate([self._sums, self._worths])
        self._sums = np.bincount(inverse.reshape(-1), weights=sums, minlength=len(self._keys)).astype(np.float64)
        self._new, self._worths = [], []

    def finish(self) -> Pairs:
        self._fold()
        texts, photos = ([query for query, _ in known.values()] for known in self._numbers)
        queries, products, sources = self._keys.T
        from_events = sources < len(EVENT_SOURCES)
        weights = np.where(from_events, np.sqrt(self._sums), self._sums)
        is_photo = sources == SOURCES.index("photo")
        totals = np.bincount(queries[~is_photo], weights=weights[~is_photo], minlength=len(texts))
        best = np.sort(np.argsort(-totals, kind="stable")[:MOST_TEXTS])
        renumbered = np.full(len(texts), -1, np.int64)
        renumbered[best] = np.arange(len(best))
        numbers = queries + len(best)
        numbers[~is_photo] = renumbered[queries[~is_photo]]
        kept = numbers >= 0
        return Pairs(
            texts=tuple(texts[at] for at in best),
            photos=tuple(photos),
            queries=numbers[kept],
            products=products[kept],
            weights=weights[kept].astype(np.float32),
            sources=sources[kept],
            corrected=self.corrected,
        )
