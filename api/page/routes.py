"""The search page at `/`: rendered on the server, so it works without JavaScript; a script asks for results alone."""

from typing import Any

from babel.numbers import format_currency
from flask import Blueprint, Response, render_template
from werkzeug.datastructures import MultiDict

from api.page.form import PageForm, read_page_form
from api.problems import sentence_for, status_of, title_for
from api.protection import is_allowed, require
from api.requests import form_texts, limit_body, query_texts, read_part, require_type
from api.resources import ShelfContents, resources
from api.routes import run_search, status_document
from data.catalogue import ProductFacts
from data.errors import LookalikeError
from engine.answers import MAX_TEXT

blueprint = Blueprint("page", __name__)


@blueprint.get("/")
def home() -> Response:
    """Returns the page, with results if the URL holds a search."""
    return _page(query_texts(), image=None)


@blueprint.post("/")
def find() -> Response:
    """Searches by the photo in the page's form."""
    limit_body(resources().settings.max_image_bytes, parts=60)
    require_type("multipart/form-data")
    return _page(form_texts(), image=read_part("file", resources().settings.max_image_bytes) or None)


@blueprint.app_template_filter()
def money(price: float | None, currency: str) -> str:
    """Returns a price as a shopper reads it.

    >>> money(1234.5, "USD"), money(19000, "KRW"), money(None, "USD")
    ('$1,234.50', '₩19,000', '')
    """
    if price is None:
        return ""
    return format_currency(price, currency, locale="en_US")


def _page(texts: "MultiDict[str, str]", image: bytes | None) -> Response:
    form = read_page_form(texts)
    values: dict[str, Any] = {"form": form, "by_photo": image is not None, "answer": None, "error": "", "like": None}
    status = 200
    try:
        if image is not None or form.has_query:
            require("search")
            values["like"] = _source(form) if image is None else None
            values["answer"] = run_search(form.search_fields(image))
    except LookalikeError as error:
        status = status_of(error)
        if status == 500:
            raise
        values["heading"], values["error"] = title_for(status), sentence_for(status, error)
    values["status_code"] = status
    if texts.get("fragment") == "1":
        return Response(render_template("results.html", **values), status=status, mimetype="text/html")
    page = render_template("page.html", **values, **_surroundings(), max_text=MAX_TEXT)
    return Response(page, status=status, mimetype="text/html")


def _surroundings() -> dict[str, Any]:
    """Returns what the page shows around the results; without the catalogue for callers who may not search."""
    if not is_allowed("search"):
        return {"locked": True, "shelf": ShelfContents(), "about": {}}
    return {"locked": False, "shelf": resources().shelf.contents(), "about": status_document()}


def _source(form: PageForm) -> ProductFacts | None:
    """Returns the product whose lookalikes the form asks for, if any."""
    return resources().catalogue.get(form.product_id) if form.product_id else None
