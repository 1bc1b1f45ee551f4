"""Filter expressions such as `brand = "Acme" AND price < 20`: their grammar, tree and SQL."""

from data.filters.expression import Filter, all_of, parse_filter, quoted, without
from data.filters.grammar import MAX_FILTER
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
    "MAX_FILTER",
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
    "parse_filter",
    "quoted",
    "without",
]
