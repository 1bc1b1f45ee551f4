"""Reads Parquet feeds: columns named like the product's facts, holding plain values or lists of texts."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from data.errors import InvalidFeed
from data.readers.records import BadRow, Record, Records
from data.readers.sources.source import Source

_BATCH_ROWS = 500


def read_parquet(source: Source) -> Records:
    """Returns the rows of the columns that can hold a fact, with one batch in memory at a time.

    Raises:
        InvalidFeed: the file is not Parquet, or names a column twice.
    """
    from pyarrow import parquet

    with _reported(source), parquet.ParquetFile(source.path) as file:
        names = [field.name for field in file.schema_arrow if _is_plain(field.type, nested=True)]
    if not names:
        raise InvalidFeed(f"a Parquet feed must have columns of texts, numbers or dates; got none in {source.name}.")
    if len(set(names)) < len(names):
        raise InvalidFeed(f"a Parquet feed must name each column once; got {', '.join(sorted(names))[:200]}.")
    return Records(tuple(names), _records(source, names))


def _records(source: Source, names: list[str]) -> Iterator[Record | BadRow]:
    from pyarrow import parquet

    line = 0
    with _reported(source), parquet.ParquetFile(source.path) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=names):
            for values in _whole_microseconds(batch).to_pylist():
                line += 1
                if isinstance(pairs := values.get("attributes"), list):  # a map column
                    values["attributes"] = dict(pairs)
                yield Record(line, {name: _plain(value) for name, value in values.items()})


@contextmanager
def _reported(source: Source) -> Iterator[None]:
    """Turns what pyarrow raises for a damaged file into InvalidFeed."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        raise InvalidFeed(f"a Parquet feed must be readable; got {error} in {source.name}. Write it again.") from error


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
