"""The behaviour simulator: what it claims to simulate is what comes out."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from simulated_facts import END, START, TIMES, facts
from simulation import PARTIAL_MATCH, Shop, SimulatedEvents, SimulatorOptions, demand_of, shop_of, simulate, write_jsonl

from data.events import EventRow, parse_events, read_event_feed
from training.errors import NotEnoughData


@pytest.fixture(scope="module")
def shop() -> Shop:
    generator = np.random.default_rng(3)
    vectors = generator.standard_normal((301, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return shop_of(facts(), **TIMES, vectors={number: vectors[number] for number in range(1, 301)})


@pytest.fixture(scope="module")
def played(shop: Shop) -> SimulatedEvents:
    return simulate(shop, SimulatorOptions(events=60_000, **TIMES))


def test_queries_are_made_of_the_facts(shop: Shop) -> None:
    demand = demand_of(shop, 100, 1.0, np.random.default_rng(0))
    assert {"t shirt", "red shoes", "birch t shirt", "kids shoes", "slim shoes"} <= set(demand.queries)
    assert not any("42" in text for text in demand.queries)
    place = demand.queries.index("red shoes")
    part = slice(demand.starts[place], demand.starts[place + 1])
    for product, match in zip(demand.products[part], demand.match[part], strict=True):
        assert product % 2 == 1
        assert match == pytest.approx(1.0 if product % 3 == 0 else PARTIAL_MATCH)
    assert demand.frequency.sum() == pytest.approx(1)
    assert demand.frequency[0] == pytest.approx(2 * demand.frequency[1])


def test_the_seed_decides(shop: Shop, played: SimulatedEvents) -> None:
    again = simulate(shop, SimulatorOptions(events=60_000, **TIMES))
    other = simulate(shop, SimulatorOptions(events=60_000, seed=1, **TIMES))
    assert (again.shown == played.shown).all()
    assert (again.action_at == played.action_at).all()
    assert len(other.shown) != len(played.shown) or (other.shown != played.shown).any()


def test_busier_times_change_nothing_before_them(shop: Shop, played: SimulatedEvents) -> None:
    middle = (TIMES["start"] + TIMES["end"]) / 2
    busier = simulate(shop, SimulatorOptions(events=60_000, **TIMES, busy_from=middle, busy_times=3.0))
    before = played.before(middle)
    assert (busier.before(middle).shown == before.shown).all()
    assert len(busier) - len(before) == pytest.approx(3 * (len(played) - len(before)), rel=0.1)


def test_as_many_events_as_wanted_in_the_order_of_time(played: SimulatedEvents) -> None:
    assert len(played) == pytest.approx(60_000, rel=0.02)
    for moments in (played.search_at, played.action_at):
        assert (np.diff(moments) >= 0).all()
        assert START.timestamp() <= moments[0] <= moments[-1] <= END.timestamp()
    assert (played.action_at >= played.search_at[played.action_search]).all()


def test_nothing_is_shown_before_it_is_offered_and_nothing_twice_on_a_page(shop: Shop, played: SimulatedEvents) -> None:
    created = np.where(played.shown >= 0, shop.created[played.shown], -np.inf)
    assert (created <= played.search_at[:, None]).all()
    rows = np.sort(np.where(played.shown >= 0, played.shown, -1 - np.arange(played.shown.shape[1])), axis=1)
    assert (np.diff(rows, axis=1) != 0).all()


def test_clicks_follow_position_and_relevance(played: SimulatedEvents) -> None:
    truth = played.truth
    chance = {}
    for query in range(len(played.queries)):
        part = slice(truth.starts[query], truth.starts[query + 1])
        chance[query] = dict(zip(truth.products[part].tolist(), truth.relevance[part].tolist(), strict=True))
    looked_at = np.arange(1, 21) ** -0.7
    expected = np.zeros(20)
    for query, page in zip(played.search_query.tolist(), played.shown.tolist(), strict=True):
        expected += [chance[query].get(product, 0.0) for product in page]
    expected *= looked_at
    clicks = np.bincount(played.action_position[played.action_kind == 0], minlength=20)
    assert (np.abs(clicks - expected) < 5 * np.sqrt(expected) + 1).all()


def test_old_products_take_the_places(shop: Shop, played: SimulatedEvents) -> None:
    late = played.search_at > (END - timedelta(days=60)).timestamp()
    ages = (played.search_at[late][:, None] - shop.created[played.shown[late]]) / 86_400
    assert (ages[played.shown[late] >= 0] <= 90).mean() < 90 / 700


def test_rows_go_through_the_same_door_as_any_log(played: SimulatedEvents, tmp_path: Path) -> None:
    early = played.before(START.timestamp() + 40 * 86_400)
    write_jsonl(early, tmp_path / "log.jsonl")
    rows = list(read_event_feed(tmp_path / "log.jsonl"))
    assert len(rows) == len(early)
    events = [parse_events(row.fields)[0] for row in rows if isinstance(row, EventRow)]
    assert len({event.event_id for event in events}) == len(early)
    assert all(event.query_id.startswith("simulated-") for event in events)
    click = next(event for event in events if event.kind == "click")
    search = next(event for event in events if event.event_id == click.query_id)
    assert search.shown[click.position or 0].product_id == click.product_id
    assert events == list(early.events())


def test_products_without_a_date_arrive_over_the_time() -> None:
    undated = [replace(fact, product=replace(fact.product, created_at=None)) for fact in facts(50)]
    created = shop_of(undated, **TIMES, seed=4).created
    assert (START.timestamp() <= created).all()
    assert created.std() > 100 * 86_400
    assert (created == shop_of(undated, **TIMES, seed=4).created).all()


def test_nothing_to_simulate() -> None:
    with pytest.raises(NotEnoughData):
        simulate(shop_of([], **TIMES), SimulatorOptions(**TIMES))
    with pytest.raises(NotEnoughData):
        simulate(shop_of(facts(5), **TIMES), SimulatorOptions(start=5, end=5))
