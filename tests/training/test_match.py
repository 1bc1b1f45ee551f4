"""Fitting the match models: questions with known answers, questions without, and what a small shop learns from them."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from word_encoder import WordEncoder

from data.catalogue import ProductFacts, parse_product
from engine.answers import Evidence, judge_by
from training.match import fit, made_up
from training.match.asking import Answer
from training.match.fit import fit_kind
from training.match.photo_questions import Shelf, kinds_of, mixed_questions, photo_questions, similar_questions
from training.match.questions import (
    CHOSEN,
    LISTED,
    Asked,
    absent_words,
    listed_words,
    more_words,
    other_things,
    plain_words,
)
from training.match.words import ShopWords, Strangers, Thing, listed_things

ABSENT = Path(__file__).parents[2] / "benchmarks" / "absent_words.csv"
PRODUCTS: tuple[dict[str, Any], ...] = (
    {"product_id": "a", "title": "Red Delicious", "category": "Apples", "colour": "red", "attributes": {"ko": "사과"}},
    {"product_id": "b", "title": "Granny Smith", "category": "Apples", "colour": "green"},
    {"product_id": "c", "title": "Oat milk", "category": "Milk", "brand": "Oatly", "description": "goes with a banana"},
    {"product_id": "d", "title": "Orange juice", "category": "Juice"},
)


@pytest.fixture
def facts() -> dict[int, ProductFacts]:
    return {
        key: ProductFacts(product_key=key, product=parse_product(fields), image_sha256=(), colours=())
        for key, fields in enumerate(PRODUCTS, 1)
    }


@pytest.fixture
def words(facts: dict[int, ProductFacts]) -> ShopWords:
    return ShopWords(facts.values(), WordEncoder())


def test_plain_words_have_the_products_that_hold_all_of_them(facts: dict[int, ProductFacts], words: ShopWords) -> None:
    asked = {found.text: set(found.right) for found in plain_words(list(facts.values()), words)}
    assert asked["apples"] == {1, 2}
    assert asked["red apples"] == {1}
    assert asked["delicious"] == asked["red delicious"] == {1}
    assert asked["oat"] == {3}


def test_words_that_shoppers_add_change_nothing_about_what_is_right() -> None:
    plain = [
        Asked(kind="text", source="", group="mug", text=text, right=frozenset({1})) for text in ("mug", "mug", "컵")
    ]
    asked = more_words(plain)
    assert [found.text for found in asked] == ["outdoor mug", "mug with a pattern", "컵 작은"]
    assert all(found.right == {1} and found.group == "mug" for found in asked)


def test_a_plural_is_the_same_word_and_a_description_is_not_a_fact(words: ShopWords) -> None:
    assert words.holders("apple") == words.holders("Apples") == {1, 2}
    assert words.holders("사과") == {1}
    assert words.holders("과") == words.holders("banana") == words.holders("red milk") == frozenset()


def test_listed_things_that_the_shop_names_are_asked_in_both_languages(words: ShopWords) -> None:
    things = [Thing(("apple", "사과")), Thing(("orange juice", "오렌지 주스")), Thing(("laptop", "노트북"))]
    asked = {found.text: set(found.right) for found in listed_words(things, words, len(PRODUCTS))}
    assert asked == {"apple": {1, 2}, "사과": {1, 2}, "orange juice": {4}, "오렌지 주스": {4}}
    assert words.unsold(things, WordEncoder()) == [things[2]]


def test_a_thing_that_may_be_what_the_shop_calls_differently_is_not_asked_as_absent(words: ShopWords) -> None:
    near = Thing(("smith granny old", "x"))  # no product has all three words, but a text is near
    assert words.unsold([near], WordEncoder()) == []


def test_texts_of_products_that_were_taken_out_are_not_near(words: ShopWords) -> None:
    point = WordEncoder().embed(["Oat milk"])[0]
    assert words.near(point) == pytest.approx(1)
    assert words.near(point, frozenset({3})) < 0.9
    assert words.near(point, other_words="milk") < 0.9


def test_a_stranger_is_not_near_to_its_own_names() -> None:
    strangers = Strangers([Thing(("laptop", "노트북")), Thing(("hammer", "망치"))], WordEncoder())
    point = WordEncoder().embed(["laptop"])[0]
    assert strangers.near("laptop", point) < 0.5
    assert strangers.near("another", point) == pytest.approx(1)


def test_the_list_has_both_languages_and_none_of_the_benchmarks_words() -> None:
    names = [name.casefold() for thing in listed_things() for name in thing.names]
    assert len(names) > 600
    assert all(names)
    assert len(set(names)) == len(names)
    with ABSENT.open(encoding="utf-8") as file:
        asked = [row["query_text"].casefold() for row in csv.DictReader(file)]
    assert len(set(asked)) == 200
    assert not set(asked) & set(names)


def test_things_that_are_not_sold_are_asked_beside_words_of_the_shop_in_one_script() -> None:
    plain = [Asked(kind="text", source="a kind", group=text, text=text) for text in ("striped mug", "빨간 머그", "7")]
    found = other_things([Thing(("laptop", "노트북")), Thing(("tent", "텐트"))], plain)
    assert [asked.group for asked in found] == ["laptop", "tent"]
    assert found[0].text in ("striped laptop", "mug laptop")
    assert found[1].text in ("빨간 텐트", "머그 텐트")
    assert not any(asked.right for asked in found)
    assert other_things([Thing(("laptop",))], []) == []


def test_absent_words_have_no_answer_and_nonsense_is_the_same_each_time() -> None:
    asked = absent_words([Thing(("laptop", "노트북"))])
    assert asked == absent_words([Thing(("laptop", "노트북"))])
    assert {"laptop", "노트북"} < {found.text for found in asked}
    assert not any(found.right for found in asked)


def shelf(facts: dict[int, ProductFacts], each: int) -> Shelf:
    keys = np.repeat(np.arange(1, 61), each)
    photos = [f"{number:064x}" for number in range(len(keys))]
    points = np.random.default_rng(0).normal(size=(len(keys), 4)).astype(np.float32)
    known = frozenset(f"{photo}+a2.{number}" for photo in photos for number in range(2))
    return Shelf(keys=keys, photos=photos, points=points, facts=facts, known=known)


def test_held_out_photos_and_their_copies_are_asked_without_each_other(facts: dict[int, ProductFacts]) -> None:
    made = shelf(facts, 5)
    asked = photo_questions(made)
    alone = [found for found in asked if "+" not in found.photo]
    assert len(asked) == 3 * len(alone) > 60
    held = {made.photos.index(found.photo) for found in alone}
    for found in asked:
        assert held <= set(found.hidden)
        (key,) = found.right
        assert set(made.rows_of(key)) - set(found.hidden)  # it can be found by another photo
    assert any(len(found.hidden) > len(held) for found in asked)  # in some, the nearest photos are taken out too


def test_where_each_product_has_one_photo_its_copies_are_asked(facts: dict[int, ProductFacts]) -> None:
    asked = photo_questions(shelf(facts, 1))
    assert len(asked) == 120
    assert all("+" in found.photo and not found.hidden for found in asked)


def test_kinds_are_categories_or_the_attribute_that_groups_products(facts: dict[int, ProductFacts]) -> None:
    assert kinds_of({1: facts[1], 2: facts[2]}) == {1: "Apples", 2: "Apples"}
    aisles = [{"aisle": f"aisle {at % 3}"} for at in range(9)]
    rows = [{"product_id": f"{at}", "category": f"c{at}", "attributes": aisle} for at, aisle in enumerate(aisles)]
    grouped = {
        at: ProductFacts(product_key=at, product=parse_product(fields), image_sha256=(), colours=())
        for at, fields in enumerate(rows)
    }
    kinds = kinds_of(grouped)
    assert kinds == {at: f"aisle {at % 3}" for at in range(9)}
    found = {asked.product: set(asked.right) for asked in similar_questions(shelf(grouped, 1), kinds)}
    assert found[0] == {3, 6}


def test_photos_and_words_ask_for_the_product_or_another_colour(facts: dict[int, ProductFacts]) -> None:
    photo = Asked(kind="photo", source="", group="", photo="0" * 64, right=frozenset({1}))
    nothing = Asked(kind="photo", source="", group="", made_up=0)
    asked = mixed_questions([photo, nothing], shelf(facts, 1), kinds_of(facts), ["laptop"])
    assert [(found.text, set(found.right)) for found in asked] == [
        ("Red Delicious", {1}), ("green", {2}), ("laptop", set()),
    ]  # fmt: skip


def answers(count: int, seed: int) -> list[Answer]:
    """Answers whose first hit is right where its cosine is high, and questions without an answer of low cosines."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(count):
        right = number % 2 == 0
        best = random.normal(0.7 if right else 0.4, 0.1)
        scores = np.array([best, best - random.uniform(0.2, 0.3), best - 0.4], np.float32)
        asked = Asked(
            kind="similar", source="a product" if right else "other", group=f"{number}",
            right=frozenset({1} if right else ()),
        )  # fmt: skip
        made.append(Answer(asked, Evidence(scores=scores), np.array([right, False, False])))
    return made


