"""Exports of shop platforms by their documented layouts, with our own products: 24 of them, with variants and sales.

Layouts: Google Merchant Center product data specification; Shopify "Using CSV files to import and export products";
WooCommerce "Product CSV Import Schema"; Adobe Commerce (Magento 2) "Product attributes for data transfer"; Meta "Data
feed fields"; schema.org Product and ProductGroup.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

_NAMES = ("머그컵", "Teapot & lid", "나무 쟁반", 'Vase 12"', "린넨 앞치마", "Bowl <set>", "유리컵", "Candle, large")
_PATHS = (("Kitchen", "Mugs"), ("Home", "Decor"), ("주방", "그릇"))
_COLOURS = ("red", "파랑", "green")
_SIZES = ("S", "M", "L")
PHOTOS = 8


@dataclass(frozen=True)
class Thing:
    """One product as every shop would have it.

    Attributes:
        html: its description as shop systems store it; `text` is what a reader should see of it.
        sale: a lower price that holds now; None: there is none.
        sizes: sizes of its variants; none: it has no variants.
        sold_out: sizes that are not in stock; of a thing without variants, "all" if it is not.
        photos: file names.
    """

    code: str
    name: str
    html: str
    text: str
    brand: str
    path: tuple[str, ...]
    price: float
    sale: float | None
    colour: str
    sizes: tuple[str, ...]
    sold_out: tuple[str, ...]
    photos: tuple[str, ...]

    @property
    def in_stock(self) -> bool:
        return not self.sold_out or bool(set(self.sizes) - set(self.sold_out))

    @property
    def now(self) -> float:
        return self.price if self.sale is None else self.sale


def things() -> list[Thing]:
    """Returns 24 products, the same at every call."""
    made = []
    for number in range(24):
        name = f"{_NAMES[number % 8]} {number}"
        text = f"Made by hand & fired twice.\n수공예 {number}"
        sizes = _SIZES if number % 3 == 0 else ()
        sold_out: tuple[str, ...] = ()
        if number % 6 == 0:
            sold_out = ("S", "M") if number % 12 else _SIZES
        elif number % 5 == 1:
            sold_out = ("all",)
        made.append(
            Thing(
                code=f"TH-{number:03}", name=name, text=text, brand=("에이콘", "Acorn & Sons")[number % 2],
                html=f"<p>Made <b>by hand</b> &amp; fired twice.</p><ul><li>수공예&nbsp;{number}</li></ul>",
                path=_PATHS[number % 3], price=12.5 + 100 * number,
                sale=9.9 + 100 * number if number % 4 == 0 else None,
                colour=_COLOURS[number % 3], sizes=sizes, sold_out=sold_out,
                photos=tuple(f"p{(number + shift) % PHOTOS}.png" for shift in range(1 + number % 3)),
            )
        )  # fmt: skip
    return made


def write_photos(folder: Path) -> None:
    """Writes the photos that the exports name."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(PHOTOS):
        Image.new("RGB", (40, 30), (number * 30, 255 - number * 30, number * 17)).save(folder / f"p{number}.png")


def _csv(rows: Sequence[dict[str, Any]], delimiter: str = ",") -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, delimiter=delimiter, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def merchant_rows() -> Iterable[dict[str, Any]]:
    """Yields the offers of Google Merchant Center: one a variant, with the group that it belongs to."""
    for thing in things():
        for size in thing.sizes or ("",):
            sold_out = size in thing.sold_out if size else bool(thing.sold_out)
            yield {
                "id": f"{thing.code}-{size}" if size else thing.code, "title": thing.name, "description": thing.html,
                "link": f"https://shop.example/{thing.code}?size={size}", "image_link": f"photos/{thing.photos[0]}",
                "additional_image_link": ",".join(f"photos/{photo}" for photo in thing.photos[1:]),
                "price": f"{thing.price:,.2f} USD", "sale_price": f"{thing.sale:.2f} USD" if thing.sale else "",
                "sale_price_effective_date": "2020-01-01T00:00-0800/2099-01-01T00:00-0800" if thing.sale else "",
                "availability": "out_of_stock" if sold_out else "in_stock", "brand": thing.brand,
                "product_type": " > ".join(thing.path), "google_product_category": "2169", "color": thing.colour,
                "size": size, "item_group_id": thing.code if size else "", "condition": "new",
                "gtin": "4006381333931" if thing.code == "TH-001" else "",
            }  # fmt: skip


