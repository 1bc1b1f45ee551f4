"""The routes of the seller's form: a press of a button is answered by a redirect, so that reload and back are safe."""

import dataclasses
from collections.abc import Callable

from flask import Blueprint, Response, abort, render_template

from api.problems import headers_for, shopper_words, status_of
from api.protection import is_allowed, require
from api.requests import form_texts, limit_body, query_texts, read_part, require_type
from api.resources import ShelfContents, resources
from api.selling import outcomes
from api.selling.filling import CHOICES, filled_in
from api.selling.offer import Offer, read_offer
from data.errors import LookalikeError, NoGeneration
from data.photos import small_copy
from engine.suggesting import Suggestions

blueprint = Blueprint("selling", __name__)


@blueprint.get("/sell")
def ask() -> Response:
    """Returns the form, as the seller left it if the address names an offer."""
    offer_id = query_texts().get("offer", "")
    if not offer_id:
        return _page(Offer())
    try:
        require("search")
        return _page(Offer.from_json(resources().offers.get(offer_id)))
    except LookalikeError as error:
        return _page(Offer(), error)


@blueprint.post("/sell")
def take() -> Response:
    """Takes the photo and what was typed, and fills the form in; with `show=json` it also shows the product as JSON."""
    return _answer(lambda offer: outcomes.as_json(offer) if form_texts().get("show") == "json" else offer)


@blueprint.post("/sell/add")
def add() -> Response:
    """Puts the product into the catalogue; over another one only with `replace=1`."""
    return _answer(lambda offer: outcomes.added(offer, replaces=form_texts().get("replace") == "1"))


@blueprint.post("/sell/send")
def send() -> Response:
    """Sends the product to the shop's own server."""
    if not resources().settings.seller_callback_url:
        abort(404)
    return _answer(outcomes.sent)


def _answer(act: Callable[[Offer], Offer]) -> Response:
    """Reads the form, acts, and answers with the address of the form as it is now."""
    limit_body(resources().settings.max_image_bytes)
    require_type("multipart/form-data")
    offer, image = Offer(), None
    try:
        content = read_part("file", resources().settings.max_image_bytes)
        offer = read_offer(form_texts())
        if content is not None:
            image = _small(content)
            offer = _with_photo(offer, image)
        offer = act(offer)
        offer_id = resources().offers.keep(offer.to_json())
    except LookalikeError as error:
        return _page(offer, error)
    if offer_id is None:  # nothing is kept here
        return _page(offer, image=image)
    return Response(status=303, headers={"Location": f"/sell?offer={offer_id}"})


def _small(content: bytes) -> bytes:
    held = resources()
    with held.decoding():
        return small_copy(content, held.settings)


def _with_photo(offer: Offer, image: bytes) -> Offer:
    """Returns the offer with another photo, and without the suggestions that the one before had made."""
    photo = resources().query_photos.keep(image, may_be_shown=True) or ""
    return dataclasses.replace(offer.edited(), photo=photo)


def _page(offer: Offer, error: LookalikeError | None = None, *, image: bytes | None = None) -> Response:
    seen = None
    try:
        seen = _suggestions(offer, image) if error is None else None
    except LookalikeError as refused:
        error = refused
    status = 200 if error is None else status_of(error)
    if error is not None and status == 500:
        raise error
    allowed = is_allowed("search")
    held = resources()
    page = render_template(
        "sell.html",
        form=filled_in(offer, seen, held.shelf.contents() if allowed else ShelfContents()),
        outcome=outcomes.TEXTS.get(offer.outcome),
        wrong=shopper_words(status, error) if error else None,
        status_code=status,
        sends=bool(held.settings.seller_callback_url),
        keyed=held.keys.in_use(),
    )
    return Response(page, status, headers_for(error), mimetype="text/html")


def _suggestions(offer: Offer, image: bytes | None) -> Suggestions | None:
    """Returns what the photo suggests; None without one, or where nothing has been published yet.

    Args:
        image: the photo, if it has just come; None: it is the one that the offer names.
    """
    held = resources()
    if image is None and offer.photo:
        image = held.query_photos.get(offer.photo)
    if image is None:
        return None
    try:
        with held.admission.slot():
            return held.engine.suggest(image, k=CHOICES, category=offer.category)
    except NoGeneration:
        return None
