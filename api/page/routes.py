"""The search page at `/`: rendered on the server, so it works without JavaScript; a script asks for its parts alone."""

import dataclasses
from typing import Any

from flask import Blueprint, Response, render_template, url_for

from api.page.chips import chips_of
from api.page.filters import filters_of
from api.page.form import PageForm, read_page_form
from api.page.photo_address import address_in, fetch_photo
from api.page.search import Found, find
from api.problems import headers_for, shopper_words, status_of
from api.protection import WATCH, is_allowed, require
from api.requests import form_texts, limit_body, query_texts, read_part, require_type
from api.resources import ShelfContents, resources
from api.routes import asks_not_to_be_followed, status_document
from data.errors import LookalikeError
from data.photos import small_copy
from engine.answers import MAX_TEXT, check_words

blueprint = Blueprint("page", __name__)


@blueprint.get("/")
def home() -> Response:
    """Returns the page, with results if the URL holds a search; words that are the address of a photo ask for it."""
    texts = query_texts()
    form, fragment = read_page_form(texts), texts.get("fragment") == "1"
    if not (address := address_in(form.q)):
        return _page(form, fragment=fragment)
    try:
        require("search")
        image = fetch_photo(address)
    except LookalikeError as error:
        return _page(form, fragment=fragment, error=error)
    return _with_photo(image, dataclasses.replace(form, q="", box=""), fragment=fragment)


@blueprint.post("/")
def take_photo() -> Response:
    """Takes the photo in the page's form, keeps a small copy and searches by it."""
    held = resources()
    limit_body(held.settings.max_image_bytes, parts=200)
    require_type("multipart/form-data")
    texts = form_texts()
    form, fragment = read_page_form(texts), texts.get("fragment") == "1"
    try:
        content = read_part("file", held.settings.max_image_bytes)
        if content is None:
            return _page(form, fragment=fragment)
        check_words("q", form.q)  # before the photo is decoded, which costs far more
        with held.decoding():
            image = small_copy(content, held.settings)
    except LookalikeError as error:
        return _page(form, fragment=fragment, error=error)
    return _with_photo(image, form, fragment=fragment)


def _with_photo(image: bytes, form: PageForm, *, fragment: bool) -> Response:
    """Keeps a shopper's photo, and searches by it or sends the browser on to where it is searched by."""
    photo = resources().query_photos.keep(image, may_be_shown=True) or ""
    form = dataclasses.replace(form, photo=photo, product_id="", cursor="")
    if photo and not fragment:
        return Response(status=303, headers={"Location": form.url()})
    return _page(form, fragment=fragment, image=image)


@blueprint.get("/photos/<photo_id>.jpg")
def photo(photo_id: str) -> Response:
    """Returns a shopper's photo; only who knows the sha256 of its bytes can ask for it."""
    return Response(resources().query_photos.shown(photo_id), mimetype="image/jpeg")


@blueprint.app_template_global()
def clicks_address() -> str:
    """Returns where the page's script tells which hits were opened; empty if it is to tell nothing."""
    wanted = resources().settings.page_events and not asks_not_to_be_followed()
    return url_for("events.post_page_click") if wanted else ""


def _page(
    form: PageForm, *, fragment: bool, image: bytes | None = None, error: LookalikeError | None = None
) -> Response:
    """Returns the page or, with `fragment`, those parts of it that a search changes."""
    values: dict[str, Any] = {"form": form, "found": None, "error": None}
    found: Found | None = None
    if error is None and (image is not None or form.has_query):
        try:
            require("search")
            values["found"] = found = find(form, image)
        except LookalikeError as refused:
            error = refused
    status = 200 if error is None else status_of(error)
    if error is not None:
        if status == 500:
            raise error
        values["error"] = shopper_words(status, error)
    shelf = resources().shelf.contents() if is_allowed("search") else ShelfContents()
    filters = filters_of(form, shelf, found.answer.facets if found else {}, found.unchosen if found else {})
    values |= {"status_code": status, "shelf": shelf, "filters": filters, "chips": chips_of(form, found)}
    template = "parts.html" if fragment else "page.html"
    surroundings = _surroundings() if not fragment or found is None else {}
    limits = {"max_text": MAX_TEXT, "max_photo_bytes": resources().settings.max_image_bytes}
    page = render_template(template, **values, **surroundings, **limits, too_large=shopper_words(413))
    return Response(page, status, headers_for(error), mimetype="text/html")


def _surroundings() -> dict[str, Any]:
    """Returns what the page shows around the results: whether one may search, and what is said about the server."""
    return {"locked": not is_allowed("search"), "about": status_document() if is_allowed(WATCH) else {}}
