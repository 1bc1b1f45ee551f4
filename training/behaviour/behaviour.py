"""Sums up what shoppers chose for each query, corrected for position bias, with one row per query and product."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from data.events import Event, search_event_id
from engine.known_queries import query_key
from training.behaviour.position_bias import UNKNOWN, assumed_propensity, estimate_propensity, slots_of

WORTH = {"click": 1.0, "add_to_cart": 3.0, "purchase": 5.0}
_COLUMNS = ("search", *WORTH)  # the first counts how often a search showed the product
_FOLD_ROWS = 500_000
_SLOT_BITS, _PRODUCT_BITS = 5, 32
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class QueryProduct:
    """A product that was chosen for a query; `weight` is the corrected worth of its clicks, carts and purchases."""

    query: str
    product_id: str
    weight: float


@dataclass(frozen=True)
class ShopBehaviour:
    """What shoppers did in a span of time, apart for searches by words, by photo, and by both.

    Attributes:
        words: searches by words alone; its queries are texts in the form of `query_key`.
        photos: searches by photo, with words or without; its queries are the photos' sha256.
        composed: those of them that have words; its queries are the photo's sha256, a space and the words.
    """

    words: "Behaviour"
    photos: "Behaviour"
    composed: "Behaviour"

    @property
    def chosen_products(self) -> list[str]:
        """The ids of the products that were chosen for any query, those chosen most first."""
        worth: Counter[str] = Counter()
        for kind in (self.words, self.photos):
            sums = np.bincount(kind.product, weights=kind.weight, minlength=len(kind.product_ids))
            worth.update({kind.product_ids[at]: float(sums[at]) for at in np.flatnonzero(sums)})
        return [product_id for product_id, _ in worth.most_common()]

    @classmethod
    def from_events(
        cls, events: Iterable[Event], *, since: datetime | None = None, until: datetime | None = None
    ) -> "ShopBehaviour":
        """Returns the sums of events; memory grows with the distinct pairs of query and product, not with the events.

        Args:
            events: in the order of time, as `Events.iterate` yields them.
            since, until: only events from `since` on and before `until`.
        """
        products = _Numbering()
        words, photos, composed = _Kind(products), _Kind(products), _Kind(products)
        for event in events:
            if until is not None and event.at >= until:
                break
            if since is not None and event.at < since:
                continue
            text = query_key(event.query_text)
            if event.photo_sha256:
                photos.add(event.photo_sha256, event)
                if text:
                    composed.add(f"{event.photo_sha256} {text}", event)
            elif text:
                words.add(text, event)
        propensity = propensity_of(words.tally, photos.tally)
        return cls(*(kind.behaviour(propensity) for kind in (words, photos, composed)))


class Behaviour:
    """What shoppers chose for queries of one kind: words or photos.

    Attributes:
        queries: (q,).
        product_ids: (p,), including products that the catalogue does not have.
        frequency: int64 (q,), how often each query was searched; if the log has no search of it, how often it led to a
            click.
        propensity: float64 (SLOTS,), how likely each place is looked at; see `training.behaviour.position_bias`.
        query, product: int64 (m,), the distinct pairs, as places in `queries` and `product_ids`, ascending.
        clicks: int64 (m,).
        looks: float64 (m,), estimated looks at the product: each showing counts as the chance that its place is looked
            at, relative to the first place.
        corrected: float64 (m, 3), clicks, carts and purchases, each divided by the chance of its place.
        weight: float64 (m,), weighted sum of `corrected` by WORTH.
        moved: kind -> how many choices the correction changed: those at a known place below the first.
    """

    def __init__(
        self,
        queries: Sequence[str],
        product_ids: Sequence[str],
        tally: "Tally",
        searched: Numbers,
        propensity: NDArray[np.float64] | None = None,
    ) -> None:
        keys, counts = tally.folded()
        pairs, slots = keys >> _SLOT_BITS, keys & ((1 << _SLOT_BITS) - 1)
        self.queries, self.product_ids = tuple(queries), tuple(product_ids)
        self.has_searches = bool(counts[:, 0].any())
        self.propensity = propensity_of(tally) if propensity is None else propensity
        distinct, row = np.unique(pairs, return_inverse=True)
        self.query, self.product = distinct >> _PRODUCT_BITS, distinct & ((1 << _PRODUCT_BITS) - 1)
        chance = self.propensity[slots]
        self.clicks = np.bincount(row, weights=counts[:, 1], minlength=len(distinct)).astype(np.int64)
        self.looks = np.bincount(row, weights=counts[:, 0] * chance, minlength=len(distinct))
        actions = (counts[:, 1:] / chance[:, None]).T
        self.corrected = np.stack([np.bincount(row, weights=column, minlength=len(distinct)) for column in actions], 1)
        self.weight = self.weight_of(tuple(WORTH))
        self.moved = dict(zip(WORTH, counts[(slots > 0) & (slots < UNKNOWN), 1:].sum(axis=0).tolist(), strict=True))
        clicked = np.bincount(self.query, weights=self.clicks, minlength=len(queries)).astype(np.int64)
        self.frequency = np.where(searched > 0, searched, clicked)
        self._starts = np.searchsorted(self.query, np.arange(len(queries) + 1))
        self._number = {text: number for number, text in enumerate(self.queries)}

    @classmethod
    def from_events(
        cls, events: Iterable[Event], *, since: datetime | None = None, until: datetime | None = None
    ) -> "Behaviour":
        """Returns the behaviour of searches by words alone; see `ShopBehaviour.from_events`."""
        return ShopBehaviour.from_events(events, since=since, until=until).words

    def weight_of(self, kinds: Collection[str]) -> NDArray[np.float64]:
        """Returns the worth of the choices of some kinds, float64 (m,): the weighted sum of `corrected`.

        Args:
            kinds: some keys of WORTH.
        """
        worth = [value if kind in kinds else 0.0 for kind, value in WORTH.items()]
        return np.asarray(self.corrected @ np.array(worth), np.float64)

    def query_frequencies(self, most: int = 100_000) -> list[tuple[str, int]]:
        """Returns the most frequent queries and how often each was searched, the most frequent first."""
        order = np.lexsort((np.arange(len(self.queries)), -self.frequency))[:most]
        return [(self.queries[at], int(self.frequency[at])) for at in order if self.frequency[at] > 0]

    def rows_of(self, query_text: str) -> slice:
        """Returns the rows of one query's products; empty for a query that is not known."""
        number = self._number.get(query_key(query_text))
        return slice(0, 0) if number is None else slice(int(self._starts[number]), int(self._starts[number + 1]))

    def ranking(self, query_text: str) -> list[str]:
        """Returns the products that were chosen for a query, by weight, best first."""
        rows = self.rows_of(query_text)
        weight = self.weight[rows]
        order = np.lexsort((self.product[rows], -weight))
        return [self.product_ids[self.product[rows][at]] for at in order if weight[at] > 0]

    def popularity(self) -> NDArray[np.float64]:
        """Returns each product's weight over all queries, float64 (p,)."""
        return np.asarray(np.bincount(self.product, self.weight, len(self.product_ids)), np.float64)

    def attraction(self, least_looks: float = 0.2) -> NDArray[np.float64]:
        """Returns the chance of a click on each pair's product once it is looked at, float64 (m,), 0 where unknown.

        Clicks divided by looks (clicks over expected clicks: Zhang and Jones, "Comparing click logs and editorial
        labels", 2007), so products that the shop's ranking showed often have no advantage over those it hid. One pair's
        figure is noisy, but a sum over many is unbiased, except that fewer looks than `least_looks` count as that many.
        Looks are unknown if the log has no searches; then the corrected clicks are returned.
        """
        if not self.has_searches:
            return np.asarray(self.corrected[:, 0], np.float64)
        return np.where(self.looks > 0, self.clicks / np.maximum(self.looks, least_looks), 0.0)

    def smooth_attraction(self, prior_looks: float = 5.0) -> NDArray[np.float64]:
        """Returns `attraction` as if each pair had `prior_looks` more looks at its query's mean rate, float64 (m,).

        Less noisy than `attraction` if looks are few, but biased towards the mean.
        """
        if not self.has_searches:
            return np.asarray(self.corrected[:, 0], np.float64)
        clicks = np.bincount(self.query, weights=self.clicks, minlength=len(self.queries))
        looks = np.bincount(self.query, weights=self.looks, minlength=len(self.queries))
        rate = (clicks / np.maximum(looks, 1e-9))[self.query]
        return np.asarray((self.clicks + prior_looks * rate) / (self.looks + prior_looks), np.float64)

    def pairs(self) -> Iterator[QueryProduct]:
        """Yields every product chosen for a query, with its weight."""
        for at in np.flatnonzero(self.weight > 0):
            query, product = self.queries[self.query[at]], self.product_ids[self.product[at]]
            yield QueryProduct(query, product, float(self.weight[at]))


