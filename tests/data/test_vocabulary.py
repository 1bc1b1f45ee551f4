"""The words of a catalogue: its values, and which products hold what."""

import pytest

from data.catalogue import Catalogue, parse_product
from data.lexical import key_of
from data.settings import Settings
from data.vocabulary import NAMES, TITLES, Wording
from data.vocabulary import values as vocabulary_values


@pytest.fixture
def catalogue(settings: Settings) -> Catalogue:
    return Catalogue(settings.home)


@pytest.fixture
def wording(catalogue: Catalogue) -> Wording:
    return Wording(catalogue.connections)


def put(catalogue: Catalogue, product_id: str, **facts: object) -> None:
    catalogue.upsert(parse_product({"product_id": product_id, **facts}), [])


def test_the_values_of_live_products_are_read(catalogue: Catalogue, wording: Wording) -> None:
    put(
        catalogue, "a", brand="Acorn", category="Mugs", colour="Navy", price=5, currency="EUR", attributes={"size": "M"}
    )
    put(catalogue, "b", brand="acorn", price=20, attributes={"size": "XL", "vegan": True, "height": 12.5})
    put(catalogue, "c", brand="Gone", price=900, currency="USD", attributes={"colour family": "red"})
    catalogue.delete("c")
    found = wording.vocabulary()
    assert [set(names) for names in (found.brands, found.categories, found.colours)] == [{"acorn"}, {"mugs"}, {"navy"}]
    assert found.attributes == {"attr.size": ("m", "xl"), "attr.vegan": (True,), "attr.height": (12.5,)}
    assert (found.lowest_price, found.highest_price, set(found.currencies)) == (5, 20, {"EUR", ""})
    assert found.seq == catalogue.seq()


def test_an_empty_catalogue_has_no_values(wording: Wording) -> None:
    found = wording.vocabulary()
    assert (found.brands, found.attributes, found.currencies, found.oldest) == (frozenset(), {}, frozenset(), "")


def test_attributes_that_name_single_products_are_left_out(
    catalogue: Catalogue, wording: Wording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary_values, "MOST_VALUES", 2)
    for number in range(3):
        put(catalogue, f"p{number}", attributes={"serial": f"s{number}", "size": "ML"[number % 2]})
    assert set(wording.vocabulary().attributes) == {"attr.size"}


def test_values_that_nobody_types_are_left_out(catalogue: Catalogue, wording: Wording) -> None:
    put(catalogue, "a", brand="B" * 65, attributes={"note": "x" * 65, "kind": "short"})
    found = wording.vocabulary()
    assert (found.brands, found.attributes) == (frozenset(), {"attr.note": (), "attr.kind": ("short",)})


def test_words_and_products_are_read_of_one_state(catalogue: Catalogue, wording: Wording) -> None:
    put(catalogue, "a", title="Red mug")
    with catalogue.one_state():
        assert not wording.holding(["dress"], 10)
        put(Catalogue(catalogue.home), "b", title="Blue dress")  # as another process does
        assert (wording.holding(["dress"], 10), catalogue.by_letters("dress").ranked) == ([], ())
    assert len(wording.holding(["dress"], 10)) == len(catalogue.by_letters("dress").ranked) == 1


def test_whole_titles_and_codes_are_names(catalogue: Catalogue, wording: Wording) -> None:
    put(catalogue, "RD-1", title="Red Delicious", attributes={"sku": "44-X"})
    assert wording.names([key_of(text) for text in ("red delicious", "rd 1", "44x", "red", "delicious")]) == {
        key_of("reddelicious"), "rd1", "44x",
    }  # fmt: skip


def test_products_hold_words_in_titles_or_anywhere(catalogue: Catalogue, wording: Wording) -> None:
    put(catalogue, "a", title="Mug", description="red, for coffee")
    put(catalogue, "b", title="Red mug 빨간머그컵")
    keys = {name: catalogue.get(name).product_key for name in "ab"}
    assert wording.holding(["red", "mug"], 10) == [keys["a"], keys["b"]]
    assert wording.holding(["red", "mug"], 10, within=TITLES) == wording.holding(["머그"], 10) == [keys["b"]]
    assert wording.holding(["for coffee"], 10) == [keys["a"]]
    assert wording.holding(["for coffee"], 10, within=NAMES) == []
    assert wording.holding(["coffee for"], 10) == wording.holding(["!?"], 10) == wording.holding([], 10) == []
    assert len(wording.holding(["mug"], 1)) == 1


def test_a_brand_means_more_where_other_products_have_its_name(catalogue: Catalogue, wording: Wording) -> None:
    put(catalogue, "phone", title="Apple phone", brand="Apple")
    assert not wording.brand_means_more("apple")
    put(catalogue, "juice", title="Fresh apple juice")
    assert wording.brand_means_more("apple")
