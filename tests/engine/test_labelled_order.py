"""The order of an answer to a photo: products of the kind that the voters see in it come a little higher."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_shop import TinyShop, blend, ids

from data.filters import attribute_values
from data.settings import Settings
from engine.answers import labelled
from engine.protocols import Aim, Floats
from engine.search import SearchEngine, SearchRequest


class Voters:
    """See the same chances in every photo."""

    def __init__(self, chances: Mapping[str, float], label_kind: str = "category") -> None:
        self.label_kind, self._chances = label_kind, chances
        self.label_numbers = {value: at for at, label in enumerate(chances) for value in attribute_values(label)}

    def chances(self, rows: Floats) -> Floats:
        return np.array([list(self._chances.values())] * len(rows), np.float32)


def photo() -> bytes:
    """Returns a photo that is embedded as axis 0."""
    content = io.BytesIO()
    Image.new("RGB", (16, 16), (0, 0, 0)).save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def shop(settings: Settings) -> TinyShop:
    """A vase that looks most like the photo, then two mugs, one of no category, and a plate."""
    shop = TinyShop(settings)
    shop.put("vase", [blend(0, 1, 0.60)], category="Vases")
    shop.put("mug", [blend(0, 2, 0.58)], category="mugs", attributes={"size": "12"})
    shop.put("unnamed", [blend(0, 3, 0.56)])
    shop.put("plate", [blend(0, 4, 0.54)], category="Plates", attributes={"size": "7"})
    shop.publish()
    return shop


def asked(shop: TinyShop, monkeypatch: pytest.MonkeyPatch, voters: Any, **fields: Any) -> list[str]:
    engine = SearchEngine(shop.settings, backbone=shop.backbone)
    monkeypatch.setattr(engine._live.view().generation, "recogniser", voters)
    answer = engine.search(SearchRequest(**{"image": photo(), **fields}))
    scores = {hit.product_id: hit.score for hit in answer.hits}
    assert scores == pytest.approx({"vase": 0.6, "mug": 0.58, "unnamed": 0.56, "plate": 0.54}, abs=1e-3)
    for place, hit in enumerate(answer.hits, 1):
        said = [reason for reason in hit.why if reason.startswith("what the photo shows")]
        by_likeness = ["vase", "mug", "unnamed", "plate"].index(hit.product_id) + 1
        moved = [f"what the photo shows: place {by_likeness} -> {place}"] if by_likeness != place else []
        assert said == (moved if voters is not None and "text" not in fields else [])
    return ids(answer)


def test_products_of_the_label_seen_come_before_those_that_look_a_little_more_like_it(
    shop: TinyShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = asked(shop, monkeypatch, Voters({"Mugs": 0.9, "Plates": 0.05, "Vases": 0.05}))
    assert found == ["mug", "unnamed", "vase", "plate"]


def test_without_voters_the_order_is_that_of_the_likeness(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(shop, monkeypatch, None) == ["vase", "mug", "unnamed", "plate"]


def test_unsure_voters_leave_the_order_alone(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    voters = Voters({"Mugs": 0.36, "Plates": 0.3, "Vases": 0.34})
    assert asked(shop, monkeypatch, voters) == ["vase", "mug", "unnamed", "plate"]


def test_labels_may_be_those_of_an_attribute(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    voters = Voters({"12": 0.02, "7": 0.98}, label_kind="attr.size")
    assert asked(shop, monkeypatch, voters) == ["plate", "vase", "unnamed", "mug"]


def test_a_label_that_no_product_has_changes_nothing(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(shop, monkeypatch, Voters({"lamps": 1.0})) == ["vase", "mug", "unnamed", "plate"]


def test_a_product_that_looks_nearly_the_same_stays_first_whatever_its_label(
    shop: TinyShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put("same", [blend(0, 5, 0.91)], category="Vases")
    shop.put("other", [blend(0, 6, 0.89)], category="Mugs")
    engine = SearchEngine(shop.settings, backbone=shop.backbone)
    monkeypatch.setattr(engine._live.view().generation, "recogniser", Voters({"Mugs": 1.0, "Vases": 0.0}))
    assert ids(engine.search(SearchRequest(image=photo())))[:3] == ["same", "other", "mug"]


@pytest.mark.parametrize("fields", [{"sort": "price"}, {"like": ("plate",)}])
def test_another_order_or_what_was_liked_leaves_no_say_to_the_label(
    shop: TinyShop, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    engine = SearchEngine(shop.settings, backbone=shop.backbone)
    plain = ids(engine.search(SearchRequest(image=photo(), **fields)))
    monkeypatch.setattr(engine._live.view().generation, "recogniser", Voters({"Mugs": 0.98, "Vases": 0.02}))
    assert ids(engine.search(SearchRequest(image=photo(), **fields))) == plain


def test_pages_are_those_of_the_whole_ranking(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(140):
        shop.put(f"p{number:03}", [blend(0, 6, 0.5 - number / 1000)], category=("Mugs", "Vases")[number % 2])
    monkeypatch.setattr("engine.answers.find._MANY_PRODUCTS", 100)
    engine = SearchEngine(shop.settings, backbone=shop.backbone)
    monkeypatch.setattr(engine._live.view().generation, "recogniser", Voters({"Mugs": 0.9, "Vases": 0.1}))
    whole = ids(engine.search(SearchRequest(image=photo(), k=144)))
    paged: list[str] = []
    cursor = ""
    while len(paged) < 144:
        answer = engine.search(SearchRequest(image=photo(), k=9, cursor=cursor))
        paged, cursor = [*paged, *ids(answer)], answer.next_cursor or ""
    assert paged == whole
    assert len(set(whole)) == 144
    assert whole[labelled.VOTED :] == sorted(whole[labelled.VOTED :])


@pytest.mark.parametrize(("k", "sure"), [(10, 10), (15, 15), (20, 20), (21, 50)])
def test_products_that_only_their_label_may_bring_forward_are_not_looked_for_as_surely(
    shop: TinyShop, monkeypatch: pytest.MonkeyPatch, aims: list[Aim], k: int, sure: int
) -> None:
    asked(shop, monkeypatch, Voters({"Mugs": 0.9, "Vases": 0.1}), k=k)
    assert aims == [Aim("", sure)]
