"""Reads whether a product is in stock, from the words and counts that shops and platforms write."""

import math
import re
from decimal import Decimal
from typing import Any

from data.errors import InvalidProduct
from data.values.texts import is_nothing

# Words without spaces and marks. What can be ordered now, if only for later, counts as in stock.
_IN = {
    "true", "yes", "y", "instock", "available", "availablefororder", "preorder", "presale", "backorder", "onbackorder",
    "limitedavailability", "limitedstock", "lowstock", "onlineonly", "instoreonly", "madetoorder",
    "재고있음", "판매중", "판매함", "예약판매", "예약주문", "주문가능", "구매가능", "있음", "무제한", "∞", "unlimited",
    "ja", "auflager", "lieferbar", "verfügbar", "oui", "enstock", "disponible", "sí", "si", "disponibile",
    "opvoorraad", "dostępny", "tak", "disponível", "sim", "在庫あり", "有货",
}  # fmt: skip
_OUT = {
    "false", "no", "n", "outofstock", "soldout", "discontinued", "unavailable", "notavailable", "outofstocktemporarily",
    "temporarilyoutofstock", "reserved",
    "품절", "일시품절", "재고없음", "단종", "판매중지", "판매중단", "판매안함", "판매종료", "판매완료", "구매불가",
    "없음", "nein", "nichtauflager", "ausverkauft", "nichtverfügbar", "non", "rupturedestock", "épuisé", "agotado",
    "esaurito", "nee", "uitverkocht", "niedostępny", "nie", "indisponível", "não", "在庫なし", "売り切れ", "缺货",
    "售罄",
}  # fmt: skip
_SCHEMA = re.compile(r"https?://schema\.org/", re.IGNORECASE)
_MARKS = re.compile(r"[\s_-]+")


def read_stock(value: Any) -> bool | None:
    """Returns whether the product can be bought; None if nothing is said.

    A number is a count: 0 or less is out of stock. `preorder` and `backorder` are in stock.

    Raises:
        InvalidProduct: the word is not known (code `bad_in_stock`).
    """
    if isinstance(value, bool):
        return value
    if is_nothing(value):
        return None
    if isinstance(value, str | int | float | Decimal):
        word = _MARKS.sub("", _SCHEMA.sub("", str(value).strip())).casefold()
        if word in _IN:
            return True
        if word in _OUT:
            return False
        try:
            count = float(str(value).replace(",", ""))
        except ValueError:
            count = math.nan
        if math.isfinite(count):
            return count > 0
    raise InvalidProduct(
        f"in_stock must be true, false, a count, or a word such as in_stock, preorder, sold out or 품절; "
        f"got {value!r:.100}.",
        code="bad_in_stock",
    )
