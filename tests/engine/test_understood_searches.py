"""How the search engine uses what it understood: filters, words that are left, pages, and how to turn it off."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tiny_shop import DIM, AxisTower, TinyShop, axis, ids, photo_of

from data.catalogue import Catalogue
from data.lexical import LexicalAnswer
from data.settings import Settings
from engine.errors import CursorExpired
from engine.search import SearchEngine, SearchRequest
from engine.space import Combiner
from engine.understanding import Constraint


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


def test_a_price_filters_and_is_not_searched_for(engine: SearchEngine, tower: AxisTower) -> None:
    answer = engine.search(SearchRequest(text="under 20 euro axis1"))
    assert ids(answer) == ["a", "c"]
    assert answer.understood == (Constraint("under 20 euro", "price < 20"),)
    assert tower.asked == ["axis1"]


def test_a_colour_in_another_language_is_searched_for_in_words_of_the_shop(
    engine: SearchEngine, shop: TinyShop, tower: AxisTower
) -> None:
    assert ids(engine.search(SearchRequest(text="빨간 axis1"))) == ["a", "c"]
    assert tower.asked == ["red axis1"]
    shop.put("d", [axis(3)], title="빨간 thing", price=10, currency="EUR", colour="red")
    engine.search(SearchRequest(text="빨간 axis2"))
    assert tower.asked[-1] == "빨간 axis2"


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

    def noted(catalogue: Catalogue, text: str, is_word: Callable[[str], bool]) -> LexicalAnswer:
        asked.append(text)
        return look_up(catalogue, text, is_word)

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


@pytest.mark.parametrize(
    ("words", "learned", "searched_for"),
    [
        ("this, by Talvori", False, []),
        ("this, in blue, by Talvori", False, ["blue"]),  # what a photo shows stays in the question's point
        ("by Talvori", True, ["by Talvori"]),
    ],
)
def test_a_brand_beside_a_photo_only_filters_where_no_combiner_has_learned_it(
    engine: SearchEngine, shop: TinyShop, tower: AxisTower, monkeypatch: pytest.MonkeyPatch,
    words: str, learned: bool, searched_for: list[str],
) -> None:  # fmt: skip
    shop.put("d", [axis(3)], title="Thing d", brand="Talvori", colour="blue")
    engine.search(SearchRequest(product_id="a"))
    engine.refresh()
    combiner = Combiner(np.zeros((2 * DIM, DIM), np.float32)) if learned else None
    monkeypatch.setattr(engine._live.view().generation, "combiner", combiner)
    answer = engine.search(SearchRequest(product_id="a", text=words))
    assert (ids(answer), tower.asked) == (["d"], searched_for)
    tower.asked.clear()
    assert ids(engine.search(SearchRequest(text="thing by Talvori"))) == ["d"]
    assert tower.asked == ["thing by Talvori"]


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


@pytest.mark.parametrize("words", ["like this, but cheaper", "cheaper", "이거보다 더 싼 걸로", "더 저렴한 거"])
def test_cheaper_means_cheaper_than_what_is_shown(engine: SearchEngine, tower: AxisTower, words: str) -> None:
    by_product = engine.search(SearchRequest(product_id="b", text=words))
    assert (ids(by_product), tower.asked) == (["a", "c"], [])
    (understood,) = by_product.understood
    assert understood.filter == 'price < 30 AND currency = "EUR"'
    assert understood.text in words
    assert not understood.relaxed
    by_photo = engine.search(SearchRequest(image=photo_of(2), text=words))  # it looks like c, which costs 15
    assert ids(by_photo) == ["a"]
    assert by_photo.understood[0].filter == 'price < 15 AND currency = "EUR"'


def test_cheaper_than_the_cheapest_is_relaxed_and_told(engine: SearchEngine) -> None:
    answer = engine.search(SearchRequest(product_id="a", text="cheaper"))
    assert (ids(answer), answer.understood[0].relaxed) == (["b", "c"], True)


@pytest.mark.parametrize("words", ["not cheaper", "비싼 거", "axis1"])
def test_other_words_compare_no_price(engine: SearchEngine, words: str) -> None:
    assert engine.search(SearchRequest(product_id="b", text=words)).understood == ()


def test_cheaper_says_nothing_where_nothing_is_shown_or_it_has_no_price(shop: TinyShop, engine: SearchEngine) -> None:
    assert engine.search(SearchRequest(text="cheaper axis1")).understood == ()
    shop.put("d", [axis(1)], title="Thing d")
    assert engine.search(SearchRequest(product_id="d", text="cheaper")).understood == ()


def test_a_price_in_the_words_goes_before_that_of_what_is_shown(engine: SearchEngine) -> None:
    answer = engine.search(SearchRequest(product_id="b", text="cheaper than 12 euro"))
    assert [part.filter for part in answer.understood] == ["price < 12"]
    assert ids(answer) == ["a"]


@pytest.fixture
def coloured(shop: TinyShop, engine: SearchEngine) -> SearchEngine:
    for name, colour in (("g1", "green"), ("g2", "green"), ("g3", "green"), ("p1", "purple")):
        shop.put(name, [axis(1)], title=f"{colour} lamp {name} axis1", price=20, currency="EUR", colour=colour)
    engine.refresh()
    return engine


def test_a_misspelt_colour_is_understood_as_the_one_that_was_meant(coloured: SearchEngine) -> None:
    answer = coloured.search(SearchRequest(text="gren lamp axis1, under 25.50 euro"))
    assert [(part.text, part.filter) for part in answer.understood] == [
        ("green", 'colour = "green"'), ("under 25.50 euro", "price < 25.5"),
    ]  # fmt: skip
    assert answer.did_you_mean == "green lamp axis1, under 25.50 euro"
    assert {hit.product_id for hit in answer.hits} == {"g1", "g2", "g3"}
    plain = coloured.search(SearchRequest(text="gren lamp axis1", understand=False))
    assert (plain.understood, plain.did_you_mean) == ((), "green lamp axis1")


def test_a_word_that_may_be_two_colours_is_no_condition(shop: TinyShop, coloured: SearchEngine) -> None:
    shop.put("g4", [axis(1)], title="grey lamp g4 axis1", price=20, currency="EUR", colour="grey")
    coloured.refresh()
    assert coloured.search(SearchRequest(text="gren lamp axis1")).understood == ()


def test_a_measure_is_no_misspelt_code(shop: TinyShop, coloured: SearchEngine) -> None:
    shop.put("pack-014", [axis(1)], title="pack axis1", attributes={"size": "26 l"})
    shop.put("pack-002", [axis(2)], title="pack axis1", attributes={"size": "14 l"})
    coloured.refresh()
    for text in ("pack 14l", "14리터 pack", "pack 14 litres"):
        assert ids(coloured.search(SearchRequest(text=text))) == ["pack-002"]
    assert ids(coloured.search(SearchRequest(text="pack O14")))[0] == "pack-014"
    hits = coloured.search(SearchRequest(text="pack €2-14")).hits
    assert not any("nearly" in reason for hit in hits for reason in hit.why)


def test_a_misspelt_word_whose_condition_leaves_too_little_is_none(shop: TinyShop, coloured: SearchEngine) -> None:
    shop.put("t", [axis(3)], title="teapot for green tea", price=20, currency="EUR", colour="red")
    coloured.refresh()
    answer = coloured.search(SearchRequest(text="teapot gren"))
    assert answer.understood == ()
    assert answer.did_you_mean == "teapot green"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("ㅎㄱㄷ두 lamp, under 25.50 euro", "green lamp, under 25.50 euro"), ("gren ㅣ므ㅔ", "green lamp")],
)
def test_words_typed_on_the_other_keyboard_layout_are_read_and_told(
    coloured: SearchEngine, typed: str, meant: str
) -> None:
    answer = coloured.search(SearchRequest(text=typed))
    assert answer.did_you_mean == meant
    assert answer.understood == coloured.search(SearchRequest(text=meant)).understood != ()
    assert coloured.search(SearchRequest(text=typed, understand=False)).understood == ()


def test_things_are_searched_for_in_words_of_the_shop(coloured: SearchEngine, tower: AxisTower) -> None:
    answer = coloured.search(SearchRequest(text="초록색 램프"))
    assert (answer.did_you_mean, sorted(ids(answer))) == ("초록색 lamp", ["g1", "g2", "g3"])
    assert tower.asked[-1] == "green lamp"
    coloured.search(SearchRequest(text="샹들리에 램프"))
    assert tower.asked[-1] == "샹들리에 램프"  # half in another language, it would mean less
    assert coloured.search(SearchRequest(text="램프", understand=False)).did_you_mean is None


def test_the_cheapest_stand_first_unless_another_order_is_asked_for(engine: SearchEngine, tower: AxisTower) -> None:
    answer = engine.search(SearchRequest(text="most expensive axis1"))
    assert answer.understood == (Constraint("most expensive", sort="-price"),)
    assert (ids(answer), tower.asked) == (["b", "c", "a"], ["axis1"])
    assert ids(engine.search(SearchRequest(text="cheapest axis1"))) == ["a", "c", "b"]
    assert ids(engine.search(SearchRequest(text="cheapest axis1", sort="-price"))) == ["b", "c", "a"]
    unsorted = engine.search(SearchRequest(text="axis1"))
    best = engine.search(SearchRequest(text="cheapest axis1", sort="relevance"))
    assert ids(best) == ids(unsorted) != ["a", "c", "b"]


def test_the_cheapest_of_those_that_fit_stand_before_all_others(
    engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_b(view: Any, catalogue: Catalogue, request: Any, answered: Any) -> dict[str, Any]:
        fits = np.isin(answered.ranked.product_keys, catalogue.keys_of(["b"]))
        return {"probabilities": np.where(fits, 0.9, 0.1), "no_match": False}

    monkeypatch.setattr("engine.answers.find.verdict", only_b)
    assert ids(engine.search(SearchRequest(text="cheapest axis1"))) == ["b", "a", "c"]
    assert ids(engine.search(SearchRequest(text="axis1", sort="price"))) == ["a", "c", "b"]
