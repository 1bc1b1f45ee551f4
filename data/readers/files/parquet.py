"""Reads Parquet feeds: columns of plain values, of lists of texts, and of photos as bytes."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from data.errors import InvalidFeed
from data.readers.records import BadRow, Record, Records
from data.readers.sources.source import Source

_BATCH_ROWS = 500
_BATCH_ROWS_WITH_PHOTOS = 16
_BUFFER_BYTES = 1 << 20
_PHOTO = {"bytes", "path"}  # the fields of a photo as Hugging Face's data sets hold it


def read_parquet(source: Source) -> Records:
    """Returns the rows of the columns that can hold a fact or photos, with one batch in memory at a time.

    Raises:
        InvalidFeed: the file is not Parquet, names a column twice, or has no such column.
    """
    with _opened(source) as file:
        fields = list(file.schema_arrow)
    names = [field.name for field in fields if _is_readable(field.type)]
    left_out = [f"{field.name} ({field.type})"[:80] for field in fields if not _is_readable(field.type)]
    if not names:
        raise InvalidFeed(f"a Parquet feed must have columns of texts, numbers or dates; got none in {source.name}.")
    if len(set(names)) < len(names):
        raise InvalidFeed(f"a Parquet feed must name each column once; got {', '.join(sorted(names))[:200]}.")
    notes = (f"columns of a kind that is no fact were left out: {', '.join(left_out)[:400]}",) if left_out else ()
    has_photos = any(_holds_bytes(field.type) for field in fields)
    batch_rows = _BATCH_ROWS_WITH_PHOTOS if has_photos else _BATCH_ROWS
    return Records(tuple(names), _records(source, names, batch_rows), notes=notes)


def _records(source: Source, names: list[str], batch_rows: int) -> Iterator[Record | BadRow]:
    from pyarrow import types

    with _opened(source) as file:
        maps = {field.name for field in file.schema_arrow if types.is_map(field.type)}
        line = 0
        for batch in file.iter_batches(batch_rows, columns=names):
            for values in _whole_microseconds(batch).to_pylist():
                line += 1
                for name in maps:
                    values[name] = dict(values[name] or ())
                yield Record(line, {name: _plain(value) for name, value in values.items()})


@contextmanager
def _opened(source: Source) -> Iterator[Any]:
    """Opens the file; what pyarrow raises for a damaged one becomes InvalidFeed."""
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(source.path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
            yield file
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        raise InvalidFeed(f"a Parquet feed must be readable; got {error} in {source.name}. Write it again.") from error


def _is_readable(kind: Any) -> bool:
    from pyarrow import types

    if types.is_map(kind):
        return bool(types.is_string(kind.key_type)) and _is_plain(kind.item_type)
    if _is_list(kind):  # of numbers: a vector, which is no fact
        return bool(_is_text(kind.value_type) or _is_struct(kind.value_type))
    return bool(_is_plain(kind) or _is_struct(kind))


def _is_struct(kind: Any) -> bool:
    from pyarrow import types

    if not types.is_struct(kind):
        return False
    inner = [kind.field(index).type for index in range(kind.num_fields)]
    return all(_is_plain(one) or (_is_list(one) and _is_text(one.value_type)) for one in inner)


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_plain(kind: Any) -> bool:
    from pyarrow import types

    tests = (
        types.is_null, types.is_boolean, types.is_integer, types.is_floating, types.is_decimal, types.is_date,
        types.is_timestamp, _is_text,
    )  # fmt: skip
    return any(test(kind) for test in tests)


def _is_text(kind: Any) -> bool:
    """Returns whether a type is text, or bytes, which hold text or a photo."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return bool(_is_plain(kind.value_type))
    tests = (
        types.is_string, types.is_large_string, types.is_string_view, types.is_binary, types.is_large_binary,
        types.is_binary_view, types.is_fixed_size_binary,
    )  # fmt: skip
    return any(test(kind) for test in tests)


def _holds_bytes(kind: Any) -> bool:
    from pyarrow import types

    if _is_list(kind):
        return _holds_bytes(kind.value_type)
    if types.is_struct(kind):
        return any(_holds_bytes(kind.field(index).type) for index in range(kind.num_fields))
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _whole_microseconds(batch: Any) -> Any:
    """Returns the batch with nanosecond times cut to microseconds, the finest unit of Python's datetime."""
    import pyarrow

    for index, column in enumerate(batch.schema):
        if pyarrow.types.is_timestamp(column.type) and column.type.unit == "ns":
            kind = pyarrow.timestamp("us", column.type.tz)
            batch = batch.set_column(index, column.name, batch.column(index).cast(kind, safe=False))
    return batch


def _plain(value: Any) -> Any:
    """Returns a value as JSON would hold it, but for a photo's bytes; NaN, pandas' missing value, becomes None."""
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, bytes):
        return _text_or_photo(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        if value.keys() == _PHOTO:
            return value["bytes"] or value["path"]
        return {key: _plain(item) for key, item in value.items()}
    return value


def _text_or_photo(value: bytes) -> str | bytes:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:  # every kind of photo has bytes that are no UTF-8
        return value
