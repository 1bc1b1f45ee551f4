"""Parquet feeds: columns of every type that a shop writes, other types and damage refused."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from feed_files import parquet, rows

from data.catalogue import parse_product
from data.errors import InvalidFeed
from data.readers.rows import Row


def test_parquet(tmp_path: Path) -> None:
    import pyarrow

    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    path = parquet(
        tmp_path,
        {
            "product_id": ["a", "b"],
            "title": pyarrow.array(["빨강", "빨강"]).dictionary_encode(),
            "price": pyarrow.array([Decimal("1.50"), None], pyarrow.decimal128(9, 2)),
            "created_at": pyarrow.array([moment, None], pyarrow.timestamp("ns", "UTC")),
            "images": [["a.jpg", "b.jpg"], None],
            "attributes": pyarrow.array([[("size", "L")], []], pyarrow.map_(pyarrow.string(), pyarrow.string())),
            "attr.kids": [True, None],
            "attr.weight": [float("nan"), 2.5],
            "something else": [[1.5], [2.5]],
        },
    )
    first, second = rows(path)
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert (first.line, first.images, second.line, second.images) == (1, ("a.jpg", "b.jpg"), 2, ())
    product = parse_product(first.fields)
    assert (product.title, product.price, product.created_at) == ("빨강", 1.5, moment)
    assert product.attributes == {"size": "L", "kids": True}
    assert parse_product(second.fields).attributes == {"weight": 2.5}
    assert "something else" not in first.fields


def test_parquet_with_finer_moments_than_python_holds(tmp_path: Path) -> None:
    import pyarrow

    moments = pyarrow.array([1_700_000_000_123_456_789], pyarrow.timestamp("ns"))
    [row] = rows(parquet(tmp_path, {"product_id": ["a"], "created_at": moments, "attributes": [{"size": "L"}]}))
    assert isinstance(row, Row)
    assert parse_product(row.fields).created_at == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
    assert parse_product(row.fields).attributes == {"size": "L"}
    [row] = rows(parquet(tmp_path, {"product_id": [7], "created_at": [date(2026, 1, 2)], "image": ["a;b.jpg"]}))
    assert isinstance(row, Row)
    assert parse_product(row.fields).product_id == "7"
    assert row.images == ("a;b.jpg",)


@pytest.mark.parametrize(
    "columns",
    [{"nr": ["a"]}, {"product_id": [[["a"]]]}, {"product_id": [[1.5, 2.5]]}],
)
def test_parquet_with_other_types_is_refused(tmp_path: Path, columns: dict[str, object]) -> None:
    with pytest.raises(InvalidFeed):
        rows(parquet(tmp_path, columns))


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path, {"product_id": [f"p{number}" for number in range(1_000)]})
    content = path.read_bytes()
    for end in (4, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:end])
        with pytest.raises(InvalidFeed):
            rows(path)