def merchant_tsv() -> str:
    rows = list(merchant_rows())
    return _csv([{name.replace("_", " "): value for name, value in row.items()} for row in rows], "\t")


def merchant_csv() -> str:
    return _csv(list(merchant_rows()))


def merchant_json() -> str:
    """Returns the offers as the Content API lists them."""
    products = []
    for row in merchant_rows():
        amount, _, currency = row["price"].partition(" ")
        products.append(
            {
                "id": f"online:ko:KR:{row['id']}", "offerId": row["id"], "title": row["title"],
                "description": row["description"], "link": row["link"], "imageLink": row["image_link"],
                "additionalImageLinks": [photo for photo in row["additional_image_link"].split(",") if photo],
                "price": {"value": amount.replace(",", ""), "currency": currency},
                "salePrice": {"value": row["sale_price"].split()[0], "currency": "USD"} if row["sale_price"] else None,
                "availability": row["availability"].replace("_", " "), "brand": row["brand"],
                "productTypes": [row["product_type"]], "color": row["color"], "sizes": [row["size"]],
                "itemGroupId": row["item_group_id"], "gtin": row["gtin"],
            }
        )  # fmt: skip
    return json.dumps({"kind": "content#productsListResponse", "resources": products}, ensure_ascii=False, indent=1)


def merchant_rss() -> str:
    plain = ("title", "description", "link")
    items = []
    for row in merchant_rows():
        photos = [photo for photo in row.pop("additional_image_link").split(",") if photo]
        texts = [
            f"<{name if name in plain else 'g:' + name}>{escape(value)}</{name if name in plain else 'g:' + name}>"
            for name, value in row.items()
            if value
        ]
        texts += [f"<g:additional_image_link>{photo}</g:additional_image_link>" for photo in photos]
        items.append(f"<item>{''.join(texts)}<g:shipping><g:price>0 USD</g:price></g:shipping></item>")
    head = '<?xml version="1.0"?>\n<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>S</title>'
    return f"{head}\n" + "\n".join(items) + "\n</channel></rss>\n"


def merchant_atom() -> str:
    entries = []
    for row in merchant_rows():
        link = escape(row.pop("link"))
        photos = [photo for photo in row.pop("additional_image_link").split(",") if photo]
        texts = [f"<g:{name}><![CDATA[{value}]]></g:{name}>" for name, value in row.items() if value]
        texts += [f"<g:additional_image_link>{photo}</g:additional_image_link>" for photo in photos]
        entries.append(f'<entry><link href="{link}"/>{"".join(texts)}</entry>')
    names = 'xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"'
    return f'<?xml version="1.0" encoding="utf-8"?>\n<feed {names}><title>S</title>{"".join(entries)}</feed>\n'


def meta_csv() -> str:
    """Returns Meta's catalogue template, with its explaining first line."""
    rows = [
        {**row, "fb_product_category": "", "status": "active", "quantity_to_sell_on_facebook": "5"}
        for row in merchant_rows()
    ]
    rows.append({**rows[0], "id": "HIDDEN", "status": "archived"})
    columns = ",".join(f"# Optional | {name}" for name in rows[0])
    return f"{columns}\n{_csv(rows)}"


