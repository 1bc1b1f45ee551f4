"""The OpenAPI 3.1 document, written by hand: what every route takes and answers."""

from importlib.metadata import version
from typing import Any

from api.openapi.examples import with_examples
from api.openapi.options import COMPLETIONS_K, EVENTS, OPTIONS, RELATED_K, TEXT_OPTION, TYPED, WHY
from api.openapi.schemas import SCHEMAS
from api.openapi.values import Schema, ref
from data.catalogue import ID_LIMIT
from data.photos import LARGER_SIDES

_JSON, _FORM, _NDJSON = "application/json", "multipart/form-data", "application/x-ndjson"
_URLENCODED = "application/x-www-form-urlencoded"
_PROBLEMS = {
    400: "A field is missing, unknown or wrong.",
    401: "API keys are in use, and the request carries no valid one.",
    403: "The key's scope does not cover this request.",
    404: "There is no such product.",
    412: "With `If-None-Match: *`: there is a product with this product_id.",
    413: "The body or a photo is too large.",
    415: "The type of the body or of a photo is not accepted.",
    422: "A photo cannot be decoded.",
    429: "Too many requests; see Retry-After.",
    503: "Nothing is published yet, too many requests wait, or the home is gone; see Retry-After.",
    507: "The server's disk takes no more; nothing was changed.",
}
_READ, _SEARCH = (401, 403, 404, 429, 503), (400, 401, 403, 429, 503)
_UPLOAD = (*_SEARCH, 413, 415, 422)


def _answer(description: str, schema: Schema | None = None, media_type: str = _JSON) -> dict[str, Any]:
    content = {"content": {media_type: {"schema": schema}}} if schema else {}
    return {"description": description, **content}


def _answers(problems: tuple[int, ...], **good: dict[str, Any]) -> dict[str, Any]:
    media = {"application/problem+json": {"schema": ref("Problem")}}
    refused = {str(status): {"description": _PROBLEMS[status], "content": media} for status in sorted(problems)}
    return {**{status.removeprefix("_"): answer for status, answer in good.items()}, **refused}


def _operation(tag: str, name: str, summary: str, answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"tags": [tag], "operationId": name, "summary": summary, "responses": answers, **more}


def _body(media_type: str, schema: Schema, **also: Schema) -> dict[str, Any]:
    """Returns a body of one media type, since generators of clients stumble over several in one operation.

    Args:
        also: schemas of the same fields in the other media types that the route takes: `json`, `form` or `urlencoded`.
    """
    types = {"json": _JSON, "form": _FORM, "urlencoded": _URLENCODED}
    body = {"required": True, "content": {media_type: {"schema": schema}}}
    others = {types[name]: {"schema": other} for name, other in also.items()}
    return {**body, "x-also-accepts": others} if others else body


