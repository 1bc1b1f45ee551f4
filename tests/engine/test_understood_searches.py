"""How the search engine uses what it understood: filters, words that are left, pages, and how to turn it off."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tiny_shop import TinyShop, axis, photo_of

from data.catalogue import Catalogue
from data.lexical import LexicalAnswer
from data.settings import Settings
from engine.errors import CursorExpired
from engine.generation import Generation
from engine.protocols import Floats
from engine.search import SearchAnswer, SearchEngine, SearchRequest
from engine.understanding import Constraint


class AxisTower:
    """Remembers what it embeds, and knows words that end in a digit as unit vectors."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Any) -> Floats:
        self.asked += texts
        return np.array([axis(int(text[-1]) if text[-1].isdigit() else 0) for text in texts], np.float32)


@pytest.fixture
def tower(monkeypatch: pytest.MonkeyPatch) -> AxisTower:
    tower = AxisTower()
    monkeypatch.setattr(Generation, "text_tower", lambda self: tower)
    return tower


@pytest.fixture
def shop(settings: Settings) -> TinyShop:
    shop = TinyShop(settings)
    for name, point, price, colour in (("a", 1, 10, "red"), ("b", 1, 30, "blue"), ("c", 2, 15, "red")):
        shop.put(name, [axis(point)], title=f"Thing {name} axis{point}", price=price, currency="EUR", colour=colour)
    shop.publish()
    return shop


@pytest.fixture
def engine(shop: TinyShop, tower: AxisTower) -> SearchEngine:
    return SearchEngine(shop.settings, backbone=shop.backbone)


def ids(answer: SearchAnswer) -> list[str]:
    return [hit.product_id for hit in answer.hits]


def test_a_price_filters_and_is_not_searched_for(engine: SearchEngine, tower: AxisTower) -> None:
    answer = engine.search(SearchRequest(text="under 20 euro axis1"))
    assert ids(answer) == ["a", "c"]
    assert answer.understood == (Constraint("under 20 euro", "price < 20"),)
    assert tower.asked == ["axis1"]


def test_understanding_can_be_turned_off(engine: SearchEngine, tower: AxisTower) -> None:
    answer = engine.search(SearchRequest(text="under 20 euro axis1", understand=False))
    assert sorted(ids(answer)) == ["a", "b", "c"]
    assert answer.understood == ()
    assert tower.asked == ["under 20 euro axis1"]


def test_a_colour_filters_and_is_still_searched_for(engine: SearchEngine, tower: AxisTower) -> None:
    answer = engine.search(SearchRequest(text="blue axis1"))
    assert (ids(answer), tower.asked) == (["b"], ["blue axis1"])


def test_the_letters_of_the_words_are_looked_up_once(engine: SearchEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    look_up = Catalogue.by_letters

    def noted(catalogue: Catalogue, text: str) -> LexicalAnswer:
        asked.append(text)
        return look_up(catalogue, text)

    monkeypatch.setattr(Catalogue, "by_letters", noted)
    engine.search(SearchRequest(text="blue axis1"))
    engine.search(SearchRequest(text="axis2"))
    assert asked == ["blue axis1", "axis2"]
    asked.clear()
    engine.search(SearchRequest(text="under 20 euro axis1"))
    assert asked == ["under 20 euro axis1", "axis1"]  # other words are searched for than were typed


def test_words_beside_a_photo_are_understood(engine: SearchEngine, tower: AxisTower) -> None:
    answer = engine.search(SearchRequest(image=photo_of(1), text="this, but under 20 euro"))
    assert (ids(answer), tower.asked) == (["a", "c"], [])
    assert ids(engine.search(SearchRequest(product_id="a", text="like this, not blue"))) == ["c"]


def test_a_relaxed_condition_filters_nothing_and_is_told(engine: SearchEngine) -> None:
    answer = engine.search(SearchRequest(text="axis1 under 5 euro"))
    assert sorted(ids(answer)) == ["a", "b", "c"]
    assert answer.understood == (Constraint("under 5 euro", "price < 5", relaxed=True),)


def test_the_next_page_goes_on_under_the_same_conditions(engine: SearchEngine, shop: TinyShop) -> None:
    request = SearchRequest(text="axis1 under 20 euro", k=1)
    first = engine.search(request)
    assert first.next_cursor
    for following in (replace(request, cursor=first.next_cursor), SearchRequest(cursor=first.next_cursor, k=1)):
        second = engine.search(following)
        assert (ids(first), ids(second), second.understood) == (["a"], ["c"], first.understood)
    again = SearchEngine(shop.settings, backbone=shop.backbone)
    assert ids(again.search(replace(request, cursor=first.next_cursor))) == ["c"]
    with pytest.raises(CursorExpired):
        SearchEngine(shop.settings, backbone=shop.backbone).search(SearchRequest(cursor=first.next_cursor))


def test_another_question_has_another_digest() -> None:
    request = SearchRequest(text="axis1 under 20 euro")
    assert request.digest != replace(request, understand=False).digest


def test_unwanted_words_join_those_of_the_request(shop: TinyShop, engine: SearchEngine, tower: AxisTower) -> None:
    shop.put("d", [axis(3)], title="Thing with lactose")
    answer = engine.search(SearchRequest(text="axis1 without lactose", not_text="axis2"))
    assert answer.understood == (Constraint("without lactose", not_text="lactose"),)
    assert tower.asked == ["axis1", "axis2 lactose"]


def test_the_mended_words_keep_their_conditions(engine: SearchEngine, shop: TinyShop) -> None:
    shop.put("mug", [axis(4)], title="Porcelain cup", price=12, currency="EUR")
    answer = engine.search(SearchRequest(text="porcelian cup under 20 euro"))
    assert answer.did_you_mean == "porcelain cup under 20 euro"
    assert ids(answer)[0] == "mug"
    assert engine.search(SearchRequest(text=answer.did_you_mean)).understood == answer.understood


def test_a_title_that_sounds_like_a_condition_is_found(engine: SearchEngine, shop: TinyShop) -> None:
    shop.put("book", [axis(5)], title="Under 20 euro: a cookbook", price=35, currency="EUR")
    answer = engine.search(SearchRequest(text="under 20 euro a cookbook"))
    assert (ids(answer)[0], answer.understood) == ("book", ())
