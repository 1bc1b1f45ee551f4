"""Filter expressions such as `brand = "Acme" AND price < 20`: their grammar, tree and SQL."""

from data.filters.expression import Filter, all_of, parse_filter, quoted
from data.filters.grammar import MAX_FILTER
from data.filters.tree import attribute_values, fold

__all__ = ["MAX_FILTER", "Filter", "all_of", "attribute_values", "fold", "parse_filter", "quoted"]
