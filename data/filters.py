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

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

MAX_LENGTH = 2_000
MAX_DEPTH = 32
MAX_TERMS = 200

Kind = Literal["text", "number", "bool"]
Scalar = str | float | bool
TEXT_FIELDS = ("brand", "category", "colour", "currency", "title", "product_id")
FIELDS = (*TEXT_FIELDS, "price", "created_at", "in_stock")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_VALUES_SQL = "f.product_key IN (SELECT product_key FROM filter_values WHERE field = ? AND kind = ? AND value "
_NUMBER = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]{1,300})?")


@dataclass(frozen=True)
class Span:
    """A stretch of time, both ends included, as texts of `moment_text`; one instant where both are the same."""

    first: str
    last: str


@dataclass(frozen=True)
class Comparison:
    """`field operator value`, true if it holds for any of `values`; several values only stand with `=` (that is IN)."""

    field: str
    operator: str
    values: tuple[Scalar | Span, ...]


@dataclass(frozen=True)
class Not:
    part: "Node"


@dataclass(frozen=True)
class AllOf:
    parts: tuple["Node", ...]


@dataclass(frozen=True)
class AnyOf:
    parts: tuple["Node", ...]


Node = Comparison | Not | AllOf | AnyOf


@dataclass(frozen=True)
class Filter:
    """A parsed filter expression."""

    text: str
    tree: Node

    def sql(self) -> tuple[str, tuple[Any, ...]]:
        """Returns a condition over `filter_facts AS f` of catalog.db, and the values of its question marks."""
        parameters: list[Any] = []
        return _node_sql(self.tree, parameters), tuple(parameters)

    def matches(self, fields: Mapping[str, Any]) -> bool:
        """Tells whether a product passes, exactly as the SQL would.

        Args:
            fields: what `data.products.product_fields` gives, and under `colours` the names seen in its photos.
        """
        return _node_matches(self.tree, fields)


def parse_filter(text: str) -> Filter:
    """Parses a filter expression.

    Raises:
        InvalidFilter: it does not parse, names an unknown field, compares a field with the wrong kind of value, or is
            longer than MAX_LENGTH characters, deeper than MAX_DEPTH or has more than MAX_TERMS values; the position
            is where.
    """
    from data.filter_grammar import parse

    return Filter(text, parse(text))


def fold(text: str) -> str:
    """Returns the form in which texts are compared."""
    return text.casefold()


def moment_text(moment: datetime) -> str:
    """Returns an aware time as text whose order is the order of time: ISO 8601, UTC, microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def attribute_values(value: Scalar) -> Iterator[tuple[Kind, Scalar]]:
    """Yields each kind an attribute's value counts as, with the form that is compared."""
    if isinstance(value, bool):
        yield "bool", value
    elif isinstance(value, str):
        folded = fold(value)
        if folded:
            yield "text", folded
        if folded in ("true", "false"):
            yield "bool", folded == "true"
        elif _NUMBER.fullmatch(folded):
            yield "number", float(folded)
    else:
        yield "number", float(value)


def kind_of(value: Scalar | Span) -> Kind:
    if isinstance(value, bool):
        return "bool"
    return "text" if isinstance(value, str) else "number"


def _node_sql(node: Node, parameters: list[Any]) -> str:
    match node:
        case Not(part):
            return f"NOT {_node_sql(part, parameters)}"
        case AllOf(parts):
            return f"({' AND '.join(_node_sql(part, parameters) for part in parts)})"
        case AnyOf(parts):
            return f"({' OR '.join(_node_sql(part, parameters) for part in parts)})"
        case Comparison():
            return _comparison_sql(node, parameters)


def _comparison_sql(node: Comparison, parameters: list[Any]) -> str:
    # Only field names from the fixed list and the five operators enter the text; all else is a parameter.
    spans = [_span_sql(node.operator, value, parameters) for value in node.values if isinstance(value, Span)]
    if spans:
        return f"({' OR '.join(spans)})"
    if node.field != "colour" and not node.field.startswith("attr."):
        parameters += node.values
        return f"(f.{node.field} IS NOT NULL AND f.{node.field} {_against(node.operator, node.values)})"
    kinds: dict[Kind, list[Any]] = {}
    for value in node.values:
        kinds.setdefault(kind_of(value), []).append(value)
    choices = []
    for kind, values in kinds.items():
        parameters += [node.field, kind, *values]
        choices.append(_VALUES_SQL + _against(node.operator, values) + ")")
    return f"({' OR '.join(choices)})"


def _against(symbol: str, values: Sequence[Any]) -> str:
    return f"{symbol} ?" if len(values) == 1 else f"IN ({', '.join('?' * len(values))})"


def _span_sql(symbol: str, span: Span, parameters: list[Any]) -> str:
    if symbol == "=":
        parameters += [span.first, span.last]
        return "f.created_at BETWEEN ? AND ?"
    parameters.append(_bound(symbol, span))
    return f"f.created_at {symbol} ?"


def _bound(symbol: str, span: Span) -> str:
    return span.first if symbol in ("<", ">=") else span.last


def _node_matches(node: Node, fields: Mapping[str, Any]) -> bool:
    match node:
        case Not(part):
            return not _node_matches(part, fields)
        case AllOf(parts):
            return all(_node_matches(part, fields) for part in parts)
        case AnyOf(parts):
            return any(_node_matches(part, fields) for part in parts)
        case Comparison():
            return any(_value_matches(node, value, fields) for value in node.values)


def _value_matches(node: Comparison, value: Scalar | Span, fields: Mapping[str, Any]) -> bool:
    if isinstance(value, Span):
        moment = _moment(fields.get("created_at"))
        if node.operator == "=":
            return moment is not None and value.first <= moment <= value.last
        return moment is not None and _COMPARE[node.operator](moment, _bound(node.operator, value))
    wanted = kind_of(value)
    return any(kind == wanted and _COMPARE[node.operator](own, value) for kind, own in _own_values(node.field, fields))


def _own_values(field: str, fields: Mapping[str, Any]) -> Iterator[tuple[Kind, Scalar]]:
    """Yields the values that a product has for a field, in the form that is compared."""
    if field.startswith("attr."):
        value = (fields.get("attributes") or {}).get(field.removeprefix("attr."))
        if value is not None:
            yield from attribute_values(value)
    elif field == "colour":
        for name in {fields.get("colour") or "", *fields.get("colours", ())} - {""}:
            yield "text", fold(name)
    elif field == "price":
        if fields.get("price") is not None:
            yield "number", float(fields["price"])
    elif field == "in_stock":
        yield "bool", bool(fields.get("in_stock", True))
    elif text := fields.get(field):
        yield "text", text if field == "product_id" else fold(text)


def _moment(value: datetime | str | None) -> str | None:
    if not value:
        return None
    return moment_text(datetime.fromisoformat(value) if isinstance(value, str) else value)
