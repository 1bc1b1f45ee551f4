"""Reads Parquet feeds: columns named like the product's facts, holding plain values or lists of texts."""

import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from data.catalogue import FACTS
from data.errors import InvalidFeed
from data.readers.rows import BadRow, Row, row_from

_BATCH_ROWS = 500
_COLUMNS = {"product_id", "image", "images", *FACTS}


def read_parquet(path: Path) -> Iterator[Row | BadRow]:
    """Yields the rows, with one batch in memory at a time.

    Raises:
        InvalidFeed: the file is not Parquet, lacks `product_id`, or a column has a type that no fact can have.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as source:
            columns = _wanted_columns(source.schema_arrow)
            line = 0
            for batch in source.iter_batches(_BATCH_ROWS, columns=columns):
                for values in _whole_microseconds(batch).to_pylist():
                    line += 1
                    if isinstance(pairs := values.get("attributes"), list):  # a map column
                        values["attributes"] = dict(pairs)
                    yield row_from(line, {name: _plain(value) for name, value in values.items()})
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        raise InvalidFeed(f"a Parquet feed must be readable; got {error} in {path}. Write it again.") from error


def _wanted_columns(schema: Any) -> list[str]:
    names = [name for name in schema.names if name in _COLUMNS or name.startswith("attr.")]
    if "product_id" not in names:
        raise InvalidFeed(f"a Parquet feed must have a product_id column; got {', '.join(schema.names)[:200]}.")
    if len(set(names)) < len(names):
        raise InvalidFeed(f"a Parquet feed must name each column once; got {', '.join(sorted(names))[:200]}.")
    for name in names:
        if not _is_plain(schema.field(name).type, nested=name in ("images", "image", "attributes")):
            kind = schema.field(name).type
            raise InvalidFeed(f"column {name} must hold texts, numbers, booleans, dates or lists of texts; got {kind}.")
    return names


def _is_plain(kind: Any, *, nested: bool) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        return _is_plain(kind.value_type, nested=False)
    if nested and (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
        return _is_plain(kind.value_type, nested=False)
    if nested and types.is_map(kind):
        return types.is_string(kind.key_type) and _is_plain(kind.item_type, nested=False)
    if nested and types.is_struct(kind):
        return all(_is_plain(kind.field(i).type, nested=False) for i in range(kind.num_fields))
    tests = (
        types.is_null, types.is_boolean, types.is_integer, types.is_floating, types.is_decimal, types.is_string,
        types.is_large_string, types.is_string_view, types.is_date, types.is_timestamp,
    )  # fmt: skip
    return any(test(kind) for test in tests)


def _whole_microseconds(batch: Any) -> Any:
    """Returns the batch with nanosecond times cut to microseconds, the finest unit of Python's datetime."""
    import pyarrow

    for index, column in enumerate(batch.schema):
        if pyarrow.types.is_timestamp(column.type) and column.type.unit == "ns":
            kind = pyarrow.timestamp("us", column.type.tz)
            batch = batch.set_column(index, column.name, batch.column(index).cast(kind, safe=False))
    return batch


def _plain(value: Any) -> Any:
    """Returns a value as JSON would hold it; NaN, which pandas writes for missing values, becomes None."""
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
