"""One example of a request and of its answer for each operation; a test checks each against its schema."""

from dataclasses import dataclass, field
from typing import Any

_SHA256 = "8ffd0b5c3de1a94be0c7f3a19b0c2e7d6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c"
_PICTURE = f"/thumbs/{_SHA256}.webp"
_FACTS: dict[str, Any] = {"title": "Red mug", "brand": "Acorn", "category": "Mugs", "price": 9.5, "currency": "EUR"}
_HIT: dict[str, Any] = {
    "product_id": "mug-001", "score": 0.81, "match_probability": 0.89, "image_id": _SHA256, "image_url": _PICTURE,
    **_FACTS, "url": "https://shop.example/mug-001", "colours": ["red"], "fresh": False,
    "why": ["nearest of its 3 photos: number 1"],
}  # fmt: skip
_WHY_MAP: dict[str, Any] = {
    "query": {"image_id": None, "width": 640, "height": 480, "box": [240, 80, 400, 320],
              "grid": [[0.0, 0.21, 0.4], [0.08, 1.0, 0.62]]},
    "hit": {"image_id": _SHA256, "width": 320, "height": 320, "box": [40, 60, 280, 300],
            "grid": [[0.1, 0.7], [0.55, 1.0]]},
}  # fmt: skip
_HITS: dict[str, Any] = {
    "query_id": "86e8ecfc0eabc383", "generation": "20261122T013827306Z", "pending": 0, "took_ms": 21.96,
    "photo_id": None, "hits": [_HIT], "next_cursor": "ODZlOGVjZmMw", "no_match": False, "did_you_mean": None,
    "total": 57, "facets": {}, "understood": [],
}  # fmt: skip
_OBJECT: dict[str, Any] = {"box": [40, 60, 400, 520], "label": "Mugs", "match_probability": 0.89, "hits": [_HIT]}
_PRODUCT: dict[str, Any] = {
    "product_id": "mug-001", **_FACTS, "description": "", "colour": "red", "url": "https://shop.example/mug-001",
    "created_at": "2026-03-01T00:00:00+00:00", "in_stock": True, "attributes": {"material": "stoneware"},
    "colours": ["red"], "images": [{"image_id": _SHA256, "image_url": _PICTURE}],
}  # fmt: skip
_GUESSES = [{"label": "Mugs", "score": 0.93}, {"label": "Bowls", "score": 0.05}]
_RECOGNISED: dict[str, Any] = {
    "labels": [{"label": "Mugs", "score": 0.91, "probability": 0.95, "voters": ["softmax", "knn", "svm"]}],
    "voters": {"softmax": _GUESSES, "knn": _GUESSES, "svm": _GUESSES},
    "neighbours": [{"image_id": _SHA256, "label": "Mugs", "distance": 0.21, "image_url": _PICTURE}],
    "abstained": False, "broader": None, "took_ms": 18.4,
}  # fmt: skip
_COUNTED = {"accepted": 1, "duplicates": 0, "unknown_products": 0, "refused": []}
_STATUS: dict[str, Any] = {
    "generation": "20261122T013827306Z", "ready": True, "waiting": 0, "sample": False, "backbone": "inception_v3",
    "counts": {"products": 240, "images": 720}, "pending": 0,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Example:
    """What is sent and what comes back.

    Attributes:
        answer: the body of the answer; None: it has none, or is no text.
        body: the body of the request; a file is written as in curl, `@photo.jpg`.
        parameters: by name; the others are left out.
    """

    answer: Any = None
    body: Any = None
    parameters: dict[str, Any] = field(default_factory=dict)


_MUG = {"product_id": "mug-001"}
EXAMPLES: dict[str, Example] = {
    "searchImage": Example(
        body={"file": ["@photo.jpg"], "objects": True, "filter": "price < 40", "k": 5},
        answer={**_HITS, "photo_id": _SHA256, "objects": [_OBJECT]},
    ),
    "searchText": Example(parameters={"q": "red mug", "filter": "price < 40", "k": 5}, answer=_HITS),
    "searchTextPost": Example(body={"q": "red mug", "filter": "price < 40", "k": 5}, answer=_HITS),
    "relatedQueries": Example(
        parameters={"q": "mug", "k": 5}, answer={"queries": [{"text": "tea mug", "score": 0.93, "searches": 41}]}
    ),
    "completeQuery": Example(
        parameters={"q": "red mu"}, answer={"completions": [{"text": "red mug", "kind": "query"}]}
    ),
    "similar": Example(
        parameters={**_MUG, "k": 5, "why": "map"}, answer={**_HITS, "hits": [{**_HIT, "why_map": _WHY_MAP}]}
    ),
    "recognize": Example(body={"file": "@photo.jpg", "k": 3}, answer=_RECOGNISED),
    "recommend": Example(body={"label": "Mugs", "colour": "blue", "k": 5}, answer=_HITS),
    "putProduct": Example(parameters=_MUG, body={"product": _FACTS, "image": ["@front.jpg"]}, answer=_PRODUCT),
    "patchProduct": Example(parameters=_MUG, body={"price": 8, "in_stock": True}, answer={**_PRODUCT, "price": 8}),
    "getProduct": Example(parameters=_MUG, answer=_PRODUCT),
    "deleteProduct": Example(parameters=_MUG),
    "batch": Example(
        body={**_MUG, "title": "Red mug", "price": 9.5}, answer={"line": 1, **_MUG, "status": "updated"}
    ),
    "postEvents": Example(
        body={"kind": "click", "query_id": "86e8ecfc0eabc383", **_MUG, "position": 2}, answer=_COUNTED
    ),
    "postPageClick": Example(
        body={"session": "4f2a91c07d3e", "query_id": "86e8ecfc0eabc383", **_MUG}, answer={"accepted": 1}
    ),
    "status": Example(answer=_STATUS),
    "livez": Example(answer={"status": "ok"}),
    "readyz": Example(answer={"status": "ready"}),
    "metrics": Example(answer="lookalike_queue_depth 0.0\n"),
    "thumbnail": Example(parameters={"image_id": _SHA256}),
    "openapi": Example(answer={"openapi": "3.1.0"}),
}  # fmt: skip


def with_examples(paths: dict[str, Any]) -> dict[str, Any]:
    """Returns the paths of a document with the example of each operation where OpenAPI puts it."""
    return {path: {key: _item(key, value) for key, value in item.items()} for path, item in paths.items()}


def _item(key: str, value: Any) -> Any:
    if key == "parameters":
        return [_parameter(one, _MUG) for one in value]
    example = EXAMPLES[value["operationId"]]
    operation = {**value, "responses": {status: _answer(status, answer, example.answer)
                                        for status, answer in value["responses"].items()}}  # fmt: skip
    if "parameters" in value:
        operation["parameters"] = [_parameter(one, example.parameters) for one in value["parameters"]]
    if "requestBody" in value:
        content = {media_type: {**media, "example": example.body}
                   for media_type, media in value["requestBody"]["content"].items()}  # fmt: skip
        operation["requestBody"] = {**value["requestBody"], "content": content}
    return operation


def _parameter(parameter: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    name = parameter["name"]
    return {**parameter, "example": values[name]} if name in values else parameter


def _answer(status: str, answer: dict[str, Any], example: Any) -> dict[str, Any]:
    if not status.startswith("2") or "content" not in answer or example is None:
        return answer
    return {**answer, "content": {kind: {**media, "example": example} for kind, media in answer["content"].items()}}
