"""Searches for several things at once: which texts ask for several, and that the best of each come in turn."""

import pytest
from tiny_shop import AxisTower, TinyShop, axis, ids

from data.catalogue import Catalogue, parse_product
from data.settings import Settings
from data.vocabulary import Wording
from engine.search import SearchEngine, SearchRequest
from engine.understanding.things import things_in

PRODUCTS = (
    ("Red mug", "For coffee and tea"), ("Blue teapot", "For tea"), ("Salt and pepper mill", ""), ("Salt", ""),
    ("Pepper", ""), ("Apple juice", ""), ("Orange juice", ""), ("Apple", ""), ("Dining table with chairs", ""),
    ("White dress", ""), ("Black coat", ""), ("빨간 머그컵", ""), ("찻주전자", ""), ("바나나", ""), ("우유", ""),
    ("사과 주스", ""), ("포도 주스", ""),
)  # fmt: skip


@pytest.fixture(scope="module")
def wording(tmp_path_factory: pytest.TempPathFactory) -> Wording:
    catalogue = Catalogue(tmp_path_factory.mktemp("shop"))
    for number, (title, description) in enumerate(PRODUCTS):
        fields = {"product_id": f"p-{number}", "title": title, "description": description}
        catalogue.upsert(parse_product(fields), [])
    return Wording(catalogue.connections)


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("mug and teapot", ("mug", "teapot")), ("mugs & teapots", ("mugs", "teapots")),
        ("mug or juice", ("mug", "juice")),
        ("teapot for tea and a mug", ("teapot for tea", "a mug")), ("mug + apple", ("mug", "apple")),
        ("mug, teapot and dress", ("mug", "teapot", "dress")), ("red mug and blue teapot", ("red mug", "blue teapot")),
        ("apple and orange juice", ("apple juice", "orange juice")), ("apple and teapot", ("apple", "teapot")),
        ("머그랑 찻주전자", ("머그", "찻주전자")), ("머그컵과 우유", ("머그컵", "우유")),
        ("우유 또는 사과", ("우유", "사과")),
        ("바나나나 우유", ("바나나", "우유")), ("사과랑 포도 주스", ("사과 주스", "포도 주스")),
    ],
)  # fmt: skip
def test_a_text_that_asks_for_several_things_is_parted(wording: Wording, text: str, things: tuple[str, ...]) -> None:
    assert things_in(text, wording) == things


@pytest.mark.parametrize(
    "text",
    [
        "mug", "salt and pepper", "table and chairs", "mug and laptop", "tea and coffee", "mug, teapot", "and mug",
        "mug and", "and", "", "mug and mug and mug and mug and mug", "바나나 우유", "사과 주스", "머그랑 노트북",
    ],
)  # fmt: skip
def test_a_text_that_asks_for_one_thing_is_not_parted(wording: Wording, text: str) -> None:
    assert things_in(text, wording) == ()


def test_conditions_alone_are_no_thing(wording: Wording) -> None:
    assert things_in("black and white dress", wording, {"black", "white"}) == ()
    assert things_in("red mug and white dress", wording, {"red", "white"}) == ("red mug", "white dress")


@pytest.fixture
def engine(settings: Settings, tower: AxisTower) -> SearchEngine:
    shop = TinyShop(settings)
    for number in range(4):
        kind = ("mug", "teapot")[number % 2]
        price = 10 + number
        shop.put(f"{kind}{number}", [axis(number % 2)], title=f"{kind} axis{number % 2}", price=price, currency="EUR")
    shop.publish()
    return SearchEngine(shop.settings, backbone=shop.backbone)


def test_the_best_of_each_thing_come_in_turn(engine: SearchEngine, tower: AxisTower) -> None:
    answer = engine.search(SearchRequest(text="teapot axis1 and mug axis0"))
    assert [hit[:3] for hit in ids(answer)] == ["tea", "mug", "tea", "mug"]
    assert (answer.no_match, answer.total, len(set(ids(answer)))) == (False, 4, 4)
    assert {"teapot axis1", "mug axis0"} <= set(tower.asked)
    first = engine.search(SearchRequest(text="teapot axis1 and mug axis0", k=2))
    assert ids(engine.search(SearchRequest(cursor=first.next_cursor or ""))) == ids(answer)[2:]


def test_an_order_and_conditions_hold_for_all_things(engine: SearchEngine) -> None:
    cheapest = engine.search(SearchRequest(text="cheapest teapot axis1 and mug axis0 under 13 euro"))
    assert ids(cheapest) == ["mug0", "teapot1", "mug2"]
    request = SearchRequest(text="teapot axis1 and mug axis0", filter="price > 11")
    assert ids(engine.search(request)) == ["teapot3", "mug2"]


def test_beside_what_is_shown_the_words_are_one_question(engine: SearchEngine, tower: AxisTower) -> None:
    engine.search(SearchRequest(product_id="mug0", text="teapot axis1 and mug axis0"))
    assert tower.asked == ["teapot axis1 and mug axis0"]
