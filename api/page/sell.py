"""The seller's page at `/sell`: suggests up to three categories for a photo of the thing for sale."""

from flask import Blueprint, Response, render_template, request

from api.languages import gettext as _
from api.problems import ShopperWords, shopper_words, status_of
from api.requests import limit_body, read_part, require_type
from api.resources import resources
from data.errors import LookalikeError
from engine.recognition import Recognition

blueprint = Blueprint("sell", __name__)
SUGGESTIONS = 3
_LEAST = 0.02  # probability; a less likely further category would only confuse


@blueprint.get("/sell")
def ask() -> Response:
    """Returns the empty form."""
    return _page(None, None, 200)


@blueprint.post("/sell")
def suggest() -> Response:
    """Suggests categories for the photo in part `file`; the page works without JavaScript."""
    held = resources()
    limit_body(held.settings.max_image_bytes)
    require_type("multipart/form-data")
    try:
        image = read_part("file", held.settings.max_image_bytes)
        if not image:
            words = ShopperWords(_("No photo yet"), _("Choose a photo first."), "photo")
            return _page(None, words, 400)
        with held.admission.slot():
            found = held.engine.recognise(image, k=SUGGESTIONS)
    except LookalikeError as error:
        status = status_of(error)
        if status == 500:
            raise
        return _page(None, shopper_words(status, error), status)
    return _page(found, None, 200)


def _page(found: Recognition | None, error: ShopperWords | None, status: int) -> Response:
    labels = (
        [label for place, label in enumerate(found.labels) if not place or label.probability >= _LEAST] if found else []
    )
    page = render_template("sell.html", found=found, labels=labels, error=error, photo_asked=request.method == "POST")
    return Response(page, status=status, mimetype="text/html")
