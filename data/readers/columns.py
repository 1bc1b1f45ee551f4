"""The names that shops give to columns, and what each holds: one table for all formats."""

import re
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from itertools import chain

from data.readers.column_languages import NAMES as LANGUAGES
from data.readers.published import PUBLISHED

# Of several columns for one fact, the first in its row of the table that has a value is read.
_NAMES: dict[str, tuple[str, ...]] = {
    "product_id": ("product_id", "id", "item_id", "offer_id", "retailer_id", "handle_id", "internal_id", "system_id",
                   "product_code", "item_code", "sku", "code", "handle", "상품id", "상품번호", "item_number",
                   "item_sku", "seller_sku", "merchant_sku", "custom_label", "custom_label_sku", "product_code_sku",
                   "custom_sku", "product_number", "reference", "external_id", "internal_reference", "default_code",
                   "등록상품id", "상품고유번호", "상품번호스마트스토어", "상품코드", "제품번호", "제품코드",
                   "자체상품코드", "판매자상품코드"),
    "title": ("title", "name", "product_name", "product_title", "item_name", "상품명", "제품명", "등록상품명",
              "노출상품명", "제목", "이름", "item", "productname"),
    "description": ("description", "desc", "long_description", "product_description", "item_description", "body_html",
                    "body", "short_description", "설명", "상품설명", "상세설명", "상품상세설명", "상품상세정보",
                    "상품상세", "sales_description", "상품간략설명", "상품요약설명", "요약설명"),
    "brand": ("brand", "brand_name", "manufacturer", "vendor", "maker", "manufacturer_name", "브랜드", "브랜드명",
              "제조사", "제조사명", "제조업체"),
    "category": ("category", "category_name", "categories", "product_category", "product_type", "카테고리",
                 "카테고리명", "세카테고리", "소카테고리", "중카테고리", "대카테고리", "세분류", "소분류", "중분류",
                 "대분류", "대표카테고리", "분류", "상품분류", "feed_product_type", "categorytext", "category_1",
                 "category1", "collection", "collections"),
    "price": ("price", "regular_price", "selling_price", "판매가", "판매가격", "가격", "정가", "소비자가", "정상가격",
              "소비자가격", "standard_price", "current_price", "start_price", "price_tax_incl", "price_tax_included",
              "price_incl_tax", "price_vat", "price_gross", "gross_price", "final_price", "sales_price", "list_price",
              "retail_price", "base_price", "price_net", "net_price", "price_tax_excl", "price_tax_excluded",
              "price_excl_tax"),
    "sale_price": ("sale_price", "special_price", "discount_price", "할인가", "할인가격", "할인가pc", "할인가모바일",
                   "즉시할인가pc", "즉시할인가", "세일가"),
    "sale_dates": ("sale_price_effective_date",),
    "currency": ("currency", "currency_code", "price_currency", "currency_id", "통화"),
    "colour": ("colour", "color", "colour_name", "color_name", "colours", "colors", "색상", "색깔", "컬러"),
    "url": ("url", "link", "product_url", "product_link", "product_page", "permalink", "canonical_url", "링크",
            "상품링크", "상품url"),
    "created_at": ("created_at", "date_created", "created", "date_added", "open_date", "product_creation_date",
                   "release_date", "published_at", "등록일", "등록일자", "상품등록일", "출시일", "출시일자"),
    "in_stock": ("in_stock", "availability", "stock_status", "is_in_stock", "stock", "stock_quantity", "quantity",
                 "qty", "inventory", "inventory_quantity", "variant_inventory_qty", "available_quantity",
                 "current_stock_level", "current_stock", "quantity_on_hand", "on_hand", "qty_on_hand", "qty_available",
                 "is_available", "available", "재고상태", "판매상태", "pc판매상태", "재고", "재고수량", "잔여수량",
                 "수량", "재고있음"),
    "images": ("image", "images", "image_link", "image_url", "image_urls", "image_src", "image_path", "img", "photo",
               "photos", "photo_url", "picture", "pictures", "picture_url", "main_image", "base_image",
               "main_image_url", "pic_url", "product_image_url", "hosted_image_urls", "additional_image_link",
               "additional_image_links", "additional_image_url", "additional_images", "imgurl", "imgurl_alternative",
               "사진", "이미지", "대표이미지", "상품이미지", "추가이미지", "이미지url", "대표이미지url",
               "추가이미지url", "이미지링크", "대표이미지파일명", "추가이미지파일명", "이미지등록상세",
               "이미지등록추가", "이미지명", "큰이미지"),
    "attributes": ("attributes",),
}  # fmt: skip
SYNONYMS = {fact: (*names, *LANGUAGES.get(fact, "").split()) for fact, names in _NAMES.items()}
# Columns that become attributes of the same name: what variants differ in, and codes.
ATTRIBUTES = frozenset(
    ("size", "material", "gender", "age_group", "pattern", "style", "condition", "gtin", "gtin13", "ean", "ean13",
     "upc", "barcode", "isbn", "mpn", "sku", "model", "item_group_id", "itemgroup_id", "tags", "category_path",
     "weight", "size_type", "size_system", "사이즈", "크기", "소재", "재질", "성별", "바코드", "판매자바코드", "모델명")
)  # fmt: skip
FACTS_OF = {name: fact for fact, names in SYNONYMS.items() for name in names}
PRICES = frozenset((*SYNONYMS["price"], *SYNONYMS["sale_price"], "variant_price", "price_pc"))
_IMAGE = re.compile(
    r"((product|variant|media|cover|main|gallery|additional|other)_)*(image|media|photo|picture|img|이미지|사진)"
    r"(_link|_url|_src|_file)?(_?\d{1,3})?"
)
_HANGUL = re.compile("[가-힣]")
_BRACKETS = re.compile(r"\s*[(\[（][^()\[\]（）]*[)\]）]\s*$")
_NAMES_SHOWN, _NAME_LENGTH = 20, 60
_CLOSE = 0.75


