"""The rules of a product's facts."""

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.catalogue import Product, parse_product, patch_product, product_fields
from data.catalogue.checking import ATTRIBUTE_LIMIT, ID_LIMIT, TEXT_LIMIT
from data.errors import InvalidProduct


def parse(**fields: Any) -> Product:
    return parse_product({"product_id": "p1", **fields})


def code_of(**fields: Any) -> str:
    with pytest.raises(InvalidProduct) as raised:
        parse(**fields)
    return raised.value.code


def test_csv_row_of_texts_becomes_typed_facts() -> None:
    product = parse(
        title="  Red mug ", price="12.50", currency="EUR", in_stock="no", created_at="2026-01-31", **{"attr.size": "L"}
    )
    assert product == Product(
        product_id="p1",
        title="Red mug",
        price=12.5,
        currency="EUR",
        in_stock=False,
        created_at=datetime(2026, 1, 31, tzinfo=UTC),
        attributes={"size": "L"},
    )


def test_absent_facts_have_their_defaults() -> None:
    assert parse(title=None, price="", created_at="", in_stock="", colour=None) == Product(product_id="p1")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "missing_product_id"),
        ("", "missing_product_id"),
        (" \x00 ", "missing_product_id"),
        ("a/../b", "bad_text"),
        ("a/.", "bad_text"),
        ("a\nb", "bad_text"),
        ("..", "bad_text"),
        (True, "bad_text"),
        (["a"], "bad_text"),
        (b"a", "bad_text"),
        ("\ud800", "bad_text"),
        ("x" * (ID_LIMIT + 1), "bad_text"),
    ],
)
def test_bad_product_ids_are_refused(value: Any, code: str) -> None:
    assert code_of(product_id=value) == code


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "7"),
        (Decimal("7.0"), "7"),
        (4006381333931.0, "4006381333931"),
        ("1.0", "1.0"),
        ("a/b\\c", "a/b\\c"),
        ("NaN", "NaN"),
        ("7", "7"),
        ("세트 1", "세트 1"),
    ],
)
def test_product_ids_of_numbers_and_any_script(value: Any, expected: str) -> None:
    assert parse(product_id=value).product_id == expected


def test_text_limits() -> None:
    assert len(parse(title="x" * TEXT_LIMIT).title) == TEXT_LIMIT
    assert code_of(title="x" * (TEXT_LIMIT + 1)) == "bad_text"
    assert code_of(currency="x" * 9) == "bad_text"


@pytest.mark.parametrize("value", [-1, "abc", "-1", "inf", 1e12, True, [], "1,2,3", 10**400])
def test_bad_prices_are_refused(value: Any) -> None:
    assert code_of(price=value) == "bad_price"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0.0),
        ("19.99", 19.99),
        ("1.299", 1.299),
        ("1,299", 1299.0),
        (math.nan, None),
        ("null", None),
        (Decimal("3.5"), 3.5),
        (" 7 ", 7.0),
    ],
)
def test_good_prices(value: Any, expected: float) -> None:
    assert parse(price=value).price == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-01T09:30:00Z", datetime(2026, 11, 1, 9, 30, tzinfo=UTC)),
        ("2026-11-01T09:30:00+09:00", datetime(2026, 11, 1, 0, 30, tzinfo=UTC)),
        ("2026-11-01 09:30:00", datetime(2026, 11, 1, 9, 30, tzinfo=UTC)),
        (date(2026, 11, 1), datetime(2026, 11, 1, tzinfo=UTC)),
        (
            datetime(2026, 11, 1, tzinfo=timezone(timedelta(hours=-5))),
            datetime(2026, 11, 1, 5, tzinfo=UTC),
        ),
    ],
)
def test_dates_become_utc(value: Any, expected: datetime) -> None:
    moment = parse(created_at=value).created_at
    assert moment == expected
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "value", ["tomorrow", "2026-13-01", "0001-01-01T00:00:00+14:00", "05/11/2026", 7, "\ud800", []]
)
def test_bad_dates_are_refused(value: Any) -> None:
    assert code_of(created_at=value) == "bad_date"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("Yes", True), ("in stock", True), (1, True), (1.0, True), (0.0, False), ("out_of_stock", False), (False, False)],
)
def test_in_stock_words(value: Any, expected: bool) -> None:
    assert parse(in_stock=value).in_stock is expected


