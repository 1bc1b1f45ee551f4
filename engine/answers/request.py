"""A search request: what may be asked, and how it becomes one point of the product space."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.filters import Filter, all_of, parse_filter
from data.photos import decode_photo
from data.settings import Settings
from engine.answers.arrangement import check_sort, is_by_relevance, read_cap, read_facets
from engine.backbones import load_input, view_of
from engine.errors import InvalidQuery
from engine.generation import Generation
from engine.protocols import Floats
from engine.space import mean_of, normalise

MAX_K = 1000
MAX_TEXT = 1000  # characters
MOST_PHOTOS = 8
MOST_LIKED = 50  # and as many unliked
LEGS = ("fused", "lexical", "dense")
MIN_BOX_SIDE = 16
_NOT_TEXT_SHARE = 0.5  # how much of the unwanted words' direction is taken away
Box = tuple[float, float, float, float]
Timed = Callable[[str, Callable[[], Floats]], Floats]


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """What is asked. At least one of `text`, `image`, `product_id` and `like`, or a `cursor`.

    Attributes:
        text: words, at most 1,000 characters.
        not_text: words that hits should not be about; needs something wanted beside it.
        image: an image file's bytes.
        more_images: further photos of the same thing, from other sides; at most 7.
        box: x0, y0, x1, y1 in pixels of the photo as shown (orientation applied); at least 16 pixels a side.
        objects: whether to look for several things in the photo, and to search by each; one photo then, and no words.
        why: `map`: also tell which parts of the photo and of the first hits' photos make them alike; "": do not. One
            photo or product then.
        product_id: products similar to this one.
        text_weight: 0 (photo alone) to 1 (words alone), where both are given.
        filter: a filter expression.
        also: further filter expressions that hits must pass; each may be as long as `filter`.
        k: hits wanted, 1..1000.
        cursor: `next_cursor` of an earlier answer; the question itself may be left out then.
        diversity: 0..1.
        freshness: 0..1, or None: 0.2 for words alone, else 0.
        min_probability: 0..1; hits with a lower match probability are left out.
        less_likely: with `min_probability`, how many of the best hits below it stay.
        legs: how words alone find products: `lexical` (by their letters), `dense` (by what they mean) or `fused`;
            beside something shown, `dense` leaves the letters out.
        understand: whether prices, colours and the like in the words become filters.
        facets: facts whose values are counted over all that matches, for example `brand,price,attr.size`; at most 10.
        sort: `relevance`, or `price`, `-price`, `created_at` or `-created_at`: the best products in another order;
            "": the order that the words ask for, if any.
        closest: with a `sort`, how many of the products that fit best are hits; 0: the 1,000 best.
        likely_first: with a `sort`, whether less similar products come last, as where the words ask for the cheapest.
        unjudged: words of `text` by which no answer is judged, because they say nothing of what a thing is.
        meaning: words by whose meaning is searched in place of `text`; "" for its own.
        things: the texts of things that `text` asks for, where it asks for several: the best of each come in turn.
        fulfilled: whether nothing is asked for but conditions that every hit fulfils.
        max_per: how many hits may share a value, for example `brand:2`; "": any number.
        like, unlike: ids of at most 50 products each that the shopper liked, or did not mean; unknown ones count for
            nothing. Unliked products are left out, and liked ones if nothing else is asked for.
    """

    text: str = ""
    not_text: str = ""
    image: bytes | None = None
    box: Box | None = None
    objects: bool = False
    why: str = ""
    product_id: str = ""
    text_weight: float = 0.5
    filter: str = ""
    also: tuple[str, ...] = ()
    k: int = 10
    cursor: str = ""
    diversity: float = 0.0
    freshness: float | None = None
    min_probability: float = 0.0
    less_likely: int = 0
    legs: str = "fused"
    understand: bool = True
    facets: str = ""
    sort: str = ""
    closest: int = 0
    likely_first: bool = False
    unjudged: frozenset[str] = frozenset()
    meaning: str = ""
    things: tuple[str, ...] = ()
    fulfilled: bool = False
    max_per: str = ""
    more_images: tuple[bytes, ...] = ()
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether it holds a question, not a cursor alone."""
        return bool(self.likes_alone or self.text.strip() or self.image is not None or self.product_id)

    @property
    def likes_alone(self) -> bool:
        """Whether nothing but liked products is asked for."""
        return bool(self.like) and not (self.text.strip() or self.image is not None or self.product_id)

    @property
    def by_relevance(self) -> bool:
        """Whether no other order is asked for."""
        return is_by_relevance(self.sort)

    @property
    def means(self) -> str:
        """The words by whose meaning is searched."""
        return self.meaning or self.text

    @property
    def photos(self) -> tuple[bytes, ...]:
        """All photos of the thing wanted."""
        return () if self.image is None else (self.image, *self.more_images)

    @cached_property
    def digest(self) -> str:
        """16 hex digits that differ where another ranking is asked for."""
        photos = [hashlib.sha256(photo).hexdigest() for photo in self.photos]
        question = [self.text, self.not_text, photos, self.box, self.product_id, self.text_weight, self.filter]
        arranged = [self.facets, self.sort, self.max_per, self.like, self.unlike, self.min_probability]
        arranged += [self.less_likely] if self.less_likely else []
        arranged += ["closest", self.closest] if self.closest else []
        asked = [*question, *self.also, self.diversity, self.freshness, self.legs, self.understand, *arranged]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]


