"""Routes that name what a photo shows and recommend products of one label and colour."""

import time
from typing import Any

from flask import Blueprint, Response, request

from api.documents import answer_document, json_answer, recognition_document
from api.errors import BadRequest
from api.recommending import recommend_request
from api.requests import (
    FORM_TYPES,
    LABEL_LIMIT,
    check_fields,
    form_texts,
    from_json,
    from_texts,
    limit_body,
    posted_texts,
    read_body,
    read_json,
    read_part,
    require_type,
)
from api.resources import resources
from engine.recommend import recommend

blueprint = Blueprint("recognition", __name__)
_WITHIN_LIMIT = 1_000
_OF_RECOGNITION = ("k", "box", "attributes", "category")
MAX_LABEL = LABEL_LIMIT  # of a colour too


@blueprint.post("/v1/recognize")
def recognize() -> Response:
    """Returns the labels of a photo (multipart `file`) and each voter's own; with `attributes=true` suggestions too."""
    held = resources()
    limit_body(held.settings.max_image_bytes)
    require_type(*FORM_TYPES)
    image = read_part("file", held.settings.max_image_bytes)
    raw = from_texts(posted_texts((*_OF_RECOGNITION, "within")))
    within = _within(raw.pop("within", None))
    fields = check_fields(raw, _OF_RECOGNITION)
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
    image = None if request.is_json else read_part("file", held.settings.max_image_bytes)
    raw = from_json(read_body()) if request.is_json else from_texts(form_texts())
    texts: dict[str, Any] = {name: _text(name, raw.pop(name)) for name in ("label", "colour") if name in raw}
    fields = check_fields(raw, ("product_id", "filter", "k"))
    with held.admission.slot():
        asked = recommend_request(held.engine, held.catalogue, image=image, **texts, **fields)
        answer = recommend(held.engine.search, asked)
    return json_answer(answer_document(answer))


def _within(value: Any) -> tuple[str, ...]:
    """Reads `within`: a JSON list of labels, or one label."""
    if value is None:
        return ()
    labels: Any = value
    if str(value).lstrip().startswith("["):
        labels = read_json(value, "within")
    labels = [labels] if isinstance(labels, str) else labels
    if not all(isinstance(label, str) for label in labels) or not 1 <= len(labels) <= _WITHIN_LIMIT:
        raise BadRequest(f"within must be a list of 1 to {_WITHIN_LIMIT} labels.", field="within")
    return tuple(labels)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_LABEL:
        raise BadRequest(f"{name} must be text of at most {MAX_LABEL} characters.", field=name)
    return value.strip()