@pytest.mark.parametrize("value", ["maybe", "2 weeks", [], "inf"])
def test_other_in_stock_words_are_refused(value: Any) -> None:
    assert code_of(in_stock=value) == "bad_in_stock"


def test_attributes_come_from_object_text_and_columns() -> None:
    product = parse(
        attributes='{"size": "L", "kids": false}', **{"attr.weight": 3, "attr.size": "XL", "attr.none": None}
    )
    assert product.attributes == {"kids": False, "size": "XL", "weight": 3.0}
    assert isinstance(product.attributes["weight"], float)


def test_attribute_texts_are_cleaned_like_any_text() -> None:
    assert parse(attributes={"a": " x\x00y ", "b": "  "}).attributes == {"a": "x y"}


@pytest.mark.parametrize(
    "value",
    [
        [1],
        0,
        "[1]",
        "{",
        "[" * 100_000,
        {"a": [1]},
        {"a": {"b": 1}},
        {"": 1},
        {" a": 1},
        {"a\n": 1},
        {'a"b': 1},
        {"x" * 65: 1},
        {"a": math.inf},
        {"a": 10**400},
        {1: "x"},
        {f"a{number}": 1 for number in range(ATTRIBUTE_LIMIT + 1)},
    ],
)
def test_bad_attributes_are_refused(value: Any) -> None:
    assert code_of(attributes=value) == "bad_attributes"


@pytest.mark.parametrize("value", ["\ud800", "x" * (TEXT_LIMIT + 1)])
def test_attribute_texts_keep_the_rules_of_texts(value: str) -> None:
    assert code_of(attributes={"a": value}) == "bad_text"


def test_surplus_csv_cells_are_ignored() -> None:
    assert parse_product({"product_id": "p1", None: ["surplus"]}) == Product(product_id="p1")  # type: ignore[dict-item]


def test_patch_replaces_only_what_it_names() -> None:
    product = parse(title="Mug", price=3, attributes={"size": "L", "kids": True})
    patched = patch_product(product, {"price": None, "attr.size": None, "attr.lid": True})
    assert patched == parse(title="Mug", attributes={"kids": True, "lid": True})
    assert patch_product(product, {"attributes": {"a": 1}}).attributes == {"a": 1.0}


@pytest.mark.parametrize("changes", [{"product_id": "other"}, {"colours": ["red"]}, {"prise": 3}])
def test_patch_refuses_what_is_not_a_fact(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidProduct, match="facts") as raised:
        patch_product(parse(), changes)
    assert raised.value.code == "unknown_field"


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20)
NAMES = st.from_regex(r"[a-z][a-z .-]{0,5}", fullmatch=True)
SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters()) | st.binary()
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
)


@given(
    title=TEXTS,
    price=st.none() | st.floats(0, 1e9),
    in_stock=st.booleans(),
    created_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    attributes=st.dictionaries(NAMES, TEXTS | st.floats(-9, 9) | st.booleans()),
)
def test_fields_of_a_product_parse_to_the_same_product(**facts: Any) -> None:
    product = parse(**facts)
    assert parse_product(product_fields(product)) == product


@given(st.dictionaries(st.sampled_from(["title", "price", "created_at", "in_stock", "attributes", "attr.a"]), ANYTHING))
def test_any_row_gives_a_product_or_a_named_error(fields: dict[str, Any]) -> None:
    code = ""
    try:
        product = parse(**fields)
    except InvalidProduct as error:
        code = error.code
    if code:
        assert code.startswith("bad_")
    else:
        assert parse_product(product_fields(product)) == product