def check_request(request: SearchRequest) -> Filter | None:
    """Checks all that can be checked without reading the photo; returns the parsed filters as one.

    Raises:
        InvalidQuery: names the field.
        InvalidFilter: names the position.
    """
    if not request.asks and not request.cursor:
        raise InvalidQuery("text, image, product_id or like must be given; got none of them.")
    if request.image is not None and request.product_id:
        raise InvalidQuery("image or product_id must be given, not both. Leave one out.")
    _check_photos(request)
    _check_feedback(request)
    check_words("text", request.text)
    check_words("not_text", request.not_text)
    check_k(request.k)
    for name in ("text_weight", "diversity", "freshness", "min_probability"):
        value = getattr(request, name)
        if value is not None and not 0 <= value <= 1:
            raise InvalidQuery(f"{name} must be from 0 to 1; got {value}.", field=name)
    if request.box is not None:
        _check_box(request)
    if request.objects:
        _check_objects(request)
    if request.why:
        _check_why(request)
    if request.legs not in LEGS:
        raise InvalidQuery(f"legs must be one of {', '.join(LEGS)}; got {request.legs[:100]!r}.", field="legs")
    read_facets(request.facets)
    check_sort(request.sort)
    read_cap(request.max_per)
    return all_of([parse_filter(text) for text in (request.filter, *request.also) if text.strip()])


def check_words(field: str, words: str, most: int = MAX_TEXT) -> None:
    """Raises InvalidQuery, which names `field`, if there are more characters than `most`."""
    if len(words) > most:
        raise InvalidQuery(f"{field} must have at most {most} characters; got {len(words)}.", field=field)


def check_k(k: int, most: int = MAX_K) -> None:
    """Raises InvalidQuery if `k` is no whole number from 1 to `most`."""
    if not isinstance(k, int) or not 1 <= k <= most:
        raise InvalidQuery(f"k must be a whole number from 1 to {most}; got {k}.", field="k")


def words_alone(request: SearchRequest) -> bool:
    """Tells whether nothing but wanted words is asked for."""
    return not (shows(request) or request.unlike or request.not_text.strip())


def shows(request: SearchRequest) -> bool:
    """Tells whether something is shown that hits should look like: a photo, a product or liked products."""
    return request.image is not None or bool(request.product_id or request.like)


def photo_input(
    content: bytes, box: Box | None, size: int, settings: Settings, preprocessing: str, look: str = "photo"
) -> NDArray[np.uint8]:
    """Returns a photo, or its box, as network input uint8 (1, size, size, 3), by the rule of `load_input`.

    Raises:
        InvalidImage: the bytes are not an image that this project accepts.
        InvalidQuery: the box does not lie within the photo.
    """
    if box is None:
        return load_input(content, size, settings, preprocessing, look)[None]
    photo = decode_photo(content, settings, crop=view_of(preprocessing).around(box))
    x0, y0, x1, y1 = box
    if x0 < 0 or y0 < 0 or x1 > photo.width or y1 > photo.height:
        raise InvalidQuery(
            f"box must lie within the photo as shown, {photo.width} x {photo.height} pixels; got {list(box)}.",
            field="box",
        )
    return load_input(photo.pixels, size, settings, preprocessing, look)[None]


@dataclass(frozen=True)
class QueryPoint:
    """A request in the product space.

    Attributes:
        point: float32 (d,), L2 norm 1.
        parts: the point of each thing wanted (`photo`, `words`), float32 (d,), L2 norm 1.
    """

    point: Floats
    parts: dict[str, Floats]


