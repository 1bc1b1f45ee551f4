"""What the shopper asked the page for, read from its URL or form, and the URLs that ask for a little more or less."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from werkzeug.datastructures import MultiDict

from api.errors import BadRequest
from api.requests import check_fields, from_texts
from data.filters import quoted
from engine.answers import is_by_relevance

PAGE_SIZE = 24
FACETS = ("category", "brand", "colour")
_MOST_VALUES = 20  # chosen of one facet, or products liked
_MOST_ATTRIBUTES = 5  # that are filtered by
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
_MONEY = re.compile(r"\d{1,9}(\.\d{1,2})?")
Pair = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class PageForm:
    """What the shopper asked for. Prices stay text, as typed, so that the form shows them again.

    Attributes:
        photo: `photo_id` of the shopper's photo; empty: none.
        box: the part of it that counts, as text.
        product_id: products similar to this one.
        chosen: the values chosen of each facet.
        like, unlike: ids of products that the shopper wants more like, or did not mean.
        sort: the order of the hits; empty: the one that the words ask for, else by relevance.
        as_typed: whether the words are searched for as they are, and prices and the like in them are no filters.
        wide: whether words also show what is less similar.
    """

    q: str = ""
    photo: str = ""
    box: str = ""
    product_id: str = ""
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    min_price: str = ""
    max_price: str = ""
    in_stock: bool = False
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    sort: str = ""
    as_typed: bool = False
    wide: bool = False
    cursor: str = ""

    @property
    def has_query(self) -> bool:
        return bool(self.q.strip() or self.photo or self.product_id or self.like or self.cursor)

    @property
    def is_sorted(self) -> bool:
        """Whether another order than by relevance was chosen."""
        return not is_by_relevance(self.sort)

    @property
    def filter_count(self) -> int:
        """How many filters are set, for the button that shows them."""
        return sum(map(len, self.chosen.values())) + bool(self.min_price or self.max_price) + self.in_stock

    def filter(self) -> str:
        """Returns the filter expression.

        Raises:
            BadRequest: a price is not an amount of money.
        """
        terms = [_is_one_of(name, values) for name, values in self.chosen.items()]
        for name, symbol in (("min_price", ">="), ("max_price", "<=")):
            if amount := getattr(self, name).strip():
                if not _MONEY.fullmatch(amount):
                    raise BadRequest(f"A price must be a number such as 25 or 19.90; got {amount[:40]!r}.", field=name)
                terms.append(f"price {symbol} {amount}")
        if self.in_stock:
            terms.append("in_stock = true")
        return " AND ".join(terms)

    def search_fields(self, image: bytes | None) -> dict[str, Any]:
        """Returns the fields of the `SearchRequest`, but for the facets."""
        raw = {"text": self.q.strip(), "filter": self.filter(), "cursor": self.cursor, "box": self.box if image else "",
               "sort": self.sort}  # fmt: skip
        fields = check_fields(from_texts(MultiDict(raw)), tuple(raw))
        product_id = "" if image else self.product_id
        judged = {"like": self.like, "unlike": self.unlike, "understand": not self.as_typed}
        return {**fields, **judged, "product_id": product_id, "image": image, "k": PAGE_SIZE}

    def pairs(self) -> list[Pair]:
        """Returns the form as name and value of each of its fields, without the cursor."""
        texts = [("q", self.q), ("photo", self.photo), ("box", self.box), ("product", self.product_id)]
        chosen = [(name, value) for name, values in self.chosen.items() for value in values]
        limits = [("min_price", self.min_price), ("max_price", self.max_price), ("in_stock", "1" * self.in_stock)]
        judged = [(name, one) for name, ids in (("like", self.like), ("unlike", self.unlike)) for one in ids]
        ways = [("sort", self.sort), ("as_typed", "1" * self.as_typed), ("wide", "1" * self.wide)]
        return [(name, value) for name, value in (*texts, *judged, *chosen, *limits, *ways) if value]

    def url(self, *, plus: Iterable[Pair] = (), less: Iterable[Pair] = ()) -> str:
        """Returns the URL that asks for the same with some fields more and some less.

        Args:
            plus: pairs to add.
            less: pairs to leave out; one with an empty value leaves out every field of that name.
        """
        gone = set(less)
        kept = [pair for pair in self.pairs() if pair not in gone and (pair[0], "") not in gone]
        return "/?" + urlencode([*kept, *plus])

    def product_url(self, product_id: str, query_id: str = "") -> str:
        """Returns the URL of a product's page, which keeps this search for the way back.

        Args:
            query_id: the answer that the product is in, so that its page can say why.
        """
        pairs = [*self.pairs(), ("query_id", query_id)] if query_id else self.pairs()
        return f"/p/{quote(product_id, safe='')}" + ("?" + urlencode(pairs) if pairs else "")

    def why_url(self, product_id: str) -> str:
        """Returns the URL that shows what is alike in a product's photo and in that searched by; empty without one."""
        is_of_photos = self.photo or self.product_id
        return f"/why/{quote(product_id, safe='')}?{urlencode(self.pairs())}" if is_of_photos else ""

    def url_without_filters(self) -> str:
        """Returns the URL that asks for the same without any filter."""
        return self.url(less=[(name, "") for name in (*self.chosen, "min_price", "max_price", "in_stock")])

    def next_page(self, cursor: str, *, by_photo: bool) -> str:
        """Returns the URL of the next page of hits.

        Where a photo is not kept, it is the cursor alone: the engine remembers the ranking.
        """
        if by_photo and not self.photo:
            return "/?" + urlencode([("cursor", cursor)])
        return self.url(plus=[("cursor", cursor)])


def read_page_form(values: "MultiDict[str, str]") -> PageForm:
    """Returns the form in query parameters or form fields; ignores unknown ones, since links gather odd parameters."""
    attributes = [name for name in values if name.startswith("attr.")][:_MOST_ATTRIBUTES]
    chosen = {name: _several(values, name) for name in (*FACETS, *attributes)}
    return PageForm(
        q=values.get("q", ""),
        photo=values.get("photo", ""),
        box=values.get("box", ""),
        product_id=values.get("product", ""),
        chosen={name: several for name, several in chosen.items() if several},
        min_price=values.get("min_price", ""),
        max_price=values.get("max_price", ""),
        in_stock=values.get("in_stock") == "1",
        like=_several(values, "like"),
        unlike=_several(values, "unlike"),
        sort=values.get("sort", ""),
        as_typed=values.get("as_typed") == "1",
        wide=values.get("wide") == "1",
        cursor=values.get("cursor", ""),
    )


def _several(values: "MultiDict[str, str]", name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values.getlist(name) if value))[:_MOST_VALUES]


def _is_one_of(name: str, values: Sequence[str]) -> str:
    """Returns a filter for a fact; what an attribute's value is, text or number or boolean, a URL cannot tell."""
    literals = [quoted(value) for value in values]
    if name.startswith("attr."):
        attribute = name.removeprefix("attr.").replace('"', "")
        name = f'attr."{attribute}"'
        literals += [value for value in values if _NUMBER.fullmatch(value)]
        literals += [value.lower() for value in values if value in ("True", "False")]
    return f"{name} IN ({', '.join(literals)})"
