"""Learned queries within a generation, and the default freshness that rests on them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_shop
from tiny_shop import DIM, TinyShop, axis, photo_of

from data.settings import Settings
from engine.answers import ranking
from engine.generation import Generation, load_generation, write_generation_files
from engine.known_queries import LearnedQueries, LearnedTextTower
from engine.protocols import Floats
from engine.search import SearchEngine, SearchRequest
from engine.space import Projection, space_digest
from engine.text import TextHead

SPACE = Projection(transform="none", mean=np.zeros(DIM, np.float32), matrix=np.eye(DIM, dtype=np.float32))


class _Words:
    def embed(self, texts: list[str]) -> Floats:
        return np.array([axis(0) for _ in texts], np.float32)


@pytest.mark.parametrize(("space", "known"), [(space_digest(SPACE), True), ("of another time", False)])
def test_points_of_another_space_are_not_used(settings: Settings, monkeypatch: pytest.MonkeyPatch, space: str,
                                              known: bool) -> None:  # fmt: skip
    def write(folder: Path, *more: Any) -> Any:
        LearnedQueries(["mug"], np.array([axis(3)], np.float32), space).save(folder)
        return write_generation_files(folder, *more)

    monkeypatch.setattr(tiny_shop, "write_generation_files", write)
    monkeypatch.setattr("engine.generation.generation.EncoderTextTower", lambda encoder, head: _Words())
    monkeypatch.setattr("engine.generation.Models.encoder", lambda self, name: None)
    shop = TinyShop(settings)
    shop.put("mug", [axis(3)])
    generation = load_generation(settings, shop.publish(), shop.backbone)
    generation._head = TextHead.__new__(TextHead)
    object.__setattr__(generation._head, "encoder_name", "")
    tower = generation.text_tower()
    assert isinstance(tower, LearnedTextTower) is known
    assert tower is not None
    assert tower.embed(["Mug"]).argmax() == (3 if known else 0)


def test_new_products_gain_by_default_where_words_alone_are_asked(settings: Settings,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(Generation, "text_tower", lambda self: _Words())
    shop = TinyShop(settings)
    near = np.array([1.0, 0.1, *[0.0] * 6])
    now = datetime.now(UTC)
    shop.put("old", [axis(0)], created_at=(now - timedelta(days=900)).isoformat())
    shop.put("new", [(near / np.linalg.norm(near)).tolist()], created_at=now.isoformat())
    shop.publish()
    engine = SearchEngine(settings, backbone=shop.backbone)

    def first(**asked: Any) -> str:
        return engine.search(SearchRequest(**asked)).hits[0].product_id

    assert ranking.DEFAULT_FRESHNESS == 0.2
    assert first(text="mug") == "new"
    assert first(text="mug", freshness=0.0) == "old"
    assert first(image=photo_of(0)) == "old"
    assert first(image=photo_of(0), freshness=1.0) == "new"
