"""Words typed while the keyboard was set to the other script are read as they were meant, and no others are."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.catalogue import Catalogue, parse_product
from data.vocabulary import Wording
from engine.understanding.layouts import on_other_layout, retyped

TITLES = ("Red mug", "Green chair", "빨간 머그컵", "파란 의자", "Soso tea", "Tkrhk", "14 l pack")
WORDS = {"red", "dress", "toast", "우유", "쇼파"}  # frequent ones, as the text encoder knows them


@pytest.fixture(scope="module")
def wording(tmp_path_factory: pytest.TempPathFactory) -> Wording:
    catalogue = Catalogue(tmp_path_factory.mktemp("shop"))
    for number, title in enumerate(TITLES):
        catalogue.upsert(parse_product({"product_id": f"p-{number}", "title": title}), [])
    catalogue.upsert(parse_product({"product_id": "aksksk", "title": "Comic"}), [])
    return Wording(catalogue.connections)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ajrm", "머그"), ("ajrmzjq", "머그컵"), ("Qkfrks ajrm", "빨간 머그"), ("red ajrm", "red 머그"),
        ("AJrm, dmlwk", "머그, 의자"), ("aj rm", "머그"), ("20dbfh dlgk ajrm", "20유로 이하 머그"),
        ("dndb", "우유"), ("xnsk", "투나"),  # no word in Latin letters: read although no product has it
        ("ㅡㅕㅎ", "mug"), ("ㅡㅕㅎㄴ", "mugs"), ("촘ㅑㄱ", "chair"), ("ㅊㅗㅁㅑㄱ", "chair"), 
        ("ㄱㄷㅇ ㅡㅕㅎ", "red mug"), ("빨간 ㅡㅕㅎ", "빨간 mug"), ("ㅡㅑㅣㅏ", "milk"),
        (unicodedata.normalize("NFD", "촘ㅑㄱ"), "chair"),
    ],
)  # fmt: skip
def test_words_typed_on_the_other_layout_are_read_as_they_were_meant(wording: Wording, typed: str, meant: str) -> None:
    assert retyped(typed, wording, WORDS.__contains__) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "mug", "red mug", "머그", "빨간 머그컵", "쇼파", "소라벨", "soso", "coco", "gogo", "toast", "dress", "tkrhk",
        "aksksk", "ㅠㅠ", "mug ㅋㅋㅋ", "ㅠㅜㅠ", "ㅁㄱㅋ", "앧", "hdmi", "xl", "14l", "dbfh20", "aj red", "the aj", "",
    ],
)  # fmt: skip
def test_other_words_stay_as_they_are(wording: Wording, typed: str) -> None:
    assert retyped(typed, wording, WORDS.__contains__) == typed


@given(st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), min_size=2, max_size=12))
def test_any_syllables_come_back_from_their_keys(word: str) -> None:
    keys = on_other_layout(word)
    assert keys.isascii()
    typed = "".join(_keys_with_shift(word))
    assert on_other_layout(typed) == word
    assert typed.lower() == keys


def _keys_with_shift(word: str) -> list[str]:
    """Returns the keys of a word's letters from the names that Unicode gives the letters."""
    keys = {
        "KIYEOK": "r", "SSANGKIYEOK": "R", "NIEUN": "s", "TIKEUT": "e", "SSANGTIKEUT": "E", "RIEUL": "f", "MIEUM": "a",
        "PIEUP": "q", "SSANGPIEUP": "Q", "SIOS": "t", "SSANGSIOS": "T", "IEUNG": "d", "CIEUC": "w", "SSANGCIEUC": "W",
        "CHIEUCH": "c", "KHIEUKH": "z", "THIEUTH": "x", "PHIEUPH": "v", "HIEUH": "g",
        "A": "k", "AE": "o", "YA": "i", "YAE": "O", "EO": "j", "E": "p", "YEO": "u", "YE": "P", "O": "h", "WA": "hk",
        "WAE": "ho", "OE": "hl", "YO": "y", "U": "n", "WEO": "nj", "WE": "np", "WI": "nl", "YU": "b", "EU": "m",
        "YI": "ml", "I": "l",
    }  # fmt: skip
    names = [unicodedata.name(sign).rpartition(" ")[2] for sign in unicodedata.normalize("NFD", word)]
    return ["".join(keys[part] for part in name.split("-")) for name in names]
