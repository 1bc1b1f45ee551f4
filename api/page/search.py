"""One search of the page: its hits and, for a photo, the names of what it shows."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from api.page.filters import facet_names
from api.page.form import PageForm
from api.page.groups import Group, groups_of
from api.resources import resources
from api.routes import run_search
from data.catalogue import ProductFacts
from data.errors import LookalikeError
from engine.search import SearchAnswer

LABELS = 5
LEAST = 0.02  # probability; a less likely label would only confuse


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search found.

    Attributes:
        groups: the answer's hits, by how well they match.
        by_photo: whether a photo was searched by.
        labels: what the photo shows, most likely first; empty without a photo, or where nothing can be recognised.
        unsure: whether even the first label is too uncertain to rely on.
        like: the product whose lookalikes were asked for.
    """

    answer: SearchAnswer
    groups: list[Group]
    by_photo: bool = False
    labels: tuple[str, ...] = ()
    unsure: bool = False
    like: ProductFacts | None = None


def find(form: PageForm, image: bytes | None = None) -> Found:
    """Returns what the form asks for.

    Args:
        image: the shopper's photo; None: the one that the form names, if any.

    Raises:
        UnknownPhoto: the form's photo is no longer kept; other errors are those of the search.
    """
    held = resources()
    if image is None and form.photo:
        image = held.query_photos.get(form.photo)
    like = held.catalogue.get(form.product_id) if form.product_id and image is None else None
    fields = form.search_fields(image)
    fields["facets"] = ",".join(facet_names(held.shelf.contents()))
    answer = run_search(fields)
    groups = groups_of(answer.hits, by_relevance=not form.sort, is_first_page=not form.cursor)
    found = Found(answer=answer, groups=groups, by_photo=image is not None, like=like)
    return found if image is None or form.cursor else _with_labels(found, image, fields.get("box"))


def _with_labels(found: Found, image: bytes, box: Any) -> Found:
    """Returns what was found with the likely labels; without them if they cannot be had, for the hits are there."""
    held = resources()
    try:
        with held.admission.slot():
            seen = held.engine.recognise(image, k=LABELS, box=box)
    except LookalikeError:
        return found
    likely = tuple(label.label for label in seen.labels if label.probability >= LEAST)
    return dataclasses.replace(found, labels=likely, unsure=seen.abstained)
