"""Letters beside the sentence embedding: what the encoder does not know must still differ."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols import Floats
from engine.text import text_features
from engine.text.features import character_features


class BlindEncoder:
    """To it every text is the same."""

    name, digest, dim = "blind", "b" * 64, 4

    def embed(self, texts: Sequence[str]) -> Floats:
        return np.tile(np.array([1, 0, 0, 0], np.float32), (len(texts), 1))


def test_texts_that_the_encoder_cannot_tell_apart_differ_by_their_letters() -> None:
    rows = text_features(BlindEncoder(), ["SKU-48213-B", "SKU-59024-C", "사과", "바나나", "Zyqvex"])
    likeness = rows @ rows.T
    np.testing.assert_allclose(np.diag(likeness), 1, atol=1e-5)
    assert (likeness - np.eye(5) < 0.95).all()


def test_a_misspelt_name_is_nearer_than_another_name() -> None:
    right, misspelt, other = character_features(["Zyqvex jacket", "Zyqvexx jacket", "Brondal trousers"])
    assert right @ misspelt > right @ other + 0.5


def test_case_and_unicode_form_and_spaces_do_not_count() -> None:
    rows = character_features(["Café  Noir", "cafe\u0301 noir", " CAFÉ NOIR "])
    np.testing.assert_array_equal(rows[0], rows[1])
    np.testing.assert_array_equal(rows[0], rows[2])


def test_a_word_in_hangul_is_near_the_same_word_in_latin_letters() -> None:
    heard, written, other = text_features(BlindEncoder(), ["트로피카나", "Tropicana", "Bravo"])
    assert heard @ written > heard @ other + 0.1


def test_generations_without_sounds_keep_their_features() -> None:
    """A head of an earlier version was fitted on eight tenths of sentence and two tenths of letters."""
    encoder = BlindEncoder()
    sentences, letters = encoder.embed(["mug"]), character_features(["mug"])
    wanted = np.hstack([0.8**0.5 * sentences, 0.2**0.5 * letters])
    np.testing.assert_allclose(text_features(encoder, ["mug"], 512, 0), wanted, atol=1e-6)


def test_no_letters_are_the_sentence_embedding_itself() -> None:
    encoder = BlindEncoder()
    np.testing.assert_array_equal(text_features(encoder, ["a"], 0, 0), encoder.embed(["a"]))


def test_order_of_letters_counts() -> None:
    rows = character_features(["abcdef", "fedcba"])
    assert rows[0] @ rows[1] < 0.5


@given(st.lists(st.text(max_size=50), max_size=5), st.sampled_from([1, 8, 512]))
def test_any_text_has_a_row_of_norm_1(texts: list[str], width: int) -> None:
    rows = character_features(texts, width)
    assert rows.shape == (len(texts), width)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
