"""Measures, praise and purpose: left out of the words where no product has them, kept where one has."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from data.catalogue import Catalogue, parse_product
from data.columns import ColumnStore
from data.settings import Settings
from engine.understanding import Understanding, Understood, understanding
from engine.understanding.languages import FILLERS, LANGUAGES
from engine.understanding.needless import read_needless, without_praise

PRODUCTS = (
    {"title": "Whole milk 1 l", "brand": "Pretty Farm", "colour": "white", "price": 2, "category": "Milk"},
    {"title": "Red mug Hana", "colour": "red", "price": 12, "category": "Mugs", "attributes": {"size": "330 ml"}},
    {"title": "Blue mug Sena", "description": "A good, lovely mug. Holds 400 ml.", "colour": "blue", "price": 18},
    {"title": "선물용 세트 3개입", "price": 30, "category": "Sets"},
    {"title": "Cola", "description": "Made of 2 kilograms of sugar.", "price": 1, "category": "Drinks"},
    {"title": "Shirt L", "description": "In size 44.", "price": 1},
)  # fmt: skip


class Shop:
    """A catalogue, and what is understood of the words that are asked of it."""

    def __init__(self, settings: Settings) -> None:
        catalogue = Catalogue(settings.home)
        for number, facts in enumerate(PRODUCTS):
            catalogue.upsert(parse_product({"product_id": f"p-{number}", "currency": "EUR", **facts}), [])
        self.understanding, self.columns = Understanding(catalogue, 90), ColumnStore(catalogue)

    def understand(self, text: str, *, alone: bool = True) -> Understood:
        return self.understanding.understand(text, None, self.columns.passing, alone=alone)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(Settings(home=tmp_path_factory.mktemp("shop")))


def left_out(found: Understood) -> list[str]:
    return [each.text for each in found.constraints if each.needless]


@pytest.mark.parametrize(
    ("query", "left", "expected"),
    [
        ("mug 5l", "mug", ["5l"]), ("mug 500 g", "mug", ["500 g"]), ("mug 2kg", "mug", ["2kg"]),
        ("mug 1/2 l", "mug", ["1/2 l"]),
        ("0,5 litre mug", "mug", ["0,5 litre"]), ("머그 5리터", "머그", ["5리터"]),
        ("머그 500그램", "머그", ["500그램"]),
        ("우유5리터의 머그", "우유 머그", ["5리터의"]), ("5l머그", "머그", ["5l"]), ("머그 2개", "머그", ["2개"]),
        ("mug x6", "mug", ["x6"]), ("mug 6x", "mug", ["6x"]), ("mug 6-pack", "mug", ["6-pack"]),
        ("pack of 6 mugs", "mugs", ["pack of 6"]), ("10 pcs mug", "mug", ["10 pcs"]),
        ("tray 40 x 60 cm", "tray", ["40 x 60 cm"]), ("cola 6x500ml", "cola", ["6x500ml"]),
        ("mug under 40 cm", "mug", ["under 40 cm"]), ("2kg 이상 머그", "머그", ["2kg 이상"]),
        ("cola 2 kg", "cola", ["2 kg"]),  # another description says "2 kilograms", which these letters do not find
        ("cute mug", "mug", ["cute"]), ("very nice mug", "mug", ["very nice"]), ("best mug", "mug", ["best"]),
        ("nice and cheap mug", "mug", ["nice and cheap"]), ("mug as a present", "mug", ["as a present"]),
        ("mug for a gift", "mug", ["for a gift"]), ("high quality mug", "mug", ["high quality"]),
        ("mug size M", "mug", ["size M"]), ("mug in size 42", "mug", ["in size 42"]),
        ("XL size mug", "mug", ["XL size"]),
        ("머그 M사이즈", "머그", ["M사이즈"]), ("사이즈 290 머그", "머그", ["사이즈 290"]),
        ("mug on sale", "mug", ["on sale"]), ("discounted mug", "mug", ["discounted"]),
        ("mugs in stock", "mugs", ["in stock"]),
        ("popular mug", "mug", ["popular"]), ("머그 무료배송", "머그", ["무료배송"]), ("인기 머그", "머그", ["인기"]),
        ("most reviewed mug", "mug", ["most reviewed"]), ("인기순 머그", "머그", ["인기순"]),
        ("리뷰 많은 순으로 머그", "머그", ["리뷰 많은 순으로"]), ("머그 판매순", "머그", ["판매순"]),
        ("예쁜 머그", "머그", ["예쁜"]), ("아주 귀여운 머그", "머그", ["아주 귀여운"]),
        ("머그 추천해 주세요", "머그", ["추천해 주세요"]),
        ("birthday gift mug", "mug", ["birthday gift"]), ("mug as a wedding present", "mug", ["as a wedding present"]),
        ("best selling mug", "mug", ["best selling"]),
        ("멋진 머그", "머그", ["멋진"]), ("예쁜 5l 머그", "머그", ["예쁜", "5l"]),
    ],
)  # fmt: skip
def test_words_that_no_product_has_are_left_out_and_told(
    shop: Shop, query: str, left: str, expected: list[str]
) -> None:
    found = shop.understand(query)
    assert (found.text, left_out(found), found.filter, found.unjudged) == (left, expected, None, frozenset())
    assert all(each.relaxed and not each.not_text and not each.sort for each in found.constraints)


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("milk 1l", "milk 1l"), ("milk 1 litre", "milk 1 litre"), ("milk 1리터", "milk 1리터"),
        ("milk 1 L", "milk 1 L"),
        ("세트 3개", "세트 3개"), ("pretty milk", "pretty milk"), ("선물용 머그", "선물용 머그"),
        ("선물로 머그", "선물로 머그"), ("선물용으로 머그", "선물용으로 머그"),
        ("3m tape", "3m tape"), ("5g phone", "5g phone"), 
        ("king size mug", "king size mug"), ("mug size L", "mug size L"),
        ("gift card", "gift card"), ("a4 paper", "a4 paper"), ("4x4 toy", "4x4 toy"), ("2 x 4 wood", "2 x 4 wood"),
        ("goods", "goods"), ("5장갑", "5장갑"),
    ],
)  # fmt: skip
def test_words_stay_that_products_have_or_that_may_mean_a_thing(shop: Shop, query: str, left: str) -> None:
    found = shop.understand(query)
    assert (found.text, found.constraints, found.unjudged - FILLERS) == (left, (), frozenset())


@pytest.mark.parametrize(
    ("query", "unjudged"),
    [
        ("good milk", {"good"}), ("lovely good milk", {"lovely", "good"}), ("milk 400 ml", {"400", "ml"}),
        ("shirt size 44", {"size", "44"}), ("good", set()),
        ("pretty mug", {"pretty"}), ("pretty mug for kids", {"pretty", "for", "kids"}),  # a brand of milk is so called
        ("pretty unicorn", set()),
    ],
)  # fmt: skip
def test_words_that_only_descriptions_or_other_things_hold_stay_but_no_answer_is_judged_by_them(
    shop: Shop, query: str, unjudged: set[str]
) -> None:
    found = shop.understand(query)
    assert (found.text, found.constraints, found.unjudged) == (query, (), frozenset(unjudged))


@pytest.mark.parametrize(
    ("query", "unjudged"),
    [
        ("mug for women", {"women"}), ("mens mug", {"mens"}), ("men's mug", {"men", "s"}),
        ("mug for my mom", {"mom", "my"}),
        ("kids mug", {"kids"}), ("20대 여성 머그", {"여성"}), ("아동용 머그", {"아동용"}), ("머그 엄마께", {"엄마께"}),
        ("woman", set()), ("mug, not for kids", {"not", "kids"}), ("men", set()), ("여성복", set()),
        # an unwanted thing that no product mentions
        ("mug, not cute", {"not", "cute"}), ("예쁜 말고 머그", {"예쁜", "말고"}),
        ("mug without nuts", {"without", "nuts"}),
        ("mug no nuts", {"no", "nuts"}), ("견과류 없는 머그", {"견과류", "없는"}), ("without nuts", set()),
        ("mug but milk", set()),
    ],
)  # fmt: skip
def test_words_for_whom_and_unwanted_things_stay_but_no_answer_is_judged_by_them(
    shop: Shop, query: str, unjudged: set[str]
) -> None:
    found = shop.understand(query)
    assert (found.text, found.constraints, set(found.unjudged - FILLERS)) == (query, (), unjudged)


def test_occasions_are_praise_in_both_languages() -> None:
    assert without_praise("생일선물 머그").strip() == without_praise("머그 집들이 선물로").strip() == "머그"
    assert without_praise("christmas mug").strip() == "christmas mug"


def test_conditions_are_read_beside_them(shop: Shop) -> None:
    found = shop.understand("very cute red mug under 20 euro, 6-pack")
    assert found.filter is not None
    assert (found.text, found.filter.text) == ("red mug", '(colour = "red") AND (price < 20)')
    assert left_out(found) == ["very cute", "6-pack"]
    of_a_pack = shop.understand("6 x 330ml mug")
    assert (of_a_pack.text, left_out(of_a_pack)) == ("330ml mug", ["6 x"])
    assert [each.filter for each in of_a_pack.constraints] == ["", 'attr.size = "330 ml"']


def test_where_nothing_else_is_asked_for_they_are_searched_for(shop: Shop) -> None:
    for query in ("cute", "5l", "예쁜 거", "nice 6-pack"):
        assert shop.understand(query) == Understood(query, "", None)
        beside_a_photo = shop.understand(query, alone=False)
        assert (beside_a_photo.text, bool(left_out(beside_a_photo))) == ("", True)


THINGS = ("milk", "red", "mug", "cola", "hana", "머그", "세트", "unicorn")
PLAIN = (
    "milk", "red", "blue", "mug", "cola", "hana", "빨간색", "머그", "under", "20", "euro", "not", "without", "말고",
    "신상", "cheapest", "for", "330", "unicorn",
)  # fmt: skip


@examples(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.lists(st.sampled_from(PLAIN), max_size=8).map(" ".join))
def test_a_query_without_such_words_is_understood_as_before(shop: Shop, query: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.understanding.parsing.read_needless", lambda *_: [])
        patch.setattr(understanding, "described_alone", lambda *_: frozenset())
        before = shop.understand(query)
    after = shop.understand(query)
    assert replace(after, passing=None) == replace(before, passing=None)


@examples(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.lists(st.sampled_from(THINGS), min_size=1, max_size=8).map(" ".join),
    needless=st.sampled_from(["cute", "예쁜", "5l", "500 g", "x6", "6-pack", "for a gift", "very nice"]),
    first=st.booleans(),
)  # fmt: skip
def test_such_words_change_nothing_but_what_is_told(shop: Shop, query: str, needless: str, first: bool) -> None:
    plain = shop.understand(query)
    found = shop.understand(f"{needless} {query}" if first else f"{query} {needless}")
    assert left_out(found) == [needless]
    assert (found.text, found.filter, found.not_text) == (plain.text, plain.filter, plain.not_text)


def test_each_listed_word_is_read(shop: Shop) -> None:
    wording = shop.understanding._wording
    for language in LANGUAGES:
        for templates in language.measures.values():
            for template in templates:
                text = template.replace("{n}", "77") if "{n}" in template else f"77 {template}"
                assert [text[each.start : each.end] for each in read_needless(text, wording, [])] == [text]