def shopify_csv(*, new_names: bool = False) -> str:
    """Returns a Shopify export; its rows of one product lie apart, as a spreadsheet sorts them."""
    rows: list[dict[str, Any]] = []
    later: list[dict[str, Any]] = []
    for thing in things():
        variants = thing.sizes or ("Default Title",)
        for place in range(max(len(variants), len(thing.photos))):
            row: dict[str, Any] = {"Handle": thing.code}
            if place == 0:
                row.update({"Title": thing.name, "Body (HTML)": thing.html, "Vendor": thing.brand,
                            "Product Category": f"Home & Garden > {' > '.join(thing.path)}", "Type": thing.path[-1],
                            "Tags": "handmade, 수공예", "Published": "TRUE",
                            "Option1 Name": "Size" if thing.sizes else "Title", "Status": "active"})  # fmt: skip
            if place < len(variants):
                size = variants[place]
                sold_out = size in thing.sold_out if thing.sizes else bool(thing.sold_out)
                row.update({"Option1 Value": size, "Variant SKU": f"{thing.code}-{size[:1]}",
                            "Variant Inventory Tracker": "shopify", "Variant Inventory Qty": 0 if sold_out else 7,
                            "Variant Inventory Policy": "deny", "Variant Price": f"{thing.now + 2 * place:.2f}",
                            "Variant Compare At Price": f"{thing.price:.2f}", "Variant Barcode": ""})  # fmt: skip
            if place < len(thing.photos):
                back = len(thing.photos) - 1 - place
                row.update({"Image Src": f"photos/{thing.photos[back]}", "Image Position": back + 1})
            (later if place > 1 else rows).append(row)
    rows.append({"Handle": "draft", "Title": "Not yet", "Status": "draft", "Variant Price": "1.00"})
    text = _csv([*rows, *later])
    header, _, rest = text.partition("\n")
    renamed = {"Handle": "URL handle", "Body (HTML)": "Description", "Published": "Published on online store",
               "Variant SKU": "SKU", "Variant Price": "Price", "Variant Compare At Price": "Compare-at price",
               "Variant Inventory Tracker": "Inventory tracker", "Variant Inventory Qty": "Inventory quantity",
               "Variant Inventory Policy": "Continue selling when out of stock", "Variant Barcode": "Barcode",
               "Image Src": "Product image URL", "Image Position": "Image position"}  # fmt: skip
    return f"{','.join(renamed.get(n, n) for n in header.strip().split(','))}\n{rest}" if new_names else text


def woocommerce_csv() -> str:
    """Returns a WooCommerce export, the variations before their parents here and there."""
    rows: list[dict[str, Any]] = []
    for number, thing in enumerate(things(), start=100):
        common = {"Published": 1, "Tax status": "taxable"}
        prices = {"Sale price": thing.sale or "", "Regular price": f"{thing.price:.2f}"}
        parent = {
            "ID": number, "Type": "variable" if thing.sizes else "simple", "SKU": thing.code, "Name": thing.name,
            **common,
            "Short description": "", "Description": thing.html.replace("</p>", "</p>\\n"),
            "In stock?": int(not thing.sold_out) if not thing.sizes else 1, "Stock": "", "Brands": thing.brand,
            **({} if thing.sizes else prices), "Categories": f"{' > '.join(thing.path)}, Sale", "Tags": "handmade",
            "Images": ", ".join(f"photos/{photo}" for photo in thing.photos), "Parent": "",
            "Attribute 1 name": "Color", "Attribute 1 value(s)": thing.colour,
            "Attribute 2 name": "Size" if thing.sizes else "", "Attribute 2 value(s)": ", ".join(thing.sizes),
        }  # fmt: skip
        variations = [
            {"ID": number * 10 + place, "Type": "variation", "SKU": f"{thing.code}-{size}", "Name": thing.name,
             **common,
             "In stock?": int(size not in thing.sold_out), "Regular price": f"{thing.price + 2 * place:.2f}",
             "Sale price": f"{thing.sale + 2 * place:.2f}" if thing.sale else "",
             "Parent": thing.code if number % 2 else f"id:{number}", "Attribute 1 name": "Color",
             "Attribute 1 value(s)": thing.colour, "Attribute 2 name": "Size", "Attribute 2 value(s)": size}
            for place, size in enumerate(thing.sizes)
        ]  # fmt: skip
        rows += [*variations, parent] if number % 4 == 0 else [parent, *variations]
    rows.append({"ID": 999, "Type": "simple", "Name": "Draft", "Published": -1, "Regular price": "1"})
    return _csv(rows)


