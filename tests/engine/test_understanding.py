"""What queries are understood as, in a small shop with a real catalogue."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from data.catalogue import Catalogue, parse_product
from data.columns import ColumnStore
from data.filters import Filter, parse_filter
from data.settings import Settings
from data.vocabulary import Wording
from engine.understanding import Constraint, Understanding, Understood, current
from engine.understanding.languages import LANGUAGES

PRODUCTS = (
    {"title": "Red mug Hana", "colour": "red", "price": 12, "brand": "Acorn", "category": "Mugs"},
    {"title": "Blue mug Sena", "colour": "blue", "price": 18, "brand": "Acorn", "category": "Mugs",
     "attributes": {"size": "L"}},
    {"title": "Striped mug", "colour": "navy", "price": 30, "brand": "Blüte", "category": "Mugs",
     "attributes": {"pattern": "striped", "sku": "90", "height": "20 cm"}},
    {"title": "Red sneaker Ivo", "colour": "red", "price": 60, "brand": "Acorn", "category": "Shoes",
     "attributes": {"size": "270", "material": "leather", "vegan": True}},
    {"title": "White sneaker", "colour": "white", "price": 80, "brand": "Sun", "category": "Shoes",
     "attributes": {"size": "40.5", "material": "canvas"}},
    {"title": "Purple onion", "description": "A red onion.", "colour": "purple", "price": 3, "category": "Food"},
    {"title": "Red onion", "colour": "purple", "price": 4, "category": "Food",
     "attributes": {"contains": "sulphite, nuts"}},
    {"title": "Red Delicious", "colour": "green", "price": 2, "category": "Food"},
    {"title": "Vanilla yoghurt", "description": "With sugar and vanilla.", "price": 3, "category": "Food"},
    {"title": "Sugar free cola", "price": 2, "category": "Food"},
    {"title": "Red carrot bunch", "description": "A new wave of carrots.", "colour": "purple", "price": 3},
    {"title": "Sun hat", "description": "Against the sun", "price": 15, "category": "Hats",
     "attributes": {"size": "58 cm"}},
    {"title": "Linen cushion", "price": 25, "category": "Cushions", "attributes": {"size": "40 x 60 cm"}},
)  # fmt: skip
TODAY = datetime.now(UTC).date()
NEW = f"created_at >= {TODAY - timedelta(days=90)} AND created_at <= {TODAY + timedelta(days=1)}"


class Shop:
    """A catalogue, and the understanding of what is asked of it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue, self.understanding = catalogue, Understanding(catalogue, 90)
        self.columns = ColumnStore(catalogue)

    def understand(self, text: str, own: Filter | None, *, alone: bool) -> Understood:
        found = self.understanding.understand(text, own, self.columns.passing, alone=alone)
        expected = self.catalogue.matching_keys(found.filter) if found.filter and found.constraints else None
        assert (found.passing is None) == (expected is None)
        assert expected is None or found.passing is None or np.flatnonzero(found.passing).tolist() == expected.tolist()
        return found


