"""Cold start: the measures against plain arithmetic, and the whole way from events to the report."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from simulated_facts import START, TIMES, facts
from simulation import SimulatorOptions, shop_of, simulate, simulated_behaviour
from tiny_shop import TinyShop, axis

import lookalike
from data.events import Event, Events, Shown
from data.settings import Settings
from engine.generation import Generation
from engine.protocols import Floats
from training.behaviour import Behaviour
from training.errors import NotEnoughData
from training.evaluation import cold_start, compare
from training.evaluation.cold_start import evaluate, ndcg
from training.evaluation.rankings import Blend, Known, Products, best, by_behaviour, by_joint

DAY = datetime(2026, 9, 1, tzinfo=UTC)


def products(*ages: float) -> Products:
    names = tuple(f"p{number}" for number in range(len(ages)))
    words = {"red": np.array([0, 1]), "mug": np.array([0, 2])}
    return Products(product_ids=names, ages_days=np.array(ages), words=words)


def click(product_id: str, day: int = 0, query: str = "red mug", kind: str = "click") -> Event:
    name = f"{product_id}-{day}-{query}-{kind}"
    return Event(event_id=name, kind=kind, at=DAY + timedelta(days=day), query_text=query, product_id=product_id,
                 position=0)  # fmt: skip


def test_ndcg_is_the_formula() -> None:
    gains = np.array([0.0, 1.0, 0.5])
    found = (0.5 / 1 + 1.0 / np.log2(3)) / (1.0 / 1 + 0.5 / np.log2(3))
    assert ndcg(gains, np.array([2, 1, 0]), gains) == pytest.approx(found)
    assert ndcg(gains, np.array([1, 2, 0]), gains) == pytest.approx(1)
    assert ndcg(gains, np.array([2, 1, 0]), gains, depth=1) == pytest.approx(0.5)
    assert ndcg(gains * 0, np.array([0, 1, 2]), gains * 0) is None


def test_the_best_are_those_of_a_full_sort() -> None:
    scores = np.random.default_rng(1).integers(0, 40, 500).astype(float)
    for depth in (1, 7, 200, 500, 900):
        expected = sorted(range(500), key=lambda at: (-scores[at], at))[:depth]
        assert best(scores, depth).tolist() == expected


def test_behaviour_first_then_words_then_what_sells() -> None:
    shop = products(1, 1, 1, 1, 1)
    past = Known(Behaviour.from_events([click("p3"), click("p1", 1, "x"), click("gone", 2)]), shop)
    assert by_behaviour("Red mug", shop, past).tolist() == [3, 0, 1, 2, 4]


def test_freshness_lifts_what_is_new() -> None:
    scores = np.array([0.5, 0.4, 0.3], np.float32)
    ages = np.array([400.0, np.inf, 0.0])
    assert by_joint(scores, ages).tolist() == [0, 1, 2]
    assert by_joint(scores, ages, 0.6).tolist() == [0, 2, 1]
    assert by_joint(scores, ages, 1.0).tolist()[0] in (0, 2)


def search(day: int, *shown: str) -> Event:
    return Event(event_id=f"s{day}", kind="search", at=DAY + timedelta(days=day), query_id=f"s{day}",
                 query_text="red mug", shown=tuple(Shown(name, place) for place, name in enumerate(shown)))  # fmt: skip


def test_blending_lets_a_new_product_pass_one_that_was_seen_and_left() -> None:
    shop = products(400, 400, 5, 400)
    events = [search(day, "p0", "p1") for day in range(60)] + [click("p0", day) for day in range(50)]
    past = Known(Behaviour.from_events(sorted(events, key=lambda event: event.at)), shop)
    scores = np.array([0.9, 0.8, 0.7, 0.1], np.float32)
    order = Blend(["red mug"], scores[None], past).ranking("red mug", scores, past).tolist()
    assert order[0] == 0
    assert order.index(2) < order.index(1)


def test_shares_and_costs_on_a_simulated_shop() -> None:
    shop = shop_of(facts(), **TIMES)
    events = simulate(shop, SimulatorOptions(events=40_000, **TIMES))
    split = START + timedelta(days=650)
    there = np.flatnonzero(shop.created <= split.timestamp())
    ages = (split.timestamp() - shop.created[there]) / 86_400
    known = Products(product_ids=tuple(shop.product_ids[at] for at in there), ages_days=ages, words={})

    looks = np.random.default_rng(5).uniform(0, 0.3, len(there))

    def scores(texts: Sequence[str]) -> Floats:
        kind = np.array([shop.category[at] for at in there])
        return np.array([looks + [text.endswith(name) for name in kind] for text in texts], np.float32)

    past = simulated_behaviour(events, until=split.timestamp())
    future = simulated_behaviour(events, since=split.timestamp())
    found = compare(known, scores, past, future, split, 10)
    behaviour, joint, blended = found.rankings
    assert (found.queries, found.products) == (10, len(there))
    assert found.month_share == pytest.approx(np.mean(ages <= 30))
    assert joint.top20_quarter > behaviour.top20_quarter
    assert behaviour.ndcg20 > joint.ndcg20
    assert blended.ndcg20 > joint.ndcg20
    months = [row.top20_month for row in found.sweep]
    assert months == sorted(months)
    assert months[-1] > months[0]
    assert found.suggested_freshness in [row.freshness for row in found.sweep]
    json.dumps(found.to_json(), allow_nan=False)


class _Words:
    """A text tower: `axis 3` is the unit vector of axis 3."""

    def embed(self, texts: list[str]) -> Floats:
        return np.array([axis(int(text[-1])) for text in texts], np.float32)


@pytest.fixture
def shop(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> TinyShop:
    """Eight products that look like their axis, and shoppers who search an axis and click its product."""
    tiny = TinyShop(settings)
    for number in range(8):
        created = DAY - timedelta(days=100 - 12 * number)
        tiny.put(f"p{number}", [axis(number)], created_at=created.isoformat())
    tiny.publish()
    monkeypatch.setattr(Generation, "text_tower", lambda self: _Words())
    events = Events(settings.home)
    events.append([
        click(f"p{number % 3}", day, f"axis {number % 3}") for day in range(30) for number in range(3)
    ])  # fmt: skip
    return tiny


@pytest.fixture(autouse=True)
def few_clicks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cold_start, "_LEAST_CLICKS", 10)


def test_from_stored_events_with_the_live_generation(shop: TinyShop) -> None:
    found = evaluate(shop.settings, split=DAY + timedelta(days=20))
    assert (found.queries, found.products, found.clicked_queries) == (3, 8, 3)
    assert {row.ranking: row.ndcg20 for row in found.rankings}["joint"] == pytest.approx(1)
    assert len(found.warnings) == 1
    assert evaluate(shop.settings, split=None, queries=2).split.startswith("2026-09-24")


def test_products_that_came_after_the_split_are_left_out(shop: TinyShop) -> None:
    shop.put("later", [[0.6, 0.8, *[0.0] * 6]], created_at=(DAY + timedelta(days=25)).isoformat())
    assert evaluate(shop.settings, split=DAY + timedelta(days=20)).products == 8
    assert evaluate(shop.settings, split=DAY + timedelta(days=26)).products == 9


def test_too_few_clicks_are_an_error(shop: TinyShop) -> None:
    with pytest.raises(NotEnoughData, match="at least 10 clicks"):
        evaluate(shop.settings, split=DAY)


def test_the_command_and_its_report(shop: TinyShop, tmp_path: Path) -> None:
    report = tmp_path / "out" / "cold.html"
    arguments = ["--home", str(shop.settings.home), "evaluate", "cold-start", "--split", "2026-09-20"]
    done = CliRunner().invoke(lookalike.cli, [*arguments, "--json", "--report", str(report)])
    assert done.exit_code == 0, done.output
    figures = json.loads(done.output)
    assert [row["ranking"] for row in figures["rankings"]] == ["behaviour", "joint", "blended"]
    page = report.read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert "http" not in page.replace("http-equiv", "")
    assert "top 100" in CliRunner().invoke(lookalike.cli, arguments).output
