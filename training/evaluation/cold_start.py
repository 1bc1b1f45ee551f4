"""`lookalike evaluate cold-start`: measures how many new products each ranking shows, and what that costs in clicks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue, ProductFacts
from data.events import Events
from data.settings import Settings
from engine.known_queries import query_key
from engine.live import LiveIndex, LiveView
from engine.protocols import Floats, TextTower
from training.behaviour import Behaviour
from training.errors import NotEnoughData
from training.evaluation.queries import built_at
from training.evaluation.rankings import Blend, Known, Numbers, Products, by_behaviour, by_joint

MOST_QUERIES = 100_000
MONTH_DAYS, QUARTER_DAYS = 30.0, 90.0
TOPS = (100, 20)
FRESHNESS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
MOST_LOSS = 0.02  # largest share of click nDCG@20 that the suggested freshness may cost
_NDCG_DEPTH = 20
_LEAST_CLICKS = 100  # on each side of the split
_LATER_SHARE = 0.2
_BLOCK_QUERIES, _BLEND_QUERIES = 64, 256
_LEARNED = ("behaviour", "joint", "blended")
Scores = Callable[[Sequence[str]], Floats]
Judgements = Callable[[str], NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The figures of one ranking, as means over queries. Shares are of the first 100 or 20 products. Names that end in
    `_weighted` count each query as often as it was searched, the others count each query once.

    Attributes:
        ranking: behaviour, joint or blended.
        freshness: 0..1, used by the joint ranking; 0 for the others.
        ndcg20: click nDCG@20 on the held-out later events, over the queries that were clicked there.
        ndcg20_seen: the same over products that those events show at all, since nothing is known about the others.
        ndcg20_true: nDCG@20 against the true relevance; None unless the shop is simulated.
        shown20: share of the first 20 that the later events show at all; `ndcg20` counts the rest as never clicked.
        top100_month, ...: mean share of products at most 30 or 90 days old.
    """

    ranking: str
    freshness: float
    ndcg20: float
    ndcg20_weighted: float
    ndcg20_seen: float
    ndcg20_true: float | None
    shown20: float
    top100_month: float
    top100_month_weighted: float
    top100_quarter: float
    top100_quarter_weighted: float
    top20_month: float
    top20_month_weighted: float
    top20_quarter: float
    top20_quarter_weighted: float


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """The cold-start evaluation of one generation.

    Attributes:
        split: the time, ISO 8601, that separates known from later events, and at which ages are counted.
        queries: how many were ranked; `clicked_queries` of them were clicked later.
        products: how many existed at the split; `month_share` and `quarter_share` are at most 30 or 90 days old.
        rankings: behaviour, joint, blended.
        sweep: the joint ranking at each freshness.
        suggested_freshness: the highest that costs at most 2 % of the joint ranking's click nDCG@20.
        warnings: reasons to trust the figures less.
    """

    split: str
    queries: int
    clicked_queries: int
    products: int
    month_share: float
    quarter_share: float
    rankings: tuple[Figures, ...]
    sweep: tuple[Figures, ...]
    suggested_freshness: float
    warnings: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Returns the evaluation as plain JSON values."""
        return asdict(self)


def evaluate(settings: Settings, *, queries: int = 1_000, split: datetime | None = None) -> ColdStart:
    """Evaluates the live generation on the shop's own events.

    Args:
        queries: how many of the most frequent queries to rank, at most 100,000.
        split: events before it are known, those after it are held out. None: when the live generation was built, so it
            has not learned from the later ones; if they hold under 100 clicks, the last fifth of all events.

    Raises:
        NotEnoughData: under 100 clicks on a side of the split, or no words can be searched by.
        NoGeneration: nothing has been published.
    """
    catalogue, events = Catalogue(settings.home), Events(settings.home)
    view = LiveIndex(settings, catalogue).view()
    moment, warnings = _split(events, view, split)
    products, keys = products_of(catalogue.iter_facts(), view, moment)
    past = Behaviour.from_events(events.iterate(), until=moment)
    future = Behaviour.from_events(events.iterate(since=moment))
    found = compare(products, joint_scores(view, keys), past, future, moment, queries)
    return replace(found, warnings=warnings)


def compare(
    products: Products,
    scores: Scores,
    past: Behaviour,
    future: Behaviour,
    split: datetime,
    queries: int,
    judgements: Judgements | None = None,
) -> ColdStart:
    """Returns the figures of all rankings for the most frequent queries.

    Args:
        scores: texts (b,) -> similarity of every product, float32 (b, n).
        past: behaviour before the split, which the rankings may use.
        future: behaviour after it, which they are measured on.
        judgements: query -> true relevance float64 (n,), where it is known.
    """
    chosen = past.query_frequencies(min(queries, MOST_QUERIES))
    if not chosen:
        raise NotEnoughData("cold start needs searches by words before the split; got none. Import events.")
    texts = [text for text, _ in chosen]
    before, after = Known(past, products), Known(future, products)
    blend = Blend(texts[:_BLEND_QUERIES], scores(texts[:_BLEND_QUERIES]), before)
    sums: dict[tuple[str, float], list[_OfQuery]] = {}
    for start in range(0, len(texts), _BLOCK_QUERIES):
        block = texts[start : start + _BLOCK_QUERIES]
        for text, row in zip(block, scores(block), strict=True):
            measure = _Measure(text, products, after, judgements)
            sums.setdefault(("behaviour", 0.0), []).append(measure(by_behaviour(text, products, before)))
            sums.setdefault(("blended", 0.0), []).append(measure(blend.ranking(text, row, before)))
            for freshness in FRESHNESS:
                order = by_joint(row, products.ages_days, freshness)
                sums.setdefault(("joint", freshness), []).append(measure(order))
    times = np.array([count for _, count in chosen], np.float64)
    figures = {name: _mean(*name, rows, times) for name, rows in sums.items()}
    sweep = tuple(figures["joint", freshness] for freshness in FRESHNESS)
    young = products.ages_days
    return ColdStart(
        split=split.isoformat(timespec="seconds"),
        queries=len(texts),
        clicked_queries=sum(row.ndcg20 is not None for row in sums["joint", 0.0]),
        products=len(young),
        month_share=float((young <= MONTH_DAYS).mean()),
        quarter_share=float((young <= QUARTER_DAYS).mean()),
        rankings=tuple(figures[name, 0.0] for name in _LEARNED),
        sweep=sweep,
        suggested_freshness=_suggested(sweep),
    )


def products_of(
    facts: Iterable[ProductFacts], view: LiveView, split: datetime
) -> tuple[Products, Numbers]:  # fmt: skip
    """Returns the products that existed at the split and can be found, and their product keys int64 (n,)."""
    findable = set(view.products_of(view.allowed().rows).tolist())
    ids: list[str] = []
    ages: list[float] = []
    keys: list[int] = []
    words: dict[str, list[int]] = {}
    for fact in facts:
        created = fact.product.created_at
        age = (split - created).total_seconds() / 86_400 if created else np.inf
        if age < 0 or fact.product_key not in findable:
            continue
        for word in _fact_words(fact):
            words.setdefault(word, []).append(len(ids))
        ids.append(fact.product.product_id)
        ages.append(age)
        keys.append(fact.product_key)
    if not ids:
        raise NotEnoughData("cold start needs products that existed before the split; got none. Check created_at.")
    index = {word: np.array(numbers, np.int64) for word, numbers in words.items()}
    return Products(product_ids=tuple(ids), ages_days=np.array(ages), words=index), np.array(keys, np.int64)


def joint_scores(view: LiveView, keys: Numbers, tower: TextTower | None = None) -> Scores:
    """Returns a function that scores texts against products, each by its best photo.

    Args:
        keys: int64 (n,), product keys, ascending.
        tower: embeds the texts; None: the live generation's text tower.

    Raises:
        NotEnoughData: the generation has no text tower.
    """
    tower = tower or view.generation.text_tower()
    if tower is None:
        raise NotEnoughData(
            "cold start needs a text tower; the live generation has none. Rebuild with products' texts."
        )
    rows = view.rows_by_product
    rows = rows[np.isin(view.products_of(rows), keys)]
    vectors = view.vectors(rows)
    firsts = np.searchsorted(view.products_of(rows), keys)

    def scores(texts: Sequence[str]) -> Floats:
        return np.maximum.reduceat(tower.embed(texts) @ vectors.T, firsts, axis=1)

    return scores


def _split(events: Events, view: LiveView, given: datetime | None) -> tuple[datetime, tuple[str, ...]]:
    built = built_at(view.generation.id)
    moment = given or built
    if given is None and events.count_between(built, kinds=["click"]) < _LEAST_CLICKS:
        moment = events.time_at(1 - _LATER_SHARE) or built
    before = events.count_between(datetime(1970, 1, 2, tzinfo=UTC), moment, ["click"])
    after = events.count_between(moment, kinds=["click"])
    if min(before, after) < _LEAST_CLICKS:
        raise NotEnoughData(
            f"cold start needs at least {_LEAST_CLICKS} clicks before and after {moment:%Y-%m-%d}; got {before} and "
            f"{after}. Import events, or name another --split."
        )
    if moment < built:
        return moment, (
            "The live generation was built after the split, so it may have learned from the events that it is measured "
            "on. Rebuild and measure again when newer events are there.",
        )
    return moment, ()


def _fact_words(facts: ProductFacts) -> set[str]:
    product = facts.product
    texts = [product.title, product.brand, product.category.replace("-", " "), product.category, product.colour]
    texts += facts.colours[:1]
    texts += [name for name, value in product.attributes.items() if value is True]
    texts += [value for value in product.attributes.values() if isinstance(value, str)]
    return {word for text in texts for word in query_key(text.replace("_", " ")).split()}


@dataclass(frozen=True)
class _OfQuery:
    ndcg20: float | None
    ndcg20_seen: float | None
    ndcg20_true: float | None
    shown20: float
    shares: Mapping[str, float]


class _Measure:
    """Measures rankings of one query."""

    def __init__(self, text: str, products: Products, after: Known, judgements: Judgements | None) -> None:
        self._ages = products.ages_days
        self._gain = after.of(text, "attraction")
        self._seen = (after.of(text, "looks") > 0) | (self._gain > 0)
        self._ideal = after.of(text, "smooth") if self._gain.any() else self._gain
        self._truth = judgements(text) if judgements else None

    def __call__(self, order: Numbers) -> _OfQuery:
        shares = {}
        for top in TOPS:
            ages = self._ages[order[:top]]
            shares[f"top{top}_month"] = float((ages <= MONTH_DAYS).mean())
            shares[f"top{top}_quarter"] = float((ages <= QUARTER_DAYS).mean())
        seen = order[self._seen[order]]
        truth = None if self._truth is None else ndcg(self._truth, order, self._truth)
        return _OfQuery(
            ndcg(self._gain, order, self._ideal), ndcg(self._gain, seen, self._ideal), truth,
            float(self._seen[order[:_NDCG_DEPTH]].mean()), shares,
        )  # fmt: skip


def ndcg(
    gains: NDArray[np.float64], order: Numbers, ideal_gains: NDArray[np.float64], depth: int = _NDCG_DEPTH
) -> float | None:
    """Returns nDCG of the first `depth` (Jarvelin and Kekalainen, 2002) by linear gains; None if no ideal gain is > 0.

    Args:
        gains: float64 (n,); they may be noisy but must be unbiased.
        order: products, best first.
        ideal_gains: float64 (n,), the gains that define the best order: smoothed ones, since the best of noisy gains is
            noise. They are the same for every ranking of a query.
    """
    ideal = -np.sort(-ideal_gains)[:depth]
    if not ideal.any():
        return None
    discount = 1 / np.log2(np.arange(depth) + 2)
    found = gains[order[:depth]]
    return float((found * discount[: len(found)]).sum() / (ideal * discount[: len(ideal)]).sum())


def _mean(ranking: str, freshness: float, rows: list[_OfQuery], times: NDArray[np.float64]) -> Figures:
    shares: dict[str, float] = {}
    for name in rows[0].shares:
        column = np.array([row.shares[name] for row in rows])
        shares[name] = float(column.mean())
        shares[f"{name}_weighted"] = float(np.average(column, weights=times))
    judged = [row.ndcg20_true for row in rows if row.ndcg20_true is not None]
    clicked = np.array([row.ndcg20 is not None for row in rows])
    found = np.array([row.ndcg20 for row in rows if row.ndcg20 is not None])
    seen = [row.ndcg20_seen for row in rows if row.ndcg20_seen is not None]
    return Figures(
        ranking=ranking,
        freshness=freshness,
        ndcg20=float(found.mean()) if len(found) else 0.0,
        ndcg20_weighted=float(np.average(found, weights=times[clicked])) if len(found) else 0.0,
        ndcg20_seen=float(np.mean(seen)) if seen else 0.0,
        ndcg20_true=float(np.mean(judged)) if judged else None,
        shown20=float(np.mean([row.shown20 for row in rows])),
        **shares,
    )


def _suggested(sweep: Sequence[Figures]) -> float:
    bound = (1 - MOST_LOSS) * sweep[0].ndcg20
    allowed = [figures.freshness for figures in sweep if figures.ndcg20 >= bound]
    return max(allowed)
