"""A small JSON Schema checker for the keywords that the OpenAPI document uses; an unknown keyword is an error."""

import re
from collections.abc import Iterator
from typing import Any

_TYPES: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
    "null": type(None),
}  # fmt: skip
_NOTES = {"description", "default", "format"}


def faults(value: Any, schema: dict[str, Any], document: dict[str, Any], path: str = "$") -> Iterator[str]:
    """Yields what is wrong with `value`; an object may hold only the properties that its schema names."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].removeprefix("#/components/schemas/")]
    for keyword, rule in schema.items():
        if keyword not in _NOTES:
            yield from _RULES[keyword](value, rule, schema, document, path)


def _type(value: Any, rule: Any, _schema: Any, _document: Any, path: str) -> Iterator[str]:
    names = [rule] if isinstance(rule, str) else rule
    fits = [name for name in names if isinstance(value, _TYPES[name]) and (name == "boolean" or value is not True)]
    if not fits and not (value is True and "boolean" in names):
        yield f"{path}: {value!r} is not {names}"


def _properties(value: Any, rule: Any, schema: Any, document: Any, path: str) -> Iterator[str]:
    for name, field in value.items():
        if name in rule:
            yield from faults(field, rule[name], document, f"{path}.{name}")
        elif not schema.get("additionalProperties"):
            yield f"{path}.{name} is not documented"


def _additional(value: Any, rule: Any, schema: Any, document: Any, path: str) -> Iterator[str]:
    for name, field in value.items() if rule else ():
        if name not in schema.get("properties", {}):
            yield from faults(field, rule, document, f"{path}.{name}")


def _items(value: Any, rule: Any, _schema: Any, document: Any, path: str) -> Iterator[str]:
    for number, item in enumerate(value):
        yield from faults(item, rule, document, f"{path}[{number}]")


def _one_of(value: Any, rule: Any, _schema: Any, document: Any, path: str) -> Iterator[str]:
    fits = [schema for schema in rule if not (_refuses_null(value, schema) or list(faults(value, schema, document)))]
    if len(fits) != 1:
        yield f"{path}: {value!r} fits {len(fits)} of {rule!r}"


def _refuses_null(value: Any, schema: Any) -> bool:
    return value is None and schema.get("type") != "null"


def _unless(holds: Any) -> Any:
    def check(value: Any, rule: Any, _schema: Any, _document: Any, path: str) -> Iterator[str]:
        if value is not None and not holds(value, rule):
            yield f"{path}: {value!r} breaks {rule!r}"

    return check


_RULES: dict[str, Any] = {
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "oneOf": _one_of,
    "required": _unless(lambda value, rule: set(rule) <= set(value)),
    "enum": _unless(lambda value, rule: value in rule),
    "minimum": _unless(lambda value, rule: value >= rule),
    "maximum": _unless(lambda value, rule: value <= rule),
    "exclusiveMaximum": _unless(lambda value, rule: value < rule),
    "minItems": _unless(lambda value, rule: len(value) >= rule),
    "maxItems": _unless(lambda value, rule: len(value) <= rule),
    "minLength": _unless(lambda value, rule: not isinstance(value, str) or len(value) >= rule),
    "maxLength": _unless(lambda value, rule: not isinstance(value, str) or len(value) <= rule),
    "maxProperties": _unless(lambda value, rule: len(value) <= rule),
    "pattern": _unless(lambda value, rule: re.search(rule, value)),
}
