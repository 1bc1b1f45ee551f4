"""The facts of all products in memory, a column a fact: which products pass a filter, and how many have each value."""

from data.columns.columns import WORDLESS, Column, Columns, NumberColumn, ValueColumn, resized, within
from data.columns.facets import MOST_SHOWN, FacetCounts, RangeCount, ValueCount
from data.columns.reading import FACTS
from data.columns.store import COUNTED_FIELDS, MOST_VALUES, ColumnStore

__all__ = [
    "COUNTED_FIELDS",
    "FACTS",
    "MOST_SHOWN",
    "MOST_VALUES",
    "WORDLESS",
    "Column",
    "ColumnStore",
    "Columns",
    "FacetCounts",
    "NumberColumn",
    "RangeCount",
    "ValueColumn",
    "ValueCount",
    "resized",
    "within",
]
