"""By which words an answer is judged: not by conditions that every hit fulfils, and by descriptions beside a name."""

import numpy as np
import pytest
from made_up_models import logistic, plain_space
from tiny_shop import AxisTower, TinyShop, axis, ids

from data.settings import Settings
from engine.answers import ANSWER_SIGNS, HIT_SIGNS
from engine.generation import Generation
from engine.match import KindModel, MatchModel, WordMap
from engine.search import SearchEngine, SearchRequest
from engine.understanding import Constraint


@pytest.fixture
def engine(settings: Settings, tower: AxisTower) -> SearchEngine:
    """Returns a shop that says yes where hits hold all words that count, and to words too many that are no thing."""
    weights = {"whole": 18.0, "more": 18.0, "no_thing": 18.0, "no_thing_strangers": -18.0}
    signs = logistic(ANSWER_SIGNS["text"], bias=-9.0, **weights)
    none = np.zeros((0, 3), np.float32)
    kinds = {"text": KindModel(signs, logistic(HIT_SIGNS["text"], bias=9.0))}
    match = MatchModel(kinds=kinds, words=WordMap(none, none), space=plain_space())
    return engine_of(TinyShop(settings), match)


def engine_of(shop: TinyShop, match: MatchModel) -> SearchEngine:
    for name, colour in (("a", "red"), ("b", "red"), ("c", "blue")):
        text = f"A mug for coffee number {name}."
        shop.put(name, [axis(1)], title=f"mug {name} axis1", description=text, price=9, currency="EUR", colour=colour)
    shop.put("d", [axis(2)], title="red axis2 lamp", price=30, currency="EUR", colour="red")
    shop.put("e", [axis(3)], title="Quilt", price=30, currency="EUR", colour="red")
    shop.publish(match=match)
    return SearchEngine(shop.settings, backbone=shop.backbone)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Returns the words whose nearness is asked for; "laptop" alone is a thing that is not sold."""
    asked: list[str] = []

    def nearness(_: Generation, text: str) -> tuple[float, float]:
        asked.append(text)
        return 0.0, float(text == "laptop")

    monkeypatch.setattr(Generation, "nearness", nearness)
    return asked


def test_a_condition_that_every_hit_fulfils_says_nothing_of_what_is_asked_for(
    engine: SearchEngine, asked: list[str]
) -> None:
    answer = engine.search(SearchRequest(text="red mug"))
    assert (answer.no_match, set(ids(answer)[:2])) == (False, {"a", "b"})
    assert engine.search(SearchRequest(text="red laptop")).no_match


def test_a_colour_that_no_such_thing_has_is_dropped_and_not_judged(engine: SearchEngine, asked: list[str]) -> None:
    answer = engine.search(SearchRequest(text="blue lamp"))
    assert (answer.no_match, ids(answer)[0]) == (False, "d")
    assert answer.understood == (Constraint("blue", 'colour = "blue"', relaxed=True),)


def test_a_colour_is_dropped_that_shuts_out_the_only_thing_that_fits(settings: Settings, tower: AxisTower) -> None:
    none = np.zeros((0, 3), np.float32)
    alike = logistic(ANSWER_SIGNS["text"], bias=-9.0, best=18.0)
    kinds = {"text": KindModel(alike, logistic(HIT_SIGNS["text"], bias=9.0))}
    engine = engine_of(TinyShop(settings), MatchModel(kinds=kinds, words=WordMap(none, none), space=plain_space()))
    answer = engine.search(SearchRequest(text="blue 이불3"))  # words of another language: no product has them
    assert (answer.no_match, ids(answer)[0], tower.asked[-1]) == (False, "e", "이불3")
    assert answer.understood == (Constraint("blue", 'colour = "blue"', relaxed=True),)
    kept = engine.search(SearchRequest(text="blue 텐트7"))  # nothing fits in another colour either
    assert (kept.no_match, set(ids(kept))) == (True, {"c"})
    assert kept.understood == (Constraint("blue", 'colour = "blue"'),)


def test_where_conditions_are_all_that_is_asked_for_every_hit_is_right(engine: SearchEngine, asked: list[str]) -> None:
    for text, found in (("under 20 euro", {"a", "b", "c"}), ("blue", {"c"}), ("blue under 20 euro", {"c"})):
        answer = engine.search(SearchRequest(text=text))
        assert (answer.no_match, set(ids(answer))) == (False, found)
        assert {hit.match_probability for hit in answer.hits} == {1.0}


def test_a_word_that_only_the_hit_is_described_with_counts_beside_its_name(
    engine: SearchEngine, asked: list[str]
) -> None:
    assert not engine.search(SearchRequest(text="coffee mug")).no_match
    assert engine.search(SearchRequest(text="coffee")).no_match  # what is only described is not what the product is


def test_a_thing_that_is_not_sold_is_looked_for_without_the_words_beside_it(
    engine: SearchEngine, asked: list[str]
) -> None:
    assert engine.search(SearchRequest(text="mug laptop")).no_match
    assert not engine.search(SearchRequest(text="mug family")).no_match
    assert {"laptop", "family"} <= set(asked)


@pytest.mark.parametrize("text", ["laptop mug", "mug for laptop", "mug with a laptop"])
def test_what_is_said_of_a_thing_that_is_sold_may_be_one_that_is_not(
    engine: SearchEngine, asked: list[str], text: str
) -> None:
    assert not engine.search(SearchRequest(text=text)).no_match
