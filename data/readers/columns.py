"""Turns the records of a file into rows of products: which column is which fact."""

from collections.abc import Iterable, Iterator

from data.errors import InvalidFeed
from data.readers.records import BadRow, Records
from data.readers.rows import Row, row_from


def product_rows(records: Records, notes: list[str]) -> Iterator[Row | BadRow]:
    """Yields one row per product.

    Args:
        notes: gets a sentence for whatever the report should say of the feed as a whole.

    Raises:
        InvalidFeed: no column is named `product_id`, or two columns have the same name.
    """
    columns = column_names(records.columns)
    if columns and "product_id" not in columns:
        raise InvalidFeed(f"a feed must have a product_id column; got {', '.join(columns)[:200]}.")
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise InvalidFeed(f"a feed must name each column once; got {twice!r} twice. Rename one.")
    names = dict(zip(records.columns, columns, strict=True))
    for record in records.rows:
        if isinstance(record, BadRow):
            yield record
        else:
            fields = {names.get(name, name): value for name, value in record.values.items()}
            yield row_from(record.line, fields, warnings=record.warnings)


def column_names(cells: Iterable[str]) -> list[str]:
    """Returns the header's names, trimmed and in lower case; `attr.` names keep the shop's own case."""
    names = [cell.strip() for cell in cells]
    return [name if name.startswith("attr.") else name.lower() for name in names]
