"""Parses filter expressions: the grammar, and the checks of fields, kinds of value and limits."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from data.database import moment_text
from data.errors import InvalidFilter
from data.filters.tree import FIELDS, TEXT_FIELDS, AllOf, AnyOf, Comparison, Node, Not, Scalar, Span, fold

MAX_FILTER = 2_000  # characters
MAX_DEPTH = 32
MAX_TERMS = 200

# Keywords end with \b so that `ANDbrand` is not read as AND; a field is never a keyword.
_GRAMMAR = r"""
?start: any
?any: all (_OR all)*
?all: not (_AND not)*
?not: _NOT not -> negation
    | _LPAR any _RPAR -> group
    | FIELD OPERATOR _value -> comparison
    | FIELD _IN _values -> membership
    | FIELD _NOT _IN _values -> no_membership
_values: _LPAR _value (_COMMA _value)* _RPAR
_value: TEXT | NUMBER | DATE | BOOLEAN

_AND: /and\b/i
_OR: /or\b/i
_NOT: /not\b/i
_IN: /in\b/i
_LPAR: "("
_RPAR: ")"
_COMMA: ","
OPERATOR: "!=" | "<=" | ">=" | "=" | "<" | ">"
FIELD: /attr\.("[^"\\]{1,64}"|\w[\w.-]{0,63})|(?!(and|or|not|in|true|false)\b)[^\W\d]\w*/i
BOOLEAN: /(true|false)\b/i
TEXT: /"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/s
DATE.2: /[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?/i
NUMBER: /[+-]?([0-9]{1,300}(\.[0-9]{0,300})?|\.[0-9]{1,300})/
%ignore /\s+/
"""
_TERMINALS = {
    "FIELD": "a field", "_NOT": "NOT", "_LPAR": "(", "OPERATOR": "an operator (= != < <= > >=)", "_IN": "IN",
    "TEXT": "text in quotes", "NUMBER": "a number", "DATE": "a date", "BOOLEAN": "true or false", "_COMMA": "a comma",
    "_RPAR": ")", "_AND": "AND", "_OR": "OR", "$END": "the end",
}  # fmt: skip


def parse(text: str) -> Node:
    """Returns the tree of `text`; raises as `data.filters.expression.parse_filter` does."""
    if len(text) > MAX_FILTER:
        raise _invalid(text, MAX_FILTER, f"a filter must have at most {MAX_FILTER} characters; got {len(text)}")
    try:
        part: Any = _parser().parse(text)
    except UnexpectedCharacters as error:
        at = error.pos_in_stream or 0
        raise _invalid(text, at, f"a filter must go on with {_names(error.allowed)}; got {text[at]!r}") from None
    except UnexpectedToken as error:
        ended = error.token.type == "$END"
        at = len(text) if ended else error.token.start_pos or 0
        got = "the end" if ended else repr(str(error.token))
        raise _invalid(text, at, f"a filter must go on with {_names(error.expected)}; got {got}") from None
    except _Refused as error:
        raise _invalid(text, error.position, str(error)) from None
    node: Node = part.node
    return node


class _Refused(Exception):
    def __init__(self, token: Token, message: str) -> None:
        super().__init__(message)
        self.position = token.start_pos or 0


@dataclass(frozen=True)
class _Part:
    """A subtree with its depth, its number of values and its first token, so that parsing can check the limits."""

    node: Node
    depth: int
    terms: int
    first: Token


@v_args(inline=True)
class _Reduce(Transformer[Token, _Part]):
    """Builds the tree while the parser runs; has no state, so threads may share it."""

    def any(self, *parts: _Part) -> _Part:
        return _join(AnyOf, parts)

    def all(self, *parts: _Part) -> _Part:
        return _join(AllOf, parts)

    def negation(self, part: _Part) -> _Part:
        return _part(Not(part.node), [part], part.first)

    def group(self, part: _Part) -> _Part:
        return _part(part.node, [part], part.first)

    def comparison(self, field: Token, symbol: Token, value: Token) -> _Part:
        if symbol == "!=":
            return _negated(_compare(field, "=", [value]))
        return _compare(field, str(symbol), [value])

    def membership(self, field: Token, *values: Token) -> _Part:
        return _compare(field, "=", values)

    def no_membership(self, field: Token, *values: Token) -> _Part:
        return _negated(_compare(field, "=", values))


@functools.cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", transformer=_Reduce())


def _part(node: Node, below: Iterable[_Part], first: Token) -> _Part:
    below = list(below)
    part = _Part(node, 1 + max(part.depth for part in below), sum(part.terms for part in below), first)
    if part.depth > MAX_DEPTH:
        raise _Refused(first, f"a filter must be at most {MAX_DEPTH} levels deep; got more")
    if part.terms > MAX_TERMS:
        raise _Refused(first, f"a filter must compare at most {MAX_TERMS} values; got more")
    return part


def _join(kind: Callable[[tuple[Node, ...]], Node], parts: tuple[_Part, ...]) -> _Part:
    return _part(kind(tuple(part.node for part in parts)), parts, parts[0].first)


def _negated(part: _Part) -> _Part:
    return _Part(Not(part.node), part.depth, part.terms, part.first)


def _compare(field: Token, symbol: str, values: Iterable[Token]) -> _Part:
    name = _field_name(field)
    if name == "in_stock" and symbol != "=":
        raise _Refused(field, f"in_stock must be compared with = or !=; got {symbol}")
    read = tuple(_value(name, token) for token in values)
    if len(read) > MAX_TERMS:
        raise _Refused(field, f"a filter must compare at most {MAX_TERMS} values; got {len(read)}")
    return _Part(Comparison(name, symbol, read), 1, len(read), field)


def _field_name(token: Token) -> str:
    if token.lower().startswith("attr."):
        return "attr." + token[5:].strip('"')
    name = token.lower()
    if name not in FIELDS:
        raise _Refused(token, f"a field must be one of {', '.join(FIELDS)} or attr.NAME; got {str(token)!r}")
    return name


def _value(field: str, token: Token) -> Scalar | Span:
    """Returns a literal as the kind of value that its field takes."""
    if field == "created_at":
        return _span(token)
    if field == "price":
        return _number(token, field)
    if field == "in_stock":
        if token.type != "BOOLEAN":
            raise _Refused(token, f"in_stock must be compared with true or false; got {token!s}")
        return token.lower() == "true"
    if field in TEXT_FIELDS:
        if token.type != "TEXT":
            raise _Refused(token, f"{field} must be compared with text in quotes; got {token!s}")
        return _text(token) if field == "product_id" else fold(_text(token))
    if token.type == "BOOLEAN":
        return token.lower() == "true"
    return _number(token, field) if token.type == "NUMBER" else fold(_text(token))


def _number(token: Token, field: str) -> float:
    if token.type != "NUMBER":
        raise _Refused(token, f"{field} must be compared with a number; got {token!s}")
    return float(token)


def _text(token: Token) -> str:
    if token.type == "DATE":
        return str(token)
    inner, characters, escaped = token[1:-1], [], False
    for character in inner:
        escaped = character == "\\" and not escaped
        if not escaped:
            characters.append(character)
    text = "".join(characters)
    if not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text):
        raise _Refused(token, "text must be valid Unicode; got a lone surrogate")
    return text


def _span(token: Token) -> Span:
    try:
        if token.type not in ("DATE", "TEXT"):
            raise ValueError
        text = _text(token).strip()
        moment = datetime.fromisoformat(text.upper())
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if _is_day(text):
            return Span(
                moment_text(moment), moment_text(moment.replace(hour=23, minute=59, second=59, microsecond=999999))
            )
        return Span(moment_text(moment), moment_text(moment))
    except (ValueError, OverflowError):
        raise _Refused(
            token, f"created_at must be compared with a date such as 2026-01-31 or 2026-01-31T09:30:00Z; got {token!s}"
        ) from None


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _names(terminals: Iterable[str]) -> str:
    known = [name for terminal, name in _TERMINALS.items() if terminal in set(terminals)]
    return " or ".join([", ".join(known[:-1]), known[-1]] if len(known) > 1 else known)


def _invalid(text: str, position: int, message: str) -> InvalidFilter:
    before = text[max(0, position - 20) : position]
    place = f"after {'...' if position > 20 else ''}{before!r}" if before else "at its start"
    return InvalidFilter(f"{message} at position {position}, {place}.", position=position)