@pytest.fixture(scope="module")
def understanding(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return shop(Settings(home=tmp_path_factory.mktemp("shop")), "EUR")


def shop(settings: Settings, currency: str, times: float = 1.0) -> Shop:
    catalogue = Catalogue(settings.home)
    for number, facts in enumerate(PRODUCTS):
        created = "2020-01-01" if number % 2 else datetime.now(UTC).isoformat()
        price = float(str(facts["price"])) * times
        fields = {"product_id": f"p-{number}", "currency": currency, "created_at": created, **facts, "price": price}
        catalogue.upsert(parse_product(fields), [])
    return Shop(catalogue)


def meanings(understood: Understood) -> list[str]:
    return [
        f"{each.text} -> left out" if each.needless
        else f"{each.text} -> {each.filter or 'away'}{' relaxed' * each.relaxed}"
        for each in understood.constraints
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "left", "expected"),
    [
        ("mug under 20 euro", "mug", ["under 20 euro -> price < 20"]),
        ("mug under 20", "mug", ["under 20 -> price < 20"]),
        ("a mug for less than €20 please", "mug", ["for less than €20 -> price < 20"]),
        ("under 20 mug", "mug", ["under 20 -> price < 20"]),
        ("a sneaker under 70 for school", "sneaker for school", ["under 70 -> price < 70"]),
        ("mug under 20, blue", "mug , blue", ["under 20 -> price < 20", 'blue -> colour = "blue"']),
        ("20 이하 mug", "mug", ["20 이하 -> price <= 20"]),
        ("20 to 40", "20 to 40", ["20 to 40 -> price >= 20 AND price <= 40"]),
        ("mug €10-15", "mug", ["€10-15 -> price >= 10 AND price <= 15"]),
        ("mug 10 euro", "mug", ["10 euro -> price >= 8 AND price <= 12"]),
        ("€10 mug", "mug", ["€10 -> price >= 8 AND price <= 12"]),
        ("mug around 12", "mug", ["around 12 -> price >= 9.6 AND price <= 14.4"]),
        ("mug for about 10,00 €", "mug", ["for about 10,00 € -> price >= 8 AND price <= 12"]),
        ("10유로짜리 머그", "머그", ["10유로짜리 -> price >= 8 AND price <= 12"]),
        ("10유로 정도의 머그", "머그", ["10유로 정도의 -> price >= 8 AND price <= 12"]),
        ("20유로 이하 머그", "머그", ["20유로 이하 -> price <= 20"]),
        ("red mug", "red mug", ['red -> colour = "red"']),
        ("빨간색 머그", "red 머그", ['빨간색 -> colour = "red"']),
        ("빨간색의 머그", "red 머그", ['빨간색의 -> colour = "red"']),
        ("mug 20cm", "mug 20cm", ['20cm -> attr.height = "20 cm"']),
        ("navy mug", "navy mug", ['navy -> colour = "navy"']),
        ("red or blue mug", "red or blue mug", ['red or blue -> colour IN ("blue", "red")']),
        ("acorn mug", "acorn mug", ['acorn -> brand = "acorn"']),
        ("blute mug", "blute mug", ['blute -> brand = "blüte"']),
        ("size L mug", "size L mug", ['size L -> attr.size = "l"']),
        ("270mm 운동화", "270mm 운동화", ['270mm -> attr.size = "270"']),
        ("sneaker size 40.5", "sneaker size 40.5", ['size 40.5 -> attr.size = "40.5"']),
        ("mug size large", "mug size large", ['size large -> attr.size = "l"']),
        ("라지 사이즈 머그", "라지 사이즈 머그", ['라지 사이즈 -> attr.size = "l"']),
        ("mug 200 mm tall", "mug 200 mm tall", ['200 mm -> attr.height = "20 cm"']),
        ("0.2m mug", "0.2m mug", ['0.2m -> attr.height = "20 cm"']),
        ("20센티짜리 머그", "20센티짜리 머그", ['20센티짜리 -> attr.height = "20 cm"']),
        ("cushion size 40x60", "cushion size 40x60", ['size 40x60 -> attr.size = "40 x 60 cm"']),
        ("cushion 0.4 x 0.6 m", "cushion 0.4 x 0.6 m", ['0.4 x 0.6 m -> attr.size = "40 x 60 cm"']),
        ("hat size 58", "hat size 58", ['size 58 -> attr.size = "58 cm"']),
        ("new mug", "mug", [f"new -> {NEW}"]),
        ("new", "new", [f"new -> {NEW}"]),
        ("mug new products", "mug", [f"new products -> {NEW}"]),
        ("신상 운동화", "운동화", [f"신상 -> {NEW}"]),
        ("mug not red", "mug", ['not red -> NOT colour = "red"']),
        ("acorn but no mug", "acorn", ['acorn -> brand = "acorn"', 'but no mug -> NOT category = "mugs"']),
        ("빨간색 말고 파란색 머그", "blue 머그", ['빨간색 말고 -> NOT colour = "red"', '파란색 -> colour = "blue"']),
        ("sneaker without leather", "sneaker", ['without leather -> NOT attr.material = "leather"']),
        ("sneaker not vegan", "sneaker", ["not vegan -> NOT attr.vegan = true"]),
        ("onion without nuts", "onion", ['without nuts -> NOT attr.contains = "sulphite, nuts"']),
        ("mug, not striped or red", "mug", ['not striped or red -> NOT (attr.pattern = "striped" OR colour = "red")']),
        ("leather-free sneaker", "sneaker", ['leather-free -> NOT attr.material = "leather"']),
        ("non-leather sneaker", "sneaker", ['non-leather -> NOT attr.material = "leather"']),
        ("빨간색말고 머그", "머그", ['빨간색말고 -> NOT colour = "red"']),
        ("yoghurt no vanilla", "yoghurt", ["no vanilla -> away"]),
        ("yoghurt without vanilla", "yoghurt", ["without vanilla -> away"]),
    ],
)
def test_words_are_understood(understanding: Shop, query: str, left: str, expected: list[str]) -> None:
    found = understanding.understand(query, None, alone=True)
    assert (found.text, meanings(found)) == (left, expected)
    assert (found.filter is not None) == any("away" not in each for each in expected)


