"""Filter expressions such as `brand = "Acme" AND price < 20 AND NOT colour IN ("red", "blue")`.

Fields: brand, category, colour, currency, title, product_id (text), price (number), created_at (date), in_stock
(true or false) and attr.NAME (text, number, or true/false; other names in quotes: `attr."shoe size"`).
Operators: = != < <= > >= IN NOT IN, AND OR NOT and parentheses; keywords in any case; NOT binds before AND before OR.

Rules:
- Text is compared without regard to case (Unicode case folding), except product_id, a key that is compared exactly.
- `<` and `>` on text compare folded texts by code point.
- A comparison is true or false, never unknown. If a product lacks the fact (no price, empty text, no such
  attribute), `= < <= > >= IN` are false; `!=` and `NOT IN` are their negation and therefore true.
- colour has many values, the product's own and those seen in its photos: a comparison holds if it holds for any.
- An attribute is only compared with values of its own kind. A text such as "12" or "true", as a CSV file has it,
  counts as a number or a boolean too.
- A date without a time means that whole day, in UTC: `created_at <= 2026-01-31` includes its last hour.
- Text is written in single or double quotes; after a backslash, the next character is taken literally.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from data.filters.grammar import parse
from data.filters.milvus import node_expression
from data.filters.tree import AllOf, Node, fields_of, node_matches, node_sql


@dataclass(frozen=True)
class Filter:
    """A parsed filter expression."""

    text: str
    tree: Node

    def sql(self) -> tuple[str, tuple[Any, ...]]:
        """Returns a condition over `filter_facts AS f` of catalog.db, and the values of its `?` placeholders."""
        parameters: list[Any] = []
        return node_sql(self.tree, parameters), tuple(parameters)

    def milvus(self) -> str:
        """Returns the expression that finds the same products in Milvus, over the fields of `milvus_fields`."""
        return node_expression(self.tree)

    def matches(self, fields: Mapping[str, Any]) -> bool:
        """Returns whether a product passes the filter; the SQL gives the same result.

        Args:
            fields: the result of `data.catalogue.product_fields`, plus `colours`: those seen in the product's photos.
        """
        return node_matches(self.tree, fields)


@lru_cache(256)  # shoppers ask for the same few colours, brands and prices
def parse_filter(text: str) -> Filter:
    """Returns the parsed filter expression.

    Raises:
        InvalidFilter: it does not parse, names an unknown field, compares a field with the wrong kind of value, or is
            longer than 2,000 characters, deeper than 32 levels or has more than 200 values; `position` says where.
    """
    return Filter(text, parse(text))


def all_of(filters: Sequence[Filter]) -> Filter | None:
    """Returns the filter that lets through what passes all of `filters`; None if there are none."""
    if len(filters) < 2:
        return filters[0] if filters else None
    return Filter(" AND ".join(f"({each.text})" for each in filters), AllOf(tuple(each.tree for each in filters)))


def without(filter: Filter, field: str) -> Filter | None:
    """Returns a filter less its conditions on one fact alone, of those that are joined with AND; None: none is left.

    A filter without such a condition is returned as it is. Products that a condition names beside the fact go with it.

    >>> without(parse_filter('brand = "Acme" AND (price < 20 OR brand = "Sena")'), "brand").text
    'less brand: brand = "Acme" AND (price < 20 OR brand = "Sena")'
    >>> without(parse_filter('colour = "green" OR product_id = "smith"'), "colour") is None
    True
    """
    conditions = _conditions(filter.tree)
    kept = [node for node in conditions if set(fields_of(node)) - {"product_id"} != {field}]
    if len(kept) == len(conditions):
        return filter
    return Filter(f"less {field}: {filter.text}", AllOf(tuple(kept))) if kept else None


def _conditions(node: Node) -> list[Node]:
    return [each for part in node.parts for each in _conditions(part)] if isinstance(node, AllOf) else [node]


def quoted(text: str) -> str:
    """Returns `text` as a text of the filter language.

    >>> quoted('7" tablet')
    '"7\\\\" tablet"'
    """
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
