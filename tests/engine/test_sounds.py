"""Sounds: loanwords and brands meet in Hangul and Latin letters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text.sounds import consonants, sound_features


@pytest.mark.parametrize(
    ("hangul", "latin"),
    [
        ("아스파라거스", "asparagus"),
        ("트로피카나", "Tropicana"),
        ("패션프루트 주스", "Passion Fruit Juice"),  # Korean spaces differ
        ("오렌지", "Orange"),
        ("나이키 에어", "Nike Air"),
        ("삼성 갤럭시", "Samsung Galaxy"),
        ("블루베리", "BLUEBERRY"),
        ("쿠션", "cushion"),
        ("카드", "card"),
        ("카페", "Café"),
    ],
)
def test_a_word_heard_and_a_word_written_are_equal(hangul: str, latin: str) -> None:
    assert consonants(hangul) == consonants(latin)
    rows = sound_features([hangul, latin])
    np.testing.assert_array_equal(rows[0], rows[1])


def test_other_words_are_not_near() -> None:
    rows = sound_features(["트로피카나", "Bravo", "asparagus"])
    assert (rows[0] @ rows[1:].T < 0.4).all()


@given(st.lists(st.text(max_size=50), max_size=5), st.sampled_from([1, 8, 256]))
def test_any_text_has_a_row_of_norm_1(texts: list[str], width: int) -> None:
    rows = sound_features(texts, width)
    assert rows.shape == (len(texts), width)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_a_long_text_counts_as_its_first_500_characters() -> None:
    rows = sound_features(["가나" * 1_000_000, "가나" * 250])
    np.testing.assert_array_equal(rows[0], rows[1])
