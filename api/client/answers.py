"""What a server answers, as frozen dataclasses; the fields are those of the HTTP contract (docs/http.md)."""

import dataclasses
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class PhotoPart:
    """Which part of a photo makes it like another: `box` in pixels, and how much each place of a grid counts, 0..1."""

    image_id: str | None
    width: int
    height: int
    box: tuple[int, ...]
    grid: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class WhyMap:
    """Which parts of two photos make them alike: of the one searched by, and of the hit's."""

    query: PhotoPart
    hit: PhotoPart


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One product found."""

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
class Constraint:
    """A condition that was read in the words; `filter` is called `as` in JSON.

    If it is `relaxed`, it does not count: it left too little or, with an empty `filter`, no product has these words.
    """

    text: str
    filter: str = field(metadata={"json": "as"})
    not_text: str
    relaxed: bool
    sort: str = ""


@dataclass(frozen=True, kw_only=True)
class FacetValue:
    """A value of a fact, and how many of the products that match have it."""

    value: str | float | bool
    count: int


@dataclass(frozen=True, kw_only=True)
class FacetRange:
    """A range of a number: from `min` up to, but not including, `max`."""

    min: float
    max: float
    count: int


@dataclass(frozen=True, kw_only=True)
class Facet:
    """The values of one fact, most frequent first, or its ranges if it is a number."""

    values: tuple[FacetValue, ...]
    other_values: int
    ranges: tuple[FacetRange, ...]


@dataclass(frozen=True, kw_only=True)
class FoundObject:
    """One of several things in a photo; `box` is x0, y0, x1, y1 in pixels of the photo as shown."""

    box: tuple[int, ...]
    label: str | None
    match_probability: float | None
    hits: tuple[Hit, ...]


@dataclass(frozen=True, kw_only=True)
class SearchAnswer:
    """The hits of a search, best first, and what is known about it."""

    query_id: str
    generation: str
    pending: int
    took_ms: float
    hits: tuple[Hit, ...]
    next_cursor: str | None
    no_match: bool
    did_you_mean: str | None
    understood: tuple[Constraint, ...]
    total: int
    facets: dict[str, Facet]
    photo_id: str | None = None
    objects: tuple[FoundObject, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Label:
    """A label for what a photo shows; `probability` is the calibrated chance that it is right."""

    label: str
    score: float
    probability: float
    voters: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A label as one voter sees it."""

    label: str
    score: float


@dataclass(frozen=True, kw_only=True)
class BroaderLabel:
    """What a photo surely shows though its exact label is in doubt."""

    label: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class AttributeGuess:
    """A guessed fact; `abstained`: too uncertain to rely on; `others`: the values that come next, if any are known."""

    name: str
    value: str | float | bool
    probability: float
    abstained: bool
    others: tuple[str | float | bool, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TitleGuess:
    """A title made of the words that the titles of the nearest products share."""

    text: str
    titles: int


@dataclass(frozen=True, kw_only=True)
class PriceGuess:
    """What the middle half of n similar products costs."""

    low: float
    high: float
    currency: str
    n: int


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """What a photo shows: labels, best first, and each voter's own; the last four only if facts were asked for."""

    labels: tuple[Label, ...]
    voters: dict[str, tuple[Guess, ...]]
    abstained: bool
    took_ms: float
    broader: BroaderLabel | None = None
    category: str = ""
    attributes: tuple[AttributeGuess, ...] = ()
    title: TitleGuess | None = None
    price: PriceGuess | None = None


@dataclass(frozen=True, kw_only=True)
class Completion:
    """A text that goes on like what was typed; `product_id` is empty unless exactly one product has this title."""

    text: str
    kind: str
    product_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A photo of a product; `image_url` is the path of its thumbnail."""

    image_id: str
    image_url: str


@dataclass(frozen=True, kw_only=True)
class Product:
    """A product as the catalogue has it."""

    product_id: str
    title: str
    description: str
    brand: str
    category: str
    price: float | None
    currency: str
    colour: str
    url: str
    created_at: str | None
    in_stock: bool
    attributes: dict[str, Any]
    colours: tuple[str, ...]
    images: tuple[Photo, ...]


@dataclass(frozen=True, kw_only=True)
class BatchStatus:
    """What became of one line of a batch; `code` and `detail` say why, where `status` is "error"."""

    line: int
    product_id: str | None
    status: str
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class RefusedEvent:
    """An event that was not stored: its place among those sent, and why."""

    index: int
    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class EventsAnswer:
    """How many events were new, known already, or of products that were never in the catalogue."""

    accepted: int
    duplicates: int
    unknown_products: int
    refused: tuple[RefusedEvent, ...]


@dataclass(frozen=True, kw_only=True)
class Status:
    """What is live on the server; a field is 0 or empty as long as nothing is published."""

    generation: str | None
    ready: bool
    waiting: int
    sample: bool
    backbone: str = ""
    fingerprint: str = ""
    pending: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    problem: str = ""


def read(kind: type[Answer], value: Any) -> Answer:
    """Returns JSON values as `kind`, a dataclass or a tuple or dict of such; fields that it lacks are left out.

    Raises:
        TypeError: a field is missing.
    """
    read_value: Any = value
    if isinstance(kind, UnionType) and isinstance(value, dict):  # of a dataclass and None
        kind = get_args(kind)[0]
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        names = {one.name: one.metadata.get("json", one.name) for one in dataclasses.fields(kind)}
        return kind(**{name: read(hints[name], value[key]) for name, key in names.items() if key in value})
    if get_origin(kind) is tuple:
        read_value = tuple(read(get_args(kind)[0], one) for one in value)
    elif get_origin(kind) is dict:
        read_value = {name: read(get_args(kind)[1], one) for name, one in value.items()}
    return cast("Answer", read_value)
