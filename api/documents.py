"""Builds the JSON documents that the HTTP API answers with."""

import dataclasses
import json
from typing import Any

from flask import Response

from data.catalogue import ProductFacts, product_fields
from data.completion import Completion
from engine.recognition import Recognition
from engine.search import Hit, SearchAnswer
from engine.understanding import Constraint


def answer_document(answer: SearchAnswer) -> dict[str, Any]:
    """Returns a search answer as plain JSON values."""
    document = {
        **vars(answer),  # `dataclasses.asdict` would copy each text and number
        "hits": [_hit_document(hit) for hit in answer.hits],
        "understood": [_constraint_document(each) for each in answer.understood],
        "facets": {name: dataclasses.asdict(counts) for name, counts in answer.facets.items()},
    }
    objects = document.pop("objects")
    if objects is not None:
        document["objects"] = [{**vars(each), "hits": [_hit_document(hit) for hit in each.hits]} for each in objects]
    return document


def _hit_document(hit: Hit) -> dict[str, Any]:
    document = dict(vars(hit))
    if (why_map := document.pop("why_map")) is not None:
        document["why_map"] = dataclasses.asdict(why_map)
    return document


def _constraint_document(constraint: Constraint) -> dict[str, Any]:
    document = dict(vars(constraint))
    document["as"] = document.pop("filter")
    return document


def completion_document(completion: Completion) -> dict[str, str]:
    """Returns a completion as plain JSON values, without a product if it names none."""
    return {name: value for name, value in dataclasses.asdict(completion).items() if value}


def product_document(facts: ProductFacts) -> dict[str, Any]:
    """Returns a product's facts and images as plain JSON values."""
    images = [{"image_id": sha256, "image_url": f"/thumbs/{sha256}.webp"} for sha256 in facts.image_sha256]
    return {**product_fields(facts.product), "colours": list(facts.colours), "images": images}


def recognition_document(recognition: Recognition, took_ms: float) -> dict[str, Any]:
    """Returns a recognition as the JSON object of the HTTP contract."""
    document = dataclasses.asdict(recognition)
    for neighbour in document["neighbours"]:
        neighbour["image_url"] = f"/thumbs/{neighbour['image_id']}.webp"
    return {**document, "took_ms": round(took_ms, 2)}


def json_answer(document: Any, status: int = 200) -> Response:
    """Returns a JSON answer in UTF-8; a number that is not finite is a bug and raises ValueError."""
    body = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(body, status=status, content_type="application/json")
