"""WooCommerce's product CSV: one row a product, and one a variation, which names its parent."""

import re
from functools import partial
from typing import Any

from data.readers.grouping import Groups, Member
from data.readers.platforms.platform import (
    Platform,
    attributes_of,
    category_of,
    combine_rows,
    joined,
    lowest_current_price,
    missing_id,
    text_of,
    warnings_of,
)  # fmt: skip
from data.readers.records import BadRow, Record, RowWarning
from data.readers.sale_prices import current_price

_ATTRIBUTE = re.compile(r"attribute_(\d+)_name")
_CODES = {"sku": ("sku",), "gtin": ("gtin_upc_ean_or_isbn",)}
_KNOWN = (
    "id", "type", "sku", "gtin_", "name", "published", "is_featured", "visibility_in_catalog", "short_description",
    "description", "date_", "tax_", "in_stock", "stock", "low_stock", "backorders", "sold_individually", "weight",
    "length", "width", "height", "allow_customer_reviews", "purchase_note", "sale_price", "regular_price",
    "categories", "tags", "shipping_class", "images", "download", "parent", "grouped_products", "upsells",
    "cross_sells", "external_url", "button_text", "position", "brands", "attribute_", "meta_", "swatches",
)  # fmt: skip


def _recognises(names: frozenset[str]) -> bool:
    return (
        {"type", "name"} <= names
        and bool(names & {"regular_price"})
        and bool(names & {"id", "sku"})
        and "product_id" not in names
    )


def _add(groups: Groups, record: Record) -> BadRow | None:
    number, sku = text_of(record.values, "id"), text_of(record.values, "sku")
    parent = text_of(record.values, "parent").replace(" ", "")
    if "variation" in text_of(record.values, "type") and parent:
        groups.add(parent, record, joins=True)
        return None
    if not number and not sku:
        return missing_id(record, "ID")
    key = f"id:{number}" if number else sku
    groups.add(key, record)
    if number and sku:
        groups.name_parent(sku.replace(" ", ""), key)  # variations may name the parent's SKU
    return None


def _combine(members: list[Member]) -> Record | None:
    head = next((member for member in members if "variation" not in text_of(member.values, "type")), members[0])
    if text_of(head.values, "published") in ("0", "-1"):
        return None
    variations = [member.values for member in members if member is not head]
    shown = [row for row in variations if text_of(row, "published") not in ("0", "-1")] or [head.values]
    price, warnings = lowest_current_price(map(_price, shown))
    rows = [head.values, *variations]
    product = {
        "product_id": text_of(head.values, "id", "sku"),
        "title": text_of(head.values, "name"),
        "description": _unescaped(text_of(head.values, "description", "short_description")),
        "brand": text_of(head.values, "brands"),
        "price": price,
        "in_stock": any(_can_be_bought(row) for row in shown),
        "images": [text for row in rows if (text := text_of(row, "images"))],
        "url": text_of(head.values, "external_url"),
        **category_of(re.split(r"(?<!\\),", text_of(head.values, "categories"))[0].replace("\\,", ","), ">"),
        **_attributes(rows),
        **{f"attr.{name}": joined(text_of(row, *columns) for row in rows) for name, columns in _CODES.items()},
        "attr.tags": text_of(head.values, "tags"),
    }
    return Record(members[0].line, product, (*warnings_of(members), *warnings))


def _price(row: dict[str, Any]) -> tuple[Any, list[RowWarning]]:
    dates = f"{text_of(row, 'date_sale_price_starts')}/{text_of(row, 'date_sale_price_ends')}"
    return current_price(row.get("regular_price"), row.get("sale_price"), dates)


def _can_be_bought(row: dict[str, Any]) -> bool:
    """Returns whether a product is in stock, or can be ordered although it is not."""
    said = text_of(row, "in_stock", "stock").lower()
    backorders = text_of(row, "backorders").lower() in ("1", "yes", "notify")
    return said not in ("0", "no", "false", "outofstock") or backorders


def _unescaped(text: str) -> str:
    return text.replace("\\n", "\n")  # WooCommerce writes line ends so


def _attributes(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Returns the attributes of a product and its variations, each with all its values."""
    values: dict[str, list[str]] = {}
    for row in rows:
        for column in row:
            if (found := _ATTRIBUTE.fullmatch(column)) and (name := text_of(row, column).lower()):
                listed = text_of(row, f"attribute_{found[1]}_value_s", f"attribute_{found[1]}_values")
                values.setdefault(name, []).extend(part.strip() for part in listed.split(","))
    return attributes_of({name: joined(texts) for name, texts in values.items()})


WOOCOMMERCE = Platform(
    "a WooCommerce product export", _recognises, partial(combine_rows, add=_add, combine=_combine), _KNOWN
)
