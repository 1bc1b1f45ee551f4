"""schema.org products as JSON-LD: Product, ProductGroup with its variants, lists and graphs of them."""

from collections.abc import Iterator
from typing import Any

from data.errors import InvalidProduct
from data.readers.columns import plain_name
from data.readers.platforms.platform import PATH, Platform, Rows, category_of, joined, lowest_price
from data.readers.records import BadRow, Record
from data.values import is_nothing, read_stock

_MARKS = frozenset(("@type", "@graph", "@context", "item_list_element"))
_GROUP = "ProductGroup"
_PRODUCTS = frozenset(("Product", _GROUP, "ProductModel", "IndividualProduct", "SomeProducts", "Vehicle", "Book"))
_INSIDE = ("@graph", "item_list_element", "item", "main_entity", "main_entity_of_page")
_IDS = ("product_id", "sku", "mpn", "gtin", "gtin13", "gtin14", "gtin12", "gtin8", "isbn", "@id", "url")
_CODES = ("sku", "mpn", "gtin", "gtin8", "gtin12", "gtin13", "gtin14", "isbn")
_DIFFERING = ("size", "material", "pattern")
_DEPTH = 20
_TYPES_SHOWN = 5


def _recognises(names: frozenset[str]) -> bool:
    return bool(names & _MARKS)


def _convert(rows: Rows, notes: list[str]) -> Rows:
    others: dict[str, None] = {}
    left_out = 0
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        node = _plain_names(row.values, 0)
        found = list(_products(node, 0))
        for product in found:
            yield _record(row, product)
        if not found:
            left_out += 1
            others.update(dict.fromkeys(list(_types(node))[:1] if len(others) < _TYPES_SHOWN else ()))
    if left_out:
        named = f" ({', '.join(others)})" if others else ""
        notes.append(f"JSON-LD objects that are no products{named} were left out: {left_out:,}")


def _plain_names(value: Any, depth: int) -> Any:
    """Returns a value with `plain_name`s inside, as those at its top are already; what is nested too deeply is lost."""
    if depth > _DEPTH:
        return None
    if isinstance(value, dict):
        return {plain_name(str(name)): _plain_names(item, depth + 1) for name, item in value.items()}
    return [_plain_names(item, depth + 1) for item in value] if isinstance(value, list) else value


def _products(node: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Yields the products in a node, at whatever place JSON-LD allows."""
    if depth > _DEPTH:
        return
    if isinstance(node, list):
        for item in node:
            yield from _products(item, depth + 1)
    elif isinstance(node, dict):
        if _types(node) & _PRODUCTS:
            yield node
        else:
            for name in _INSIDE:
                yield from _products(node.get(name), depth + 1)


def _types(node: dict[str, Any]) -> set[str]:
    return {text.rpartition("/")[2].rpartition(":")[2] for text in _texts(node.get("@type"))}


def _record(row: Record, node: dict[str, Any]) -> Record:
    variants = [variant for variant in _listed(node.get("has_variant")) if isinstance(variant, dict)]
    nodes = [node, *variants]
    offers = [offer for one in nodes for offer in _offers(one.get("offers"), 0)]
    priced = [(_price(offer), offer) for offer in offers]
    price, warnings = lowest_price(price for price, _ in priced)
    category = joined(_texts(node.get("category"))[:1])
    product = {
        "product_id": _id(node),
        "title": _text(node, "name"),
        "description": _text(node, "description"),
        "brand": _text(node, "brand") or _text(node, "manufacturer"),
        "price": price,
        "currency": next((_currency(offer) for found, offer in priced if found == price and found is not None), ""),
        "colour": joined(text for one in nodes for text in _texts(one.get("color"))),
        "in_stock": _in_stock(offers),
        "url": _text(node, "url") or next(filter(None, (_text(offer, "url") for offer in offers)), ""),
        "created_at": _text(node, "release_date"),
        "images": list(dict.fromkeys(photo for one in nodes for photo in _texts(one.get("image")))),
        **category_of(category, PATH.strip() if ">" in category else "/"),
        **{f"attr.{name}": joined(text for one in nodes for text in _texts(one.get(name)))
           for name in (*_CODES, *_DIFFERING)},
        **{f"attr.{name}": value for one in reversed(nodes) for name, value in _properties(one)},
    }  # fmt: skip
    return Record(row.line, product, (*row.warnings, *warnings))


def _id(node: dict[str, Any]) -> str:
    names = ("product_group_id", *_IDS) if _GROUP in _types(node) else _IDS
    return next((text for name in names if (text := _text(node, name))), "")


def _text(node: dict[str, Any], name: str) -> str:
    return next(iter(_texts(node.get(name))), "")


def _texts(value: Any) -> list[str]:
    """Returns the texts of a value: itself, its parts, or the name or address of the thing that it is."""
    texts = []
    for item in _listed(value):
        if isinstance(item, dict):
            names = ("name", "content_url", "url", "@value", "value", "@id")
            item = next((item[name] for name in names if isinstance(item.get(name), str | int | float)), None)
        if not is_nothing(item) and isinstance(item, str | int | float):
            texts.append(str(item).strip())
    return texts


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _offers(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Yields the single offers; an AggregateOffer without any stands for itself, with its lowest price."""
    for offer in _listed(value):
        if isinstance(offer, dict) and depth < _DEPTH:
            single = list(_offers(offer.get("offers"), depth + 1))
            yield from single or [offer]


def _price(offer: dict[str, Any]) -> Any:
    specified = next((part for part in _listed(offer.get("price_specification")) if isinstance(part, dict)), {})
    found = (source.get(name) for source in (offer, specified) for name in ("price", "low_price"))
    return next((price for price in found if not is_nothing(price)), None)


def _currency(offer: dict[str, Any]) -> str:
    specified = next((part for part in _listed(offer.get("price_specification")) if isinstance(part, dict)), {})
    return _text(offer, "price_currency") or _text(specified, "price_currency")


def _in_stock(offers: list[dict[str, Any]]) -> Any:
    """Returns the first stock word that says in stock, else the first one, else nothing."""
    words = [word for offer in offers if (word := _text(offer, "availability"))]
    return next((word for word in words if _says_yes(word)), words[0] if words else None)


def _says_yes(word: str) -> bool:
    try:
        return bool(read_stock(word))
    except InvalidProduct:
        return False


def _properties(node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for item in _listed(node.get("additional_property")):
        if isinstance(item, dict) and (name := _text(item, "name")):
            yield name, joined(_texts(item.get("value")))


JSON_LD = Platform("schema.org JSON-LD", _recognises, _convert, (), holds_objects=True)
