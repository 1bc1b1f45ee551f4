"""Defines a product, and checks its facts by the rules they must follow."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from data.errors import InvalidProduct

TEXT_LIMIT = 20_000
ID_LIMIT = 200
Attribute = str | float | bool
ATTRIBUTE_LIMIT = 200
_TRUE = {"true", "1", "yes", "y", "in stock", "in_stock"}
_FALSE = {"false", "0", "no", "n", "out of stock", "out_of_stock"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NOT_IN_ID = re.compile(r"[/\\\t\n\r]")
_ATTRIBUTE_NAME = re.compile(r"\w[\w .-]{0,63}")
FACTS = (
    "title", "description", "brand", "category", "price", "currency", "colour", "created_at", "in_stock", "attributes",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Product:
    """One sellable thing. Texts are "" and price is None if the shop does not give them.

    Attributes:
        product_id: the shop's own key.
        price: amount in `currency`, or None.
        created_at: when the shop first offered it, UTC; None: the time of import is used.
        attributes: free facts, for example `{"size": "L", "kids": False}`.
    """

    product_id: str
    title: str = ""
    description: str = ""
    brand: str = ""
    category: str = ""
    price: float | None = None
    currency: str = ""
    colour: str = ""
    created_at: datetime | None = None
    in_stock: bool = True
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


def parse_product(fields: Mapping[str, Any]) -> Product:
    """Checks one row's fields and returns the product.

    Args:
        fields: names of facts to raw values (texts from CSV, typed values from JSON); `attr.x` keys and an
            `attributes` object both set attributes; unknown keys are ignored.

    Raises:
        InvalidProduct: a rule is broken; `code` is one of missing_product_id, bad_text, bad_price, bad_date,
            bad_in_stock, bad_attributes.
    """
    return Product(
        product_id=_product_id(fields),
        title=_text(fields, "title"),
        description=_text(fields, "description"),
        brand=_text(fields, "brand"),
        category=_text(fields, "category"),
        price=_price(fields.get("price")),
        currency=_text(fields, "currency", 8),
        colour=_text(fields, "colour"),
        created_at=_moment(fields.get("created_at")),
        in_stock=_flag(fields.get("in_stock")),
        attributes=_attributes(fields),
    )


def readable_id(fields: Mapping[str, Any]) -> str:
    """Returns the product_id that one row's fields name, whatever else is wrong with them; "" if it names none."""
    try:
        return _product_id(fields)
    except InvalidProduct:
        return ""


def patch_product(product: Product, changes: Mapping[str, Any]) -> Product:
    """Returns `product` with the facts in `changes` replaced, checked like a new row.

    Raises:
        InvalidProduct: a rule is broken, or `changes` names something that is not a fact (code `unknown_field`).
    """
    unknown = sorted(name for name in changes if name not in FACTS and not name.startswith("attr."))
    if unknown:
        raise InvalidProduct(
            f"a patch must only name facts ({', '.join(FACTS)}); got {', '.join(unknown)}.", code="unknown_field"
        )
    return parse_product({**product_fields(product), **changes, "product_id": product.product_id})


def product_fields(product: Product) -> dict[str, Any]:
    """Returns the product as the plain JSON fields that `parse_product` reads."""
    fields = {name: getattr(product, name) for name in ("product_id", *FACTS)}
    fields["created_at"] = product.created_at.isoformat() if product.created_at else None
    fields["attributes"] = dict(product.attributes)
    return fields


def _product_id(fields: Mapping[str, Any]) -> str:
    product_id = _text(fields, "product_id", ID_LIMIT)
    if not product_id:
        raise InvalidProduct("product_id must be given; got nothing. Add it to the row.", code="missing_product_id")
    if _NOT_IN_ID.search(product_id) or product_id in (".", ".."):
        raise InvalidProduct(f"product_id must hold no slash and no line break; got {product_id!r}.", code="bad_text")
    return product_id


def _text(fields: Mapping[str, Any], name: str, limit: int = TEXT_LIMIT) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise InvalidProduct(f"{name} must be text; got {type(value).__name__}.", code="bad_text")
    return _clean(name, str(value), limit)


def _clean(name: str, value: str, limit: int) -> str:
    text = _CONTROL.sub(" ", value).strip()
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidProduct(f"{name} must be valid Unicode; got a lone surrogate.", code="bad_text") from error
    if len(text) > limit:
        raise InvalidProduct(f"{name} must have at most {limit} characters; got {len(text)}.", code="bad_text")
    return text


def _price(value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        price = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        price = math.nan
    if not 0 <= price < 1e12:
        raise InvalidProduct(f"price must be a number from 0 to 1e12; got {value!r:.100}.", code="bad_price")
    return price


def _moment(value: Any) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        if isinstance(value, date) and not isinstance(value, datetime):
            value = value.isoformat()
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidProduct(
            f"created_at must be an ISO 8601 date or time; got {value!r}. Write 2026-11-01 or 2026-11-01T09:30:00Z.",
            code="bad_date",
        ) from error


def _flag(value: Any) -> bool:
    if value is None or value == "":
        return True
    if isinstance(value, bool):
        return value
    word = str(int(value) if isinstance(value, float) and value in (0, 1) else value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise InvalidProduct(f"in_stock must be true or false; got {value!r}.", code="bad_in_stock")
    return word in _TRUE


def _attributes(fields: Mapping[str, Any]) -> dict[str, Attribute]:
    given = fields.get("attributes")
    if isinstance(given, str):
        try:
            given = json.loads(given) if given.strip() else None
        except (ValueError, RecursionError) as error:
            raise InvalidProduct("attributes must be a JSON object.", code="bad_attributes") from error
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise InvalidProduct(f"attributes must be an object; got {type(given).__name__}.", code="bad_attributes")
    # csv gives a row's surplus cells under the key None.
    columns = {key[5:]: value for key, value in fields.items() if isinstance(key, str) and key.startswith("attr.")}
    merged = {**given, **columns}
    attributes = {name: _attribute(name, value) for name, value in merged.items() if value is not None}
    kept = {name: value for name, value in attributes.items() if value != ""}
    if len(kept) > ATTRIBUTE_LIMIT:
        raise InvalidProduct(
            f"a product must have at most {ATTRIBUTE_LIMIT} attributes; got {len(kept)}.", code="bad_attributes"
        )
    return dict(sorted(kept.items()))


def _attribute(name: Any, value: Any) -> Attribute:
    if not isinstance(name, str) or not _ATTRIBUTE_NAME.fullmatch(name) or not isinstance(value, str | int | float):
        raise InvalidProduct(
            f"attributes must map short names to text, numbers or booleans; got {name!r:.100}: {value!r:.100}.",
            code="bad_attributes",
        )
    if isinstance(value, str):
        return _clean(f"attribute {name!r}", value, TEXT_LIMIT)
    if isinstance(value, bool):
        return value
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidProduct(f"attribute {name!r} must be finite; got {value!r:.100}.", code="bad_attributes")
    return number