@pytest.mark.parametrize(
    "query",
    [
        "Red Delicious", "red delicious", "red delicious juice",  # a title is a name
        "90", "p-3",  # codes
        "red onion", "red onion soup",  # the shop's red onions are purple
        "red carrot",  # so are its carrots
        "sun hat", "sun mug",  # a brand that is also a plain word
        "acorn coffee",  # no product is described with the other word
        "mug for Acorn", "blue mug with red dots", "mug, not cheap", "mug under 20 cm",
        "mug 40x90", "10 euro gift card", "10유로 상품권", "이불", "mug 10", "around 12 mugs",
        "under 20 cm mug", "under 20 people mug", "under 20 unicorn", "sneaker for under 20 mugs",
        "20대 mug", "mug 1990 to 1999", "kids mug under 20", "mug size 20 to 40",
        "shoes under 1 year", "20대 여성", "new york mug", "new wave mug", "mug new", "천 가방", "mug without unicorns",
        "mug no 5", "빨간색 머그 말고 머그 빨간색", "끝없는 머그",
        "do not disturb", "270", "m", "cola without sugar",  # "sugar free" is what finds it
        "green tea", "", "   ", "mug under 20 euro " * 12,
    ],
)  # fmt: skip
def test_what_may_mean_something_else_stays_words(understanding: Shop, query: str) -> None:
    found = understanding.understand(query, None, alone=True)
    assert replace(found, unjudged=frozenset()) == Understood(query, "", None)


@pytest.mark.parametrize(
    ("query", "text", "left_out"),
    [
        ("2 mugs", "mugs", "2"), ("12 mugs", "mugs", "12"), ("머그 두 개", "머그", "두 개"),
        ("머그 세개", "머그", "세개"),
        ("90 mugs", "90 mugs", ""), ("2 unicorns", "2 unicorns", ""), ("mug 2", "mug 2", ""),
        ("세계 머그", "세계 머그", ""),
    ],
)  # fmt: skip
def test_how_many_of_a_thing_are_wanted_is_left_out(understanding: Shop, query: str, text: str, left_out: str) -> None:
    found = understanding.understand(query, None, alone=True)
    told = (Constraint(left_out, relaxed=True),) if left_out else ()
    assert (found.text, found.filter, found.constraints) == (text, None, told)


@pytest.mark.parametrize(
    ("query", "text", "left_out"),
    [
        ("mug under $20", "mug", "under $20"), ("mug under 20000 won", "mug", "under 20000 won"),
        ("2만원 이하 머그", "머그", "2만원 이하"),
    ],
)  # fmt: skip
def test_a_price_in_a_currency_that_no_product_has_is_left_out(
    understanding: Shop, query: str, text: str, left_out: str
) -> None:
    found = understanding.understand(query, None, alone=True)
    assert (found.text, found.filter, found.constraints) == (text, None, (Constraint(left_out, relaxed=True),))
    assert understanding.understand(left_out, None, alone=True) == Understood(left_out, "", None)


