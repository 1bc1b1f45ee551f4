"""The table of hits that `lookalike search` prints."""

import pytest

from api.hits import hits_table
from data.columns import FacetCounts, RangeCount, ValueCount
from engine.search import Hit, SearchAnswer
from engine.understanding import Constraint


@pytest.mark.parametrize(
    ("price", "currency", "shown"),
    [(19000, "KRW", "19,000 KRW"), (9.5, "EUR", "9.50 EUR"), (9.5, "", "9.50"), (None, "EUR", "")],
)
def test_a_price_has_the_decimals_of_its_currency(price: float | None, currency: str, shown: str) -> None:
    hit = Hit(
        product_id="p", score=1, match_probability=None, image_id=None, image_url=None, title="Mug", brand="",
        price=price, currency=currency, category="", url="", colours=(), fresh=False, why=(),
    )  # fmt: skip
    answer = SearchAnswer(
        query_id="q", generation="g", pending=0, took_ms=1, hits=(hit,), next_cursor=None, no_match=False,
        did_you_mean=None,
    )  # fmt: skip
    assert hits_table(answer).splitlines()[1].split() == ["1.000", "p", *shown.split(), "Mug"]


def test_the_table_says_what_was_understood() -> None:
    answer = SearchAnswer(
        query_id="q", generation="g", pending=0, took_ms=1.0, hits=(), next_cursor=None, no_match=True,
        understood=(
            Constraint("red", 'colour = "red"', relaxed=True), Constraint("under 20 euro", "price < 20"),
            Constraint("without milk", not_text="milk"), Constraint("1l", relaxed=True),
        ),
    )  # fmt: skip
    assert hits_table(answer).splitlines()[-1] == (
        "“red”: left too little, dropped. “under 20 euro”: price < 20. “without milk”: not milk. "
        "“1l”: no product has this, left out. No match."
    )


def test_what_was_counted_stands_below_the_hits() -> None:
    facets = {
        "brand": FacetCounts((ValueCount("Acorn", 1_200), ValueCount("Sena", 3)), other_values=7),
        "price": FacetCounts(ranges=(RangeCount(0.5, 2_000_000, 4),)),
        "attr.size": FacetCounts(),
        "in_stock": FacetCounts((ValueCount(True, 2), ValueCount(42.0, 1))),
    }
    answer = SearchAnswer(
        query_id="q", generation="g", pending=0, took_ms=1.0, hits=(), next_cursor=None, no_match=True,
        facets=facets,
    )  # fmt: skip
    assert hits_table(answer).splitlines()[1:5] == [
        "brand: Acorn (1,200), Sena (3), 7 more", "price: 0.5 to 2000000 (4)", "attr.size: none",
        "in_stock: true (2), 42 (1)",
    ]  # fmt: skip


def test_the_table_says_which_words_were_searched_for_instead() -> None:
    answer = SearchAnswer(
        query_id="q", generation="g", pending=0, took_ms=1.0, hits=(), next_cursor=None, no_match=True,
        did_you_mean="backpack",
    )  # fmt: skip
    assert hits_table(answer).splitlines()[-1] == "Searched for “backpack”. No match."