def test_what_is_learned_holds_for_questions_that_were_left_out() -> None:
    found = fit_kind("similar", answers(600, 0))
    assert found is not None
    model, figures = found
    assert figures["expected_calibration_error"] < 0.05
    assert figures["refused"] < 0.15
    assert figures["accepted"] < 0.25
    assert sum(figures["reliability"]["hits"]) == 1800
    assert set(figures["sources"]) == {"a product", "other"}
    sure, unsure = (
        judge_by(model, Evidence(scores=np.array(row, np.float32))) for row in ([0.8, 0.5, 0.4], [0.3, 0.1, 0.0])
    )
    assert not sure["no_match"]
    assert unsure["no_match"]


def test_products_that_nobody_chose_are_not_learned_as_wrong() -> None:
    chosen = [
        replace(answer, asked=replace(answer.asked, source=CHOSEN)) if answer.asked.right else answer
        for answer in answers(200, 1)
    ]
    found = fit_kind("similar", chosen)
    assert found is not None
    assert not found[0].hit.weights.any()  # there was nothing to learn which hit is right from


def words_of_two_languages(count: int) -> list[Answer]:
    """Answers to words that hits hold, and to words of another language: right where they are near to the shop's."""
    random = np.random.default_rng(0)
    made = []
    for number in range(count):
        held, right = number % 2, number % 4 > 1
        near = (0.5, 0.5) if held else (0.7, 0.4) if right else (0.4, 0.7)
        scores = np.array([random.normal(0.5, 0.02), 0.3, 0.1], np.float32)
        asked = Asked(kind="text", source=LISTED, group=f"{number}", right=frozenset({1} if right else ()))
        shares = np.array([held * (0.4 + 0.6 * right), 0.0, 0.0], np.float32)
        made.append(Answer(asked, Evidence(scores=scores, shares=shares, near=near), np.array([right, False, False])))
    return made