@pytest.mark.parametrize(
    ("query", "unjudged", "fulfilled"),
    [
        ("red mug for tea", {"red", "for"}, False), ("빨간 mug", {"red"}, False), ("mug for tea", {"for"}, False),
        ("mug or a vase", {"a"}, False), ("mug", set(), False),
        ("navy", set(), True), ("navy under 50 euro", set(), True), ("under 20 euro", set(), True),
        ("cheapest", set(), True), ("가장 싼 거 보여줘", set(), True), ("cheapest mug", set(), False),
    ],
)  # fmt: skip
def test_conditions_and_fillers_are_not_judged_and_conditions_alone_are_fulfilled(
    understanding: Shop, query: str, unjudged: set[str], fulfilled: bool
) -> None:
    found = understanding.understand(query, None, alone=True)
    assert (set(found.unjudged), found.fulfilled) == (unjudged, fulfilled)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("여성머그", "여성 머그"), ("빨간머그 선물", "red 머그 선물"), ("여성 머그", "여성 머그"),
        ("머그컵받침", "머그컵받침"), ("큰머그", "큰머그"), ("자전거", "자전거"),
        (f"{'가' * 14}머그", f"{'가' * 14} 머그"), (f"{'가' * 15}머그", f"{'가' * 15}머그"),  # no word is so long
    ],
)  # fmt: skip
def test_hangul_words_written_together_are_parted_before_an_end_that_a_product_has(
    tmp_path: Path, query: str, text: str
) -> None:
    made = shop(Settings(home=tmp_path), "EUR")
    made.catalogue.upsert(parse_product({"product_id": "ko", "title": "줄무늬 머그", "colour": "red"}), [])
    assert made.understand(query, None, alone=True).text == text


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("snea ker", "sneaker"), ("red onion rings", "red onion rings"), ("a snea ker, red", "a sneaker, red"),
        ("redonion", "red onion"), ("mug sunhat", "mug sun hat"), ("tshirt", "t shirt"), ("tshirts", "t shirts"),
        ("carrotbunch", "carrot bunch"), ("newwave", "new wave"),  # of a description
        ("unicorn", "unicorn"), ("sneaker", "sneaker"), ("hatsun", "hatsun"), ("ofcarrots", "ofcarrots"),
        ("red-onion", "red-onion"), ("sun hat", "sun hat"),
    ],
)  # fmt: skip
def test_latin_words_are_parted_and_joined_as_products_have_them(tmp_path: Path, query: str, text: str) -> None:
    made = shop(Settings(home=tmp_path), "EUR")
    made.catalogue.upsert(parse_product({"product_id": "shirt", "title": "Plain T-shirt"}), [])
    assert made.understand(query, None, alone=True).text == text


def test_a_brand_that_is_a_plain_word_is_read_where_the_text_says_so(understanding: Shop) -> None:
    assert meanings(understanding.understand("sneaker by Sun", None, alone=True)) == ['by Sun -> brand = "sun"']


@pytest.mark.parametrize(
    ("query", "expected", "kept"),
    [
        ("mug under 5 euro", ["under 5 euro -> price < 5 relaxed"], None),
        (
            "red sneaker under 20 euro",
            ['red -> colour = "red"', "under 20 euro -> price < 20 relaxed"],
            'colour = "red"',
        ),
        ("white mug under 20 euro", ['white -> colour = "white" relaxed', "under 20 euro -> price < 20"], "price < 20"),
        ("blue mug under 15 euro", ['blue -> colour = "blue" relaxed', "under 15 euro -> price < 15"], "price < 15"),
        ("racing sneaker 20 cm", ['20 cm -> attr.height = "20 cm" relaxed'], None),
        ("달리기 sneaker 20센티", ['20센티 -> attr.height = "20 cm" relaxed'], None),
        ("huge blue sneaker", ['blue -> colour = "blue" relaxed'], None),
        ("anything over 500 euro", ["over 500 euro -> price > 500 relaxed"], None),
    ],
)
def test_what_leaves_too_little_is_relaxed(
    understanding: Shop, query: str, expected: list[str], kept: str | None
) -> None:
    found = understanding.understand(query, None, alone=True)
    assert meanings(found) == expected
    assert (found.filter.text if found.filter else None) == kept


