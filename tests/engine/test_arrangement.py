"""Facets, totals, sorting and caps: what is counted, and what stands where."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tiny_shop import DIM, TinyShop, axis, name_of, photo_of

from data import columns
from data.columns import RangeCount, ValueCount
from engine.answers.arrangement import Cap, read_cap, read_facets
from engine.errors import InvalidQuery
from engine.generation import Generation
from engine.protocols import Floats
from engine.search import SearchAnswer, SearchEngine, SearchRequest

PHOTO = SearchRequest(image=photo_of(0), k=50)


class FirstAxis:
    """A text tower for which all words mean the same."""

    def embed(self, texts: Any) -> Floats:
        return np.array([axis(0)] * len(texts), np.float32)


@pytest.fixture
def engine(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> SearchEngine:
    monkeypatch.setattr(Generation, "text_tower", lambda self: FirstAxis())
    return SearchEngine(shop.settings, backbone=shop.backbone)


def near(share: float) -> list[float]:
    """Returns a point whose cosine with the first axis is `share`."""
    return [share, (1 - share**2) ** 0.5] + [0.0] * (DIM - 2)


def stock(shop: TinyShop) -> None:
    """Puts products a to f, the nearest to the first axis first."""
    facts: dict[str, dict[str, Any]] = {
        "a": {"brand": "Acme", "price": 30, "created_at": "2026-03-01", "attr.size": "L"},
        "b": {"brand": "Acme", "price": 10, "created_at": "2026-01-01", "attr.size": "M"},
        "c": {"brand": "Sena", "created_at": "2026-02-01", "attr.size": "L", "in_stock": False},
        "d": {"brand": "ACME", "price": 20, "created_at": "2026-03-01"},
        "e": {"price": 10, "colour": "red"},
        "f": {"brand": "Sena", "price": 20, "created_at": "2020-01-01", "attr.size": "XL"},
    }
    for place, (name, own) in enumerate(facts.items()):
        shop.put(name, [near(1 - 0.1 * place)], **own)


def ids(answer: SearchAnswer) -> str:
    return "".join(hit.product_id for hit in answer.hits)


def test_facets_count_all_that_passes_the_filter_not_the_page(shop: TinyShop, engine: SearchEngine) -> None:
    stock(shop)
    shop.publish()
    answer = engine.search(replace(PHOTO, k=1, facets="brand, attr.size,price,in_stock,colour"))
    assert ids(answer) == "a"
    assert answer.total == 6
    assert list(answer.facets) == ["brand", "attr.size", "price", "in_stock", "colour"]
    assert answer.facets["brand"].values == (ValueCount("Acme", 3), ValueCount("Sena", 2))
    assert answer.facets["attr.size"].values == (ValueCount("L", 2), ValueCount("M", 1), ValueCount("XL", 1))
    assert answer.facets["in_stock"].values == (ValueCount(True, 5), ValueCount(False, 1))
    assert answer.facets["colour"].values == (ValueCount("red", 1),)
    assert answer.facets["price"].ranges == (RangeCount(10, 20, 2), RangeCount(20, 40, 3))
    cheap = engine.search(replace(PHOTO, filter="price < 25", facets="brand"))
    assert (cheap.total, cheap.facets["brand"].values) == (4, (ValueCount("Acme", 2), ValueCount("Sena", 1)))


def test_a_fact_can_be_counted_as_if_it_were_not_filtered_by(shop: TinyShop, engine: SearchEngine) -> None:
    stock(shop)
    shop.put("g", [near(0.1)], embedded=False, title="thing", brand="Oak", price=20)
    shop.publish()
    both = replace(PHOTO, facets="~brand,price,~attr.size", filter='brand = "Acme" AND price < 25')
    answer = engine.search(both)
    assert (answer.total, list(answer.facets)) == (2, ["brand", "price", "attr.size"])
    assert answer.facets["brand"].values == (ValueCount("Acme", 2), ValueCount("Sena", 1))
    assert sum(part.count for part in answer.facets["price"].ranges) == 2
    assert answer.facets["attr.size"].values == (ValueCount("M", 1),)  # its own filter alone is left out, not others
    assert engine.search(replace(both, facets="brand")).facets["brand"].values == (ValueCount("Acme", 2),)
    alone = engine.search(replace(both, filter='brand = "Acme"', also=('brand = "Acme" OR price > 90',)))
    assert alone.facets["brand"].values == (ValueCount("Acme", 3),)  # the second says something of prices too
    for words in (SearchRequest(text="thing"), SearchRequest(text="thing", legs="lexical")):
        found = engine.search(replace(words, facets="~brand", filter='brand = "Sena"')).facets["brand"].values
        everything = engine.search(replace(words, facets="brand")).facets["brand"].values
        assert found == everything
        assert ValueCount("Oak", 1) in found  # it is found by its letters alone
    assert engine.search(replace(both, facets="~brand,brand")).facets.keys() == {"brand"}


def test_what_was_put_or_deleted_a_moment_ago_counts(shop: TinyShop, engine: SearchEngine) -> None:
    stock(shop)
    shop.publish()
    assert engine.search(replace(PHOTO, facets="brand")).total == 6
    shop.put("g", [near(0.2)], brand="Sena")
    shop.catalogue.delete("a")
    shop.put("h", [near(0.1)], embedded=False, brand="Sena")  # cannot be found yet, so it does not match
    answer = engine.search(replace(PHOTO, facets="brand"))
    assert answer.total == len(answer.hits) == 6
    assert answer.facets["brand"].values == (ValueCount("Sena", 3), ValueCount("Acme", 2))


def test_more_than_can_be_paged_through_is_counted(shop: TinyShop, engine: SearchEngine) -> None:
    for number in range(1_010):
        shop.put(f"p{number}", [near(0.5)], brand=f"b{number % 2}", price=5)
    shop.publish()
    answer = engine.search(replace(PHOTO, facets="brand"))
    assert answer.total == 1_010
    assert answer.facets["brand"].values == (ValueCount("b0", 505), ValueCount("b1", 505))


def test_similar_does_not_count_the_product_itself(shop: TinyShop, engine: SearchEngine) -> None:
    stock(shop)
    shop.publish()
    answer = engine.search(SearchRequest(product_id="a", facets="brand"))
    assert answer.total == len(answer.hits) == 5
    assert answer.facets["brand"].values == (ValueCount("Acme", 2), ValueCount("Sena", 2))


def test_products_that_are_asked_with_do_not_match(shop: TinyShop, engine: SearchEngine) -> None:
    stock(shop)
    shop.publish()
    unliked = engine.search(replace(PHOTO, unlike=("b", "nobody"), facets="brand"))
    assert unliked.total == len(unliked.hits) == 5
    assert unliked.facets["brand"].values == (ValueCount("Acme", 2), ValueCount("Sena", 2))
    assert engine.search(replace(PHOTO, like=("b",))).total == 6
    liked = engine.search(SearchRequest(like=("a", "b"), unlike=("c",), product_id=""))
    assert (liked.total, set(ids(liked))) == (3, {"d", "e", "f"})


def test_letters_alone_match_what_has_them(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("a", [near(0.9)], title="red mug", brand="Acme")
    shop.put("b", [near(0.8)], title="blue mug", brand="Sena")
    shop.publish()
    shop.put("c", [], title="mug without a photo", brand="Sena")
    shop.put("d", [], title="bowl without a photo", brand="Acme")
    lexical = engine.search(SearchRequest(text="mug", legs="lexical", facets="brand"))
    assert (lexical.total, set(ids(lexical))) == (3, {"a", "b", "c"})
    assert lexical.facets["brand"].values == (ValueCount("Sena", 2), ValueCount("Acme", 1))
    dense = engine.search(SearchRequest(text="mug", legs="dense"))
    assert (dense.total, ids(dense)) == (2, "ab")
    fused = engine.search(SearchRequest(text="red", facets="brand", filter='brand = "acme"'))
    assert (fused.total, ids(fused)) == (1, "a")
    assert engine.search(SearchRequest(text="mug")).total == 3


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("relevance", "abcdef"),
        ("price", "bedfac"),
        ("-price", "adfbec"),
        ("created_at", "fbcade"),
        ("-created_at", "adcbfe"),
    ],
)
def test_sorting_keeps_ties_by_relevance_and_puts_unknown_last(
    shop: TinyShop, engine: SearchEngine, sort: str, expected: str
) -> None:
    stock(shop)
    shop.publish()
    answer = engine.search(replace(PHOTO, sort=sort))
    assert ids(answer) == expected
    scores = {hit.product_id: hit.score for hit in answer.hits}
    assert scores["a"] == pytest.approx(1, abs=1e-3)
    assert scores["f"] == pytest.approx(0.5, abs=1e-3)


def test_pages_of_a_sorted_answer_never_repeat_or_miss(shop: TinyShop, engine: SearchEngine) -> None:
    stock(shop)
    shop.publish()
    request = replace(PHOTO, sort="price", k=2, facets="brand")
    first = engine.search(request)
    shop.put("e", [near(0.6)], price=99)  # after the first page, so its place is kept
    second = engine.search(replace(request, cursor=first.next_cursor or ""))
    third = engine.search(SearchRequest(cursor=second.next_cursor or "", k=2))
    assert ids(first) + ids(second) + ids(third) == "bedfac"
    assert first.facets == second.facets == third.facets
    assert first.total == third.total == 6
    with pytest.raises(InvalidQuery, match="another question"):
        engine.search(replace(request, sort="-price", cursor=first.next_cursor or ""))


def test_only_the_closest_are_sorted_where_that_is_asked(shop: TinyShop, engine: SearchEngine) -> None:
    stock(shop)
    shop.publish()
    closest = replace(PHOTO, sort="price", closest=4, k=3, facets="brand")
    first = engine.search(closest)
    second = engine.search(replace(closest, cursor=first.next_cursor or ""))
    assert (ids(first), ids(second), second.next_cursor, first.total) == ("bda", "c", None, 4)
    assert sum(value.count for value in first.facets["brand"].values) == sum(
        bool(hit.brand) for hit in (*first.hits, *second.hits)
    )
    assert ids(engine.search(replace(closest, sort="relevance", k=9))) == "abcdef"


def test_freshness_and_diversity_do_not_reorder_a_sorted_answer(shop: TinyShop, engine: SearchEngine) -> None:
    for number in range(6):
        shop.put(f"{number}", [axis(0)], price=1, created_at=f"2026-0{number + 1}-01")
    shop.publish()
    answer = engine.search(replace(PHOTO, sort="price", freshness=1.0, diversity=0.9))
    assert ids(answer) == "012345"
    assert not any("freshness" in reason or "diversity" in reason for hit in answer.hits for reason in hit.why)
    assert ids(engine.search(replace(PHOTO, freshness=1.0))) != "012345"


def test_only_the_best_thousand_are_sorted(shop: TinyShop, engine: SearchEngine) -> None:
    for number in range(1_001):
        shop.put(f"p{number}", [near(0.5)], price=2)
    shop.put("far", [axis(1)], price=1)
    shop.publish()
    answer = engine.search(replace(PHOTO, sort="price", k=1_000))
    assert "far" not in {hit.product_id for hit in answer.hits}
    assert (len(answer.hits), answer.next_cursor, answer.total) == (1_000, None, 1_002)


def test_a_typed_code_stands_first_however_the_rest_is_sorted(shop: TinyShop, engine: SearchEngine) -> None:
    stock(shop)
    shop.put("x", [near(0.1)], price=500, brand="Acme", attributes={"sku": "AB-12345"})
    shop.publish()
    answer = engine.search(SearchRequest(text="ab12345", sort="price", max_per="brand:1"))
    assert answer.hits[0].why[0] == "code matches: sku"
    assert ids(answer) == "xef"  # Acme has its one, and f is the cheapest of Sena


def test_every_product_with_a_typed_code_stays(shop: TinyShop, engine: SearchEngine) -> None:
    for name in "xyz":
        shop.put(name, [near(0.1)], brand="Acme", attributes={"sku": "AB-12345" if name != "z" else "other"})
    shop.publish()
    assert set(ids(engine.search(SearchRequest(text="ab12345", max_per="brand:1")))) == {"x", "y"}


def test_a_cap_keeps_the_first_of_each_value(shop: TinyShop, engine: SearchEngine) -> None:
    stock(shop)
    shop.publish()
    capped = engine.search(replace(PHOTO, max_per="brand:1", facets="brand"))
    assert ids(capped) == "ace"
    assert (capped.total, capped.facets["brand"].values[0]) == (6, ValueCount("Acme", 3))
    assert ids(engine.search(replace(PHOTO, max_per="brand:1", sort="price"))) == "bef"
    assert ids(engine.search(replace(PHOTO, max_per="attr.size:1"))) == "abdef"
    assert ids(engine.search(replace(PHOTO, max_per="brand:2"))) == "abcef"
    page = engine.search(replace(PHOTO, max_per="brand:1", k=2))
    assert ids(engine.search(SearchRequest(cursor=page.next_cursor or ""))) == "e"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"facets": "brand,title"}, "facets"),
        ({"facets": "brand,,price"}, "facets"),
        ({"facets": "attr."}, "facets"),
        ({"facets": "attr." + "x" * 65}, "facets"),
        ({"facets": ",".join(f"attr.x{number}" for number in range(11))}, "at most 10"),
        ({"facets": "brand," * 1_000}, "1000 characters"),
        ({"sort": "title"}, "sort"),
        ({"max_per": "brand"}, "max_per"),
        ({"max_per": "brand:0"}, "max_per"),
        ({"max_per": "brand:1001"}, "max_per"),
        ({"max_per": "brand:²"}, "max_per"),
        ({"max_per": "price:2"}, "max_per"),
        ({"max_per": ":2"}, "max_per"),
    ],
)
def test_what_breaks_a_rule_is_refused(engine: SearchEngine, fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidQuery, match=named) as refused:
        engine.search(replace(PHOTO, **fields))
    assert refused.value.field == next(iter(fields))


def test_names_are_read_as_filters_have_them() -> None:
    assert read_facets(' Brand,PRICE, attr."shoe size" ,attr.Size,brand') == (
        "brand", "price", "attr.shoe size", "attr.Size",
    )  # fmt: skip
    assert read_facets("") == ()
    assert read_facets("~Brand, ~ attr.size,colour") == ("~brand", "~attr.size", "colour")
    assert read_cap("attr.shoe size:12") == Cap("attr.shoe size", 12)


def test_a_fact_with_too_many_values_is_refused(
    shop: TinyShop, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns.store, "MOST_VALUES", 3)
    for number in range(4):
        shop.put(f"p{number}", [near(0.5)], attributes={"sku": f"s{number}"})
    shop.publish()
    with pytest.raises(InvalidQuery, match=r"attr\.sku has more"):
        engine.search(replace(PHOTO, facets="attr.sku"))
    with pytest.raises(InvalidQuery, match=r"attr\.sku has more"):
        engine.search(replace(PHOTO, max_per="attr.sku:1"))
    assert len(engine.search(replace(PHOTO, filter='attr.sku = "S2"')).hits) == 1


def scores_as_probabilities(view: Any, catalogue: Any, request: Any, answered: Any) -> dict[str, Any]:
    return {"probabilities": answered.ranked.scores.astype(np.float64), "no_match": False}


def test_a_least_probability_cuts_hits_total_and_counts(
    shop: TinyShop, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock(shop)
    shop.publish()
    monkeypatch.setattr("engine.answers.find.verdict", scores_as_probabilities)
    every = engine.search(replace(PHOTO, k=100))
    least = sorted(hit.score for hit in every.hits)[1]
    answer = engine.search(replace(PHOTO, k=100, sort="price", facets="brand", min_probability=least))
    kept = [hit for hit in every.hits if hit.score >= least]
    assert 0 < len(kept) < len(every.hits)
    assert {hit.product_id for hit in answer.hits} == {hit.product_id for hit in kept}
    assert answer.total == len(kept)
    assert sum(value.count for value in answer.facets["brand"].values) == sum(bool(hit.brand) for hit in kept)
    wider = engine.search(replace(PHOTO, k=100, facets="brand", min_probability=least, less_likely=1))
    kept = list(every.hits[: len(kept) + 1])
    assert [hit.product_id for hit in wider.hits] == [hit.product_id for hit in kept]
    assert wider.total == len(kept)
    assert sum(value.count for value in wider.facets["brand"].values) == sum(bool(hit.brand) for hit in kept)


def test_probabilities_go_with_their_hits(
    shop: TinyShop, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock(shop)
    shop.publish()

    monkeypatch.setattr("engine.answers.find.verdict", scores_as_probabilities)
    answer = engine.search(replace(PHOTO, sort="price"))
    assert [hit.match_probability for hit in answer.hits] == [hit.score for hit in answer.hits]
    assert name_of(near(0.9)) == answer.hits[0].image_id