def _query(**schemas: Schema) -> list[dict[str, Any]]:
    return [{"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in schemas.items()]  # fmt: skip


_ID = {
    "name": "product_id", "in": "path", "required": True, "schema": {"type": "string", "maxLength": ID_LIMIT},
    "description": "The shop's own key, percent-encoded.",
}  # fmt: skip
_ONLY_NEW = {
    "name": "If-None-Match", "in": "header", "required": False, "schema": {"type": "string", "enum": ["*"]},
    "description": "`*`: only create the product; another one with its product_id stays as it is.",
}  # fmt: skip
_HITS = _answer("Hits, best first.", ref("SearchAnswer"))
_PRODUCT = _answer("The product as it is now; durable, and found by the next search.", ref("Product"))

_SEARCH_PATHS: dict[str, Any] = {
    "/v1/search/image": {
        "post": _operation("Search", "searchImage", "Search by photo, or by a product's photos.",
                           _answers((*_UPLOAD, 404), _200=_HITS),
                           requestBody=_body(_FORM, ref("ImageUpload"), json=ref("ImageSearch"))),
    },
    "/v1/search/text": {
        "get": _operation("Search", "searchText", "Search by words.", _answers(_SEARCH, _200=_HITS),
                          parameters=_query(q=TEXT_OPTION, **OPTIONS)),
        "post": _operation("Search", "searchTextPost", "Search by words, with the options in the body.",
                           _answers((*_SEARCH, 413, 415), _200=_HITS),
                           requestBody=_body(_JSON, ref("TextSearch"), form=ref("TextSearch"),
                                             urlencoded=ref("TextSearch"))),
    },
    "/v1/queries/related": {
        "get": _operation("Search", "relatedQueries", "Known queries that are close to these words.",
                          _answers(_SEARCH, _200=_answer("Queries, best first.", ref("RelatedQueries"))),
                          parameters=_query(q=TEXT_OPTION, k=RELATED_K)),
    },
    "/v1/queries/complete": {
        "get": _operation("Search", "completeQuery", "Texts that go on like what was typed so far.",
                          _answers((400, 401, 403, 429), _200=_answer("Texts, best first.", ref("Completions"))),
                          parameters=_query(q=TYPED, k=COMPLETIONS_K)),
    },
    "/v1/products/{product_id}/similar": {
        "get": _operation("Search", "similar", "Products that look like this one.",
                          _answers((*_SEARCH, 404), _200=_HITS),
                          parameters=_query(text=TEXT_OPTION, why=WHY, **OPTIONS)),
        "parameters": [_ID],
    },
}  # fmt: skip

_RECOGNITION_PATHS: dict[str, Any] = {
    "/v1/recognize": {
        "post": _operation("Recognition", "recognize", "Name what a photo shows: labels by the vote of three voters.",
                           _answers(_UPLOAD, _200=_answer("Labels, best first.", ref("Recognition"))),
                           requestBody=_body(_FORM, ref("RecognizeUpload"))),
    },
    "/v1/recommend": {
        "post": _operation("Recognition", "recommend", "Recommend products of one kind and a similar colour.",
                           _answers((*_UPLOAD, 404), _200=_HITS),
                           requestBody=_body(_FORM, ref("RecommendUpload"), json=ref("Recommend"))),
    },
}  # fmt: skip

_PRODUCT_PATHS: dict[str, Any] = {
    "/v1/products/{product_id}": {
        "parameters": [_ID],
        "put": _operation("Products", "putProduct",
                          "Create or replace a product; without photos it keeps those it has.",
                          _answers((*_UPLOAD, 412, 507), _200=_PRODUCT, _201=_PRODUCT),
                          parameters=[_ONLY_NEW], requestBody=_body(_FORM, ref("ProductUpload"))),
        "patch": _operation("Products", "patchProduct", "Replace some facts of a product; null clears a fact.",
                            _answers((400, *_READ, 413, 415, 507), _200=_PRODUCT),
                            requestBody=_body(_JSON, ref("ProductFacts"))),
        "get": _operation("Products", "getProduct", "Read a product.", _answers(_READ, _200=_PRODUCT)),
        "delete": _operation("Products", "deleteProduct", "Delete a product; the next search no longer finds it. "
                             "With `purge=true` its facts and photos are erased at once, also those of a product that "
                             "is deleted already.",
                             _answers((400, *_READ, 507), _204=_answer("Deleted.")),
                             parameters=_query(purge={"type": "boolean", "default": False})),
    },
    "/v1/products:batch": {
        "post": _operation("Products", "batch",
                           'Change many products, one per line; `{"product_id": ..., "delete": true}` deletes, '
                           'and with `"purge": true` erases. '
                           "`images` lists at most 10 files under the server's image roots.",
                           _answers((401, 403, 413, 415, 429, 503),
                                    _200=_answer("One status per line, in order.", ref("BatchStatus"), _NDJSON)),
                           requestBody=_body(_NDJSON, ref("BatchLine"))),
    },
}  # fmt: skip

_EVENT_PATHS: dict[str, Any] = {
    "/v1/events": {
        "post": _operation("Events", "postEvents",
                           "Report what shoppers did: one event or a list of at most 1,000. Searches answered by this "
                           "server are recorded already, so a click needs only `query_id`, `product_id`, `position`.",
                           _answers((400, 401, 403, 413, 415, 429, 503, 507),
                                    _202=_answer("All events but the refused ones are durable.", ref("EventsAnswer"))),
                           requestBody=_body(_JSON, {"oneOf": [ref("Event"), EVENTS]})),
    },
    "/v1/events/page": {
        "post": _operation("Events", "postPageClick",
                           "A hit that a shopper opened in the browser, told without a key. It counts only if a search "
                           "of this server showed the product, and once for each session, question and product.",
                           _answers((400, 413, 415, 429, 503, 507),
                                    _202=_answer("1 if it counts, else 0.", ref("PageClickAnswer"))),
                           requestBody=_body(_JSON, ref("PageClick")), security=[]),
    },
}  # fmt: skip

_OPEN: dict[str, Any] = {"security": []}
_OPERATION_PATHS: dict[str, Any] = {
    "/v1/status": {
        "get": _operation("Operation", "status", "What is live, and how much waits.",
                          _answers((401, 403, 429, 503), _200=_answer("Status.", ref("Status")))),
    },
    "/livez": {"get": _operation("Operation", "livez", "200 while the process answers.",
                                 _answers((), _200=_answer("Alive.", ref("Health"))), **_OPEN)},
    "/readyz": {"get": _operation("Operation", "readyz", "200 if this process should get traffic.",
                                  _answers((503,), _200=_answer("Ready.", ref("Health"))), **_OPEN)},
    "/metrics": {"get": _operation("Operation", "metrics", "Counters for Prometheus.",
                                   _answers((401, 403, 429, 503),
                                            _200=_answer("Text.", {"type": "string"}, "text/plain")))},
    "/thumbs/{image_id}.webp": {
        "get": _operation("Operation", "thumbnail", "A copy of a photo: 320 pixels on its longer side, or `side`.",
                          _answers((400, 404),
                                   _200=_answer("WebP.", {"type": "string", "format": "binary"}, "image/webp")),
                          parameters=[{"name": "image_id", "in": "path", "required": True,
                                       "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
                                      {"name": "side", "in": "query", "schema": {"enum": list(LARGER_SIDES)},
                                       "description": "Pixels on the longer side; a smaller photo keeps its size."}],
                          **_OPEN),
    },
    "/openapi.json": {"get": _operation("Operation", "openapi", "This document.",
                                        _answers((), _200=_answer("OpenAPI 3.1.", {"type": "object"})), **_OPEN)},
}  # fmt: skip

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Lookalike",
        "version": version("lookalike"),
        "description": "Self-hosted visual product search: by photo, by words, and by product.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "security": [{}, {"key": []}],  # none as long as the server has no API keys
    "paths": with_examples(
        {**_SEARCH_PATHS, **_RECOGNITION_PATHS, **_PRODUCT_PATHS, **_EVENT_PATHS, **_OPERATION_PATHS}
    ),
    "components": {
        "schemas": SCHEMAS,
        "securitySchemes": {
            "key": {"type": "http", "scheme": "bearer", "description": "Needed only if the server has API keys."}
        },
    },
}
