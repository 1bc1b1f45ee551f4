"""The filters beside the results: for each fact that the catalogue has, the values that can be chosen."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.page.form import FACETS, PageForm
from api.resources import ShelfContents

SHOWN = 8  # values of a filter that are seen at once, besides the chosen ones
TITLES = {"category": "Category", "brand": "Brand", "colour": "Colour"}


@dataclass(frozen=True)
class Choice:
    """A value that can be chosen, with the number of products that have it; None: not counted."""

    value: str
    count: int | None
    chosen: bool


@dataclass(frozen=True)
class FilterGroup:
    """The values of one fact, chosen ones first; `more` are folded away at first."""

    name: str
    title: str
    choices: tuple[Choice, ...]
    more: tuple[Choice, ...]


def filter_groups(form: PageForm, shelf: ShelfContents) -> list[FilterGroup]:
    """Returns the filters that are worth showing: those with two values or more, or with a chosen one."""
    values = {"category": shelf.categories, "brand": shelf.brands, "colour": shelf.colours}
    groups = [_group(name, TITLES[name], values[name], form.chosen.get(name, ())) for name in FACETS]
    return [group for group in groups if len(group.choices) > 1 or any(choice.chosen for choice in group.choices)]


def _group(name: str, title: str, values: Sequence[str], chosen: Sequence[str]) -> FilterGroup:
    first = [Choice(value, None, True) for value in chosen]
    rest = [Choice(value, None, False) for value in values if value not in chosen]
    return FilterGroup(name, title, (*first, *rest[:SHOWN]), tuple(rest[SHOWN:]))