def query_point(request: SearchRequest, generation: Generation, photo: Floats | None, timed: Timed) -> QueryPoint:
    """Joins words and photo to one point, less the unwanted words' share.

    They meet in the weighted mean of their points or, where the generation has a combiner, in the point that it finds:
    a weight of 0.5 stands for that point, a smaller one for points towards the photo, a larger one towards the words.

    Args:
        photo: float32 (d,), the photo's or the product's point, where there is one.
        timed: runs a stage and keeps its time.

    The point of words alone is all zeros if the generation has learned no words: their letters still find products.

    Raises:
        InvalidQuery: there are words beside a photo or a product, and no product text to have learned words from.
    """
    wanted, unwanted = request.means.strip(), request.not_text.strip()
    parts = {} if photo is None else {"photo": photo}
    away = np.zeros(generation.projection.space_dim, np.float32)
    if words_alone(request) and generation.text_tower() is None:
        return QueryPoint(away, {})
    if words := [text for text in (wanted, unwanted) if text]:
        points = list(timed("text", lambda: _words(generation, words)))
        if unwanted:
            away = points.pop()
        if wanted:
            parts["words"] = points.pop()
    if len(parts) == 2:
        wanted_point = _joined(generation, parts["photo"], parts["words"], request.text_weight)
    else:
        wanted_point = next(iter(parts.values()), np.zeros_like(away))
    return QueryPoint(normalise(wanted_point - _NOT_TEXT_SHARE * away), parts)


def _joined(generation: Generation, photo: Floats, words: Floats, weight: float) -> Floats:
    if generation.combiner is None:
        return mean_of(photo, words, weight)
    middle = generation.combiner.apply(photo, words)
    return mean_of(photo, middle, 2 * weight) if weight <= 0.5 else mean_of(middle, words, 2 * weight - 1)


def _words(generation: Generation, texts: list[str]) -> Floats:
    tower = generation.text_tower()
    if tower is None:
        raise InvalidQuery("text search needs products with a title or description; the catalogue has none. Add them.")
    return tower.embed(texts)


def _check_photos(request: SearchRequest) -> None:
    if request.more_images and request.image is None:
        raise InvalidQuery("more_images must come with image; got none.", field="more_images")
    if len(request.photos) > MOST_PHOTOS:
        raise InvalidQuery(f"at most {MOST_PHOTOS} photos may be given; got {len(request.photos)}.", field="image")


def _check_feedback(request: SearchRequest) -> None:
    for name in ("like", "unlike"):
        if len(ids := getattr(request, name)) > MOST_LIKED:
            raise InvalidQuery(f"{name} must name at most {MOST_LIKED} products; got {len(ids)}.", field=name)
    if both := sorted(set(request.like) & set(request.unlike)):
        raise InvalidQuery(
            f"a product must not be both liked and unliked; got {both[0][:100]!r} in both. Leave it out of one.",
            field="unlike",
        )


def _check_box(request: SearchRequest) -> None:
    box = request.box or ()
    if len(request.photos) != 1:
        got = len(request.photos) or "none"
        raise InvalidQuery(f"box needs exactly one image; got {got}.", field="box")
    if len(box) != 4 or not all(math.isfinite(side) for side in box):
        raise InvalidQuery(f"box must be four numbers x0, y0, x1, y1; got {list(box)}.", field="box")
    if box[2] - box[0] < MIN_BOX_SIDE or box[3] - box[1] < MIN_BOX_SIDE:
        raise InvalidQuery(f"box must be at least {MIN_BOX_SIDE} pixels wide and high; got {list(box)}.", field="box")


def _check_objects(request: SearchRequest) -> None:
    if len(request.photos) != 1:
        raise InvalidQuery(f"objects needs exactly one image; got {len(request.photos) or 'none'}.", field="objects")
    for name in ("box", "text", "not_text", "cursor"):
        if getattr(request, name):
            raise InvalidQuery(
                f"objects must come without {name}, which is about one thing; leave one out.", field="objects"
            )


def _check_why(request: SearchRequest) -> None:
    if request.why != "map":
        raise InvalidQuery(f"why must be map, or left out; got {request.why[:100]!r}.", field="why")
    given = len(request.photos) + bool(request.product_id)
    if given != 1:
        raise InvalidQuery(
            f"why needs exactly one photo or product to compare hits with; got {given or 'none'}.", field="why"
        )
