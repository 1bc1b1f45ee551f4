"""The expression of a filter for Milvus, and the fields of a product that it compares.

Both follow the rules in `data/filters/expression.py`, as the SQL and the test in Python do. Milvus 2.3 has no NULL: a
fact that a product lacks is an empty text or a price below zero, and each comparison first asks whether it is there.
Texts are cut where no text of a filter reaches; what is cut off decides no comparison.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from data.filters.grammar import MAX_FILTER
from data.filters.tree import AllOf, AnyOf, Comparison, Kind, Node, Not, Scalar, Span, bound, kind_of

MILVUS_TEXTS = ("product_id", "title", "brand", "category", "currency", "created_at")
MOST_COLOURS = 16  # of a product: its own word, and the names of colours in photos, which are fewer
LONGEST_TEXT = 3 * MAX_FILTER + 1  # characters; case folding makes at most three of one
_NO_PRICE = -1.0


def milvus_fields(facts: Mapping[str, Any], values: Iterable[tuple[str, Kind, Scalar]]) -> dict[str, Any]:
    """Returns the fields of a row by which Milvus filters.

    Args:
        facts: those of the table filter_facts, by name; None where the product lacks one.
        values: field, kind and value of each colour and attribute, as in filter_values.

    Raises:
        ValueError: there are more colours than an expression compares.
    """
    colours: list[str] = []
    attributes: dict[str, dict[str, Scalar]] = {"text": {}, "number": {}, "bool": {}}
    for field, kind, value in values:
        if field == "colour":
            colours.append(str(value)[:LONGEST_TEXT])
        else:
            attributes[kind][_key(field)] = _stored(kind, value)
    if len(colours) > MOST_COLOURS:
        raise ValueError(f"a product must have at most {MOST_COLOURS} colours; got {len(colours)}")
    return {
        **{name: (facts[name] or "")[:LONGEST_TEXT] for name in MILVUS_TEXTS},
        "price": _NO_PRICE if facts["price"] is None else float(facts["price"]),
        "in_stock": bool(facts["in_stock"]),
        "colours": colours,
        "attributes": attributes,
    }


def node_expression(node: Node) -> str:
    match node:
        case Not(part):
            return f"(not {node_expression(part)})"
        case AllOf(parts):
            return f"({' and '.join(map(node_expression, parts))})"
        case AnyOf(parts):
            return f"({' or '.join(map(node_expression, parts))})"
        case Comparison():
            return _comparison(node)


def _comparison(node: Comparison) -> str:
    if node.field == "created_at":
        return _any(_span(node.operator, value) for value in node.values if isinstance(value, Span))
    values = [value for value in node.values if not isinstance(value, Span)]
    if node.field == "in_stock":
        return _any(f"in_stock == {_literal(value)}" for value in values)
    if node.field == "colour":
        return _colour(node.operator, values)
    if node.field == "price":
        return f"((price >= 0.0) and ({_against('price', node.operator, values)}))"
    if not node.field.startswith("attr."):
        return f'(({node.field} != "") and ({_against(node.field, node.operator, values)}))'
    kinds: dict[Kind, list[Scalar]] = {}
    for value in values:
        kinds.setdefault(kind_of(value), []).append(value)
    return _any(_attribute(node, kind, own) for kind, own in kinds.items())


def _attribute(node: Comparison, kind: Kind, values: list[Scalar]) -> str:
    at = f'attributes["{kind}"]["{_key(node.field)}"]'
    return f"((exists {at}) and ({_against(at, node.operator, values)}))"


def _key(field: str) -> str:
    """Returns the key of an attribute: its name in hex digits, so that no name needs quoting."""
    return field.removeprefix("attr.").encode().hex()


def _stored(kind: Kind, value: Scalar) -> Scalar:
    if kind == "bool":
        return bool(value)
    return str(value)[:LONGEST_TEXT] if kind == "text" else float(value)


def _colour(symbol: str, values: list[Scalar]) -> str:
    if symbol == "=":
        return f"(array_contains_any(colours, [{', '.join(map(_literal, values))}]))"
    return _any(f"colours[{place}] {symbol} {_literal(value)}" for value in values for place in range(MOST_COLOURS))


def _span(symbol: str, span: Span) -> str:
    if symbol == "=":
        return f"((created_at >= {_literal(span.first)}) and (created_at <= {_literal(span.last)}))"
    return f'((created_at != "") and (created_at {symbol} {_literal(bound(symbol, span))}))'


def _against(name: str, symbol: str, values: list[Scalar]) -> str:
    if symbol == "=":
        return f"{name} in [{', '.join(map(_literal, values))}]"
    return f"{name} {symbol} {_literal(values[0])}"


def _any(parts: Iterable[str]) -> str:
    return f"({' or '.join(f'({part})' for part in parts)})"


def _literal(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(map(_escaped, value)) + '"'
    return repr(float(value))


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return f"\\x{ord(character):02x}" if ord(character) < 32 or ord(character) == 127 else character
