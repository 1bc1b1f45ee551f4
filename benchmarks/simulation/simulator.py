"""A behaviour simulator: SIMULATED searches, clicks, carts and purchases on any catalogue, for tests and benchmarks.

Products arrive over time. Queries are made of the catalogue's own facts and follow Zipf's law. The shop ranks by what
was clicked so far, as shops without a joint embedding do: a product that nobody has seen yet waits for its share of
exploration. Users look at a position with a chance that falls with the position and click what they look at by true
relevance (the position-based model: Craswell et al., "An experimental comparison of click position-bias models", 2008).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from simulation.events import ACTIONS, SimulatedEvents, Truth
from simulation.shop import Demand, Shop, demand_of
from training.errors import NotEnoughData

WEEK_S = 7 * 86_400.0
WORTH = np.array([1.0, 3.0, 5.0])  # of a click, a cart and a purchase, for the shop's ranking
_CLICKED_AT_BEST = 0.6  # chance that a perfect product is clicked once it is looked at
_CARTED, _BOUGHT = 0.25, 0.4  # chance of a cart after a click, and of a purchase after a cart
_AFFINITY, _APPEAL, _BIAS = 1.5, 1.0, -1.0  # weights of the logistic that turns looks and appeal into relevance
_TASTE = 0.5  # how far the ideal of a query lies from the middle of what matches it
_TASTE_PRODUCTS = 8

Counts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class SimulatorOptions:
    """Options of a simulation.

    Attributes:
        queries: largest number of distinct queries.
        events: searches, clicks, carts and purchases together; met to about 1 %.
        start, end: seconds since 1970.
        page: products shown by a search.
        exploration: share of the places that show a random product instead of the ranking's.
        zipf: exponent of the queries' frequencies.
        position_bias: a position from 0 is looked at with chance (position + 1) ** -position_bias.
        busy_from, busy_times: from `busy_from` (seconds since 1970) on, `busy_times` as many events happen, the extra
            ones beyond `events`, since measuring needs more clicks than learning. Earlier events do not depend on them.
    """

    queries: int = 2_000
    events: int = 100_000
    seed: int = 0
    start: float = 0.0
    end: float = 0.0
    page: int = 20
    exploration: float = 0.1
    zipf: float = 1.0
    position_bias: float = 0.7
    busy_from: float = np.inf
    busy_times: float = 1.0


def simulate(shop: Shop, options: SimulatorOptions) -> SimulatedEvents:
    """Returns the events of a shop that is played week by week; the same shop and options give the same events.

    Raises:
        NotEnoughData: no product has a category or title to make queries of, or `end` is not after `start`.
    """
    if not options.end > options.start:
        raise NotEnoughData(f"end must be after start; got {options.start} to {options.end}.")
    generator = np.random.default_rng(options.seed)
    demand = demand_of(shop, options.queries, options.zipf, generator)
    relevance = true_relevance(shop, demand, generator)
    simulation = _Simulation(shop, demand, relevance, options, generator)
    weeks = np.arange(options.start, options.end, WEEK_S)
    for number, begin in enumerate(weeks):
        simulation.play(begin, min(begin + WEEK_S, options.end), len(weeks) - number)
    return simulation.result()


def true_relevance(shop: Shop, demand: Demand, generator: np.random.Generator) -> NDArray[np.float32]:
    """Returns the chance of a click on each candidate that is looked at, float32 (c,).

    The chance is the match of the facts times a logistic of the product's hidden appeal and, if there are vectors, of
    its likeness to the query's hidden ideal, a point near the middle of the products that match.
    """
    appeal = generator.standard_normal(len(shop.product_ids))[demand.products] * _APPEAL
    affinity = np.zeros(len(demand.products))
    if shop.vectors is not None:
        for query in range(len(demand.queries)):
            part = slice(demand.starts[query], demand.starts[query + 1])
            affinity[part] = _affinity(shop.vectors, demand.products[part], demand.match[part], generator)
    chance = _CLICKED_AT_BEST * demand.match / (1 + np.exp(-(_AFFINITY * affinity + appeal + _BIAS)))
    return np.asarray(chance, np.float32)


def _affinity(
    vectors: Floats, products: NDArray[np.int32], match: NDArray[np.float32], generator: np.random.Generator
) -> NDArray[np.float64]:
    full = products[match == 1]
    liked = generator.choice(full, min(_TASTE_PRODUCTS, len(full)), replace=False)
    ideal = (1 - _TASTE) * _unit(vectors[full].mean(axis=0)) + _TASTE * _unit(vectors[liked].mean(axis=0))
    likeness = vectors[products] @ ideal
    return np.asarray((likeness - likeness.mean()) / max(float(likeness.std()), 1e-9), np.float64)


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12))


class _Simulation:
    """The state of a running simulation: clicks so far, and all events."""

    def __init__(
        self,
        shop: Shop,
        demand: Demand,
        relevance: NDArray[np.float32],
        options: SimulatorOptions,
        generator: np.random.Generator,
    ) -> None:
        self._shop, self._demand, self._relevance = shop, demand, relevance
        self._options, self._generator = options, generator
        self._looked_at = np.arange(1, options.page + 1) ** -options.position_bias
        self._clicked = np.zeros(len(relevance))  # corrected worth of all actions so far, by candidate
        self._query_of = np.repeat(np.arange(len(demand.queries)), np.diff(demand.starts))
        self._searches: list[tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int32]]] = []
        self._actions: list[tuple[Counts, NDArray[np.int16], NDArray[np.int8], NDArray[np.float64]]] = []
        self._search_count = self._action_count = 0
        self._done = 0.0

    def play(self, begin: float, end: float, weeks_left: int) -> None:
        """Plays one week: a fixed ranking, its searches, and what they lead to."""
        times = self._options.busy_times if begin >= self._options.busy_from else 1.0
        rate = self._action_count / self._search_count if self._search_count else 1.0
        wanted = max(0.0, (self._options.events - self._done) / weeks_left / (1 + rate)) * times
        before = self._search_count + self._action_count
        ranking, sizes = self._ranked(begin)
        chances = np.where(sizes > 0, self._demand.frequency, 0.0)
        if not chances.any() or wanted < 1:
            return
        queries = self._generator.choice(len(chances), int(wanted), p=chances / chances.sum()).astype(np.int32)
        at = np.sort(self._generator.uniform(begin, end, len(queries)))
        shown = self._shown(queries, ranking, sizes)
        self._react(shown, at, end)
        products = np.where(shown >= 0, self._demand.products[np.maximum(shown, 0)], -1).astype(np.int32)
        self._searches.append((queries, at, products))
        self._search_count += len(queries)
        self._done += (self._search_count + self._action_count - before) / times

    def _ranked(self, now: float) -> tuple[Counts, Counts]:
        """Returns the candidates by query, best first, those not offered yet last; and how many each query has."""
        demand = self._demand
        offered = self._shop.created[demand.products] <= now
        chance = self._generator.random(len(offered))
        order = np.lexsort((chance, -demand.match, -self._clicked, ~offered, self._query_of))
        return order, np.bincount(self._query_of[offered], minlength=len(demand.queries))

    def _shown(self, queries: NDArray[np.int32], ranking: Counts, sizes: Counts) -> Counts:
        """Returns the candidates on each page, int64 (s, page), -1 where there is none."""
        page = self._options.page
        places = np.arange(page)
        left = sizes[queries] - page  # products that the page has no room for
        start = (self._generator.random(len(queries)) * np.maximum(left, 1)).astype(np.int64)
        explored = self._generator.random((len(queries), page)) < self._options.exploration
        explored &= places < left[:, None]
        other = page + (start[:, None] + places) % np.maximum(left, 1)[:, None]
        rank = np.where(explored, other, places)
        found = ranking[np.minimum(self._demand.starts[queries][:, None] + rank, len(ranking) - 1)]
        return np.where(rank < sizes[queries][:, None], found, -1)

    def _react(self, shown: Counts, at: NDArray[np.float64], end: float) -> None:
        chance = self._looked_at * np.where(shown >= 0, self._relevance[np.maximum(shown, 0)], 0)
        searches, positions = np.nonzero(self._generator.random(shown.shape) < chance)
        luck = self._generator.random((2, len(searches)))
        carted = luck[0] < _CARTED
        chosen = (np.ones(len(searches), np.bool_), carted, carted & (luck[1] < _BOUGHT))
        delay = self._generator.exponential(20.0, len(searches))
        for kind in range(len(ACTIONS)):
            which = np.flatnonzero(chosen[kind])
            moments = np.minimum(at[searches[which]] + delay[which] * (kind + 1), end)
            self._actions.append((
                searches[which] + self._search_count, positions[which].astype(np.int16),
                np.full(len(which), kind, np.int8), moments,
            ))  # fmt: skip
            worth = WORTH[kind] / self._looked_at[positions[which]]
            candidates = shown[searches[which], positions[which]]
            self._clicked += np.bincount(candidates, weights=worth, minlength=len(self._clicked))
            self._action_count += len(which)

    def result(self) -> SimulatedEvents:
        queries, at, shown = (np.concatenate(columns) for columns in zip(*self._searches, strict=True))
        search, position, kind, action_at = (np.concatenate(columns) for columns in zip(*self._actions, strict=True))
        order = np.lexsort((kind, search, action_at))
        demand = self._demand
        return SimulatedEvents(
            name=f"simulated-{self._options.seed}",
            queries=demand.queries,
            product_ids=self._shop.product_ids,
            search_query=queries,
            search_at=at,
            shown=shown,
            action_search=search[order],
            action_position=position[order],
            action_kind=kind[order],
            action_at=action_at[order],
            truth=Truth(demand.starts, demand.products, self._relevance, demand.kinds),
        )
