"""Request fields -> `SearchRequest`: the same strict rules for form fields, query strings and JSON."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict

from api.errors import BadRequest
from api.requests.form_texts import form_texts, query_texts
from api.requests.json_text import kind_of, read_json
from api.requests.uploads import read_body
from data.catalogue import ID_LIMIT
from data.photos import URL_LIMIT
from engine.answers import MOST_LIKED

CURSOR_LIMIT = 4_000  # characters
PHOTO_ID_LIMIT = 64  # characters: the hex digits of a sha256
LABEL_LIMIT = 200  # characters of a label, a category or a colour
SEARCH_OPTIONS = (
    "text", "text_weight", "not_text", "filter", "k", "cursor", "diversity", "freshness", "legs", "understand",
    "facets", "sort", "max_per", "like", "unlike", "min_probability",
)  # fmt: skip
_LISTS = ("like", "unlike")  # fields that forms and query strings may repeat
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def from_texts(fields: "MultiDict[str, str]") -> dict[str, Any]:
    """Returns form fields or query parameters as typed values; empty ones count as not given.

    `like` and `unlike` may come several times, once for each product, and become lists.

    Raises:
        BadRequest: another field comes twice, or is no number where one is required.
    """
    values: dict[str, Any] = {}
    for name, texts in fields.lists():
        if name in _LISTS:
            if given := [text for text in texts if text != ""]:
                values[name] = given
            continue
        if len(texts) > 1:
            raise BadRequest(f"{name[:100]} must be given once; got it {len(texts)} times.", field=name[:100])
        if texts[0] != "":
            values[name] = _typed(name, texts[0])
    return values


def from_json(body: bytes, *, keep_null: bool = False) -> dict[str, Any]:
    """Returns the fields of a JSON object; null counts as not given, unless `keep_null`.

    Raises:
        BadRequest: the body is not one JSON object; see `read_json`.
    """
    value = read_json(body)
    if not isinstance(value, dict):
        raise BadRequest(f"the body must be a JSON object; got {kind_of(value)}.")
    return {name: field for name, field in value.items() if keep_null or field is not None}


def from_json_list(body: bytes) -> list[Any]:
    """Returns the items of a JSON list; one object alone counts as a list of one.

    Raises:
        BadRequest: the body is neither; see `read_json`.
    """
    value = read_json(body)
    if not isinstance(value, dict | list):
        raise BadRequest(f"the body must be a JSON object or a list; got {kind_of(value)}.")
    return value if isinstance(value, list) else [value]


def posted_fields(allowed: tuple[str, ...]) -> dict[str, Any]:
    """Returns the checked fields of a posted form or JSON object, and those that stand in the URL.

    Parameters in the URL that are not in `allowed` are ignored; in the body they are refused.

    Raises:
        BadRequest: a field stands in both, or one of them breaks a rule.
    """
    body = from_json(read_body()) if request.is_json else from_texts(form_texts())
    url = from_texts(MultiDict(pair for pair in query_texts().items(multi=True) if pair[0] in allowed))
    if twice := min(body.keys() & url.keys(), default=""):
        raise BadRequest(f"{twice} must be given once; got it in the body and in the URL.", field=twice)
    return check_fields({**url, **body}, allowed)


def check_fields(fields: Mapping[str, Any], allowed: tuple[str, ...]) -> dict[str, Any]:
    """Returns `fields` checked one by one.

    Raises:
        BadRequest: a field is not in `allowed` or has the wrong type; names the field.
    """
    for name in fields:
        if name not in allowed:
            raise BadRequest(f"fields must be among {', '.join(allowed)}; got {name[:100]!r}.", field=name[:100])
    return {name: _RULES[name](name, value) for name, value in fields.items()}


def _typed(name: str, text: str) -> Any:
    if name in ("k", "text_weight", "diversity", "freshness", "min_probability"):
        number = text.strip()
        if not _NUMBER.fullmatch(number) or len(text) > 40:
            raise BadRequest(f"{name} must be a number; got {text[:100]!r}.", field=name)
        return int(number) if re.fullmatch(r"[+-]?\d+", number) else float(number)
    if name in ("understand", "attributes", "objects"):
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    if name == "box":
        parts = text.strip().removeprefix("[").removesuffix("]").split(",")
        if not all(_NUMBER.fullmatch(part.strip()) for part in parts):
            raise BadRequest(f"box must be [x0,y0,x1,y1] in pixels; got {text[:100]!r}.", field=name)
        return [float(part) for part in parts]
    return text


def _text(limit: int | None = None) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise BadRequest(f"{name} must be text; got {kind_of(value)}.", field=name)
        if limit is not None and len(value) > limit:
            raise BadRequest(f"{name} must have at most {limit} characters; got {len(value)}.", field=name)
        return value

    return check


def _number(name: str, value: Any) -> float:
    if not _is_number(value):
        raise BadRequest(f"{name} must be a number; got {_shown(value)}.", field=name)
    return float(value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadRequest(f"{name} must be true or false; got {_shown(value)}.", field=name)
    return value


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRequest(f"{name} must be a whole number; got {_shown(value)}.", field=name)
    return value


def _ids(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise BadRequest(f"{name} must be a list of product ids; got {kind_of(value)}.", field=name)
    if len(value) > MOST_LIKED:
        raise BadRequest(f"{name} must name at most {MOST_LIKED} products; got {len(value)}.", field=name)
    return tuple(_text(ID_LIMIT)(name, product_id) for product_id in value)


def _box(name: str, value: Any) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != 4 or not all(_is_number(edge) for edge in value):
        raise BadRequest(f"{name} must be four numbers [x0,y0,x1,y1] in pixels; got {_shown(value)}.", field=name)
    return tuple(float(edge) for edge in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9 and math.isfinite(value)


def _shown(value: Any) -> str:
    return repr(value)[:100]


# The kind of each value; `engine.answers.check_request` says how long a text and how large a number may be.
_RULES: dict[str, Callable[[str, Any], Any]] = {
    "q": _text(),
    "text": _text(),
    "not_text": _text(),
    "filter": _text(),
    "cursor": _text(CURSOR_LIMIT),
    "legs": _text(),
    "understand": _flag,
    "attributes": _flag,
    "objects": _flag,
    "why": _text(),
    "category": _text(LABEL_LIMIT),
    "label": _text(LABEL_LIMIT),
    "colour": _text(LABEL_LIMIT),
    "within": _text(),
    "facets": _text(),
    "sort": _text(),
    "max_per": _text(),
    "like": _ids,
    "unlike": _ids,
    "product_id": _text(ID_LIMIT),
    "photo_id": _text(PHOTO_ID_LIMIT),
    "image_url": _text(URL_LIMIT),
    "text_weight": _number,
    "diversity": _number,
    "freshness": _number,
    "min_probability": _number,
    "k": _whole,
    "less_likely": _whole,
    "closest": _whole,
    "box": _box,
}
