"""The page of one product at `/p/ID`: all that is known of it. Over the results, a script shows it as a panel."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, render_template, request

from api.languages import gettext, number
from api.page.filters import fact_title, value_text
from api.page.form import read_page_form
from api.problems import headers_for, shopper_words, status_of, wants_page
from api.protection import require
from api.requests import query_texts
from api.resources import resources
from api.routes import run_search
from data.catalogue import ProductFacts
from data.errors import LookalikeError, UnknownProduct
from engine.answers import BEST, MAX_TEXT, SIMILAR, Explanation
from engine.search import Hit, SearchRequest

blueprint = Blueprint("product", __name__)
SIMILAR_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class ProductView:
    """What the page says of a product.

    Attributes:
        found: why it was found, if the search that led here is still known.
        similar: products that look like it; none where that cannot be told.
    """

    facts: ProductFacts
    found: Explanation | None
    similar: tuple[Hit, ...]

    @property
    def name(self) -> str:
        return self.facts.product.title or self.facts.product.product_id

    @property
    def details(self) -> list[tuple[str, str]]:
        """The facts that have no place of their own, as name and value; ours first, then the shop's own."""
        product = self.facts.product
        colours = (product.colour,) if product.colour else self.facts.colours
        colour = ", ".join(value_text("colour", colour) for colour in colours)
        own = [("brand", product.brand), ("category", product.category), ("colour", colour)]
        shops = [(name.replace("_", " ").strip() or name, _value(value)) for name, value in product.attributes.items()]
        return [(fact_title(name), value) for name, value in (*own, *shops) if value]

    @property
    def match(self) -> str:
        """How well it matches the search: `best`, `similar` or `less`; empty: nobody can tell."""
        chance = self.found.hit.match_probability if self.found else None
        if chance is None:
            return ""
        return "best" if chance >= BEST else "similar" if chance >= SIMILAR else "less"


@blueprint.get("/p/<id:product_id>")
def show(product_id: str) -> Response:
    """Returns the page of a product; the rest of its URL is the search that led there, as on the search page."""
    texts = query_texts()
    form = read_page_form(texts)
    values: dict[str, Any] = {"form": form, "view": None, "max_text": MAX_TEXT, "query_id": texts.get("query_id", "")}
    error: LookalikeError | None = None
    status = 200
    try:
        require("search")
        values["view"] = _view(product_id, values["query_id"])
        values["structured"] = _structured(values["view"])
    except LookalikeError as refused:
        error, status = refused, status_of(refused)
        if status == 500 or not wants_page():
            raise
        words = shopper_words(status, error)
        if isinstance(refused, UnknownProduct) and refused.deleted_name is not None:
            status, words = 410, shopper_words(410)
            values["similar"] = _similar_by_name(refused.deleted_name)
        values |= {"error": words, "status_code": status}
    template = "product_parts.html" if texts.get("fragment") == "1" else "product.html"
    return Response(render_template(template, **values), status, headers_for(error), mimetype="text/html")


def _view(product_id: str, query_id: str) -> ProductView:
    held = resources()
    facts = held.catalogue.get(product_id)
    found = held.engine.explain(query_id, product_id) if query_id else None
    similar: tuple[Hit, ...] = ()
    with suppress(LookalikeError):  # nothing is published, or this product has no photo: the rest still counts
        similar = run_search({"product_id": product_id, "k": SIMILAR_SHOWN}).hits
    return ProductView(facts=facts, found=found, similar=similar)


def _similar_by_name(name: str) -> tuple[Hit, ...]:
    """Returns products like one that was deleted: by its name, for its photos are gone from the index.

    No event is stored: no shopper typed these words.
    """
    held = resources()
    if name:
        with suppress(LookalikeError), held.admission.slot():
            return held.engine.search(SearchRequest(text=name[:MAX_TEXT], k=SIMILAR_SHOWN, understand=False)).hits
    return ()


def _value(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    return value if isinstance(value, str) else number(value)


def _structured(view: ProductView) -> dict[str, Any]:
    """Returns the facts as a Product of schema.org, for search engines."""
    product = view.facts.product
    photos = [f"{request.host_url}thumbs/{sha256}.webp?side=1280" for sha256 in view.facts.image_sha256]
    stock = "InStock" if product.in_stock else "OutOfStock"
    offer = {
        "@type": "Offer",
        "price": product.price,
        "priceCurrency": product.currency,
        "availability": f"https://schema.org/{stock}",
        "url": product.url,
    }
    facts = {
        "@context": "https://schema.org",
        "@type": "Product",
        "sku": product.product_id,
        "name": view.name,
        "description": product.description,
        "category": product.category,
        "brand": {"@type": "Brand", "name": product.brand} if product.brand else None,
        "image": photos,
        "offers": {name: value for name, value in offer.items() if value} if product.price is not None else None,
    }
    return {
        "@context": "https://schema.org",
        "@type": "Product",
        **{name: value for name, value in facts.items() if value},
    }