def test_a_size_or_a_colour_that_is_dropped_is_not_searched_for(understanding: Shop) -> None:
    assert understanding.understand("racing sneaker 20 cm", None, alone=True).text == "racing sneaker"
    assert understanding.understand("huge blue sneaker", None, alone=True).text == "huge sneaker"


def test_the_requests_own_filter_is_kept_and_counts(understanding: Shop) -> None:
    own = parse_filter('category = "Shoes"')
    found = understanding.understand("red sneaker under 100 euro", own, alone=True)
    assert found.filter is not None
    assert found.filter.text == '(category = "Shoes") AND (colour = "red") AND (price < 100)'
    assert meanings(understanding.understand("mug under 70 euro", own, alone=True)) == ["under 70 euro -> price < 70"]
    assert understanding.understand("blue", own, alone=True).filter == own
    assert meanings(understanding.understand("blue", own, alone=True)) == ['blue -> colour = "blue" relaxed']


def test_fillers_are_searched_for_only_where_nothing_else_is_asked(understanding: Shop) -> None:
    for alone, left in ((True, "this, but under 20 euro"), (False, "")):
        assert understanding.understand("this, but under 20 euro", None, alone=alone).text == left


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("머그 2만원 이하", "price <= 20000"), ("만원에서 2만원 머그", "price >= 10000 AND price <= 20000"),
        ("3만원대 머그", "price >= 30000 AND price < 40000"), ("2만5천원 미만 머그", "price < 25000"),
        ("1.5만원 이하 머그", "price <= 15000"), ("2~3만원 머그", "price >= 20000 AND price <= 30000"),
        ("2~3만원대 머그", "price >= 20000 AND price < 40000"), ("이만오천원 이하 머그", "price <= 25000"),
        ("천원 이상 머그", "price >= 1000"), ("12,900원 이하 머그", "price <= 12900"),
        ("머그 2만 이하", "price <= 20000"), ("2만 이하 mug", "price <= 20000"),
        ("3만대 mug", "price >= 30000 AND price < 40000"), ("mug 2만 이하 선물용 추천", "price <= 20000"),
        ("mug under 20000 won", "price < 20000"), ("₩20,000 이하 머그", "price <= 20000"),
        ("15,000원대 머그", "price >= 15000 AND price < 16000"), ("십이만원 이하 운동화", "price <= 120000"),
        ("２만원 이하 머그", "price <= 20000"), ("머그 20유로 이하", None), ("만 원피스", None),
        ("20 원피스 이하", None),
    ],
)  # fmt: skip
def test_korean_amounts(tmp_path_factory: pytest.TempPathFactory, query: str, expected: str | None) -> None:
    found = shop(Settings(home=tmp_path_factory.mktemp("won")), "KRW", 1000).understand(query, None, alone=True)
    assert (found.filter.text if found.filter else None) == expected


def test_a_colour_is_met_by_products_whose_own_words_say_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = shop(settings, "EUR")
    for facts in (
        {"product_id": "smith", "title": "Granny Smith", "description": "A green apple.", "colour": "yellow"},
        {"product_id": "juice", "title": "Juice", "description": "Of green apples.", "colour": "yellow"},
        {"product_id": "i" * 65, "title": "Idared", "description": "A green apple.", "colour": "yellow"},
        {"product_id": "pie", "title": "Apple pie", "description": "Under a green lid.", "colour": "yellow"},
    ):
        attributes = {"aisle": "Apples"} if facts["title"] in ("Granny Smith", "Idared") else {}
        made.catalogue.upsert(parse_product({**facts, "attributes": attributes}), [])
    found = made.understand("green apples", None, alone=True)
    assert meanings(found) == ['green -> (colour = "green" OR product_id = "smith")']
    assert found.passing is not None
    assert np.count_nonzero(found.passing) == 2  # the other is Red Delicious, whose colour is green
    assert meanings(made.understand("green mug", None, alone=True)) == ['green -> colour = "green" relaxed']
    monkeypatch.setattr("engine.understanding.worded._MANY", 2)  # of so many apples, only the photos tell the colour
    assert meanings(made.understand("green apples", None, alone=True)) == ['green -> colour = "green" relaxed']


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("쇼파", "소파"), ("가죽쇼파", "가죽 소파"), ("vanilla yogurts", "vanilla yoghurts"), ("Yogurt", "yoghurt"),
        ("yoghurt", "yoghurt"), ("케익", "케익"), ("donut", "donut"), ("쇼파베드", "쇼파베드"),
        ("yogurt-like", "yogurt-like"),
    ],
)  # fmt: skip
def test_words_that_are_spelt_in_several_ways_are_read_as_products_have_them(
    tmp_path: Path, query: str, text: str
) -> None:
    made = shop(Settings(home=tmp_path), "EUR")
    made.catalogue.upsert(parse_product({"product_id": "sofa", "title": "소파"}), [])
    assert made.understand(query, None, alone=True).text == text


