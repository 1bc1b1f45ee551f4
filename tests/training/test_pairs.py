"""Training pairs from product texts and from events."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from tiny_shop import TinyShop, axis

from data.events import Event, Events
from data.settings import Settings
from training.behaviour import WORTH
from training.context import TrainingContext
from training.embedder import SOURCES, collect_pairs
from training.embedder.pairs import Pairs
from training.errors import NotEnoughData

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def shop(settings: Settings) -> TinyShop:
    shop = TinyShop(settings)
    shop.put("a", [axis(0)], title="red apple", category="fruit", brand="Orchard")
    shop.put("b", [axis(1)], title="milk", category="dairy", description="Fresh. From the farm.")
    return shop


def context_of(shop: TinyShop) -> TrainingContext:
    return TrainingContext(
        settings=shop.settings, catalogue=shop.catalogue, snapshot=shop.catalogue.snapshot(), features=shop.features,
        spec=shop.backbone.spec, live=None,
    )  # fmt: skip


def log(shop: TinyShop, *events: dict[str, Any]) -> None:
    rows = [
        Event(**{"event_id": f"e{number}", "kind": "click", "at": START + timedelta(seconds=number), **event})
        for number, event in enumerate(events)
    ]
    Events(shop.settings.home).append(rows)


def weight_of(pairs: Pairs, query: str, key: int, source: str) -> float:
    """The weight of one pair; 0 where it is not there."""
    names = [*pairs.texts, *pairs.photos]
    found = [
        float(weight)
        for number, product, weight, kind in zip(
            pairs.queries, pairs.products, pairs.weights, pairs.sources, strict=True
        )
        if (names[number], product, SOURCES[kind]) == (query, key, source)
    ]
    assert len(found) <= 1
    return found[0] if found else 0.0


def test_product_texts_become_pairs_by_source(shop: TinyShop) -> None:
    pairs = collect_pairs(context_of(shop))
    apple, milk = (shop.catalogue.get(name).product_key for name in ("a", "b"))
    assert weight_of(pairs, "red apple", apple, "title") == 2
    assert weight_of(pairs, "fruit", apple, "category") == 1
    assert weight_of(pairs, "Orchard red apple", apple, "brand") > 0
    assert weight_of(pairs, "From the farm.", milk, "description") > 0
    assert weight_of(pairs, "red apple", milk, "title") == 0
    assert pairs.counts["click"] == 0
    assert sum(pairs.counts.values()) == len(pairs)


def test_clicks_count_by_the_square_root_and_more_further_down(shop: TinyShop) -> None:
    first = {"query_text": "something red", "product_id": "a", "position": 0}
    log(shop, *[first] * 9, {"query_text": "drink", "product_id": "b", "position": 2})
    pairs = collect_pairs(context_of(shop), ("click",))
    apple, milk = (shop.catalogue.get(name).product_key for name in ("a", "b"))
    assert weight_of(pairs, "something red", apple, "click") == pytest.approx(3)
    assert weight_of(pairs, "drink", milk, "click") == pytest.approx(np.sqrt(np.log2(4)))
    assert len(pairs) == 2
    assert pairs.corrected == 1


def test_a_click_takes_its_query_from_its_search(shop: TinyShop) -> None:
    log(
        shop,
        {"kind": "search", "query_id": "q1", "query_text": "cow juice"},
        {"kind": "purchase", "query_id": "q1", "product_id": "b"},
        {"kind": "add_to_cart", "query_id": "gone", "product_id": "b"},
    )
    pairs = collect_pairs(context_of(shop), ("click", "purchase"))
    assert weight_of(pairs, "cow juice", shop.catalogue.get("b").product_key, "purchase") == pytest.approx(
        np.sqrt(WORTH["purchase"])
    )
    assert len(pairs) == 1


def test_photos_and_words_are_numbered_apart(shop: TinyShop) -> None:
    log(shop, {"photo_sha256": "f" * 64, "product_id": "a"}, {"query_text": "f" * 64, "product_id": "b"})
    pairs = collect_pairs(context_of(shop), ("click", "photo"))
    assert pairs.photos == ("f" * 64,)
    assert sorted(pairs.queries.tolist()) == [0, 1]
    assert weight_of(replace(pairs, texts=("",)), "f" * 64, shop.catalogue.get("a").product_key, "photo") == 1


def test_products_that_went_and_sources_that_are_off_give_nothing(shop: TinyShop) -> None:
    log(shop, {"query_text": "old", "product_id": "never"}, {"query_text": "apple", "product_id": "a"})
    assert len(collect_pairs(context_of(shop), ("purchase", "photo"))) == 0
    assert collect_pairs(context_of(shop), ("click",)).texts == ("apple",)
    with pytest.raises(NotEnoughData, match="rumour"):
        collect_pairs(context_of(shop), ("rumour",))


def test_words_and_photos_are_one_account_with_one_position_bias(shop: TinyShop) -> None:
    """A click after a photo counts by the same worth and places as one after words, and is not one after words."""
    log(
        shop,
        {"query_text": "apple", "product_id": "a", "position": 6},
        {"query_text": "Apple", "product_id": "a", "kind": "add_to_cart", "position": 6},
        {"photo_sha256": "e" * 64, "query_text": "apple", "product_id": "a", "kind": "purchase", "position": 6},
    )
    context = context_of(shop)
    pairs, apple = collect_pairs(context), shop.catalogue.get("a").product_key
    chance = context.behaviour.words.propensity[6]
    assert weight_of(pairs, "apple", apple, "click") == pytest.approx(np.sqrt(WORTH["click"] / chance))
    assert weight_of(pairs, "apple", apple, "purchase") == pytest.approx(np.sqrt(WORTH["add_to_cart"] / chance))
    assert weight_of(pairs, "e" * 64, apple, "photo") == pytest.approx(np.sqrt(WORTH["purchase"] / chance))
    assert pairs.corrected == 3
    assert context.behaviour is context.behaviour


def test_a_query_written_in_another_way_is_the_same_text(shop: TinyShop) -> None:
    log(shop, {"query_text": "RED  apple", "product_id": "a", "position": 0})
    pairs = collect_pairs(context_of(shop))
    apple = shop.catalogue.get("a").product_key
    assert weight_of(pairs, "red apple", apple, "title") == 2
    assert weight_of(pairs, "red apple", apple, "click") == 1
