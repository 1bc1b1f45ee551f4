"""Shopify's product CSV: several rows a handle, each with a variant, a photo, or both; old and new column names."""

from functools import partial
from typing import Any

from data.readers.grouping import Groups, Member
from data.readers.platforms.platform import (
    Platform,
    attributes_of,
    category_of,
    combine_rows,
    joined,
    lowest_price,
    missing_id,
    text_of,
    warnings_of,
)  # fmt: skip
from data.readers.records import BadRow, Record
from data.values import read_whole

_MARKS = frozenset(
    ("variant_price", "variant_sku", "image_src", "body_html", "option1_name", "option1_value", "product_image_url")
)
_OPTIONS = ("1", "2", "3")
# attribute -> the columns that hold it; of a product with variants, the different values of all of them
_CODES = {
    "sku": ("variant_sku", "sku"),
    "barcode": ("variant_barcode", "barcode"),
    "mpn": ("google_shopping_mpn",),
}
_ONCE = {
    "tags": ("tags",),
    "gender": ("google_shopping_gender",),
    "age_group": ("google_shopping_age_group",),
    "condition": ("google_shopping_condition",),
}
_KNOWN = (
    "handle", "url_handle", "title", "body_html", "description", "vendor", "type", "tags", "published", "status",
    "option", "variant_", "image_", "product_image_url", "product_category", "product_type", "sku", "barcode",
    "price", "inventory_", "continue_selling", "compare_at", "cost_per_item", "charge_tax", "tax_code",
    "unit_price", "weight", "requires_shipping", "fulfillment", "gift_card", "seo_", "google_shopping_",
    "included_", "collection", "total_", "base_", "template",
)  # fmt: skip


def _recognises(names: frozenset[str]) -> bool:
    return bool(names & {"handle", "url_handle"} and names & _MARKS and "product_id" not in names)


def _add(groups: Groups, record: Record) -> BadRow | None:
    handle = text_of(record.values, "url_handle", "handle")
    if not handle:
        return missing_id(record, "Handle")
    groups.add(handle, record)
    return None


def _combine(members: list[Member]) -> Record | None:
    rows = [member.values for member in members]
    if _is_hidden(rows):
        return None
    variants = [row for row in rows if text_of(row, "option1_value", "variant_sku", "sku", "variant_price", "price")]
    price, warnings = lowest_price(row.get("variant_price") or row.get("price") for row in variants)
    product = {
        "product_id": members[0].key,
        "title": _first(rows, "title"),
        "description": _first(rows, "body_html", "description"),
        "brand": _first(rows, "vendor"),
        "price": price,
        "in_stock": not variants or any(map(_can_be_bought, variants)),
        "images": _photos(rows),
        **category_of(_first(rows, "product_category"), ">"),
        **_options(rows),
        **{f"attr.{name}": joined(text_of(row, *columns) for row in rows) for name, columns in _CODES.items()},
        **{f"attr.{name}": _first(rows, *columns) for name, columns in _ONCE.items()},
    }
    if kind := _first(rows, "type", "product_type"):
        product["category"] = kind
    return Record(members[0].line, product, (*warnings_of(members), *warnings))


def _first(rows: list[dict[str, Any]], *names: str) -> str:
    return next((text for row in rows if (text := text_of(row, *names))), "")


def _is_hidden(rows: list[dict[str, Any]]) -> bool:
    published = _first(rows, "published", "published_on_online_store").lower()
    return _first(rows, "status").lower() in ("draft", "archived", "unlisted") or published == "false"


def _can_be_bought(variant: dict[str, Any]) -> bool:
    """Returns whether a variant is in stock, not counted, or sold beyond its stock."""
    quantity = read_whole(text_of(variant, "variant_inventory_qty", "inventory_quantity"))
    beyond = text_of(variant, "variant_inventory_policy", "continue_selling_when_out_of_stock").lower()
    return quantity is None or quantity > 0 or beyond in ("continue", "true")


def _photos(rows: list[dict[str, Any]]) -> list[str]:
    """Returns the photos by their position, then those of single variants."""
    placed = [
        (len(rows) + number if (place := read_whole(text_of(row, "image_position"))) is None else place, photo)
        for number, row in enumerate(rows)
        if (photo := text_of(row, "image_src", "product_image_url"))
    ]
    shown = [photo for _, photo in sorted(placed, key=lambda found: found[0])]
    return list(dict.fromkeys([*shown, *(text_of(row, "variant_image", "variant_image_url") for row in rows)]))


def _options(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Returns what the variants differ in, for example `attr.size`: "S, L"."""
    options: dict[str, str] = {}
    for number in _OPTIONS:
        name = _first(rows, f"option{number}_name").lower()
        values = joined(text_of(row, f"option{number}_value") for row in rows)
        if name and values and (name, values) != ("title", "Default Title"):
            options[name] = values
    return attributes_of(options)


SHOPIFY = Platform("a Shopify product export", _recognises, partial(combine_rows, add=_add, combine=_combine), _KNOWN)