def test_of_several_currencies_the_one_that_is_named_counts(settings: Settings) -> None:
    understanding = shop(settings, "EUR")
    Catalogue(settings.home).upsert(parse_product({"product_id": "x", "price": 15, "currency": "USD"}), [])
    found = understanding.understand("mug under 20 euro", None, alone=True)
    assert found.filter is not None
    assert found.filter.text == 'price < 20 AND currency = "EUR"'
    assert understanding.understand("mug under 20", None, alone=True).filter is None


def test_new_values_are_known_after_a_refresh(settings: Settings) -> None:
    understanding = shop(settings, "EUR")
    assert understanding.understand("malachite mug", None, alone=True).constraints == ()
    facts = {"product_id": "t", "title": "Malachite mug Uno", "colour": "malachite"}
    Catalogue(settings.home).upsert(parse_product(facts), [])
    understanding.understanding.refresh()
    assert meanings(understanding.understand("malachite mug", None, alone=True)) == [
        'malachite -> colour = "malachite"'
    ]


@pytest.mark.parametrize(
    ("text", "colours"),
    [
        ("sky blue mug", 'sky blue -> colour = "blue"'), ("하늘색 머그", '하늘색 -> colour = "blue"'),
        ("burgundy mug", 'burgundy -> colour IN ("purple", "red")'),
        ("wine red mug", 'wine red -> colour IN ("purple", "red")'),
    ],
)  # fmt: skip
def test_a_shade_is_one_of_the_colours_nearest_to_it(settings: Settings, text: str, colours: str) -> None:
    understanding = shop(settings, "EUR")
    for colour in ("blue", "red", "purple"):
        facts = {"product_id": colour, "title": f"{colour} mug", "colour": colour}
        Catalogue(settings.home).upsert(parse_product(facts), [])
    understanding.understanding.refresh()
    assert meanings(understanding.understand(text, None, alone=True)) == [colours]
    facts = {"product_id": "own", "title": "Mug of one shade", "colour": colours.split(" ->")[0]}
    Catalogue(settings.home).upsert(parse_product(facts), [])
    understanding.understanding.refresh()
    (own,) = meanings(understanding.understand(text, None, alone=True))
    assert own == f'{facts["colour"]} -> colour = "{facts["colour"]}"'


def test_after_changes_the_values_are_read_again_behind_the_searches(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current, "_REREAD_S", 0.0)
    catalogue = Catalogue(settings.home)
    lexicon = current.CurrentLexicon(catalogue, Wording(catalogue.connections))
    assert lexicon.get().brands == {}
    catalogue.upsert(parse_product({"product_id": "t", "brand": "Acorn"}), [])
    lexicon.get()
    for thread in threading.enumerate():
        if thread.name == "vocabulary":
            thread.join()
    assert set(lexicon.get().brands) == {"acorn"}


