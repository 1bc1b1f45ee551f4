"""Checksums are made of what is written, so each must be that of what SQLite then holds."""

from dataclasses import replace
from pathlib import Path

import pytest
from catalogue_photos import photo
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from data.catalogue import Catalogue, Product, Unsound

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["SKU 12-3", "True", "7", "가방"]
)
numbers = st.floats(0, allow_infinity=False) | st.integers(0, 9).map(float)
products = st.builds(
    Product,
    product_id=st.sampled_from("xyz"),
    title=texts,
    brand=texts,
    colour=texts,
    description=texts,
    price=st.none() | numbers | st.integers(0, 9),
    in_stock=st.booleans(),
    attributes=st.dictionaries(texts | st.just("sku"), texts | numbers | st.booleans(), max_size=4),
)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return Catalogue(tmp_path_factory.mktemp("home"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=st.lists(products, max_size=5))
@example(written=[Product(product_id="x", price=5, attributes={"sku": "00-7; a", "kids": True, "n": -0.0, "m": 3})])
@example(written=[Product(product_id="x", price=-0.0, colour="Red", title="\0 𐀀 ￿"), Product(product_id="x")])
def test_whatever_is_written_has_its_checksum(catalogue: Catalogue, written: list[Product]) -> None:
    catalogue.upsert_many((product, [photo(product.title), photo("b")]) for product in written)
    assert catalogue.upkeep.unsound() == Unsound()


def test_a_colour_that_comes_later_in_the_same_writing_has_its_checksum(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    blue = replace(photo("a"), colours=("Blue", "red"))
    many = [(Product(product_id=str(number)), [photo("a")]) for number in range(2_001)]
    catalogue.upsert_many([*many, (Product(product_id="last", colour="RED"), [blue])])
    assert catalogue.upkeep.unsound() == Unsound()
