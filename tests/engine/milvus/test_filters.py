"""Filters in Milvus: its real server finds exactly the products that the plain evaluation finds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from milvus_server import MilvusServer
from random_filters import MOMENTS, NAMES, NUMBERS, TEXTS, expressions, fields_of, photo_of, quoted

from data.catalogue import Catalogue, Product
from data.filters import LONGEST_TEXT, MAX_FILTER, MILVUS_TEXTS, milvus_fields, parse_filter
from engine.index import Milvus, MilvusCollection, Photos
from engine.index.milvus.collection import kind_for

HOSTILE = [
    'a"b',
    "a\\",
    "\\x41",
    "a\nb\r\tc",
    "a\x00b",
    "a' or 1 == 1 --",
    '") or (row >= 0',
    "%",
    "_",
    "{x}",
    "ﬃ",
    "💡" * 9,
]


@dataclass(frozen=True)
class Shelf:
    """Products in a catalogue and in a collection; `fields` are by product_key, in the order of the rows."""

    collection: MilvusCollection
    fields: dict[int, dict[str, Any]]

    def found(self, text: str) -> list[int]:
        keys = np.array(list(self.fields))
        rows = self.collection.matching(parse_filter(text), np.arange(len(keys)))
        return [int(key) for key in keys[rows]]

    def expected(self, text: str) -> list[int]:
        return [key for key, fields in self.fields.items() if parse_filter(text).matches(fields)]


@pytest.fixture(scope="module")
def shelf(milvus_server: MilvusServer, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    catalogue = Catalogue(tmp_path_factory.mktemp("shelf"))
    catalogue.upsert_many(_products())
    fields = {facts.product_key: fields_of(facts) for facts in catalogue.iter_facts()}
    collection = MilvusCollection(Milvus(milvus_server.uri, ""), "shelf")
    photos = Photos(np.array(list(fields)), np.full(len(fields), b"a" * 64), catalogue.milvus_fields)
    collection.fill(np.eye(len(fields), 2, dtype=np.float32), photos, kind_for(len(fields)))
    assert collection.count() == len(fields)  # what was put is there
    return Shelf(collection, fields)


def _products() -> Iterator[tuple[Product, list[Any]]]:
    """Yields products with few values in many combinations, among them texts made to break out of their quotes."""
    texts = [*TEXTS, *HOSTILE]
    for number in range(120):
        pick = [texts[(number * step + number // len(texts)) % len(texts)] for step in (1, 3, 7, 11, 5)]
        values: list[Any] = [*(text for text in texts if text), *NUMBERS, True, False]
        product = Product(
            product_id=f"p{number}" if number % 9 else f"Q{number}'\"\\",
            title=pick[0],
            brand=pick[1],
            category=pick[2],
            currency=pick[3][:8],
            colour=pick[4],
            price=None if number % 4 == 0 else abs(NUMBERS[number % len(NUMBERS)]),
            created_at=None if number % 7 == 0 else MOMENTS[number % len(MOMENTS)],
            in_stock=number % 3 > 0,
            attributes={
                name: values[(number * (3 + at)) % len(values)] for at, name in enumerate(NAMES) if number & 1 << at
            },
        )
        yield product, [photo_of([text for text in (pick[0], pick[2]) if text])]


@settings(max_examples=250, deadline=None)
@given(text=expressions)
def test_random_filters_find_what_the_plain_evaluation_finds(shelf: Shelf, text: str) -> None:
    assert shelf.found(text) == shelf.expected(text)


@pytest.mark.parametrize("field", ["title", "brand", "category", "colour", "product_id", "attr.x", 'attr."y z"'])
def test_hostile_texts_are_found_and_stay_texts(shelf: Shelf, field: str) -> None:
    found: set[int] = set()
    for value in [*HOSTILE, *TEXTS, *(fields["product_id"] for fields in list(shelf.fields.values())[::9])]:
        for symbol in ("=", "!=", "<", ">="):
            text = f"{field} {symbol} {quoted(value)}"
            rows = shelf.found(text)
            assert rows == shelf.expected(text), text
            found.update(rows if symbol == "=" else ())
    assert len(found) > 10


@settings(max_examples=60, deadline=None)
@given(value=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_is_a_value(shelf: Shelf, value: str) -> None:
    text = f"title = {quoted(value)} OR NOT attr.x != {quoted(value)}"
    assert shelf.found(text) == shelf.expected(text)


def test_missing_facts_fail_all_but_the_negated(shelf: Shelf) -> None:
    for positive in (
        'title < "zzz"',
        'title = ""',
        'brand >= ""',
        "price < 5",
        "price >= 0",
        "attr.x > -99",
        'colour < "zzz"',
        'attr.none = ""',
    ):
        assert shelf.found(positive) == shelf.expected(positive), positive
        assert shelf.found(f"NOT ({positive})") == shelf.expected(f"NOT ({positive})"), positive


def test_the_largest_filters_are_answered(shelf: Shelf) -> None:
    for text in (
        " OR ".join(f"attr.b={number}" for number in range(130)),
        " OR ".join(["colour<'a'"] * 130),
        "NOT (" * 15 + "price = 1" + ")" * 15,
        "product_id IN (" + ", ".join(f"'p{number}'" for number in range(190)) + ")",
    ):
        assert shelf.found(text) == shelf.expected(text), text


def test_long_texts_are_cut_where_no_filter_reaches() -> None:
    facts = {**dict.fromkeys(MILVUS_TEXTS, ""), "price": None, "in_stock": 1, "title": "ab" * 10_000}
    fields = milvus_fields(facts, [("colour", "text", "x" * 20_000), ("attr.a", "text", "y" * 20_000)])
    stored = [fields["title"], fields["colours"][0], *fields["attributes"]["text"].values()]
    assert {len(text) for text in stored} == {LONGEST_TEXT}
    assert len(max(stored).encode()) < 65_535
    assert len(("ﬃ" * MAX_FILTER).casefold()) < LONGEST_TEXT


def test_more_colours_than_an_expression_compares_are_refused() -> None:
    facts = {**dict.fromkeys(MILVUS_TEXTS, ""), "price": None, "in_stock": 1}
    with pytest.raises(ValueError, match="at most 16 colours; got 17"):
        milvus_fields(facts, [("colour", "text", str(number)) for number in range(17)])
