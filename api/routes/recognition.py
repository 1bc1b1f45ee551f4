"""Routes that name what a photo shows and recommend products of one label and colour."""

import time

from flask import Blueprint, Response

from api.documents import answer_document, json_answer, recognition_document
from api.errors import BadRequest
from api.recommending import recommend_request
from api.requests import (
    FORM_TYPES,
    limit_body,
    posted_fields,
    read_json,
    read_part,
    require_type,
)
from api.resources import resources
from engine.recommend import recommend

blueprint = Blueprint("recognition", __name__)
_WITHIN_LIMIT = 1_000
_OF_RECOGNITION = ("k", "box", "within", "attributes", "category")
_OF_RECOMMENDING = ("label", "product_id", "colour", "filter", "k")


@blueprint.post("/v1/recognize")
def recognize() -> Response:
    """Returns the labels of a photo (multipart `file`) and each voter's own; with `attributes=true` suggestions too."""
    held = resources()
    limit_body(held.settings.max_image_bytes)
    require_type(*FORM_TYPES)
    image = read_part("file", held.settings.max_image_bytes)
    fields = posted_fields(_OF_RECOGNITION)
    within = _within(fields.pop("within", ""))
    suggests, category = fields.pop("attributes", False), fields.pop("category", "")
    if category and not suggests:
        raise BadRequest("category must come with attributes=true; got it alone.", field="category")
    if image is None:
        raise BadRequest("file must be given: the photo to recognise; got none.", field="file")
    started = time.perf_counter()
    with held.admission.slot():
        recognition = (
            held.engine.suggest(image, within=within, category=category, **fields)
            if suggests
            else held.engine.recognise(image, within=within, **fields)
        )
    return json_answer(recognition_document(recognition, (time.perf_counter() - started) * 1000))


@blueprint.post("/v1/recommend")
def recommend_products() -> Response:
    """Returns products of a `label` or like a `product_id`, of a similar colour, perhaps that of a photo."""
    held = resources()
    limit_body(held.settings.max_image_bytes)
    require_type(*FORM_TYPES, "application/json")
    image = read_part("file", held.settings.max_image_bytes)
    fields = posted_fields(_OF_RECOMMENDING)
    label, colour = (fields.pop(name, "").strip() for name in ("label", "colour"))
    with held.admission.slot():
        asked = recommend_request(held.engine, held.catalogue, image=image, label=label, colour=colour, **fields)
        answer = recommend(held.engine.search, asked)
    photo_id = None if image is None else held.query_photos.keep(image)
    return json_answer({**answer_document(answer), "photo_id": photo_id})


def _within(text: str) -> tuple[str, ...]:
    """Reads `within`: a JSON list of labels, or one label; "": none was given."""
    if not text:
        return ()
    labels = read_json(text, "within") if text.lstrip().startswith("[") else [text]
    if not all(isinstance(label, str) for label in labels) or not 1 <= len(labels) <= _WITHIN_LIMIT:
        raise BadRequest(f"within must be a list of 1 to {_WITHIN_LIMIT} labels.", field="within")
    return tuple(labels)
