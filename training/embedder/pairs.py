"""Training pairs: what was asked, by words or by photo, and the product that was meant, with a weight."""

from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.catalogue import ProductFacts
from data.events import Event, Events
from training.context import TrainingContext
from training.errors import NotEnoughData
from training.texts import product_texts, tidy

EVENT_SOURCES = ("click", "purchase", "photo")
TEXT_SOURCES = ("title", "brand", "category", "attribute", "description")
SOURCES = (*EVENT_SOURCES, *TEXT_SOURCES)
MOST_TEXTS = 100_000
_EVENT_WORTH = {"click": 1.0, "add_to_cart": 2.0, "purchase": 4.0}
_MOST_CORRECTION = 8.0  # a click far down counts for at most so many at the top: beyond, it adds more noise than truth
_REMEMBERED_SEARCHES = 200_000
_FOLD_ROWS = 500_000
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pairs in columns; n of them, each distinct by query, product and source.

    Attributes:
        texts: the distinct query texts.
        photos: sha256 of the distinct query photos.
        queries: int64 (n,), number of the text; or, from len(texts) on, of the photo.
        products: int64 (n,), product keys.
        weights: float32 (n,), above 0.
        sources: int64 (n,), places in SOURCES.
        corrected: how many clicks and purchases the position-bias correction weighed.
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
        """Pairs of each source."""
        return dict(zip(SOURCES, np.bincount(self.sources, minlength=len(SOURCES)).tolist(), strict=True))


def propensity(position: int | None) -> float:
    """Returns how likely a product at a position, from 0, is looked at, relative to the first: 1 / log2(position + 2).

    The examination curve of discounted cumulative gain (Jarvelin and Kekalainen, 2002). A click where nobody looks says
    more than one at the top, so a click is divided by it (Joachims et al., "Unbiased Learning-to-Rank", 2017).
    """
    return 1.0 if position is None else float(1.0 / np.log2(position + 2))


def collect_pairs(context: TrainingContext, sources: Collection[str] = SOURCES) -> Pairs:
    """Gathers the pairs of the products that have a photo in the snapshot.

    Memory grows with the distinct pairs, not with the events: a pair's clicks are summed, its weight is the square root
    of the sum, so that a query asked a thousand times does not drown the rest.

    Args:
        sources: which of SOURCES to use.

    Raises:
        NotEnoughData: a source is unknown.
    """
    if unknown := sorted(set(sources) - set(SOURCES)):
        raise NotEnoughData(f"sources must be among {', '.join(SOURCES)}; got {', '.join(unknown)}.")
    gathering = _Gathering()
    keys: dict[str, int] = {}
    present = set(np.unique(context.snapshot.product_keys).tolist())
    for facts in context.catalogue.iter_facts():
        if facts.product_key in present:
            keys[facts.product.product_id] = facts.product_key
            _add_texts(gathering, facts, sources)
    if set(sources) & set(EVENT_SOURCES):
        _add_events(gathering, Events(context.settings.home).iterate(), keys, sources)
    return gathering.finish()


def _add_texts(gathering: "_Gathering", facts: ProductFacts, sources: Collection[str]) -> None:
    for text in product_texts(facts.product):
        if text.source in sources:
            gathering.add(text.text, facts.product_key, text.weight, text.source)


def _add_events(
    gathering: "_Gathering", events: Iterable[Event], keys: dict[str, int], sources: Collection[str]
) -> None:
    searches: OrderedDict[str, tuple[str, str]] = OrderedDict()
    for event in events:
        if event.kind == "search":
            searches[event.query_id] = (event.query_text, event.photo_sha256)
            if len(searches) > _REMEMBERED_SEARCHES:
                searches.popitem(last=False)
            continue
        text, photo = event.query_text, event.photo_sha256
        if not text and not photo:
            text, photo = searches.get(event.query_id, ("", ""))
        product = keys.get(event.product_id)
        if product is None:
            continue
        worth = _EVENT_WORTH[event.kind] * min(1 / propensity(event.position), _MOST_CORRECTION)
        gathering.corrected += bool(event.position)
        behaviour = "click" if event.kind == "click" else "purchase"
        if photo and "photo" in sources:
            gathering.add(photo, product, worth, "photo")
        if tidy(text) and behaviour in sources:
            gathering.add(tidy(text), product, worth, behaviour)


class _Gathering:
    """Sums what is added by query, product and source, folding it together whenever much has come."""

    def __init__(self) -> None:
        self.corrected = 0
        self._numbers: tuple[dict[str, int], dict[str, int]] = ({}, {})
        self._keys = np.zeros((0, 3), np.int64)
        self._sums: NDArray[np.float64] = np.zeros(0)
        self._new: list[tuple[int, int, int]] = []
        self._worths: list[float] = []

    def add(self, query: str, product: int, worth: float, source: str) -> None:
        known = self._numbers[source == "photo"]
        self._new.append((known.setdefault(query, len(known)), product, SOURCES.index(source)))
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
        texts, photos = (list(known) for known in self._numbers)
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
