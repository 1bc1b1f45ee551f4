"""What a press of one of the last buttons comes to: the product in the catalogue, at the shop, or as JSON."""

import dataclasses
import http.client
import json

from api.languages import N_
from api.resources import resources
from api.selling.callback import call_back
from api.selling.offer import Offer
from data.errors import InvalidProduct, ProductExists

# outcome -> heading, sentence; the template shows them
TEXTS = {
    "json": (N_("Here it is as JSON"), ""),
    "added": (N_("It is in the catalogue"), N_("Everybody who searches finds it from now on.")),
    "exists": (
        N_("This product number is taken"),
        N_("A product has it already: %(detail)s. Choose another number, or replace that product."),
    ),
    "sent": (N_("The shop has got it"), N_("What happens next is up to the shop.")),
    "refused": (N_("The shop did not take it"), N_("Its server answered %(detail)s. Try again, or tell the shop.")),
    "unreachable": (N_("The shop cannot be reached"), N_("Nothing was sent. Try again in a moment.")),
    "bad_price": (N_("The price cannot be read"), N_("Write a number such as 25 or 19.90.")),
    "no_number": (N_("A product number is missing"), N_("Give the product a number of its own.")),
    "invalid": (N_("Something cannot be kept as it is"), N_("A text is too long or holds odd characters. Change it.")),
}  # fmt: skip
_OF_CODE = {"bad_price": "bad_price", "missing_product_id": "no_number"}


def as_json(offer: Offer) -> Offer:
    """Returns the offer with the product as JSON in `detail`."""
    try:
        return _with(offer, "json", json.dumps(offer.document(), ensure_ascii=False, indent=2))
    except InvalidProduct as error:
        return _with(offer, _OF_CODE.get(error.code, "invalid"))


def added(offer: Offer, *, replaces: bool) -> Offer:
    """Puts the product into the catalogue; returns the offer with what came of it.

    Args:
        replaces: whether it may take the place of a product with the same id.

    Raises:
        UnknownPhoto: the photo is no longer kept; Overloaded: too many products are being written.
    """
    held = resources()
    try:
        product = offer.product()
        with held.puts.slot():
            held.writer.put(product, _photo(offer), only_new=not replaces)
    except ProductExists as error:
        return _with(offer, "exists", error.title)
    except InvalidProduct as error:
        return _with(offer, _OF_CODE.get(error.code, "invalid"))
    return _with(offer, "added", product.product_id)


def sent(offer: Offer) -> Offer:
    """Sends the product to the shop's own server; returns the offer with what came of it.

    Raises:
        UnknownPhoto: the photo is no longer kept; Overloaded: too much is being sent.
    """
    held = resources()
    try:
        document = offer.document()
    except InvalidProduct as error:
        return _with(offer, _OF_CODE.get(error.code, "invalid"))
    settings = held.settings
    photo = next(iter(_photo(offer)), None)
    try:
        with held.fetches.slot():
            status = call_back(settings.seller_callback_url, settings.seller_callback_secret, document, photo)
    except (OSError, http.client.HTTPException):
        return _with(offer, "unreachable")
    return _with(offer, "sent") if 200 <= status < 300 else _with(offer, "refused", str(status))


def _photo(offer: Offer) -> list[bytes]:
    return [resources().query_photos.get(offer.photo)] if offer.photo else []


def _with(offer: Offer, outcome: str, detail: str = "") -> Offer:
    return dataclasses.replace(offer, outcome=outcome, detail=detail)
