"""Searches with measures, praise and purpose: what is searched for, what is told, and what is refused."""

import numpy as np
import pytest
from made_up_models import logistic, plain_space
from tiny_shop import AxisTower, TinyShop, axis, ids

from data.settings import Settings
from engine.answers import ANSWER_SIGNS, HIT_SIGNS
from engine.match import KindModel, MatchModel, WordMap
from engine.search import SearchEngine, SearchRequest
from engine.understanding import Constraint


def model() -> MatchModel:
    """Returns a model that refuses words of which no product has one, beside others that hits hold."""
    kind = KindModel(
        logistic(ANSWER_SIGNS["text"], bias=9.0, more=-18.0, no_thing=-18.0), logistic(HIT_SIGNS["text"], bias=9.0)
    )
    none = np.zeros((0, 3), np.float32)
    return MatchModel(kinds={"text": kind}, words=WordMap(none, none), space=plain_space())


@pytest.fixture
def engine(settings: Settings, tower: AxisTower) -> SearchEngine:
    shop = TinyShop(settings)
    for name, colour in (("a", "green"), ("b", "green"), ("c", "green"), ("d", "red")):
        shop.put(name, [axis(1)], title=f"{colour} mug {name} axis1", price=20, currency="EUR", colour=colour)
    shop.put("gift", [axis(2)], title="Teapot axis2", description="A good gift.", price=30, currency="EUR")
    shop.put("box", [axis(3)], title="선물용 box 6 pcs axis3", price=30, currency="EUR")
    shop.publish(match=model())
    return SearchEngine(shop.settings, backbone=shop.backbone)


@pytest.mark.parametrize("words", ["1l", "6-pack", "cute", "예쁜", "as a present"])
def test_words_that_no_product_has_are_neither_searched_for_nor_refused(
    engine: SearchEngine, tower: AxisTower, words: str
) -> None:
    answer = engine.search(SearchRequest(text=f"{words} mug axis1"))
    assert (answer.no_match, answer.understood) == (False, (Constraint(words, relaxed=True),))
    assert (set(ids(answer)[:4]), tower.asked) == (set("abcd"), ["mug axis1"])
    assert engine.search(SearchRequest(text=f"{words} mug axis1", understand=False)).no_match


@pytest.mark.parametrize("words", ["laptop", "laptop 1l", "예쁜 laptop", "cute laptop for a present"])
def test_things_that_are_not_sold_are_refused_all_the_same(engine: SearchEngine, words: str) -> None:
    assert engine.search(SearchRequest(text=f"{words} mug axis1")).no_match


def test_words_that_only_a_description_holds_are_searched_for_and_refuse_nothing(
    engine: SearchEngine, tower: AxisTower
) -> None:
    answer = engine.search(SearchRequest(text="good mug axis1"))
    assert (answer.no_match, answer.understood, tower.asked) == (False, (), ["good mug axis1"])
    assert engine.search(SearchRequest(text="good mug axis1", understand=False)).no_match
    assert ids(engine.search(SearchRequest(text="for a gift axis0")))[0] == "gift"  # by its description alone


def test_words_that_a_product_has_find_it(engine: SearchEngine, tower: AxisTower) -> None:
    for text, asked in (("선물용 axis3", "선물용 axis3"), ("6개 axis3", "6개 axis3")):
        answer = engine.search(SearchRequest(text=text))
        assert (ids(answer)[0], answer.understood, tower.asked[-1]) == ("box", (), asked)


def test_typing_errors_beside_them_are_mended(engine: SearchEngine) -> None:
    answer = engine.search(SearchRequest(text="cute gren mug 1l"))
    assert [(each.text, each.filter) for each in answer.understood] == [
        ("cute", ""), ("green", 'colour = "green"'), ("1l", ""),
    ]  # fmt: skip
    assert set(ids(answer)) == set("abc")
    uncoloured = engine.search(SearchRequest(text="cute taepot under 40 euro"))
    assert (ids(uncoloured)[0], uncoloured.did_you_mean) == ("gift", "teapot under 40 euro")


def test_they_go_with_an_order(engine: SearchEngine) -> None:
    answer = engine.search(SearchRequest(text="cute cheapest mug axis1"))
    assert answer.understood == (Constraint("cute", relaxed=True), Constraint("cheapest", sort="price"))


def test_the_next_page_goes_on_without_them(engine: SearchEngine) -> None:
    first = engine.search(SearchRequest(text="cute mug axis1", k=2))
    second = engine.search(SearchRequest(cursor=first.next_cursor or "", k=2))
    assert set(ids(first) + ids(second)) == set("abcd")
    assert second.understood == first.understood
