"""Brands that are asked for in the other script."""

import pytest

from data.catalogue import Catalogue, parse_product
from data.columns import ColumnStore
from data.lexical import key_of
from data.settings import Settings
from engine.understanding import Understanding, Understood
from engine.understanding.heard_brands import HeardBrands
from engine.understanding.sounds import first_letters, letters_heard, outline_of, rare_spellings


@pytest.mark.parametrize(
    ("hangul", "latin"),
    [
        ("나이키", "Nike"), ("아디다스", "adidas"), ("라코스테", "Lacoste"), ("유니클로", "Uniqlo"),
        ("삼성", "Samsung"), ("현대", "Hyundai"), ("롤렉스", "Rolex"), ("구찌", "Gucci"), ("에르메스", "Hermès"),
        ("디올", "Dior"), ("뉴발란스", "New Balance"), ("로레알", "L'Oréal"), ("리바이스", "Levi's"), 
        ("보쉬", "Bosch"), ("롯데", "Lotte"),
    ],
)  # fmt: skip
def test_a_name_is_found_in_the_other_script(hangul: str, latin: str) -> None:
    heard = letters_heard(latin)
    assert outline_of(hangul) == outline_of(heard)
    assert first_letters(heard) <= first_letters(hangul)
    assert HeardBrands.of([latin, "Acorn"]).meant(key_of(hangul)) == latin
    assert HeardBrands.of([hangul, "도토리"]).meant(key_of(latin)) == hangul


@pytest.mark.parametrize("word", ["국수", "반지", "벨트", "머그", "양말", "빵", "nike", "나이키2", "", "키"])
def test_what_sounds_otherwise_is_no_brand(word: str) -> None:
    brands = ["Nike", "Cuckoo", "Vans", "Prada", "Omega", "Amore", "3M", "Ки", "Gucci"]
    assert HeardBrands.of(brands).meant(key_of(word)) == ""


def test_the_brand_that_needs_fewest_rare_spellings_is_meant_and_none_of_two_as_near() -> None:
    assert (rare_spellings("크록스", letters_heard("Crocs")), rare_spellings("크록스", letters_heard("Kelogs"))) == (
        0,
        1,
    )
    assert HeardBrands.of(["Crocs", "Kellogg's"]).meant("크록스") == "Crocs"
    assert HeardBrands.of(["Bosch", "Bose"]).meant("보쉬") == ""
    assert [HeardBrands.of(["Dior"]).meant("다이어", surely=surely) for surely in (False, True)] == ["Dior", ""]


class Shop:
    """A catalogue with brands in both scripts, and the understanding of what is asked of it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.understanding, self.columns = Understanding(catalogue, 90), ColumnStore(catalogue)

    def __call__(self, text: str) -> Understood:
        return self.understanding.understand(text, None, self.columns.passing, alone=True)


@pytest.fixture
def shop(settings: Settings) -> Shop:
    catalogue = Catalogue(settings.home)
    for number, (brand, title, colour) in enumerate(
        [
            ("Nike", "Running shoe", "brown"), ("adidas", "Trail shoe", ""), ("Braun", "Shaver", ""),
            ("Apple", "Phone", ""), ("Grove", "Apple juice", ""), ("아모레", "크림", ""), ("Lego", "Rug of 레고", ""),
            ("New Balance", "Sock", ""),
        ]
    ):  # fmt: skip
        facts = {"product_id": f"p-{number}", "title": title, "brand": brand, "colour": colour}
        catalogue.upsert(parse_product(facts), [])
    return Shop(catalogue)


@pytest.mark.parametrize(
    ("query", "left", "expected"),
    [
        ("나이키 운동화", "nike 운동화", ["나이키: brand = \"nike\""]),
        ("나이키운동화", "nike 운동화", ["나이키: brand = \"nike\""]),
        ("나이키의 운동화", "nike 운동화", ["나이키의: brand = \"nike\""]),
        ("뉴 발란스 양말", "new balance 양말", ["뉴 발란스: brand = \"new balance\""]),
        ("나이키 말고 운동화", "운동화", ["나이키 말고: NOT brand = \"nike\""]),
        ("나이키 또는 아디다스", "adidas nike", ["나이키 또는 아디다스: brand IN (\"adidas\", \"nike\")"]),
        ("amore cream", "아모레 cream", ["amore: brand = \"아모레\""]),
        ("브라운 운동화", "brown 운동화", ["브라운: colour = \"brown\""]),  # not Braun
        ("애플 주스", "애플 주스", []),  # an apple too
        ("레고", "레고", []),  # a word that a product has
        ("레고블록", "레고블록", []),
        ("운동화", "운동화", []),
    ],
)  # fmt: skip
def test_a_brand_in_the_other_script_is_a_condition(shop: Shop, query: str, left: str, expected: list[str]) -> None:
    found = shop(query)
    assert (found.text, [f"{each.text}: {each.filter}" for each in found.constraints]) == (left, expected)


def test_no_answer_is_judged_by_a_brand_that_every_hit_has(shop: Shop) -> None:
    assert shop("나이키 운동화").unjudged == {"nike"}
