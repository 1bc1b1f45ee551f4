"""The filters beside the results: for each fact that the catalogue has, the values that can be chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from babel.numbers import get_currency_precision

from api.languages import N_, gettext, language, number
from api.page.form import FACETS, PageForm
from api.resources import ShelfContents
from data.columns import FacetCounts
from data.photos import COLOUR_NAMES

SHOWN = 8  # values of a filter that are seen at once, besides the chosen ones
_TITLES = {"category": N_("Category"), "brand": N_("Brand"), "colour": N_("Colour")}
Facets = Mapping[str, FacetCounts]


@dataclass(frozen=True)
class Choice:
    """A value that can be chosen.

    Attributes:
        text: the value as it is shown.
        count: the number of products that have it; None: not counted.
    """

    value: str
    text: str
    count: int | None
    chosen: bool


@dataclass(frozen=True)
class FilterGroup:
    """The values of one fact, chosen ones first; `more` are folded away at first."""

    name: str
    title: str
    choices: tuple[Choice, ...]
    more: tuple[Choice, ...]


@dataclass(frozen=True)
class PriceRange:
    """A range of prices, with the number of products in it and the URL that asks for them."""

    text: str
    count: int
    url: str


@dataclass(frozen=True)
class Filters:
    """All filters.

    Attributes:
        has_prices: whether there are prices to filter by.
        in_stock: how many products are in stock; None if all are, or none.
    """

    groups: tuple[FilterGroup, ...]
    has_prices: bool
    ranges: tuple[PriceRange, ...]
    in_stock: int | None


def facet_names(shelf: ShelfContents) -> tuple[str, ...]:
    """Returns the facts that are counted for the filters; at most 10, as many as a search may name."""
    return (*FACETS, "price", "in_stock", *(f"attr.{name}" for name in shelf.attributes if "," not in name))


def filters_of(form: PageForm, shelf: ShelfContents, facets: Facets, unchosen: Facets) -> Filters:
    """Returns the filters that are worth showing: with two values or more, or with something chosen.

    Args:
        facets: the counts of the answer; empty if there is none.
        unchosen: of facts that are filtered by, the counts without that filter.
    """
    names = dict.fromkeys((*FACETS, *facets, *form.chosen))
    groups = [_group(form, name, facets, unchosen, shelf) for name in names if name not in ("price", "in_stock")]
    stock = _counts(facets, "in_stock")
    return Filters(
        groups=tuple(group for group in groups if len(group.choices) > 1 or group.name in form.chosen),
        has_prices=bool(shelf.currency or form.min_price or form.max_price),
        ranges=_ranges(form, shelf, facets.get("price", FacetCounts())),
        in_stock=stock.get("True", 0) if form.in_stock or len(stock) > 1 else None,
    )


def _group(form: PageForm, name: str, facets: Facets, unchosen: Facets, shelf: ShelfContents) -> FilterGroup:
    chosen = form.chosen.get(name, ())
    folded = {value.casefold(): count for value, count in _counts(facets, name).items()}
    first = [_choice(name, value, folded.get(value.casefold()), chosen=True) for value in chosen]
    taken = {value.casefold() for value in chosen}
    others = _counts({**facets, **unchosen}, name)
    rest = [_choice(name, value, count) for value, count in others.items() if value.casefold() not in taken]
    if not rest and name not in unchosen and (chosen or name not in facets):  # a later page, or the search failed
        rest = [_choice(name, value, None) for value in _values(name, shelf) if value.casefold() not in taken]
    return FilterGroup(name, fact_title(name), (*first, *rest[:SHOWN]), tuple(rest[SHOWN:]))


def _counts(facets: Facets, name: str) -> dict[str, int]:
    return {str(entry.value): entry.count for entry in facets.get(name, FacetCounts()).values}


def fact_title(name: str) -> str:
    """Returns what a fact is called on the page; an attribute has the shop's own name."""
    if name in _TITLES:
        return gettext(_TITLES[name])
    own = name.removeprefix("attr.")
    return own[:1].upper() + own[1:]


def value_text(name: str, value: str) -> str:
    """Returns a fact's value as it is shown: only the colours that this program names are translated."""
    korean = COLOUR_NAMES.get(value.lower()) if name == "colour" and language() == "ko" else None
    return korean or value


def _choice(name: str, value: str, count: int | None, *, chosen: bool = False) -> Choice:
    return Choice(value, value_text(name, value), count, chosen)


def _values(name: str, shelf: ShelfContents) -> Sequence[str]:
    return {"category": shelf.categories, "brand": shelf.brands, "colour": shelf.colours}.get(name, ())


def _ranges(form: PageForm, shelf: ShelfContents, facet: FacetCounts) -> tuple[PriceRange, ...]:
    """Returns ranges of prices; none where there is one alone, since it says nothing."""
    step = 10 ** -get_currency_precision(shelf.currency)  # a range ends below its `max`, a form's price belongs to it
    without: Any = [("min_price", ""), ("max_price", "")]
    ranges = [
        PriceRange(
            f"{number(part.min)} – {number(part.max)}",
            part.count,
            form.url(less=without, plus=[("min_price", f"{part.min:.12g}"), ("max_price", f"{part.max - step:.12g}")]),
        )
        for part in facet.ranges
    ]
    return tuple(ranges) if len(ranges) > 1 else ()
