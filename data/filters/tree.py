"""The tree of a filter: its nodes, the SQL made from them, and the same test for one product in Python.

The SQL and the test follow the rules in `data/filters/expression.py`.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from data.database import moment_text

Kind = Literal["text", "number", "bool"]
Scalar = str | float | bool
TEXT_FIELDS = ("brand", "category", "colour", "currency", "title", "product_id")
FIELDS = (*TEXT_FIELDS, "price", "created_at", "in_stock")
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_VALUES_SQL = "f.product_key IN (SELECT product_key FROM filter_values WHERE field = ? AND kind = ? AND value "
_NUMBER = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]{1,300})?")


@dataclass(frozen=True)
class Span:
    """A span of time, both ends included, as texts of `moment_text`; equal ends are one instant."""

    first: str
    last: str


@dataclass(frozen=True)
class Comparison:
    """`field operator value`, true if it holds for any of `values`; only `=` may have several values (that is IN)."""

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


def fold(text: str) -> str:
    """Returns `text` in the form in which texts are compared: case-folded."""
    return text.casefold()


def attribute_values(value: Scalar) -> Iterator[tuple[Kind, Scalar]]:
    """Yields each kind that an attribute's value counts as, with the value to compare."""
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


def fields_of(node: Node) -> Iterator[str]:
    """Yields the facts that a filter compares."""
    match node:
        case Not(part):
            yield from fields_of(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from fields_of(part)
        case Comparison():
            yield node.field


def node_sql(node: Node, parameters: list[Any]) -> str:
    match node:
        case Not(part):
            return f"NOT {node_sql(part, parameters)}"
        case AllOf(parts):
            return f"({' AND '.join(node_sql(part, parameters) for part in parts)})"
        case AnyOf(parts):
            return f"({' OR '.join(node_sql(part, parameters) for part in parts)})"
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
    parameters.append(bound(symbol, span))
    return f"(f.created_at {symbol} ? AND f.created_at <> '')"


def bound(symbol: str, span: Span) -> str:
    """Returns the end of a span that `< <= > >=` compare with."""
    return span.first if symbol in ("<", ">=") else span.last


def node_matches(node: Node, fields: Mapping[str, Any]) -> bool:
    match node:
        case Not(part):
            return not node_matches(part, fields)
        case AllOf(parts):
            return all(node_matches(part, fields) for part in parts)
        case AnyOf(parts):
            return any(node_matches(part, fields) for part in parts)
        case Comparison():
            return any(_value_matches(node, value, fields) for value in node.values)


def _value_matches(node: Comparison, value: Scalar | Span, fields: Mapping[str, Any]) -> bool:
    if isinstance(value, Span):
        moment = _moment(fields.get("created_at"))
        if node.operator == "=":
            return moment is not None and value.first <= moment <= value.last
        return moment is not None and COMPARE[node.operator](moment, bound(node.operator, value))
    wanted = kind_of(value)
    return any(kind == wanted and COMPARE[node.operator](own, value) for kind, own in _own_values(node.field, fields))


def _own_values(field: str, fields: Mapping[str, Any]) -> Iterator[tuple[Kind, Scalar]]:
    """Yields the values that a product has for a field, each as (kind, value to compare)."""
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