def magento_csv() -> str:
    """Returns a Magento 2 export: the simple products of a configurable one come before it."""
    rows: list[dict[str, Any]] = []
    for thing in things():
        root = {
            "sku": thing.code, "store_view_code": "", "attribute_set_code": "Default", "product_type": "simple",
            "categories": f"Default Category/{'/'.join(thing.path)},Default Category/Sale", "name": thing.name,
            "description": thing.html, "product_online": 1, "visibility": "Catalog, Search",
            "price": f"{thing.price:.4f}", "special_price": thing.sale or "",
            "special_price_from_date": "1/1/20, 12:00 AM",
            "created_at": "11/5/26, 9:30 AM", "base_image": f"/p/0/{thing.photos[0]}", "small_image": "no_selection",
            "additional_images": ",".join(f"/p/0/{photo}" for photo in thing.photos[1:]),
            "additional_attributes": f"color={thing.colour},manufacturer={thing.brand},care=hand wash, cold",
            "qty": 0 if thing.sold_out else 5, "is_in_stock": int(not thing.sold_out),
        }  # fmt: skip
        for place, size in enumerate(thing.sizes):
            rows.append({
                **root, "sku": f"{thing.code}-{size}", "visibility": "Not Visible Individually",
                "name": f"{thing.name}-{size}", "price": f"{thing.price + 2 * place:.4f}",
                "special_price": thing.sale + 2 * place if thing.sale else "",
                "base_image": "", "additional_images": "",
                "additional_attributes": f"color={thing.colour},size={size}",
                "is_in_stock": int(size not in thing.sold_out),
            })  # fmt: skip
        if thing.sizes:
            listed = "|".join(f"sku={thing.code}-{size},size={size}" for size in thing.sizes)
            rows.append({**root, "product_type": "configurable", "price": "", "special_price": "", "is_in_stock": 1,
                         "configurable_variations": listed})  # fmt: skip
        else:
            rows.append(root)
        rows.append({"sku": thing.code, "store_view_code": "en", "name": f"English {thing.code}"})
    rows.append({**root, "sku": "OFF", "product_online": 2})
    return _csv(rows)


def json_ld() -> str:
    """Returns a graph of schema.org products, some of them groups with variants, in a list and without."""
    nodes: list[dict[str, Any]] = []
    for number, thing in enumerate(things()):
        word = "https://schema.org/{}".format
        node: dict[str, Any] = {
            "@type": "Product", "sku": thing.code, "name": thing.name, "description": thing.html, "color": thing.colour,
            "brand": {"@type": "Brand", "name": thing.brand}, "category": " > ".join(thing.path),
            "image": [f"photos/{photo}" if number % 2 else {"@type": "ImageObject", "contentUrl": f"photos/{photo}"}
                      for photo in thing.photos],
            "url": f"https://shop.example/{thing.code}",
        }  # fmt: skip
        offer = {"@type": "Offer", "priceCurrency": "USD", "price": f"{thing.now:.2f}"}
        if thing.sizes:
            node.update({"@type": "ProductGroup", "productGroupID": thing.code, "hasVariant": [
                {"@type": "Product", "sku": f"{thing.code}-{size}", "size": size,
                 "offers": {**offer, "price": thing.now + 2 * place,
                            "availability": word("OutOfStock" if size in thing.sold_out else "InStock")}}
                for place, size in enumerate(thing.sizes)
            ]})  # fmt: skip
            del node["sku"]
        elif number % 2:
            node["offers"] = [{**offer, "availability": word("SoldOut" if thing.sold_out else "LimitedAvailability")}]
        else:
            node["offers"] = {
                "@type": "AggregateOffer",
                "lowPrice": thing.now,
                "highPrice": thing.price + 5,
                "priceCurrency": "USD",
                "availability": word("SoldOut" if thing.sold_out else "InStock"),
            }
        nodes.append(node)  # fmt: skip
    listed = {"@type": "ItemList", "itemListElement": [{"@type": "ListItem", "item": node} for node in nodes[12:]]}
    return json.dumps({"@context": "https://schema.org", "@graph": [{"@type": "WebSite"}, *nodes[:12], listed]},
                      ensure_ascii=False, indent=1)  # fmt: skip


OFFERS: dict[str, Callable[[], str]] = {
    "merchant.tsv": merchant_tsv, "merchant.csv": merchant_csv, "merchant.json": merchant_json, "rss.xml": merchant_rss,
    "atom.xml": merchant_atom, "meta.csv": meta_csv,
}  # fmt: skip
