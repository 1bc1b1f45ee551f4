"""Product data for Google Merchant Center and Meta (Facebook) catalogues: one row an offer, with its own id."""

import re
from collections.abc import Callable
from typing import Any

from data.readers.platforms.platform import Platform, Rows, category_of, joined, others, text_of
from data.readers.records import BadRow, Record

_MARKS = frozenset(("image_link", "link", "availability", "item_group_id", "additional_image_link"))
_META = frozenset(
    ("fb_product_category", "quantity_to_sell_on_facebook", "visibility", "status", "inventory", "style_0")
)
_KEPT = (
    "item_group_id", "gtin", "mpn", "condition", "material", "gender", "age_group", "pattern", "size_type",
    "size_system", "google_product_category", "fb_product_category",
)  # fmt: skip
_PLAIN = ("title", "description", "brand", "price", "sale_price", "sale_price_effective_date")
_KNOWN = (
    "id", "offer_id", "link", "mobile_link", "canonical_link", "image_link", "additional_image_link",
    "lifestyle_image_link", "availability", "product_type", "color", "size", "custom_label_", "custom_number_",
    "shipping", "ships_from", "tax", "adult", "multipack", "is_bundle", "identifier_exists", "expiration_date",
    "cost_of_goods_sold", "unit_pricing_", "installment", "subscription_cost", "loyalty_", "certification",
    "energy_efficiency_", "min_energy_", "max_energy_", "product_length", "product_width", "product_height",
    "product_weight", "product_detail", "product_highlight", "promotion_id", "ads_", "pause",
    "excluded_destination", "included_destination", "min_handling_time", "max_handling_time", "transit_time_label",
    "auto_", "channel", "target_country", "feed_label", "content_language", "kind", "source",
    "commerce_tax_category", "inventory", "quantity_to_sell_on_facebook", "status", "visibility", "style", "video",
    "product_tags", "applink", "rich_text_description", "gemini_", "updated", "published", "author", "guid",
    "pub_date", "summary", "content", *_KEPT, *_PLAIN,
)  # fmt: skip


def _is_offer(names: frozenset[str]) -> bool:
    return bool(names & {"id", "offer_id"}) and len(names & _MARKS) >= 2 and "product_id" not in names


def _converter(what: str) -> Callable[[Rows, list[str]], Rows]:
    def convert(rows: Rows, notes: list[str]) -> Rows:
        hidden = 0
        for row in rows:
            if isinstance(row, BadRow):
                yield row
            elif _is_hidden(row.values):
                hidden += 1
            else:
                yield Record(row.line, _facts(row.values), row.warnings)
        if hidden:
            notes.append(f"products that are archived or hidden in {what} were left out: {hidden:,}")

    return convert


def _is_hidden(row: dict[str, Any]) -> bool:
    return text_of(row, "status").lower() == "archived" or text_of(row, "visibility").lower() in ("hidden", "staging")


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    colour = text_of(row, "color", "colour")
    return {
        **others(row, _KNOWN),
        "product_id": text_of(row, "offer_id", "id"),
        **{name: row.get(name) for name in _PLAIN},
        "colour": colour.replace("/", ", "),
        "in_stock": text_of(row, "availability"),
        "url": text_of(row, "link", "canonical_link", "mobile_link"),
        "images": _photos(row),
        **_category(row),
        **{f"attr.{name}": _texts(row.get(name)) for name in _KEPT},
        "attr.size": _texts(row.get("size") or row.get("sizes")),
    }


def _texts(value: Any) -> Any:
    return joined(str(item) for item in value) if isinstance(value, list) else value


def _photos(row: dict[str, Any]) -> list[str]:
    more = row.get("additional_image_link") or row.get("additional_image_links") or ()
    listed = more if isinstance(more, list) else [more]
    split = [part.strip() for text in listed if isinstance(text, str) for part in re.split(r",(?!\s*$)", text)]
    return [photo for photo in (text_of(row, "image_link"), *split) if photo]


def _category(row: dict[str, Any]) -> dict[str, str]:
    """Returns the shop's own category, else Google's, unless that is only a number."""
    path = text_of(row, "product_type", "product_types")
    if not path:
        named = text_of(row, "google_product_category", "fb_product_category")
        path = "" if named.isdigit() else named
    return category_of(path, ">")


META = Platform(
    "a Meta (Facebook) catalogue",
    lambda names: _is_offer(names) and bool(names & _META),
    _converter("Meta"),
    _KNOWN,
    passes_on=True,
    holds_objects=True,
)
GOOGLE_MERCHANT = Platform(
    "product data for Google Merchant Center or Meta",
    _is_offer,
    _converter("the shop"),
    _KNOWN,
    passes_on=True,
    holds_objects=True,
)
