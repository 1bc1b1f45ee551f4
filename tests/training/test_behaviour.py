"""Behaviour summed up: against a plain dictionary, and the position bias against the one that was simulated."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_facts import TIMES, facts
from simulation import SimulatedEvents, SimulatorOptions, shop_of, simulate, simulated_behaviour

from data.events import Event, Events, parse_events
from training.behaviour import Behaviour, ShopBehaviour
from training.behaviour import behaviour as behaviour_module
from training.behaviour.position_bias import SLOTS, UNKNOWN, assumed_propensity, estimate_propensity, slots_of

DAY = datetime(2026, 11, 1, tzinfo=UTC)


def event(kind: str, minute: int = 0, **fields: Any) -> Event:
    return parse_events({"kind": kind, "query_text": "Red  Mug", **fields}, now=DAY + timedelta(minutes=minute))[0]


@pytest.fixture(scope="module")
def played() -> SimulatedEvents:
    return simulate(shop_of(facts(), **TIMES), SimulatorOptions(events=60_000, queries=12, exploration=0.3, **TIMES))


def test_words_are_one_query_whatever_their_case_and_spaces() -> None:
    found = Behaviour.from_events([event("search"), event("search", 1, query_text="red mug"), event("search", 2)])
    assert found.query_frequencies() == [("red mug", 3)]


def test_a_purchase_counts_more_and_a_click_far_down_more() -> None:
    found = Behaviour.from_events([
        event("click", 0, product_id="top", position=0), event("click", 1, product_id="far", position=6),
        event("purchase", 2, product_id="bought", position=0), event("click", 3, product_id="somewhere"),
    ])  # fmt: skip
    assert found.ranking("red mug") == ["bought", "far", "top", "somewhere"]
    weights = {pair.product_id: pair.weight for pair in found.pairs()}
    assert weights == pytest.approx({"top": 1, "far": 3, "bought": 5, "somewhere": 1})
    assert found.query_frequencies() == [("red mug", 3)]
    assert found.ranking("blue mug") == []


def test_only_the_span_of_time_counts() -> None:
    events = [event("click", minute, product_id=f"p{minute}") for minute in range(5)]
    minutes = [DAY + timedelta(minutes=minute) for minute in (1, 3)]
    assert Behaviour.from_events(events, since=minutes[0], until=minutes[1]).ranking("red mug") == ["p1", "p2"]


def test_later_pages_are_no_new_searches_and_photos_no_words() -> None:
    first = event("search", query_id="q", shown=["a"])
    second = event("search", 1, query_id="q", shown=[{"product_id": "b", "position": 1}])
    photo = event("search", 2, photo_sha256="0" * 64)
    assert Behaviour.from_events([first, second, photo]).query_frequencies() == [("red mug", 1)]


def test_searches_with_ids_of_their_own_are_searches_and_give_their_clicks_words(tmp_path: Path) -> None:
    """As other shops' logs have them: `event_id` beside `query_id`, the words in the search's row alone."""
    rows: list[dict[str, Any]] = [
        {"kind": "search", "event_id": "log.1", "query_id": "q", "query_text": "Red mug", "shown": ["a", "b"]},
        {"kind": "click", "event_id": "log.2", "query_id": "q", "product_id": "b"},
    ]
    log = Events(tmp_path)
    log.append([found for row in rows for found in parse_events(row, now=DAY)])
    found = Behaviour.from_events(log.iterate())
    assert found.query_frequencies() == [("red mug", 1)]
    assert found.ranking("red mug") == ["b"]
    assert found.looks.sum() > 1


def test_photos_are_queries_of_their_own_kind() -> None:
    photo: dict[str, Any] = {"query_text": "in blue", "photo_sha256": "0" * 64}
    found = ShopBehaviour.from_events([
        event("search", query_id="p", shown=["a", "b"], **photo),
        event("click", 1, product_id="b", position=1, **photo),
        event("click", 2, product_id="a", position=0),
    ])  # fmt: skip
    assert found.photos.query_frequencies() == [("0" * 64, 1)]
    assert found.photos.ranking("0" * 64) == ["b"]
    assert found.words.ranking("red mug") == ["a"]
    assert found.composed.ranking(f"{'0' * 64} IN blue") == ["b"]
    assert found.composed.propensity is found.photos.propensity is found.words.propensity


steps = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]), st.integers(0, 3), st.one_of(st.none(), st.integers(0, 130)), st.integers(0, 2)
    ),
    max_size=30,
)


@settings(deadline=None, max_examples=60)
@given(steps)
def test_sums_are_those_of_a_dictionary(drawn: list[tuple[str, int, int | None, int]]) -> None:
    kinds = ("click", "add_to_cart", "purchase")
    events: list[Event] = []
    weight: defaultdict[tuple[str, str], float] = defaultdict(float)
    for number, (query, product, position, kind) in enumerate(drawn):
        events.append(event(kinds[kind], number, query_text=query, product_id=f"p{product}", position=position))
        slot = UNKNOWN if position is None else int(slots_of(np.array([position]))[0])
        weight[query, f"p{product}"] += (1.0, 3.0, 5.0)[kind] / assumed_propensity()[slot]
    found = Behaviour.from_events(events)
    assert {(pair.query, pair.product_id): pair.weight for pair in found.pairs()} == pytest.approx(weight)
    for query in "ab":
        mine = {product: value for (text, product), value in weight.items() if text == query}
        assert [mine[product] for product in found.ranking(query)] == pytest.approx(sorted(mine.values(), reverse=True))


def test_rows_and_columns_give_the_same_sums(played: SimulatedEvents, monkeypatch: pytest.MonkeyPatch) -> None:
    early = played.before(TIMES["start"] + 60 * 86_400)
    monkeypatch.setattr(behaviour_module, "_FOLD_ROWS", 700)
    rows = Behaviour.from_events(sorted(early.events(), key=lambda item: item.at))
    columns = simulated_behaviour(early)
    by_rows = {(pair.query, pair.product_id): pair.weight for pair in rows.pairs()}
    assert by_rows == pytest.approx({(pair.query, pair.product_id): pair.weight for pair in columns.pairs()})
    assert rows.query_frequencies()[:5] == columns.query_frequencies()[:5]
    assert rows.propensity == pytest.approx(columns.propensity)


def test_the_position_bias_is_found_again(played: SimulatedEvents) -> None:
    found = simulated_behaviour(played).propensity[:20]
    truth = np.arange(1, 21) ** -0.7
    assert np.abs(np.log(found / truth)).mean() < np.abs(np.log(assumed_propensity()[:20] / truth)).mean() / 2
    assert found[0] == 1


def test_attraction_comes_near_the_true_relevance(played: SimulatedEvents) -> None:
    found = simulated_behaviour(played)
    truth = played.truth
    relevance = {}
    for query in range(len(played.queries)):
        for at in range(truth.starts[query], truth.starts[query + 1]):
            relevance[query, int(truth.products[at])] = float(truth.relevance[at])
    seen = found.looks > 30
    expected = [
        relevance[query, product] for query, product in zip(found.query[seen], found.product[seen], strict=True)
    ]
    assert seen.sum() > 50
    assert np.corrcoef(found.attraction()[seen], expected)[0, 1] > 0.8


def test_slots_and_an_empty_log() -> None:
    assert slots_of(np.array([0, 19, 20, 29, 30, 99, 100, 10**6, -1])).tolist() == [0, 19, 20, 20, 21, 22, 23, 23, 24]
    none = np.zeros(0, np.int64)
    assert estimate_propensity(none, none, none, none)[:UNKNOWN] == pytest.approx(
        np.maximum(assumed_propensity()[:UNKNOWN], 0.05)
    )
    assert SLOTS == UNKNOWN + 1
    assert Behaviour.from_events([]).query_frequencies() == []
