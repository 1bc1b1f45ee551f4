"""Liked and unliked products, and several photos of one thing: where they move a question, and what is left out."""

import numpy as np
import pytest
from tiny_shop import DIM, TinyShop, axis, ids, photo_of

from data.settings import Settings
from engine.answers.feedback import moved
from engine.errors import InvalidQuery
from engine.search import SearchEngine, SearchRequest


@pytest.fixture
def shop(settings: Settings) -> TinyShop:
    shop = TinyShop(settings)
    for name, point in {"a": axis(0), "ab": between(0, 1), "ac": between(0, 2), "b": axis(1), "c": axis(2)}.items():
        shop.put(name, [point])
    shop.publish()
    return shop


@pytest.fixture
def engine(shop: TinyShop) -> SearchEngine:
    return SearchEngine(shop.settings, backbone=shop.backbone)


def between(first: int, second: int) -> list[float]:
    point = np.array(axis(first)) + 0.9 * np.array(axis(second))
    return list((point / np.linalg.norm(point)).tolist())


def test_a_point_moves_towards_what_was_liked_and_away_from_the_rest() -> None:
    point = np.array(axis(0), np.float32)
    liked, unliked = (np.array([axis(place)], np.float32) for place in (1, 2))
    none = np.zeros((0, DIM), np.float32)
    assert moved(point, liked, none)[1] > 0.5
    assert moved(point, none, unliked)[2] < -0.5
    np.testing.assert_allclose(moved(np.zeros(DIM, np.float32), liked, none), liked[0])
    assert np.linalg.norm(moved(point, liked, unliked)) == pytest.approx(1)


def test_a_liked_product_raises_those_like_it_and_stays(engine: SearchEngine) -> None:
    asked = SearchRequest(image=photo_of(0))
    assert ids(engine.search(asked))[:2] == ["a", "ab"]
    answer = engine.search(SearchRequest(image=photo_of(0), like=("c",)))
    assert ids(answer)[:2] == ["ac", "c"]
    assert answer.hits[0].match_probability is None
    assert "likes" in answer.hits[0].why[-1]


def test_an_unliked_product_is_left_out_and_lowers_those_like_it(engine: SearchEngine) -> None:
    found = ids(engine.search(SearchRequest(image=photo_of(0), unlike=("ab",))))
    assert "ab" not in found
    assert found.index("ac") < found.index("b")


def test_liked_products_are_a_question_by_themselves_without_the_products(engine: SearchEngine) -> None:
    assert ids(engine.search(SearchRequest(like=("a", "b"))))[0] == "ab"
    assert not {"a", "b"} & set(ids(engine.search(SearchRequest(like=("a", "b")))))


def test_a_liked_product_that_is_gone_counts_for_nothing(shop: TinyShop, engine: SearchEngine) -> None:
    shop.catalogue.delete("c")
    assert ids(engine.search(SearchRequest(image=photo_of(0), like=("c", "nobody"))))[0] == "a"
    with pytest.raises(InvalidQuery, match="embedded photos") as caught:
        engine.search(SearchRequest(like=("c", "nobody")))
    assert caught.value.field == "like"


def test_a_product_put_a_second_ago_can_be_liked_and_unliked(shop: TinyShop, engine: SearchEngine) -> None:
    shop.put("new", [axis(2)])
    assert ids(engine.search(SearchRequest(like=("new",))))[0] == "c"
    assert "new" not in ids(engine.search(SearchRequest(image=photo_of(2), unlike=("new",))))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"like": ("a",) * 51}, "like must name at most 50"),
        ({"image": photo_of(0), "unlike": ("a",) * 51}, "unlike must name at most 50"),
        ({"like": ("a", "b"), "unlike": ("b",)}, "both liked and unliked; got 'b'"),
        ({"unlike": ("a",)}, "text, image, product_id or like"),
        ({"image": photo_of(0), "more_images": (photo_of(1),) * 8}, "at most 8 photos"),
        ({"text": "x", "more_images": (photo_of(1),)}, "must come with image"),
        ({"image": photo_of(0), "more_images": (photo_of(1),), "box": (0, 0, 20, 20)}, "exactly one image; got 2"),
    ],
)
def test_what_feedback_and_several_photos_may_not_be(
    engine: SearchEngine, fields: dict[str, object], named: str
) -> None:
    with pytest.raises(InvalidQuery, match=named):
        engine.search(SearchRequest(**fields))  # type: ignore[arg-type]


def test_several_photos_find_what_is_like_all_of_them(engine: SearchEngine) -> None:
    one, both = SearchRequest(image=photo_of(0)), SearchRequest(image=photo_of(0), more_images=(photo_of(1),))
    assert ids(engine.search(one))[0] == "a"
    assert ids(engine.search(both))[0] == "ab"
    assert one.digest != both.digest


def test_each_side_is_decoded_on_its_own_turn(shop: TinyShop) -> None:
    from collections.abc import Iterator
    from contextlib import contextmanager

    held = []

    @contextmanager
    def decoding() -> Iterator[None]:
        held.append("in")
        yield
        held.append("out")

    engine = SearchEngine(shop.settings, backbone=shop.backbone, decoding=decoding)
    engine.search(SearchRequest(image=photo_of(0), more_images=(photo_of(1), photo_of(2))))
    assert held == ["in", "out"] * 3
