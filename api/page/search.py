"""One search of the page: its hits and, for a photo, the names of what it shows."""

import dataclasses
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from api.page.filters import facet_names
from api.page.form import PAGE_SIZE, PageForm
from api.page.groups import LEAST_OF_WORDS, LESS_SHOWN, Group, shown_of
from api.resources import resources
from api.routes import likely_hits, run_search
from data.catalogue import ProductFacts
from data.columns import FacetCounts
from data.errors import LookalikeError, UnknownProduct
from engine.answers import SIMILAR
from engine.search import SearchAnswer, SearchRequest

LABELS = 5
_FIRST_HITS = 10
_MOST_COUNTED_AGAIN = 3  # facts, since each is a search of its own
LEAST = 0.02  # probability; a less likely label would only confuse


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search found.

    Attributes:
        groups: the answer's hits, by how well they match; the last page lacks those that do not.
        next_cursor: where the next page starts; None: the results end here.
        total: how many products there are to see; 0: that would say nothing, since nearly everything matches a little.
        is_cut: whether words found so little that shoppers may want to see what is less similar.
        by_photo: whether a photo was searched by.
        labels: what the photo shows, most likely first; empty without a photo, or where nothing can be recognised.
        unsure: whether even the first label is too uncertain to rely on.
        source: the product whose lookalikes were asked for.
        titles: the titles of the products that the shopper liked or did not mean, by their ids.
        unchosen: of facts that are filtered by, how many products would have each value without that filter.
    """

    answer: SearchAnswer
    groups: tuple[Group, ...]
    next_cursor: str | None = None
    total: int = 0
    is_cut: bool = False
    by_photo: bool = False
    labels: tuple[str, ...] = ()
    unsure: bool = False
    source: ProductFacts | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    unchosen: Mapping[str, FacetCounts] = field(default_factory=dict)

    @property
    def missed_label(self) -> str:
        """What the photo surely shows though none of the first hits is of that category; empty: no such thing."""
        label = "" if self.unsure or not self.labels else self.labels[0]
        kinds = {hit.category.casefold() for hit in self.answer.hits[:_FIRST_HITS]}
        return label if kinds and label.casefold() not in kinds else ""


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
    source = held.catalogue.get(form.product_id) if form.product_id and image is None else None
    fields = form.search_fields(image)
    # `~`: other values stay to be chosen, with their counts, where one is chosen
    fields["facets"] = ",".join(f"~{name}" for name in facet_names(held.shelf.contents()))
    by_photo = image is not None
    if form.is_sorted and (form.like or form.unlike or source):  # no probability tells where these end
        fields["closest"] = PAGE_SIZE
    least, less_likely = _bounds(form, by_photo=by_photo)
    answer = run_search(fields, likely=least, less_likely=less_likely)
    held = resources()  # a cursor may have let another release answer
    judged = not form.is_sorted and (by_photo or bool(form.q.strip()))
    shown = shown_of(answer.hits, judged=judged, is_first_page=not form.cursor, by_photo=by_photo or form.wide)
    near = held.engine.likely(answer.query_id, SIMILAR) if judged else None
    found = Found(
        answer=answer,
        groups=shown.groups,
        next_cursor=None if shown.is_last else answer.next_cursor,
        total=_total(form, answer, near),
        is_cut=bool(near) and not less_likely and answer.total <= LESS_SHOWN,
        by_photo=by_photo,
        source=source,
        titles=_titles((*form.like, *form.unlike)),
        unchosen=_unchosen(form, fields, answer, least, less_likely) if least or "closest" in fields else {},
    )
    return found if image is None or form.cursor else _with_labels(found, image, fields.get("box"))


def _unchosen(
    form: PageForm, fields: Mapping[str, Any], answer: SearchAnswer, least: float, less_likely: int
) -> dict[str, FacetCounts]:
    """Returns the counts of facts that are filtered by, as if each were not; none on later pages.

    An answer that leaves out what is less likely chose it among the products under the whole filter, so `~` does not
    count others, and each fact is asked for by itself, the first three of them.
    """
    counts: dict[str, FacetCounts] = {}
    facts = [fact for fact in form.chosen if fact in answer.facets and not form.cursor]
    for fact in facts[:_MOST_COUNTED_AGAIN]:
        others = {name: values for name, values in form.chosen.items() if name != fact}
        asked = {**fields, "filter": dataclasses.replace(form, chosen=others).filter(), "facets": fact, "k": 1}
        counts |= likely_hits(SearchRequest(**asked), least, less_likely)[1].facets
    return counts


def _bounds(form: PageForm, *, by_photo: bool) -> tuple[float, int]:
    """Returns the match probability below which hits are left out, and how many of those stay.

    A photo's lookalikes are worth seeing though they are surely not the thing in it.
    """
    if by_photo or (form.wide and form.q.strip()):
        return SIMILAR, LESS_SHOWN
    if form.is_sorted:
        return SIMILAR, 0
    return (LEAST_OF_WORDS if form.q.strip() else 0.0), 0


def _total(form: PageForm, answer: SearchAnswer, near: int | None) -> int:
    """Returns how many products there are to see.

    Args:
        near: how many of them are more than less similar; None: nobody can tell.
    """
    if near is None:
        understood = any(not part.relaxed for part in answer.understood)
        return answer.total if form.filter_count or understood or form.is_sorted else 0
    return near + min(LESS_SHOWN, answer.total - near)


def _titles(product_ids: Iterable[str]) -> dict[str, str]:
    """Returns the titles of those of the products that are still there."""
    titles = {}
    for product_id in product_ids:
        with suppress(UnknownProduct):
            titles[product_id] = resources().catalogue.get(product_id).product.title
    return titles


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
