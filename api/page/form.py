"""Turns the page's form into search fields; the shopper's choices become one filter expression."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from api.errors import BadRequest
from api.requests import check_fields, from_texts
from data.filters import quoted

PAGE_SIZE = 24
_MONEY = re.compile(r"\d{1,9}(\.\d{1,2})?")


@dataclass(frozen=True, kw_only=True)
class PageForm:
    """What the shopper asked for. Prices stay text, as typed, so that the form shows them again."""

    q: str = ""
    product_id: str = ""
    brand: str = ""
    category: str = ""
    colours: tuple[str, ...] = ()
    min_price: str = ""
    max_price: str = ""
    in_stock: bool = False
    cursor: str = ""
    box: str = ""

    @property
    def has_query(self) -> bool:
        return bool(self.q.strip() or self.product_id or self.cursor)

    @property
    def filter_count(self) -> int:
        """How many filters are set, for the button that shows them."""
        prices = bool(self.min_price or self.max_price)
        return bool(self.brand) + bool(self.category) + bool(self.colours) + prices + self.in_stock

    def filter(self) -> str:
        """Returns the filter expression.

        Raises:
            BadRequest: a price is not an amount of money.
        """
        terms = [f"{field} = {quoted(value)}" for field, value in (("brand", self.brand), ("category", self.category))
                 if value]  # fmt: skip
        if self.colours:
            terms.append(f"colour IN ({', '.join(quoted(colour) for colour in self.colours)})")
        for name, symbol in (("min_price", ">="), ("max_price", "<=")):
            if amount := getattr(self, name).strip():
                if not _MONEY.fullmatch(amount):
                    raise BadRequest(f"A price must be a number such as 25 or 19.90; got {amount[:40]!r}.", field=name)
                terms.append(f"price {symbol} {amount}")
        if self.in_stock:
            terms.append("in_stock = true")
        return " AND ".join(terms)

    def search_fields(self, image: bytes | None = None) -> dict[str, Any]:
        """Returns the fields of the `SearchRequest`."""
        raw = {"text": self.q.strip(), "filter": self.filter(), "cursor": self.cursor, "box": self.box if image else ""}
        fields = check_fields(from_texts(MultiDict(raw)), ("text", "filter", "cursor", "box"))
        product_id = "" if image else self.product_id
        return {**fields, "product_id": product_id, "image": image, "k": PAGE_SIZE}

    def next_page(self, cursor: str, *, by_photo: bool) -> str:
        """Returns the query string of the next page's URL.

        After a photo it is the cursor alone: a URL cannot carry the photo again, and the engine remembers the ranking.
        """
        pairs = [(name, getattr(self, name)) for name in ("q", "brand", "category", "min_price", "max_price")]
        pairs += [("product", self.product_id), *(("colour", colour) for colour in self.colours)]
        pairs.append(("in_stock", "1" if self.in_stock else ""))
        kept = [] if by_photo else [(name, value) for name, value in pairs if value]
        return urlencode([*kept, ("cursor", cursor)])


def read_page_form(values: "MultiDict[str, str]") -> PageForm:
    """Returns the form in query parameters or form fields; ignores unknown ones, since links gather odd parameters."""
    return PageForm(
        q=values.get("q", ""),
        product_id=values.get("product", ""),
        brand=values.get("brand", ""),
        category=values.get("category", ""),
        colours=tuple(dict.fromkeys(colour for colour in values.getlist("colour") if colour))[:20],
        min_price=values.get("min_price", ""),
        max_price=values.get("max_price", ""),
        in_stock=values.get("in_stock") == "1",
        cursor=values.get("cursor", ""),
        box=values.get("box", ""),
    )
