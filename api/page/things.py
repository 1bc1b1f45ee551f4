"""The things in a shopper's photo, as buttons that the page puts over it when the photo is opened large."""

from flask import Blueprint, render_template

from api.resources import resources
from engine.answers import SIMILAR, FoundObject
from engine.search import SearchRequest

blueprint = Blueprint("things", __name__)


@blueprint.get("/photos/<photo_id>/things")
def things(photo_id: str) -> str:
    """Returns a button for each thing in the photo that something in the shop resembles."""
    held = resources()
    image = held.query_photos.shown(photo_id)
    with held.admission.slot():
        answer = held.engine.search(SearchRequest(image=image, objects=True, k=1))
    return render_template("things.html", things=[each for each in answer.objects or () if _is_sold(each)])


def _is_sold(thing: FoundObject) -> bool:
    """Returns whether something in the shop resembles the thing, as far as one can tell."""
    chance = thing.match_probability
    return bool(thing.hits) and (chance is None or chance >= SIMILAR)