def test_words_of_another_language_are_judged_by_what_they_are_near_to() -> None:
    found = fit_kind("text", words_of_two_languages(400))
    assert found is not None
    scores, none = np.array([0.5, 0.3, 0.1], np.float32), np.zeros(3, np.float32)
    near, far = (
        judge_by(found[0], Evidence(scores=scores, shares=none, near=each)) for each in ((0.7, 0.4), (0.4, 0.7))
    )
    assert not near["no_match"]
    assert far["no_match"]


def test_listed_words_count_more_than_others() -> None:
    made = words_of_two_languages(400)
    sold = [replace(a, asked=replace(a.asked, source="a kind")) if n % 8 == 2 else a for n, a in enumerate(made)]
    weights = fit._weights(sold)
    assert weights[6] == pytest.approx(4 * weights[2])


def test_too_few_questions_give_no_model() -> None:
    assert fit_kind("similar", answers(30, 0)) is None


def test_made_up_photos_lie_outside_and_are_never_negative() -> None:
    rows = made_up.made_up_rows(np.full(4, 0.5, np.float32), np.eye(4, dtype=np.float32), [0, 1, 2])
    assert rows.shape == (3, 4)
    assert rows.min() >= 0
    assert (rows.argmax(axis=1) == [0, 1, 2]).all()
