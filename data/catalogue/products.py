"""Defines a product and its facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Attribute = str | float | bool
FACTS = (
    "title", "description", "brand", "category", "price", "currency", "colour", "url", "created_at", "in_stock",
    "attributes",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Product:
    """One sellable thing. Texts are "" and price is None if the shop does not give them.

    Attributes:
        product_id: the shop's own key.
        price: amount in `currency`, or None.
        url: http or https address of the product's page in the shop.
        created_at: when the shop first offered it, UTC; None: nobody said, and then it is never fresh.
        attributes: free facts, for example `{"size": "L", "kids": False}`.
        unread: facts, as `FACTS` and `attr.NAME` name them, that the shop gives but that could not be read; a product
            that is in the catalogue keeps what it has of them.
    """

    product_id: str
    title: str = ""
    description: str = ""
    brand: str = ""
    category: str = ""
    price: float | None = None
    currency: str = ""
    colour: str = ""
    url: str = ""
    created_at: datetime | None = None
    in_stock: bool = True
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()


def stored_price(price: float | None) -> float | None:
    """Returns a price as SQLite gives it back: never a whole number of Python's, nor the zero that is negative."""
    return None if price is None else float(price) + 0.0


def product_fields(product: Product) -> dict[str, Any]:
    """Returns the product as the plain JSON fields that `parse_product` reads."""
    fields = {name: getattr(product, name) for name in ("product_id", *FACTS)}
    fields["created_at"] = product.created_at.isoformat() if product.created_at else None
    fields["attributes"] = dict(product.attributes)
    return fields
