"""What a rebuild of a large catalogue trains with: a share of its products, drawn so that events still teach."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from tiny_shop import TinyShop

from data.events import Event, Events
from data.settings import Settings
from engine.text import TextEncoder
from training import space
from training.context import TrainingContext
from training.match.asking import Answering
from training.match.questions import Asked

START = datetime(2026, 1, 1, tzinfo=UTC)
PRODUCTS = 40


@pytest.fixture
def shop(settings: Settings) -> TinyShop:
    shop = TinyShop(settings)
    for number in range(PRODUCTS):
        shop.put(f"p{number}", [[1.0, number, *[0.0] * 6], [0.0, number, *[1.0] * 6]], title=f"thing {number}")
    return shop


def drawn(shop: TinyShop, most_photos: int) -> TrainingContext:
    whole = TrainingContext(
        settings=shop.settings, catalogue=shop.catalogue, snapshot=shop.catalogue.snapshot(), features=shop.features,
        spec=shop.backbone.spec, live=None,
    )  # fmt: skip
    return whole.drawn(most_photos)


def click(shop: TinyShop, product_ids: Sequence[str]) -> None:
    clicks = [
        Event(event_id=f"e{at}", kind="click", at=START + timedelta(seconds=at), query_text="thing", product_id=name)
        for at, name in enumerate(product_ids)
    ]
    Events(shop.settings.home).append(clicks)


def names_of(context: TrainingContext) -> list[str]:
    return [facts.product.product_id for facts in context.facts()]


def test_a_small_catalogue_is_learned_whole(shop: TinyShop) -> None:
    assert names_of(drawn(shop, 2 * PRODUCTS)) == [f"p{number}" for number in range(PRODUCTS)]


def test_whole_products_are_drawn_evenly(shop: TinyShop) -> None:
    context = drawn(shop, PRODUCTS)
    keys, counts = np.unique(context.snapshot.product_keys, return_counts=True)
    assert len(keys) == PRODUCTS // 2
    assert set(counts.tolist()) == {2}
    assert np.diff(keys).max() <= 3
    assert len(context.snapshot.image_sha256) == len(context.snapshot.image_keys) == PRODUCTS
    assert len(context.features.read(context.snapshot.image_sha256)) == PRODUCTS


def test_what_shoppers_chose_comes_first(shop: TinyShop) -> None:
    chosen = ["p3", "p4", "p5", "p6"]
    click(shop, chosen)
    names = names_of(drawn(shop, 20))
    assert set(chosen) <= set(names)
    assert 8 <= len(names) <= 10


def test_what_shoppers_chose_takes_half_at_most(shop: TinyShop) -> None:
    click(shop, [f"p{number}" for number in range(30) for _ in range(1 + (number >= 25))])
    names = names_of(drawn(shop, 20))
    assert {f"p{number}" for number in range(25, 30)} <= set(names)  # those chosen most
    assert 8 <= len(names) <= 10


def test_questions_are_answered_with_the_drawn_products_alone(shop: TinyShop, tmp_path: Path) -> None:
    context = drawn(shop, PRODUCTS)
    folder = tmp_path / "staged"
    folder.mkdir()
    space.train(context, folder)
    answering = Answering(context, folder, TextEncoder(), lambda asked, text: (0.0, 0.0))
    answering.read_words(["thing"])
    right = frozenset(context.snapshot.product_keys.tolist())
    answer = answering.answer(Asked(kind="text", source="", group="", text="thing", right=right))
    assert answer is not None
    assert len(answer.right) == len(right)
    assert answer.right.all()
