"""Recommends products of the same kind, those of the wanted colours first, within the shopper's filter."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from data.filters import quoted
from engine.errors import InvalidQuery
from engine.search import Hit, SearchAnswer, SearchRequest


@dataclass(frozen=True, kw_only=True)
class RecommendRequest:
    """What the shopper picked: something to look like (`product_id` or `image`), a `label`, or both.

    Attributes:
        label: the kind wanted, one of the recogniser's labels.
        label_kind: what the label is: `category` or `attr.<name>`.
        product_id: a product to look like.
        image: a photo to look like, an image file's bytes.
        colours: colour names to prefer; empty: none.
        filter: filter expression that the products must pass.
        k: products wanted, 1..1000.
    """

    label: str = ""
    label_kind: str = "category"
    product_id: str = ""
    image: bytes | None = None
    colours: tuple[str, ...] = ()
    filter: str = ""
    k: int = 10


def recommend(search: Callable[[SearchRequest], SearchAnswer], request: RecommendRequest) -> SearchAnswer:
    """Returns products of the label's kind: those of the wanted colours first, then others of the kind.

    Without photo and product the label's own words are searched for.

    Raises:
        InvalidQuery: neither label, product nor photo is given.
        InvalidFilter, UnknownProduct, NoGeneration: see `SearchEngine.search`.
    """
    if not (request.label or request.product_id or request.image is not None):
        raise InvalidQuery("a label, a product_id or an image must be given; got none of them.")
    asked = SearchRequest(
        text="" if request.product_id or request.image is not None else request.label,
        product_id=request.product_id,
        image=request.image,
        k=request.k,
        filter=request.filter,
        also=_kind(request),
    )
    if not request.colours:
        return search(asked)
    wanted = ", ".join(quoted(colour) for colour in request.colours)
    answer = search(dataclasses.replace(asked, also=(*asked.also, f"colour IN ({wanted})")))
    if len(answer.hits) >= request.k:
        return dataclasses.replace(answer, next_cursor=None)
    found = {hit.product_id for hit in answer.hits}
    others = search(asked)
    more = [_other_colour(hit) for hit in others.hits if hit.product_id not in found]
    return dataclasses.replace(
        answer,
        hits=(*answer.hits, *more)[: request.k],
        next_cursor=None,
        took_ms=answer.took_ms + others.took_ms,
        no_match=answer.no_match and others.no_match,
        total=others.total,
    )


def _kind(request: RecommendRequest) -> tuple[str, ...]:
    return (f"{request.label_kind} = {quoted(request.label)}",) if request.label else ()


def _other_colour(hit: Hit) -> Hit:
    return dataclasses.replace(hit, why=(*hit.why, "another colour"))
