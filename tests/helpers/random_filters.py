"""Random products and random filters over them, for tests that compare two ways to filter."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from data.catalogue import PhotoRecord, Product, ProductFacts, product_fields

# Few values, so that comparisons often hold; among them what folding, typing and missing facts turn on.
TEXTS = ["", "a", "A", "b", "ß", "SS", "ss", "İ", "42", "-1.5", "TRUE", "false", "\U0001f600", "\uffff", "it's", '"']
NUMBERS = [-1.5, 0.0, 1.0, 42.0, 1e15]
START = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = [
    START,
    START + timedelta(days=1) - timedelta(microseconds=1),
    START + timedelta(days=1),
    START - timedelta(days=400),
]
NAMES = ["x", "X", "y z"]
SYMBOLS = ["=", "!=", "<", "<=", ">", ">="]

products = st.builds(
    Product,
    product_id=st.just("replaced"),
    title=st.sampled_from(TEXTS),
    brand=st.sampled_from(TEXTS),
    category=st.sampled_from(TEXTS),
    currency=st.sampled_from(TEXTS),
    colour=st.sampled_from(TEXTS),
    price=st.none() | st.sampled_from([number for number in NUMBERS if number >= 0]),
    created_at=st.none() | st.sampled_from(MOMENTS),
    in_stock=st.booleans(),
    attributes=st.dictionaries(
        st.sampled_from(NAMES),
        st.sampled_from([text for text in TEXTS if text]) | st.sampled_from(NUMBERS) | st.booleans(),
    ),
)


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


text_values = st.sampled_from(TEXTS).map(quoted)
number_values = st.sampled_from(NUMBERS).map(lambda number: f"{number:.1f}")
flags = st.sampled_from(["true", "False"])
dates = st.sampled_from(
    ["2026-01-01", "2026-01-02", "2026-01-02T00:00:00Z", "'2026-01-02T09:00:00+09:00'", "2024-11-27"]
)


def comparisons(fields: Sequence[str], values: st.SearchStrategy[str], symbols: Sequence[str] = SYMBOLS) -> Any:
    single = st.tuples(st.sampled_from(fields), st.sampled_from(symbols), values).map(" ".join)
    lists = st.lists(values, min_size=1, max_size=3).map(", ".join)
    several = st.tuples(st.sampled_from(fields), st.sampled_from(["IN", "not in"]), lists)
    return single | several.map(lambda parts: f"{parts[0]} {parts[1]} ({parts[2]})")


leaves = st.one_of(
    comparisons(["title", "brand", "category", "currency", "colour", "product_id"], text_values),
    comparisons(["price"], number_values),
    comparisons(["created_at"], dates),
    comparisons(["in_stock"], flags, ["=", "!="]),
    comparisons(["attr.x", "attr.X", 'attr."y z"'], text_values | number_values | flags),
)
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(lambda part: f"NOT ({part})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " AND ".join(parts) + ")"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + ") or (".join(parts) + ")"),
    ),
    max_leaves=6,
)


def photo_of(colours: Sequence[str]) -> PhotoRecord:
    return PhotoRecord(sha256="-".join(colours), source="/p", size_bytes=1, width=1, height=1, colours=tuple(colours))


def fields_of(facts: ProductFacts) -> dict[str, Any]:
    return {**product_fields(facts.product), "colours": facts.colours}
