"""The pages of an answer: what they hold while the catalogue changes, and how long their cursors are good."""

from dataclasses import replace
from typing import Any

import pytest
from tiny_shop import TinyShop, axis, blend, ids, photo_of

from engine.answers import RankingStore
from engine.errors import CursorExpired, InvalidQuery
from engine.protocols import Aim
from engine.search import SearchEngine, SearchRequest


def publish_row(shop: TinyShop, count: int, **facts: Any) -> list[str]:
    """Publishes products, each a little less like `axis0` than the one before, and returns their ids in this order."""
    names = [f"p{number}" for number in range(count)]
    for number, name in enumerate(names):
        shop.put(name, [blend(0, 1, 1 - number / 40)], **facts)
    shop.publish()
    return names


def test_pages_never_repeat_or_skip_while_the_catalogue_changes(shop: TinyShop, engine: SearchEngine) -> None:
    names = publish_row(shop, 20)
    page = engine.search(SearchRequest(text="axis0", k=6))
    seen = ids(page)
    shop.put("newcomer", [axis(0)])
    shop.catalogue.delete("p8")
    shop.put("p10", [axis(7)])
    shop.publish()
    while page.next_cursor:
        page = engine.search(SearchRequest(cursor=page.next_cursor, k=6))
        seen += ids(page)
    assert seen == [name for name in names if name != "p8"]


def test_a_ranking_that_was_cut_short_goes_on_where_it_ended(
    shop: TinyShop, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = publish_row(shop, 20)
    whole = engine.search(SearchRequest(product_id="p0", k=19))
    monkeypatch.setattr("engine.answers.find._MANY_PRODUCTS", 0)
    monkeypatch.setattr("engine.answers.find._FIRST_DEPTHS", (5,))
    for changes in (False, True):
        page = engine.search(SearchRequest(product_id="p0", k=2))
        seen, total = ids(page), page.total
        while page.next_cursor:
            if changes and len(seen) == 4:  # before the sixth product is wanted
                shop.put("newcomer", [axis(0)])
                shop.publish()
            page = engine.search(SearchRequest(cursor=page.next_cursor, k=2))
            seen += ids(page)
        assert [name for name in seen if name != "newcomer"] == ids(whole) == names[1:]
        assert len(seen) == len(set(seen))
        assert total == whole.total


def test_nothing_more_is_found_for_a_product_that_is_gone(
    shop: TinyShop, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_row(shop, 9)
    monkeypatch.setattr("engine.answers.find._MANY_PRODUCTS", 0)
    monkeypatch.setattr("engine.answers.find._FIRST_DEPTHS", (3,))
    page = engine.search(SearchRequest(product_id="p0", k=2))
    shop.catalogue.delete("p0")
    page = engine.search(SearchRequest(cursor=page.next_cursor or "", k=5))
    assert ids(page) == ["p3"]
    assert page.next_cursor is None


def test_a_page_is_full_although_products_went(shop: TinyShop, engine: SearchEngine) -> None:
    publish_row(shop, 10)
    page = engine.search(SearchRequest(text="axis0", k=2))
    for gone in ("p2", "p3", "p5"):
        shop.catalogue.delete(gone)
    assert ids(engine.search(SearchRequest(cursor=page.next_cursor or "", k=3))) == ["p4", "p6", "p7"]


def test_later_pages_keep_the_filter_when_facts_change(shop: TinyShop, engine: SearchEngine) -> None:
    publish_row(shop, 6, price=5)
    page = engine.search(SearchRequest(text="axis0", k=2, filter="price < 10"))
    shop.put("p3", [blend(0, 1, 1 - 3 / 40)], price=50)
    assert ids(engine.search(SearchRequest(cursor=page.next_cursor or "", k=9))) == ["p2", "p4", "p5"]


def test_a_cursor_survives_a_restart_only_with_its_question(shop: TinyShop, engine: SearchEngine) -> None:
    publish_row(shop, 9)
    request = SearchRequest(text="axis0", k=4)
    cursor = engine.search(request).next_cursor or ""
    restarted = SearchEngine(shop.settings, backbone=shop.backbone)
    with pytest.raises(CursorExpired, match="Send the question again"):
        restarted.search(SearchRequest(cursor=cursor))
    assert ids(restarted.search(replace(request, cursor=cursor))) == ["p4", "p5", "p6", "p7"]
    assert ids(restarted.search(SearchRequest(cursor=cursor, k=2))) == ["p4", "p5"]
    with pytest.raises(InvalidQuery, match="another question"):
        engine.search(SearchRequest(text="axis1", cursor=cursor))


def test_rankings_are_bounded(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("a", [axis(0)])
    shop.put("b", [axis(1)])
    shop.publish()
    engine._rankings = RankingStore(size=2)
    first = engine.search(SearchRequest(text="axis0", k=1)).next_cursor or ""
    for _ in range(2):
        engine.search(SearchRequest(text="axis0", k=1))
    with pytest.raises(CursorExpired):
        engine.search(SearchRequest(cursor=first))


def test_the_index_is_told_what_is_asked_and_how_much_of_it_is_shown(
    shop: TinyShop, engine: SearchEngine, aims: list[Aim]
) -> None:
    publish_row(shop, 4)
    for request in (
        SearchRequest(product_id="p0", k=10),
        SearchRequest(product_id="p0", k=11),
        SearchRequest(product_id="p0", k=51),
        SearchRequest(product_id="p0", text="axis0"),
        SearchRequest(product_id="p0", like=("p1",)),
        SearchRequest(text="axis0"),
        SearchRequest(text="axis0", not_text="axis1"),
        SearchRequest(image=photo_of(0), k=10),
    ):
        engine.search(request)
    assert aims == [
        Aim("photo", 10), Aim("photo", 20), Aim("photo", 1000), Aim("", 1000), Aim("", 1000),
        Aim("text", 1000), Aim("", 1000), Aim("", 10),
    ]  # fmt: skip
