"""Filter expressions: what parses, what it means, and that SQL and plain Python always agree."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from random_filters import NUMBERS, START, SYMBOLS, TEXTS, expressions, fields_of, photo_of, products, quoted

from data.catalogue import Catalogue, Product, product_fields
from data.errors import InvalidFilter
from data.filters import parse_filter
from data.filters.grammar import MAX_DEPTH, MAX_FILTER, MAX_TERMS

MUG = {
    "product_id": "Mug-1",
    "title": "Straße Mug",
    "brand": "Acme",
    "category": "Kitchen",
    "price": 12.5,
    "currency": "EUR",
    "colour": "Red",
    "colours": ("Blue", "white"),
    "created_at": datetime(2026, 1, 31, 22, 30, tzinfo=UTC),
    "in_stock": True,
    "attributes": {"size": "L", "Width": 3.0, "kids": False, "csv": "42", "csv flag": "TRUE", "shoe size": 44.5},
}


@pytest.mark.parametrize(
    "text",
    [
        'brand = "acme"',
        "BRAND = 'ACME'",
        'title = "strasse mug"',
        'product_id = "Mug-1"',
        "price < 20 and price >= 12.5 And price != -1.5",
        "(price<20)AND(price>1)",
        'colour = "red" AND colour = "blue" AND colour IN ("x", "White")',
        'colour != "green" AND NOT colour = "green" AND colour NOT IN ("green", "black")',
        'brand > "ab" AND brand <= "acme" AND brand < "B"',
        "in_stock = true AND in_stock != FALSE",
        'attr.size = "l" AND attr.Width > 2 AND attr.kids = false',
        'attr."shoe size" = 44.5',
        "attr.csv >= 42 AND attr.csv = '42'",
        'attr."csv flag" = true AND attr."csv flag" = "true"',
        "created_at = 2026-01-31 AND created_at <= 2026-01-31 AND created_at >= 2026-01-31",
        "created_at > 2026-01-30 AND created_at < 2026-02-01 AND created_at != 2026-02-01",
        'created_at = "2026-01-31T22:30:00Z" AND created_at = 2026-02-01T07:30:00+09:00',
        "created_at IN (2025-01-01, 2026-01-31)",
        'price = 1 OR brand = "acme" AND NOT price = 1',
        'NOT (brand = "acme" AND price = 1)',
        'NOT NOT brand = "acme"',
        'brand\n=\t"acme"',
        "price = +12.50",
    ],
)
def test_these_let_the_mug_through(text: str) -> None:
    assert parse_filter(text).matches(MUG)


@pytest.mark.parametrize(
    "text",
    [
        'brand = "acm"',
        'product_id = "mug-1"',
        "price > 12.5",
        'colour = "green"',
        'colour != "white"',
        "attr.size < 3",
        "attr.size = 3",
        'attr.Width = "3"',
        "attr.width = 3",
        "attr.Width = true",
        "attr.kids = 0",
        "attr.absent = 1 OR attr.absent > 0 OR attr.absent < 1 OR attr.absent IN (1, 2)",
        "created_at > 2026-01-31",
        "created_at < 2026-01-31",
        "created_at = 2026-01-31T22:30:01Z",
        "in_stock = false",
        'price = 1 AND brand = "x" OR price = 2',
    ],
)
def test_these_keep_the_mug_out(text: str) -> None:
    assert not parse_filter(text).matches(MUG)


@pytest.mark.parametrize("field", ["brand", "category", "colour", "currency", "title", "attr.size"])
def test_a_missing_text_fails_every_comparison_but_the_negated(field: str) -> None:
    fields = product_fields(Product(product_id="p"))
    for positive in (f'{field} = ""', f'{field} < "z"', f'{field} >= ""', f'{field} IN ("", "a")'):
        assert not parse_filter(positive).matches(fields)
        assert parse_filter(f"NOT {positive}").matches(fields)
    assert parse_filter(f'{field} != "a" AND {field} NOT IN ("a", "b")').matches(fields)


def test_a_missing_price_fails_every_comparison_but_the_negated() -> None:
    fields = product_fields(Product(product_id="p"))
    assert not parse_filter("price < 5 OR price >= 5 OR price = 0 OR price IN (0, 1)").matches(fields)
    assert parse_filter("price != 0 AND price NOT IN (1) AND NOT price < 5").matches(fields)


def test_escapes_in_text() -> None:
    fields = {**MUG, "title": "a\"b\\c'd"}
    assert parse_filter(r'title = "a\"b\\c' + "'d\"").matches(fields)
    assert parse_filter(r"title = 'a" + '"b' + r"\\c\'d'").matches(fields)


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("", 0, "the end"),
        ("   ", 3, "the end"),
        ("brand", 5, "operator"),
        ("brand =", 7, "text in quotes"),
        ("brand = Acme", 8, "'Acme'"),
        ('brand = "Acme', 8, "text in quotes"),
        ('brand == "Acme"', 7, "text in quotes"),
        ('brnd = "Acme"', 0, "brand, category"),
        ('color = "red"', 0, "colour"),
        ('attr = "x"', 0, "attr.NAME"),
        ("attr. = 3", 4, "'.'"),
        ('brand = "a" price < 3', 12, "AND or OR"),
        ('brand = "a" AND', 15, "a field"),
        ('(brand = "a"', 12, ")"),
        ('brand = "a")', 11, "the end"),
        ("brand IN ()", 10, "text in quotes"),
        ('brand IN ("a",)', 14, "text in quotes"),
        ('brand IN "a"', 9, "("),
        ("brand = 5", 8, "text in quotes"),
        ("price = '5'", 8, "a number"),
        ("price = 2026-01-31", 8, "a number"),
        ("price = 1e5", 9, "'e5'"),
        ("price = 5 5", 10, "AND or OR"),
        ("in_stock = 1", 11, "true or false"),
        ("in_stock < true", 0, "= or !="),
        ("created_at > 2026-02-30", 13, "2026-01-31"),
        ("created_at > 'soon'", 13, "2026-01-31"),
        ("created_at > 5", 13, "2026-01-31"),
        ("brand = 'a'; DROP TABLE products", 11, "';'"),
        ("NOT", 3, "a field"),
        ("AND brand = 'a'", 0, "a field"),
        ("brandIN ('a')", 8, "'('"),
        ("brand = '\ud800'", 8, "surrogate"),
        ("price < 5 AND \ud800 = 3", 14, "a field"),
    ],
)
def test_errors_name_the_place(text: str, position: int, said: str) -> None:
    with pytest.raises(InvalidFilter) as raised:
        parse_filter(text)
    assert raised.value.position == position
    assert said in str(raised.value)
    assert f"position {position}" in str(raised.value)


def test_long_deep_and_wide_filters_are_refused() -> None:
    parse_filter("price = 1" + " " * (MAX_FILTER - 9))
    parse_filter("(" * (MAX_DEPTH - 1) + "price = 1" + ")" * (MAX_DEPTH - 1))
    parse_filter("NOT " * (MAX_DEPTH - 1) + "price = 1")
    parse_filter(f"price IN ({', '.join(['1'] * MAX_TERMS)})")
    parse_filter("price=1" + " OR price=1" * 150)
    for text in (
        "price = 1" + " " * (MAX_FILTER - 8),
        "(" * MAX_DEPTH + "price = 1" + ")" * MAX_DEPTH,
        "NOT " * MAX_DEPTH + "price = 1",
        f"price IN ({', '.join(['1'] * (MAX_TERMS + 1))})",
        f"price IN ({','.join(['1'] * 150)}) OR price IN ({','.join(['1'] * 51)})",
        "(" * (MAX_FILTER - 1),
        "NOT " * (MAX_FILTER // 4),
    ):
        with pytest.raises(InvalidFilter):
            parse_filter(text)


def test_the_largest_filter_runs_in_sql(catalogue: Catalogue) -> None:
    wide = " OR ".join(f"attr.b={number}" for number in range(130))
    assert len(catalogue.matching_keys(parse_filter(wide))) == 0
    deep = "NOT (" * 15 + "price = 1" + ")" * 15
    assert len(catalogue.matching_keys(parse_filter(deep))) == 0


@pytest.mark.parametrize(
    "text",
    [
        "brand = '\" OR 1=1 --'",
        'attr."x\' OR 1=1 --" = 1',
        "product_id IN ('a'') OR (1=1', 'b')",
        "title = '?'",
    ],
)
def test_hostile_texts_stay_values(catalogue: Catalogue, text: str) -> None:
    catalogue.upsert(Product(product_id="p", title="t"), [])
    try:
        parsed = parse_filter(text)
    except InvalidFilter:
        return
    where, parameters = parsed.sql()
    assert "1=1" not in where
    assert where.count("?") == len(parameters)
    assert len(catalogue.matching_keys(parsed)) == 0


def test_threads_share_the_parser() -> None:
    found: list[bool] = []

    def parse(number: int) -> None:
        for step in range(50):
            tree = parse_filter(f"price = {number} OR brand = 'b{step}'")
            found.append(tree.matches({**MUG, "price": float(number)}))

    threads = [threading.Thread(target=parse, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 200


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(tmp_path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shelf=st.lists(st.tuples(products, st.lists(st.sampled_from(TEXTS[1:]), max_size=2)), min_size=1, max_size=8),
    texts=st.lists(expressions, min_size=4, max_size=10),
)
@example(shelf=[(Product(product_id="p", created_at=START), [])], texts=["price != 1 AND NOT price = 1"])
def test_sql_and_plain_python_agree(
    tmp_path_factory: pytest.TempPathFactory, shelf: list[tuple[Product, list[str]]], texts: list[str]
) -> None:
    catalogue = _shared(tmp_path_factory)
    catalogue.delete_missing([])
    catalogue.upsert_many(
        (replace(product, product_id=f"p{number}"), [photo_of(colours)])
        for number, (product, colours) in enumerate(shelf)
    )
    fields = {facts.product_key: fields_of(facts) for facts in catalogue.iter_facts()}
    assert len(fields) == len(shelf)
    for text in texts:
        parsed = parse_filter(text)
        expected = sorted(key for key, values in fields.items() if parsed.matches(values))
        found = catalogue.matching_keys(parsed)
        assert found.dtype == np.int64
        assert found.tolist() == expected, text


_catalogues: list[Catalogue] = []


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """One database for all examples: making one takes longer than an example."""
    if not _catalogues:
        _catalogues.append(Catalogue(tmp_path_factory.mktemp("filters")))
    return _catalogues[0]


def evaluate(symbol: str, own: Any, value: Any) -> bool:
    """The meaning of the operators, said again in another way."""
    meanings: dict[str, bool] = {
        "=": own == value, "!=": own != value, "<": own < value, "<=": not own > value, ">": own > value,
        ">=": not own < value,
    }  # fmt: skip
    return meanings[symbol]


@given(own=st.sampled_from(NUMBERS), symbol=st.sampled_from(SYMBOLS), value=st.sampled_from(NUMBERS))
def test_numbers_compare_as_numbers(own: float, symbol: str, value: float) -> None:
    assert parse_filter(f"price {symbol} {value:.1f}").matches({**MUG, "price": own}) == evaluate(symbol, own, value)
    assert parse_filter(f"attr.n {symbol} {value:.1f}").matches({"attributes": {"n": own}}) == evaluate(
        symbol, own, value
    )


@given(own=st.sampled_from(TEXTS[1:]), symbol=st.sampled_from(SYMBOLS), value=st.sampled_from(TEXTS))
def test_texts_compare_folded(own: str, symbol: str, value: str) -> None:
    expected = evaluate(symbol, own.casefold(), value.casefold())
    assert parse_filter(f"brand {symbol} {quoted(value)}").matches({"brand": own}) == expected


@given(
    own=st.datetimes(datetime(2025, 12, 30), datetime(2026, 1, 3), timezones=st.just(UTC)),
    symbol=st.sampled_from(SYMBOLS),
    hours=st.integers(-12, 12),
)
def test_a_date_is_its_whole_day(own: datetime, symbol: str, hours: int) -> None:
    local = own.astimezone(timezone(timedelta(hours=hours)))
    expected = evaluate(symbol, own.date().isoformat(), "2026-01-01")
    assert parse_filter(f"created_at {symbol} 2026-01-01").matches({"created_at": local}) == expected


@given(st.text(max_size=60) | expressions)
def test_any_text_parses_or_is_refused_with_a_position(text: str) -> None:
    position = -1
    try:
        parse_filter(text)
    except InvalidFilter as error:
        position = error.position
    assert -1 <= position <= len(text)