@pytest.mark.parametrize(
    "name", ['A"c\\me', "Ac'me AND", "에이스 (주)", "NOT brand", "ΑΒΓ", "Ⅷ-ball", "éclair & co", "%_x"]
)
def test_odd_names_give_filters_that_find_them(settings: Settings, name: str) -> None:
    catalogue = Catalogue(settings.home)
    facts = {"product_id": "odd", "brand": name, "colour": name, "attributes": {"size": name, "an odd.name": name}}
    catalogue.upsert(parse_product({**facts, "title": "Odd"}), [])
    shop = Shop(catalogue)
    for query in (f"mug by {name}", f"size {name}", f"mug not {name}", name):
        for constraint in shop.understand(query, None, alone=True).constraints:
            if constraint.filter and not constraint.filter.startswith("NOT"):
                assert catalogue.matching_keys(parse_filter(constraint.filter)).tolist() == [
                    catalogue.get("odd").product_key
                ]
    assert meanings(shop.understand(f"mug by {name}", None, alone=True))


@pytest.mark.parametrize("dated", [True, False])
def test_new_is_nothing_special_where_all_products_are_new_or_without_a_date(settings: Settings, dated: bool) -> None:
    catalogue, created = Catalogue(settings.home), datetime.now(UTC).isoformat() if dated else None
    catalogue.upsert(parse_product({"product_id": "a", "title": "Mug", "created_at": created}), [])
    assert meanings(Shop(catalogue).understand("new mug", None, alone=True)) == []


def test_nothing_is_understood_in_an_empty_catalogue(settings: Settings) -> None:
    query = "new red mug under 20 euro by Acorn, size M, not blue"
    assert Shop(Catalogue(settings.home)).understand(query, None, alone=True).filter is None


PIECES = (
    "red blue 빨간색 acorn sun mug mugs size L 270mm 20 40 3만원대 2만원 이하 under over to between and or not "
    "without no 말고 없는 new 신상 euro € $ 만 천 원 , - ~ ( ) \" ' \\ % . this for by striped vegan"
)
WORDS = [*PIECES.split(), *(mark for language in LANGUAGES for mark in language.not_before)]


@examples(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(st.text(max_size=210), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)),
    st.booleans(),
)
def test_any_text_gives_filters_that_parse(understanding: Shop, text: str, alone: bool) -> None:
    found = understanding.understand(text, None, alone=alone)
    for constraint in found.constraints:
        assert constraint.text
        assert bool(constraint.filter) + bool(constraint.not_text) + constraint.needless == 1
        if constraint.filter:
            parse_filter(constraint.filter)
    if alone and text.strip():
        assert found.text.strip()


@pytest.mark.parametrize(
    ("text", "sort", "left"),
    [
        ("cheapest mug", "price", "mug"),
        ("the least expensive mug", "price", "mug"),
        ("mug at the lowest price", "price", "mug"),
        ("most expensive sneaker", "-price", "sneaker"),
        ("가장 싼 머그", "price", "머그"),
        ("제일저렴한 머그", "price", "머그"),
        ("머그 최저가순으로", "price", "머그"),
        ("제일 비싼 머그", "-price", "머그"),
        ("mugs sorted by price", "price", "mugs"),
        ("mug price: low to high", "price", "mug"),
        ("mug high to low", "-price", "mug"),
        ("머그 가격순", "price", "머그"),
        ("최근 등록순 머그", "-created_at", "머그"),
        ("mugs, most expensive first", "-price", "mugs"),
        ("newest mugs", "-created_at", "mugs"),
        ("the latest mug", "-created_at", "mug"),
        ("mug, newest first", "-created_at", "mug"),
        ("최신 머그", "-created_at", "머그"),
        ("머그 최신순으로", "-created_at", "머그"),
        ("가장 최근에 나온 머그", "-created_at", "머그"),
        ("머그 신상품순", "-created_at", "머그"),
    ],
)
def test_words_ask_for_an_order(understanding: Shop, text: str, sort: str, left: str) -> None:
    found = understanding.understand(text, None, alone=True)
    assert (found.sort, found.text, found.filter) == (sort, left, None)


@pytest.mark.parametrize("text", ["cheap mug", "not the cheapest mug", "싼 머그", "mug", "new mug", "신상 머그"])
def test_other_words_ask_for_no_order(understanding: Shop, text: str) -> None:
    assert understanding.understand(text, None, alone=True).sort == ""