def column_names(cells: Iterable[str]) -> list[str]:
    """Returns the header's names, trimmed and in lower case; `attr.` names keep the shop's own case."""
    names = [cell.strip() for cell in cells]
    return [name if name.startswith("attr.") else name.lower() for name in names]


@lru_cache(4096)
def plain_name(name: str) -> str:
    """Returns a column's name as the table has it: `g:image_link`, `Image Link` and `imageLink` are `image_link`.

    `상품 코드` is `상품코드`; `attr.` names and names that begin with `@` stay as they are.
    """
    name = name.strip()
    if name[:5].lower() == "attr.":
        return f"attr.{name[5:]}"
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.removeprefix("g:"))
    plain = re.sub(r"[^\w@.]+", "_", spaced).strip("_.").casefold()
    return plain.replace("_", "") if _HANGUL.search(plain) else plain  # Korean words are put together at will


def plain_names(written: Iterable[str]) -> dict[str, str]:
    """Returns the plain name of each column; what stands around a known name is left out where no column has that name.

    That is a remark in brackets behind it, and `product` before it: `Name (de-DE)`, `Product ID [Non Editable]` and
    `Product Price` are `name`, `product_id` and `price`.
    Of prices that differ only in their remark, such as `Price (online)` and `Price (shop)`, none is known.
    """
    names = {name: plain_name(name) for name in written}
    taken = set(names.values())
    short = {
        name: shorter
        for name, plain in names.items()
        if not fact_of(plain)
        for shorter in (plain_name(_BRACKETS.sub("", name)), plain.removeprefix("product_"))
        if shorter not in taken and (fact_of(shorter) or shorter in PUBLISHED)
    }
    several = {name for name, count in Counter(short.values()).items() if count > 1 and name in PRICES}
    return names | {name: shorter for name, shorter in short.items() if shorter not in several}


def fact_of(name: str) -> str:
    """Returns what a column of this plain name holds: a fact, `images`, `attr.NAME`; "" if that is not known."""
    if name.startswith("attr."):
        return name
    if name in ATTRIBUTES and name not in FACTS_OF:
        return f"attr.{name}"
    return FACTS_OF.get(name) or ("images" if _IMAGE.fullmatch(name) else "")


def unused_note(names: Iterable[str]) -> str:
    """Returns a sentence that names the columns that were not used, each with the known name nearest to it; or ""."""
    unused = list(dict.fromkeys(names))
    if not unused:
        return ""
    shown = [
        f"{name!r}{_nearest(plain_name(name))}" for name in (name[:_NAME_LENGTH] for name in unused[:_NAMES_SHOWN])
    ]
    more = f" and {len(unused) - len(shown):,} more" if len(unused) > len(shown) else ""
    return (
        f"columns that were not used: {', '.join(shown)}{more}. To keep one, name it attr.NAME, or say what it is with "
        "--map NAME=FACT"
    )


def _nearest(name: str) -> str:
    near = get_close_matches(name, (*chain.from_iterable(_NAMES.values()), *ATTRIBUTES), n=1, cutoff=_CLOSE)
    return f" (did you mean {near[0]}?)" if near and near[0] != name else ""
