"""What a search answers: one page of hits, and what is known of the answer as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from data.columns import FacetCounts
from engine.understanding import Constraint


@dataclass(frozen=True, kw_only=True)
class PhotoPart:
    """Which part of a photo makes it like another.

    Attributes:
        image_id: sha256 of the catalogue's photo; None: the photo that was sent.
        width, height: the photo's as shown, in pixels.
        box: x0, y0, x1, y1 in these pixels, around the part that counts most.
        grid: rows from the top, of numbers from the left, that lie over the whole photo: how much each place counts,
            0..1, where 1 is the place that counts most; at most 16 a side.
    """

    image_id: str | None
    width: int
    height: int
    box: tuple[int, int, int, int]
    grid: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class WhyMap:
    """Which parts of two photos make them alike: of the one searched by, and of a hit's."""

    query: PhotoPart
    hit: PhotoPart


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One product of an answer.

    Attributes:
        score: cosine similarity between the query and the product's best image; 0 if none can be searched.
        match_probability: calibrated chance that the hit is what was asked for; None if the generation has no
            calibration for this kind of query.
        image_id: sha256 of that image; `image_url` is the path of its thumbnail. None: the product has no photo.
        url: address of the product's page in the shop; empty if the shop gave none.
        fresh: whether the product was created within the last `fresh_days` days; one with a date to come is not.
        why: short reasons for the hit's place, for people to read.
        why_map: which parts of the photos make them alike, of the first hits where it was asked for; else None.
    """

    product_id: str
    score: float
    match_probability: float | None
    image_id: str | None
    image_url: str | None
    title: str
    brand: str
    price: float | None
    currency: str
    category: str
    url: str
    colours: tuple[str, ...]
    fresh: bool
    why: tuple[str, ...]
    why_map: WhyMap | None = None


@dataclass(frozen=True, kw_only=True)
class FoundObject:
    """One of several things in a photo.

    Attributes:
        box: x0, y0, x1, y1 in pixels of the photo as shown.
        label: what the voters see in it; None: they are not sure, or there are none.
        match_probability: the highest of its hits; None without one.
        hits: its best products, at most 5.
    """

    box: tuple[int, int, int, int]
    label: str | None
    match_probability: float | None
    hits: tuple[Hit, ...]


@dataclass(frozen=True, kw_only=True)
class SearchAnswer:
    """One page of hits.

    Attributes:
        pending: number of products in the catalogue that cannot be found yet.
        no_match: nothing in the catalogue is what was asked for.
        did_you_mean: the words that were searched for, with typing errors mended and in words of the shop; None if they
            are those typed.
        understood: the parts of the words that were understood as conditions; see `engine.understanding`.
        total: how many products match the question, of which at most 1,000 can be paged through.
        facets: for each fact asked for, how many of the products that match have each value.
        objects: the things in the photo, the one most surely found first; None: they were not asked for.
    """

    query_id: str
    generation: str
    pending: int
    took_ms: float
    hits: tuple[Hit, ...]
    next_cursor: str | None
    no_match: bool
    did_you_mean: str | None = None
    understood: tuple[Constraint, ...] = ()
    total: int = 0
    facets: Mapping[str, FacetCounts] = field(default_factory=dict)
    objects: tuple[FoundObject, ...] | None = None
