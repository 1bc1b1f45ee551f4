"""What is alike in a product's photo and in what was searched by, as two photos; a script shows them in a dialog."""

from dataclasses import replace

from flask import Blueprint, render_template

from api.page.form import read_page_form
from api.requests import query_texts
from api.resources import resources
from api.why_pictures import veil
from data.errors import LookalikeError
from data.filters import quoted
from engine.answers import PhotoPart, WhyMap
from engine.errors import NoFeatureMap
from engine.search import SearchRequest

blueprint = Blueprint("why", __name__)


@blueprint.get("/why/<id:product_id>")
def show(product_id: str) -> str:
    """Returns a page, or with `fragment` its middle; the rest of its URL is the search that the product is a hit of."""
    texts = query_texts()
    form = read_page_form(texts)
    held = resources()
    image = held.query_photos.shown(form.photo) if form.photo else None
    fields = {**replace(form, cursor="", sort="").search_fields(image), "k": 1, "why": "map"}
    found: WhyMap | None = None
    is_able = True
    try:
        with held.admission.slot():
            answer = held.engine.search(SearchRequest(**fields, also=(f"product_id = {quoted(product_id)}",)))
        found = answer.hits[0].why_map if answer.hits else None
    except NoFeatureMap:
        is_able = False
    values = {"form": form, "why": found, "is_able": is_able, "veil": veil, "place": _place}
    template = "why_parts.html" if texts.get("fragment") == "1" else "why.html"
    return render_template(template, **values, name=_name(product_id), source=_name(form.product_id))


def _name(product_id: str) -> str:
    """Returns what a product is called; its id where it is gone or has no title."""
    try:
        return resources().catalogue.get(product_id).product.title or product_id
    except LookalikeError:
        return product_id


def _place(part: PhotoPart) -> int:
    """Returns in which ninth of its photo the middle of a part lies, row by row."""
    x0, y0, x1, y1 = part.box
    return 3 * min(2, 3 * (y0 + y1) // (2 * part.height)) + min(2, 3 * (x0 + x1) // (2 * part.width))
