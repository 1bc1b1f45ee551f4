"""Filter expressions such as `brand = "Acme" AND price < 20`: their grammar, tree and SQL."""

from data.filters.expression import Filter, all_of, parse_filter, quoted, without
from data.filters.grammar import MAX_FILTER
from data.filters.milvus import LONGEST_TEXT, MILVUS_TEXTS, MOST_COLOURS, milvus_fields
from data.filters.tree import (
    COMPARE,
    AllOf,
    AnyOf,
    Comparison,
    Kind,
    Node,
    Not,
    Scalar,
    Span,
    attribute_values,
    fields_of,
    fold,
    kind_of,
)

__all__ = [
    "COMPARE",
    "LONGEST_TEXT",
    "MAX_FILTER",
    "MILVUS_TEXTS",
    "MOST_COLOURS",
    "AllOf",
    "AnyOf",
    "Comparison",
    "Filter",
    "Kind",
    "Node",
    "Not",
    "Scalar",
    "Span",
    "all_of",
    "attribute_values",
    "fields_of",
    "fold",
    "kind_of",
    "milvus_fields",
    "parse_filter",
    "quoted",
    "without",
]
