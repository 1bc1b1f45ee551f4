"""Kinds of JSON values, as JSON Schema, that requests and answers are described with."""

from typing import Any

from data.catalogue import ID_LIMIT
from data.events import POSITION_LIMIT
from engine.answers import MOST_LIKED

Schema = dict[str, Any]


def object_of(required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "required": required, "properties": properties}


def fields_of(required: list[str], **properties: Schema) -> Schema:
    """Returns an object that a request holds; other names are refused."""
    return {**object_of(required, **properties), "additionalProperties": False}


def text_of(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
PLACE: Schema = {**WHOLE, "maximum": POSITION_LIMIT - 1}
FLAG: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "array", "items": text_of()}
PRICE: Schema = {"type": ["number", "null"], "minimum": 0, "exclusiveMaximum": 1e12}
IDS: Schema = {"type": "array", "items": text_of(maxLength=ID_LIMIT), "maxItems": MOST_LIKED}
UNIT: Schema = {"type": "number", "minimum": 0, "maximum": 1}

TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
