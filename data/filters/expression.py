"""Filter expressions such as `brand = "Acme" AND price < 20 AND NOT colour IN ("red", "blue")`.

Fields: brand, category, colour, currency, title, product_id (text), price (number), created_at (date), in_stock
(true or false) and attr.NAME (text, number, or true/false; other names in quotes: `attr."shoe size"`).
Operators: = != < <= > >= IN NOT IN, AND OR NOT and parentheses; words in any case; NOT binds before AND before OR.

Rules:
- Text is compared without regard to case (Unicode case folding), save product_id, which is a key and compared exactly.
- `<` and `>` on text compare folded texts by code point.
- A comparison is true or false, never unknown. Where a product lacks the fact (no price, empty text, no such
  attribute), `= < <= > >= IN` are false, and so `!=` and `NOT IN`, which are their negation, are true.
- colour has many values, the product's own and those seen in its photos: a comparison holds if it holds for any.
- An attribute is only compared with values of its own kind. Text that reads as a number or as true/false, as every
  value of a CSV file is, counts as that kind too.
- A date without a time means that whole day, in UTC: `created_at <= 2026-01-31` includes its last hour.
- Text stands in single or double quotes; a backslash takes the next character as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data.filters.grammar import parse
from data.filters.tree import Node, node_matches, node_sql


@dataclass(frozen=True)
class Filter:
    """A parsed filter expression."""

    text: str
    tree: Node

    def sql(self) -> tuple[str, tuple[Any, ...]]:
        """Returns a condition over `filter_facts AS f` of catalog.db, and the values of its question marks."""
        parameters: list[Any] = []
        return node_sql(self.tree, parameters), tuple(parameters)

    def matches(self, fields: Mapping[str, Any]) -> bool:
        """Tells whether a product passes, exactly as the SQL would.

        Args:
            fields: as `data.catalogue.product_fields` gives them; under `colours` also those seen in its photos.
        """
        return node_matches(self.tree, fields)


def parse_filter(text: str) -> Filter:
    """Parses a filter expression.

    Raises:
        InvalidFilter: it does not parse, names an unknown field, compares a field with the wrong kind of value, or is
            longer than 2,000 characters, deeper than 32 levels or has more than 200 values; its position is where.
    """
    return Filter(text, parse(text))
