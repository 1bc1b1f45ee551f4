"""Routes that search by photo, by words and by product, find related queries, and complete what is typed."""

import dataclasses
from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, request

from api.documents import answer_document, completion_document, json_answer
from api.errors import BadRequest
from api.requests import (
    FORM_TYPES,
    SEARCH_OPTIONS,
    check_fields,
    from_texts,
    limit_body,
    posted_fields,
    query_texts,
    read_parts,
    require_type,
)
from api.resources import resources
from api.searcher import given_cursor, next_cursor
from data.completion import DEFAULT_K
from engine.answers import MOST_PHOTOS, check_words
from engine.errors import InvalidQuery
from engine.search import SearchAnswer, SearchRequest

blueprint = Blueprint("search", __name__)
_SOURCES = ("photo_id", "product_id", "image_url")
_OF_PHOTOS = (*SEARCH_OPTIONS, *_SOURCES, "box", "objects", "why")
_OF_WORDS = ("q", *(name for name in SEARCH_OPTIONS if name != "text"))


@blueprint.post("/v1/search/image")
def search_image() -> Response:
    """Returns hits for photos of one thing (parts `file`), an earlier one, a product, an address, or liked products."""
    settings = resources().settings
    limit_body(MOST_PHOTOS * settings.max_image_bytes)
    require_type(*FORM_TYPES, "application/json")
    resources().check_room(request.content_length or 0)
    photos = read_parts("file", settings.max_image_bytes, MOST_PHOTOS)
    return _answer(_one_source(posted_fields(_OF_PHOTOS), photos=photos))


@blueprint.get("/v1/search/text")
def search_text() -> Response:
    """Returns hits for the words `q`, with options, as query parameters."""
    return _answer(_words(check_fields(from_texts(query_texts()), _OF_WORDS)))


@blueprint.post("/v1/search/text")
def search_text_post() -> Response:
    """Returns hits for the words `q`, with options, as JSON, form fields or query parameters."""
    limit_body(0)
    require_type(*FORM_TYPES, "application/json")
    return _answer(_words(posted_fields(_OF_WORDS)))


@blueprint.get("/v1/products/<id:product_id>/similar")
def similar(product_id: str) -> Response:
    """Returns products that look like this one."""
    fields = check_fields(from_texts(query_texts()), (*SEARCH_OPTIONS, "why"))
    return _answer({**fields, "product_id": product_id})


@blueprint.get("/v1/queries/related")
def related_queries() -> Response:
    """Returns up to `k` known queries close to `q`."""
    fields = check_fields(from_texts(query_texts()), ("q", "k"))
    words = fields.get("q", "").strip()
    if not words:
        raise BadRequest("q must hold the words to find related queries of; got nothing.", field="q")
    held = resources()
    with held.admission.slot():
        found = held.engine.related_queries(words, k=fields.get("k", 10))
    return json_answer({"queries": [dataclasses.asdict(query) for query in found]})


@blueprint.get("/v1/queries/complete")
def complete() -> Response:
    """Returns up to `k` texts that go on like `q`; they are not the engine's, so they wait in no queue."""
    fields = check_fields(from_texts(query_texts()), ("q", "k"))
    found = resources().engine.complete(fields.get("q", ""), k=fields.get("k", DEFAULT_K))
    return json_answer({"completions": [completion_document(each) for each in found]})


def run_search(fields: dict[str, Any], *, likely: float = 0.0, less_likely: int = 0) -> SearchAnswer:
    """Returns the answer of one search, run in the engine's queue; what it showed is stored as an event.

    Args:
        likely: hits with a lower match probability are left out, where probabilities are told and some hit has more.
        less_likely: how many of the best of those stay.
    """
    search = SearchRequest(**given_cursor(fields))
    held = resources()
    asked, answer = likely_hits(search, likely, less_likely)
    if not held.release:
        held.search_log.record(search, answer)
    if not search.cursor:
        held.metrics.search(no_match=answer.no_match or not answer.hits)
    return dataclasses.replace(answer, next_cursor=next_cursor(asked, answer.next_cursor))


def likely_hits(search: SearchRequest, least: float, less_likely: int) -> tuple[SearchRequest, SearchAnswer]:
    """Returns a search as it was asked, and its answer; the arguments are those of `run_search`."""
    held = resources()
    asked = dataclasses.replace(search, min_probability=least, less_likely=less_likely)
    with held.admission.slot():
        with suppress(InvalidQuery):  # no probabilities are told, or the cursor is of all hits
            if least and (answer := held.engine.search(asked)).hits:
                return asked, answer
        return search, held.engine.search(search)


def _answer(fields: dict[str, Any]) -> Response:
    answer = run_search(fields)
    image = fields.get("image")
    photo_id = None
    if image is not None and not fields.get("more_images"):
        photo_id = resources().query_photos.keep(image)
    return json_answer({**answer_document(answer), "photo_id": photo_id})


def _words(fields: dict[str, Any]) -> dict[str, Any]:
    words = fields.pop("q", "").strip()
    if not (words or fields.get("cursor") or fields.get("like")):
        raise BadRequest("q must hold the words to search for, or like a product; got neither.", field="q")
    check_words("q", words)  # here, since the engine would call them `text`
    return {**fields, "text": words}


def _one_source(fields: dict[str, Any], *, photos: list[bytes]) -> dict[str, Any]:
    """Returns the fields after checking for exactly one of photos, product and URL; a cursor or `like` needs none."""
    given = [name for name in _SOURCES if fields.get(name)] + ["file"] * bool(photos)
    if len(given) != 1 and (given or not (fields.get("cursor") or fields.get("like"))):
        got = " and ".join(given) or "none"
        raise BadRequest(f"one of file, {', '.join(_SOURCES)} must be given; got {got}.", field="file")
    if url := fields.pop("image_url", ""):
        photos = [_fetch(url)]
    elif photo_id := fields.pop("photo_id", ""):
        photos = [resources().query_photos.get(photo_id)]
    return {**fields, "image": photos[0] if photos else None, "more_images": tuple(photos[1:])}


def _fetch(url: str) -> bytes:
    settings = resources().settings
    if not settings.fetch_urls:
        raise BadRequest(
            "image_url is turned off on this server. Send the photo itself, or set LOOKALIKE_FETCH_URLS=true.",
            field="image_url",
        )
    from data.photos import fetch_image

    with resources().fetches.slot():
        return fetch_image(url, settings)
