"""What the page makes of an answer: groups in words, filters with counts, and chips that take back what they say."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from werkzeug.datastructures import MultiDict

from api.page.chips import chips_of
from api.page.filters import facet_names, filters_of
from api.page.form import PageForm, read_page_form
from api.page.groups import LESS_SHOWN, shown_of
from api.page.search import Found
from api.resources import ShelfContents
from data.columns import FacetCounts, RangeCount, ValueCount
from data.filters import parse_filter
from engine.answers import MOST_FACETS
from engine.search import SearchAnswer
from engine.understanding import Constraint

SHELF = ShelfContents(
    brands=("Acorn", "Oak", "Elm"), categories=("Kitchen",), currency="EUR", attributes=tuple("abcde")
)


def hits(probabilities: Sequence[float | None]) -> Any:
    return [SimpleNamespace(match_probability=probability) for probability in probabilities]


@pytest.mark.parametrize(
    ("probabilities", "groups"),
    [
        ([0.9, 0.6, 0.3, 0.01], [("near", "", 3, 2), ("less", "Less similar", 1, 0)]),
        ([0.9, 0.3, 0.7], [("near", "", 3, 1)]),  # a better hit behind a worse one stays there
        ([0.9] * 5, [("near", "", 5, 0)]),  # the mark would tell none apart
        ([0.05, 0.01], [("less", "", 2, 0)]),
        ([0.9, None], [("near", "", 2, 0)]),
        ([], []),
    ],
)
def test_hits_are_grouped_by_how_well_they_match(
    probabilities: list[float | None], groups: list[tuple[str, str, int, int]]
) -> None:
    found = shown_of(hits(probabilities), judged=True, is_first_page=True).groups
    assert [(group.name, group.title, len(group.hits), group.best) for group in found] == groups


def test_sorted_hits_are_one_group_and_later_pages_say_what_follows() -> None:
    [group] = shown_of(hits([0.1, 0.9]), judged=False, is_first_page=True).groups
    assert (group.title, group.best) == ("", 0)
    [group] = shown_of(hits([0.01]), judged=True, is_first_page=False).groups
    assert group.title == "Less similar"


@pytest.mark.parametrize(
    ("probabilities", "by_photo", "is_first_page", "sizes", "is_last"),
    [
        ([0.9] * 24, False, True, [24], False),  # perhaps the next page has more
        ([0.9, *[0.05] * 3, *[0.0] * 20], False, True, [1, 3], True),  # words surely do not mean the others
        ([0.9, *[0.0] * 23], False, True, [1], True),
        ([0.9, *[0.0] * 23], True, True, [1, LESS_SHOWN], True),  # a photo's lookalikes are worth seeing
        ([0.0] * 24, False, True, [LESS_SHOWN], True),  # no clear match: what comes closest
        ([0.0] * 24, False, False, [], True),
        ([0.0] * 24, True, False, [LESS_SHOWN], True),
        ([None] * 24, True, True, [24], False),
    ],
)
def test_results_end_where_what_follows_does_not_match(
    probabilities: list[float | None], by_photo: bool, is_first_page: bool, sizes: list[int], is_last: bool
) -> None:
    found = shown_of(hits(probabilities), judged=True, is_first_page=is_first_page, by_photo=by_photo)
    assert [len(group.hits) for group in found.groups] == sizes
    assert found.is_last == is_last


def test_filters_show_counts_chosen_values_first_and_only_what_can_be_chosen() -> None:
    facets = {
        "category": FacetCounts((ValueCount("Kitchen", 9),)),
        "brand": FacetCounts((ValueCount("ACORN", 4),)),
        "attr.size": FacetCounts((ValueCount(42, 3), ValueCount("L", 1))),
        "price": FacetCounts(ranges=(RangeCount(5, 10, 2), RangeCount(10, 40, 7))),
        "in_stock": FacetCounts((ValueCount(True, 8), ValueCount(False, 1))),
    }
    form = PageForm(q="mug", chosen={"brand": ("Acorn",)}, max_price="99")
    filters = filters_of(form, SHELF, facets, {})
    shown = {group.name: [(choice.value, choice.count, choice.chosen) for choice in group.choices]
             for group in filters.groups}  # fmt: skip
    assert shown == {
        "brand": [("Acorn", 4, True), ("Oak", None, False), ("Elm", None, False)],
        "attr.size": [("42", 3, False), ("L", 1, False)],
    }
    facets["brand"] = FacetCounts((ValueCount("ACORN", 4), ValueCount("Oak", 2)))
    counted = next(group for group in filters_of(form, SHELF, facets, {}).groups if group.name == "brand")
    assert [(each.value, each.count) for each in counted.choices] == [("Acorn", 4), ("Oak", 2)]
    unchosen = {"brand": FacetCounts((ValueCount("Acorn", 5), ValueCount("Birch", 3)))}
    counted = next(group for group in filters_of(form, SHELF, facets, unchosen).groups if group.name == "brand")
    assert [(each.value, each.count) for each in counted.choices] == [("Acorn", 4), ("Birch", 3)]
    assert [(part.text, part.count) for part in filters.ranges] == [("5 – 10", 2), ("10 – 40", 7)]
    limits = dict(parse_qsl(urlsplit(filters.ranges[0].url).query))
    assert limits == {"q": "mug", "brand": "Acorn", "min_price": "5", "max_price": "9.99"}
    assert filters.in_stock == 8


def test_no_more_facts_are_counted_than_a_search_may_name() -> None:
    assert len(facet_names(SHELF)) == MOST_FACETS


def test_an_attribute_is_filtered_by_as_text_number_or_boolean() -> None:
    form = read_page_form(MultiDict([("attr.shoe size", "42"), ("attr.shoe size", "L"), ("attr.kids", "True")]))
    chosen = parse_filter(form.filter())
    for size, kids, passes in ((42, True, True), ("42", "true", True), ("l", True, True), (43, True, False)):
        assert chosen.matches({"attributes": {"shoe size": size, "kids": kids}}) == passes
    assert parse_qsl(urlsplit(form.url()).query) == [
        ("attr.shoe size", "42"), ("attr.shoe size", "L"), ("attr.kids", "True"),
    ]  # fmt: skip


def found(**fields: Any) -> Found:
    answer = SearchAnswer(
        query_id="q", generation="g", pending=0, took_ms=1, hits=(), next_cursor=None, no_match=False, **fields
    )
    return Found(answer=answer, groups=())


@pytest.mark.parametrize(
    ("labels", "unsure", "missed"),
    [(("Shoes",), False, "Shoes"), (("shoes", "Mugs"), True, ""), (("mugs", "Shoes"), False, ""), ((), False, "")],
)
def test_what_the_photo_shows_and_what_was_found_do_not_differ_without_a_word(
    labels: tuple[str, ...], unsure: bool, missed: str
) -> None:
    answer: Any = SimpleNamespace(hits=[SimpleNamespace(category="Mugs"), SimpleNamespace(category="Teapots")])
    assert Found(answer=answer, groups=(), labels=labels, unsure=unsure).missed_label == missed


@pytest.mark.parametrize(
    ("typed", "part", "kind", "query"),
    [
        ("mug under 20 euro red", Constraint("under 20 euro", "price < 20"), "understood", {"q": "mug red"}),
        ("under 20 euro", Constraint("under 20 euro", "price < 20", relaxed=True), "dropped", {}),
        ("mug 1l red", Constraint("1l", relaxed=True), "dropped", {"q": "mug red"}),
        ("rde mug", Constraint("red", 'colour = "red"'), "understood", {"q": "rde mug", "as_typed": "1"}),
    ],
)
def test_a_chip_takes_back_what_was_understood(typed: str, part: Constraint, kind: str, query: dict[str, str]) -> None:
    [chip] = chips_of(PageForm(q=typed), found(understood=(part,)))
    assert (chip.kind, chip.text) == (kind, part.text)
    assert dict(parse_qsl(urlsplit(chip.url).query)) == query
