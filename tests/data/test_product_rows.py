"""From records to rows of products, whatever the records hold."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from data.catalogue import check_product
from data.errors import InvalidFeed, InvalidProduct
from data.readers.columns import plain_name, unused_note
from data.readers.grouping import ROWS_PER_GROUP, Groups
from data.readers.product_rows import product_rows
from data.readers.records import BadRow, Record, Records
from data.readers.rows import Row

SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=12) | st.binary(max_size=3)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "price", "sku", "values", "@type"]), inner)
    ),
    max_leaves=6,
)
HEADERS = {
    "plain": ("product_id", "title", "price", "sale_price", "image", "attributes", "attr.size", "created_at"),
    "variants": ("id", "sku", "title", "parent_id", "Item Type", "Option Name 1", "Option Value 1", "price", "stock",
                 "Track Inventory", "옵션입력", "color", "image", "brand"),
    "objects": ("id", "title", "price", "variants", "options", "attributes"),
    "merchant": ("id", "link", "image_link", "additional_image_link", "price", "sale_price", "availability", "color"),
    "shopify": ("Handle", "Title", "Variant Price", "Option1 Name", "Option1 Value", "Image Src", "Image Position"),
    "woocommerce": ("ID", "Type", "SKU", "Name", "Regular price", "Sale price", "Parent", "Images", "Attribute 1 name"),
    "magento": ("sku", "base_image", "configurable_variations", "visibility", "price", "special_price", "categories"),
    "json_ld": ("@type", "name", "offers", "hasVariant", "image", "brand", "@graph", "additionalProperty", "sku"),
}  # fmt: skip


def of(*records: dict[str, Any], columns: tuple[str, ...] = ()) -> list[Row | BadRow]:
    rows: Iterator[Record | BadRow] = (Record(line, values) for line, values in enumerate(records, start=1))
    return list(product_rows(Records(columns, rows), []))


@pytest.mark.parametrize("name", list(HEADERS))
@hypothesis_settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_values_give_rows_that_can_be_checked(name: str, data: st.DataObject) -> None:
    columns = HEADERS[name]
    words = st.sampled_from(
        [
            "variation",
            "id:1",
            "1",
            "Product",
            "ProductGroup",
            "sku=1,a=b|sku=2",
            "12,50",
            "1.299",
            "Variant",
            "Size{S|M}",
        ]
    )
    records = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(columns, ANYTHING | words)), max_size=4))
    for row in of(*records, columns=() if name == "objects" else columns):
        if isinstance(row, BadRow):
            assert row.code
            continue
        assert row.images is None or all(isinstance(image, str | bytes) for image in row.images)
        try:
            check_product(row.fields)
        except InvalidProduct as error:
            assert error.code in ("missing_product_id", "bad_text")  # noqa: PT017


@pytest.mark.parametrize(
    ("written", "name"),
    [("g:image_link", "image_link"), ("Image Link", "image_link"), ("imageLink", "image_link"),
     (" PRODUCT_ID ", "product_id"), ("Body (HTML)", "body_html"), ("In stock?", "in_stock"), ("상품 코드", "상품코드"),
     ("attr.Größe", "attr.Größe"), ("@type", "@type")],
)  # fmt: skip
def test_names_of_columns(written: str, name: str) -> None:
    assert plain_name(written) == name


def test_unused_columns_are_named_up_to_a_number() -> None:
    assert unused_note([]) == ""
    note = unused_note(["colr", *(f"x{number}" for number in range(40))])
    assert "'colr' (did you mean color?)" in note
    assert "and 21 more" in note


def test_variants_inside_an_object_belong_to_it() -> None:
    small = {"id": 1, "title": "S", "sku": "M-S", "price": "12.50", "inventory_quantity": 0}
    large = {
        "id": 2,
        "title": "L",
        "sku": "M-L",
        "price": "11.50",
        "inventory_quantity": 0,
        "inventory_management": None,
    }
    options = [{"name": "Color", "values": ["Red", "Blue"]}, {"name": "Size"}, "odd"]
    (row,) = of({"id": 7, "title": "Mug", "variants": [small, "odd", large], "options": options})
    assert isinstance(row, Row)
    assert row.fields == {
        "product_id": 7, "title": "Mug", "attr.sku": "M-S, M-L", "price": "11.50", "in_stock": True,
        "attr.color": "Red, Blue", "attr.size": "", "colour": "Red, Blue",
    }  # fmt: skip


def test_a_list_of_attributes_with_names_is_read() -> None:
    (row,) = of({"id": 7, "attributes": [{"id": 6, "name": "Material", "options": ["Clay", "Glass"]}]})
    assert isinstance(row, Row)
    assert row.fields == {"product_id": 7, "attr.material": "Clay, Glass"}


def test_other_codes_are_attributes() -> None:
    (row,) = of({"id": "1", "sku": "S-1", "name": "Mug", "description": None, "desc": "red"}, columns=("id", "sku"))
    assert isinstance(row, Row)
    assert row.fields == {"product_id": "1", "attr.sku": "S-1", "title": "Mug", "description": "red"}


def test_a_platform_leaves_other_columns_to_their_names() -> None:
    columns = ("id", "link", "image_link", "stock", "material", "attr.care", "color")
    notes: list[str] = []
    values = dict(zip(columns, ("1", "https://a.b/1", "a.jpg", "0", "clay", "cold", "red"), strict=True))
    (row,) = product_rows(Records((*columns, "shape"), iter([Record(1, {**values, "shape": "x"})])), notes)
    assert isinstance(row, Row)
    assert (row.fields["in_stock"], row.fields["attr.material"], row.fields["attr.care"]) == ("0", "clay", "cold")
    assert "not used: 'shape'" in notes[-1]


def test_a_sale_price_wins_only_while_it_holds() -> None:
    spans = {"a": "", "b": "2020-01-01/2020-02-01", "c": "2020-01-01T00:00+0900/2099-01-01", "d": "soon", "e": ""}
    sales = {"a": "9.00 USD", "b": "9.00 USD", "c": "9.00 USD", "d": "9.00 USD", "e": "19.00 USD"}
    found = of(*({"product_id": name, "price": "12.00 USD", "sale_price": sales[name],
                  "sale_price_effective_date": spans[name]} for name in spans))  # fmt: skip
    prices = [(row.fields["price"], len(row.warnings)) for row in found if isinstance(row, Row)]
    assert prices == [("9.00 USD", 0), ("12.00 USD", 0), ("9.00 USD", 0), ("12.00 USD", 1), ("12.00 USD", 1)]


@pytest.mark.parametrize("name", ["brand", "offers", "@graph", "additionalProperty", "image", "has Variant"])
def test_json_that_is_nested_deeply_is_read_or_lost(name: str) -> None:
    deep: Any = []
    for _ in range(900):
        deep = [deep] if len(name) % 2 else {"offers": deep}
    (row,) = of({"@type": "Product", "sku": "1", name: deep})
    assert isinstance(row, Row)
    assert row.fields["product_id"] == "1"
    (plain,) = of({"product_id": "1", "attributes": {"a": deep}, "title": deep, "price": deep})
    assert isinstance(plain, Row)
    assert check_product(plain.fields).product.product_id == "1"


def test_a_file_without_an_id_column_is_refused() -> None:
    with pytest.raises(InvalidFeed, match="--map THEIRS=product_id"):
        of({"nr": "1", "title": "Mug"}, columns=("nr", "title"))


def test_a_variation_without_its_parent_is_a_product() -> None:
    columns = HEADERS["woocommerce"]
    (row,) = of(
        {"ID": "5", "Type": "variation", "Name": "Mug, S", "Parent": "id:4", "Regular price": "3"}, columns=columns
    )
    assert isinstance(row, Row)
    assert (row.fields["product_id"], row.fields["price"]) == ("5", "3")


def test_groups_come_whole_in_the_order_of_their_first_rows() -> None:
    with Groups() as groups:
        for line, key in enumerate(["b", "a", "child", "b", "other"], start=1):
            groups.add(key, Record(line, {"n": line}), joins=key in ("child", "other"))
        groups.name_parent("child", "a")
        groups.name_parent("b", "a")  # b does not join anything
        found = [(key, [member.values["n"] for member in members]) for key, members in groups]
    assert found == [("b", [1, 4]), ("a", [2, 3]), ("other", [5])]


def test_a_group_is_bounded() -> None:
    with Groups() as groups:
        for line in range(ROWS_PER_GROUP + 3):
            groups.add("a", Record(line, {}))
        assert [len(members) for _, members in groups] == [ROWS_PER_GROUP]
        assert groups.left_out == 3
