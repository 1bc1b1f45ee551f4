"""The order of an answer to words: what is likely stands before what is not, however new or alike that is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from made_up_models import logistic, plain_space
from tiny_shop import AxisTower, TinyShop, blend, ids

from data.settings import Settings
from engine.answers import ANSWER_SIGNS, HIT_SIGNS
from engine.generation import Generation
from engine.match import KindModel, MatchModel, WordMap
from engine.search import SearchEngine, SearchRequest

OLD = (datetime.now(UTC) - timedelta(days=900)).isoformat()
NEW = datetime.now(UTC).isoformat()


@pytest.fixture
def shop(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> TinyShop:
    """A mug with all of the words, and more like their point a vase and a glass that share one, or its last sign."""
    monkeypatch.setattr(Generation, "text_tower", lambda self: AxisTower())
    shop = TinyShop(settings)
    shop.put("best", [blend(0, 1, 0.25)], title="Red enamel mug", brand="빨간 머그컵", created_at=OLD)
    shop.put("other", [blend(0, 2, 0.28)], title="Red glass", brand="빨간 유리잔", created_at=OLD)
    return shop


def put_vase(shop: TinyShop) -> None:
    shop.put("new", [blend(0, 3, 0.27)], title="Red vase", brand="빨간 지그재그", created_at=NEW)


def model() -> MatchModel:
    """Returns models that believe in products which have all of the words, and in no others."""
    kind = KindModel(
        logistic(ANSWER_SIGNS["text"], bias=9.0), logistic(HIT_SIGNS["text"], bias=-30.0, share=50.0)
    )  # fmt: skip
    none = np.zeros((0, 3), np.float32)
    return MatchModel(kinds={"text": kind}, words=WordMap(none, none), space=plain_space())


def engine_of(shop: TinyShop) -> SearchEngine:
    return SearchEngine(shop.settings, backbone=shop.backbone)


def asked(text: str, **fields: Any) -> SearchRequest:
    return SearchRequest(text=text, understand=False, **fields)


@pytest.mark.parametrize("text", ["red mug", "mug red", "빨간 머그", "빨간 머그컵"])
@pytest.mark.parametrize("freshness", [None, 1.0])
def test_a_new_product_with_one_of_the_words_stays_behind_one_with_both(
    shop: TinyShop, text: str, freshness: float | None
) -> None:
    shop.publish()
    engine = engine_of(shop)
    engine.search(asked(text))
    put_vase(shop)
    answer = engine.search(asked(text, freshness=freshness))
    assert ids(answer) == ["best", "new", "other"]
    assert any(reason == "freshness: place 3 -> 2" for reason in answer.hits[1].why)


@pytest.mark.parametrize("text", ["mug", "머그"])
def test_no_product_that_is_hardly_meant_stands_before_one_that_surely_is(shop: TinyShop, text: str) -> None:
    for number in range(3):  # more alike, by photo, than letters make up for
        shop.put(f"look-{number}", [blend(0, 4 + number, 0.99)], title="", created_at=NEW)
    shop.publish()
    assert ids(engine_of(shop).search(asked(text)))[0] != "best"
    shop.publish(match=model())
    answer = engine_of(shop).search(asked(text))
    chances = [hit.match_probability or 0.0 for hit in answer.hits]
    assert (answer.hits[0].product_id, chances[0] > 0.5 > 0.15 > chances[1]) == ("best", True)


def test_what_was_typed_stands_first_though_the_models_do_not_believe_in_it(shop: TinyShop) -> None:
    shop.publish(match=model())
    engine = engine_of(shop)
    engine.search(asked("red mug"))
    put_vase(shop)
    for text in ("new", "Red vase"):
        hit = engine.search(asked(text)).hits[0]
        assert (hit.product_id, hit.match_probability) == ("new", 1.0)
    assert ids(engine.search(asked("red vese")))[0] == "new"
    assert ids(engine.search(asked("red enamel mug", sort="-created_at")))[0] == "best"  # its title was typed
