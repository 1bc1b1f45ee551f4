"""Naver Shopping product data (EP 3.0): tab-separated, one row an offer, with its own id."""

from typing import Any

from data.readers.platforms.platform import PATH, Platform, Rows, joined, others, text_of
from data.readers.records import BadRow, Record

_CATEGORIES = ("category_name1", "category_name2", "category_name3", "category_name4")
# attribute -> the column that holds it
_KEPT = {
    "item_group_id": "group_id",
    "barcode": "barcode",
    "mpn": "manufacture_define_number",
    "gender": "gender",
    "condition": "condition",
    "tags": "search_tag",
    "options": "option_detail",
}
_STOCK = {"I": "in stock", "U": "in stock", "D": "sold out"}  # inserted, updated, deleted
_KNOWN = (
    "id", "title", "price_pc", "price_mobile", "benefit_price", "normal_price", "link", "mobile_link", "image_link",
    "add_image_link", "video_url", "category_name", "naver_", "condition", "brand", "maker", "origin", "card_event",
    "event_words", "coupon", "partner_coupon_download", "interest_free_event", "point", "installation_costs",
    "search_tag", "group_id", "vendor_id", "coordi_id", "minimum_purchase_quantity", "review_count", "shipping",
    "delivery_", "attribute", "option_detail", "seller_id", "age_group", "gender", "barcode",
    "manufacture_define_number", "import_flag", "parallel_import", "order_made", "product_flag", "adult", "class",
    "update_time", "rental_info", "goods_type", "culture_benefit",
)  # fmt: skip


def _recognises(names: frozenset[str]) -> bool:
    return {"id", "title", "price_pc"} <= names


def _convert(rows: Rows, notes: list[str]) -> Rows:
    for row in rows:
        yield row if isinstance(row, BadRow) else Record(row.line, _facts(row.values), row.warnings)


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    path = [text for name in _CATEGORIES if (text := text_of(row, name))]
    photos = [text_of(row, "image_link"), *text_of(row, "add_image_link").split("|")]
    return {
        **others(row, _KNOWN),
        "product_id": text_of(row, "id"),
        "title": text_of(row, "title"),
        "brand": text_of(row, "brand", "maker"),
        "price": row.get("price_pc"),
        "currency": "KRW",
        "availability": _STOCK.get(text_of(row, "class").upper()),
        "url": text_of(row, "link", "mobile_link"),
        "category": path[-1] if path else "",
        "attr.category_path": PATH.join(path) if len(path) > 1 else "",
        "images": [photo.strip() for photo in photos if photo.strip()],
        **{f"attr.{name}": joined([text_of(row, column)]) for name, column in _KEPT.items()},
    }


NAVER = Platform("Naver Shopping product data", _recognises, _convert, _KNOWN, True)
