"""Things are asked for in the shop's own words, where no product has those of the shopper."""

from pathlib import Path

import pytest

from data.catalogue import Catalogue, parse_product
from data.lexical import key_of
from data.vocabulary import Wording
from engine.understanding.goods import in_shop_words, is_listed, keys_of_kind, listed_goods

FREQUENT = {"여러가지"}  # words, as the text encoder knows them


def wording_of(folder: Path, *titles: str) -> Wording:
    catalogue = Catalogue(folder)
    for number, title in enumerate(titles):
        catalogue.upsert(parse_product({"product_id": f"p-{number}", "title": title}), [])
    return Wording(catalogue.connections)


def in_words_of(wording: Wording, text: str) -> str:
    return in_shop_words(text, wording, FREQUENT.__contains__).text


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("모자", "hat"), ("빨간 모자", "빨간 hat"), ("모자를 주세요", "hat 주세요"), ("여자모자", "여자 hat"), 
        ("원피스, 흰색", "dress, 흰색"), ("굿모닝 오렌지 주스", "굿모닝 orange juice"), ("오렌지주스", "orange juice"),
        ("frock and capsicums", "frock and bell pepper"), ("aubergine", "eggplant"), ("courgette", "courgette"),
    ],
)  # fmt: skip
def test_another_name_of_a_thing_becomes_the_shops(tmp_path: Path, typed: str, meant: str) -> None:
    wording = wording_of(tmp_path, "Straw hat", "Red dress", "Orange juice 1 l", "Bell pepper", "Eggplant")
    assert in_words_of(wording, typed) == meant


def test_a_shop_in_korean_is_asked_in_korean(tmp_path: Path) -> None:
    wording = wording_of(tmp_path, "밀짚모자", "쥬스", "신발")
    assert [in_words_of(wording, typed) for typed in ("hats", "apple juice", "boots")] == [
        "모자",
        "apple juice",
        "부츠 신발",
    ]


def test_what_is_not_wanted_is_not_widened_to_its_kind(tmp_path: Path) -> None:
    wording = wording_of(tmp_path, "Pants", "Dress")
    asked = {
        typed: in_words_of(wording, typed)
        for typed in ("clothes not jeans", "청바지 말고", "원피스 말고", "without belt")
    }
    assert asked == {
        "clothes not jeans": "clothes not jeans",
        "청바지 말고": "청바지 말고",
        "원피스 말고": "dress 말고",
        "without belt": "without belt",
    }


def test_qualities_are_said_in_words_of_the_shop(tmp_path: Path) -> None:
    wording = wording_of(tmp_path, "가죽 백팩", "줄무늬 우산", "유리 물병", "Checked wool scarf")
    asked = {typed: in_words_of(wording, typed) for typed in ("leather backpack", "스트라이프 우산", "plaid 스카프")}
    assert asked == {"leather backpack": "가죽 백팩", "스트라이프 우산": "줄무늬 우산", "plaid 스카프": "checked scarf"}
    assert [in_words_of(wording, typed) for typed in ("glass water bottle", "체크")] == ["유리 물병", "checked"]
    assert in_words_of(wording, "leather umbrella") == "leather 우산"  # no umbrella here is of leather


def test_where_only_the_kind_is_named_it_is_put_behind(tmp_path: Path) -> None:
    wording = wording_of(tmp_path, "Pants", "Shoes", "Shirt", "T-shirt")
    asked = {
        typed: in_words_of(wording, typed)
        for typed in ("청바지", "blue jeans", "hiking boots", "blouse", "dress shoes", "sneaker shoes", "정장 구두")
    }
    assert asked == {
        "청바지": "jeans pants",
        "blue jeans": "blue jeans pants",
        "hiking boots": "hiking boots shoes",
        "blouse": "blouse",  # this shop tells kinds of shirts apart
        "dress shoes": "dress shoes",
        "sneaker shoes": "sneaker shoes",
        "정장 구두": "dress shoes",
    }


@pytest.mark.parametrize(
    "typed", ["mug", "머그", "오렌지 mug", "orange mug", "여러가지", "sneaker", "p-0", "칸탈루프", ""]
)
def test_other_words_stay_as_they_are(tmp_path: Path, typed: str) -> None:
    wording = wording_of(tmp_path, "Mug", "머그", "오렌지", "Trainers by Sneaker", "Eggplant")
    assert in_words_of(wording, typed) == typed


def test_a_whole_title_stays_as_it_is(tmp_path: Path) -> None:
    assert in_words_of(wording_of(tmp_path, "Hat", "모 자"), "모자") == "모자"


def test_what_was_typed_comes_back(tmp_path: Path) -> None:
    words = in_shop_words("칸탈루프 멜론", wording_of(tmp_path, "Melon"), FREQUENT.__contains__)
    assert (words.text, words.beside(words.text), words.as_typed("melon")) == ("칸탈루프 melon", ["칸탈루프"], "멜론")
    assert words.as_typed("melony melon") == "melony 멜론"


def test_each_listed_name_is_of_one_thing_and_each_kind_is_listed() -> None:
    things = listed_goods()
    keys = [key for goods in things.values() for key in {key_of(name) for name in goods.names}]
    assert sorted(keys) == sorted(set(keys))
    for goods in things.values():
        above = goods
        for _ in range(4):
            above = things[above.kind] if above.kind else above
        assert not above.kind, f"{goods.english[0]} is a kind of itself"
        assert all(goods.english)
        assert all(goods.korean)


def test_names_are_known_in_singular_and_plural_and_by_kind() -> None:
    assert [is_listed(word) for word in ("plaid", "cardigans", "운동화", "plian")] == [True, True, True, False]
    assert {"sneaker", "hikingboots", key_of("운동화")} <= keys_of_kind("shoes")
    assert "hat" not in keys_of_kind("shoes")
