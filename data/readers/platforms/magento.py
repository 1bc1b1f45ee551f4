"""Magento 2's product CSV: configurable products with simple ones as variants, and rows for single store views."""

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

_MARKS = frozenset(
    ("attribute_set_code", "configurable_variations", "base_image", "store_view_code", "product_websites")
)
_PAIR = re.compile(r",(?=[\w-]+=)")
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2}|\d{4})(?:,.*)?")
_HIDDEN = "not visible individually"
_BRANDS = ("manufacturer", "brand")
_NO_PHOTO = ("no_selection", "")
_KNOWN = (
    "sku", "store_view_code", "attribute_set_code", "product_type", "categories", "product_websites", "name",
    "description", "short_description", "weight", "product_online", "tax_class_name", "visibility", "price",
    "special_price", "url_key", "meta_", "base_image", "small_image", "thumbnail_image", "swatch_image",
    "additional_", "created_at", "updated_at", "new_", "display_product_options_in", "map_", "msrp_", "gift_",
    "custom_", "page_layout", "product_options_container", "country_of_manufacture", "qty", "out_of_stock_qty",
    "use_config_", "is_", "allow_backorders", "min_", "max_", "notify_", "manage_stock", "qty_increments",
    "enable_qty_increments", "website_id", "related_", "crosssell_", "upsell_", "hide_from_product_page", "bundle_",
    "associated_skus", "configurable_", "downloadable_", "deferred_stock_update",
)  # fmt: skip


def _recognises(names: frozenset[str]) -> bool:
    return "sku" in names and bool(names & _MARKS) and "product_id" not in names


def _add(groups: Groups, record: Record) -> BadRow | None:
    sku = text_of(record.values, "sku")
    if not sku:
        return missing_id(record, "sku")
    for variation in text_of(record.values, "configurable_variations").split("|"):
        pairs = dict(pair.partition("=")[::2] for pair in variation.split(","))
        if pairs.get("sku"):
            groups.name_parent(pairs["sku"].strip(), sku)
    groups.add(sku, record, joins=_is_hidden(record.values))
    return None


def _is_hidden(row: dict[str, Any]) -> bool:
    return text_of(row, "visibility").lower() == _HIDDEN


def _combine(members: list[Member]) -> Record | None:
    """Returns the product; of rows for several store views, the default view's wins."""
    by_sku: dict[str, dict[str, Any]] = {}
    for member in sorted(members, key=lambda found: bool(text_of(found.values, "store_view_code"))):
        filled = by_sku.setdefault(member.key, {})
        filled.update({name: value for name, value in member.values.items() if not text_of(filled, name)})
    rows = [row for row in by_sku.values() if text_of(row, "product_online") != "2"]
    head = next((row for row in rows if not _is_hidden(row)), None)
    if head is None:
        return None
    variants = [row for row in rows if row is not head]
    price, warnings = lowest_current_price(map(_price, variants or [head]))
    if price is None:
        price, _ = _price(head)
    attributes = [_additional(row) for row in (head, *variants)]
    product = {
        "product_id": text_of(head, "sku"),
        "title": text_of(head, "name"),
        "description": text_of(head, "description", "short_description"),
        "brand": joined(text_of(head, name) or attributes[0].get(name, "") for name in _BRANDS),
        "price": price,
        "created_at": _date(text_of(head, "created_at")),
        "in_stock": _can_be_bought(head) and (not variants or any(map(_can_be_bought, variants))),
        "images": [photo for row in (head, *variants) for photo in _photos(row)],
        **category_of(_first_category(text_of(head, "categories")), "/"),
        **_attributes(attributes),
    }
    if variants:
        product["attr.sku"] = joined(text_of(row, "sku") for row in variants)
    line = min(member.line for member in members)
    return Record(line, product, (*warnings_of(members), *warnings))


def _price(row: dict[str, Any]) -> tuple[Any, list[RowWarning]]:
    dates = "/".join(_date(text_of(row, name)) for name in ("special_price_from_date", "special_price_to_date"))
    return current_price(row.get("price"), row.get("special_price"), dates)


def _date(text: str) -> str:
    """Returns a date; Magento writes `11/5/26, 9:30 AM`, month first."""
    if not (found := _AMERICAN.fullmatch(text)):
        return text
    month, day, year = (int(part) for part in found.groups())
    return f"{year + 2000 if year < 100 else year:04}-{month:02}-{day:02}"


def _can_be_bought(row: dict[str, Any]) -> bool:
    said = text_of(row, "is_in_stock")
    if said:
        return said not in ("0", "0.0000")
    quantity = text_of(row, "qty")
    return not re.fullmatch(r"-?0*(\.0*)?", quantity) if quantity else True


def _photos(row: dict[str, Any]) -> list[str]:
    """Returns the photos; `/m/b/x.jpg` is a path in the shop's image folder."""
    first = next((text for name in ("base_image", "image", "small_image", "thumbnail_image")
                  if (text := text_of(row, name)) not in _NO_PHOTO), "")  # fmt: skip
    more = text_of(row, "additional_images").split(",")
    return [photo.strip().lstrip("/") for photo in (first, *more) if photo.strip() not in _NO_PHOTO]


def _first_category(text: str) -> str:
    path = text.split(",")[0]
    root, _, inside = path.partition("/")
    return inside if root.strip() == "Default Category" and inside else path


def _additional(row: dict[str, Any]) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in _PAIR.split(text_of(row, "additional_attributes")))
    return {name.strip(): value.replace("|", ", ").strip() for name, _, value in pairs if name.strip()}


def _attributes(rows: list[dict[str, str]]) -> dict[str, str]:
    """Returns the attributes of a product and its variants, each with all its values."""
    names = dict.fromkeys(name for row in rows for name in row if name not in _BRANDS)
    return attributes_of({name: joined(row.get(name, "") for row in rows) for name in names})


MAGENTO = Platform("a Magento 2 product export", _recognises, partial(combine_rows, add=_add, combine=_combine), _KNOWN)