def propensity_of(*tallies: "Tally") -> NDArray[np.float64]:
    """Returns how likely each place is looked at, float64 (SLOTS,), estimated from all showings and clicks.

    Returns `assumed_propensity` if no logged search says what it showed.
    """
    keys, counts = zip(*(tally.folded() for tally in tallies), strict=True)
    if not any(part[:, 0].any() for part in counts):
        return assumed_propensity()
    pairs = [(part >> _SLOT_BITS) * len(keys) + number for number, part in enumerate(keys)]  # distinct across tallies
    slots = np.concatenate(keys) & ((1 << _SLOT_BITS) - 1)
    joined = np.concatenate(counts)
    return estimate_propensity(np.concatenate(pairs), slots, joined[:, 0], joined[:, 1])


class _Numbering:
    """Numbers texts in the order in which they first appear."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        return self.known.setdefault(text, len(self.known))


class _Kind:
    """Collects the events of searches by words, or of those by photo."""

    def __init__(self, products: _Numbering) -> None:
        self.tally = Tally()
        self._queries, self._products, self._searched = _Numbering(), products, _Growing()

    def add(self, query_text: str, event: Event) -> None:
        query = self._queries(query_text)
        if event.kind == "search":
            self._searched.add(query, not _is_later_page(event))
            for item in event.shown:
                self.tally.add(query, self._products(item.product_id), item.position, 0)
        elif event.product_id:
            position = -1 if event.position is None else event.position
            self.tally.add(query, self._products(event.product_id), position, _COLUMNS.index(event.kind))

    def behaviour(self, propensity: NDArray[np.float64]) -> Behaviour:
        queries = list(self._queries.known)
        searched = self._searched.counts(len(queries))
        return Behaviour(queries, list(self._products.known), self.tally, searched, propensity)


def _is_later_page(event: Event) -> bool:
    """Returns whether a search event is a further page of a search that was counted already."""
    first = event.shown[0].position if event.shown else 0
    return first > 0 and event.event_id == search_event_id(event.query_id, first)


class _Growing:
    def __init__(self) -> None:
        self._counts: list[int] = []

    def add(self, number: int, count: int) -> None:
        self._counts += [0] * (number + 1 - len(self._counts))
        self._counts[number] += count

    def counts(self, length: int) -> Numbers:
        return np.array(self._counts + [0] * (length - len(self._counts)), np.int64)


class Tally:
    """Counts showings and choices by query, product and slot; merges new rows in batches, so memory stays small."""

    def __init__(self) -> None:
        self._keys = np.zeros(0, np.int64)
        self._counts = np.zeros((0, len(_COLUMNS)), np.int64)
        self._new: list[tuple[int, int, int, int]] = []

    def add(self, query: int, product: int, position: int, column: int) -> None:
        self._new.append((query, product, position, column))
        if len(self._new) >= _FOLD_ROWS:
            self._flush()

    def add_many(
        self,
        queries: NDArray[np.integer],
        products: NDArray[np.integer],
        positions: NDArray[np.integer],
        columns: NDArray[np.integer],
    ) -> None:
        """Adds one to the count of each row; all arguments are (n,), and position -1 means unknown."""
        for start in range(0, len(queries), _FOLD_ROWS * 4):
            part = slice(start, start + _FOLD_ROWS * 4)
            keys = (queries[part].astype(np.int64) << _PRODUCT_BITS) | products[part].astype(np.int64)
            self._fold((keys << _SLOT_BITS) | slots_of(positions[part]), columns[part])

    def folded(self) -> tuple[Numbers, Numbers]:
        """Returns the keys int64 (k,), query, product and slot in one number, ascending; and counts int64 (k, 4)."""
        self._flush()
        return self._keys, self._counts

    def _flush(self) -> None:
        if self._new:
            queries, products, positions, columns = np.array(self._new, np.int64).T
            self._new = []
            self.add_many(queries, products, positions, columns)

    def _fold(self, keys: Numbers, columns: NDArray[np.integer]) -> None:
        joined, place = np.unique(np.concatenate([self._keys, keys]), return_inverse=True)
        counts = np.zeros((len(joined), len(_COLUMNS)), np.int64)
        counts[place[: len(self._keys)]] = self._counts
        np.add.at(counts, (place[len(self._keys) :], columns), 1)
        self._keys, self._counts = joined, counts
