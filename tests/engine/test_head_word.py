"""Which word names the thing in words that are searched for."""

import pytest

from data.lexical import words_of
from engine.understanding import head_word


@pytest.mark.parametrize(
    ("text", "thing"),
    [
        ("chair", "chair"),
        ("laptop bag", "bag"),
        ("striped laptop", "laptop"),
        ("mug for coffee", "mug"),
        ("red dress of silk with pockets", "dress"),
        ("for women dress", "dress"),
        ("나무 의자", "의자"),
        ("가방 여성용", "가방"),
        ("여성용", "여성용"),
        ("우산 튼튼한", "우산"),
        ("우산 가벼운", "우산"),
        ("반지 은", "은"),
        ("목욕 가운", "가운"),
        ("headphones wireless", "headphones"),
        ("backpack waterproof", "backpack"),
        ("", ""),
    ],
)
def test_the_last_word_names_the_thing_unless_it_says_what_it_is_like(text: str, thing: str) -> None:
    assert head_word(words_of(text), words_of(text)) == thing


def test_words_that_are_conditions_do_not_name_it() -> None:
    assert head_word(["mug", "red"], ["mug"]) == "mug"
    assert head_word(["red"], []) == ""
