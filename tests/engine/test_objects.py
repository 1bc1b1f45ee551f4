"""Several things in one photo: each is found with its box, its label and its products."""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from shape_catalogue import draw_shape
from tiny_backbone import TinyBackbone
from tiny_detector import write_detector
from tiny_shop import TinyShop, axis, photo_of

from data.generations import GenerationFolder
from data.settings import Settings
from engine.answers import FoundObject, Ranking
from engine.errors import InvalidModel, InvalidQuery, NoFeatureMap
from engine.objects.find import boxes_of
from engine.objects.proposals import best_apart
from engine.photos import DecodedPhoto
from engine.search import SearchEngine, SearchRequest
from indexer.detectors import add

GROUND = (240, 240, 235)
Place = tuple[str, str, int, int, int]  # colour, shape, left, top, side in pixels


def photo_with(*places: Place, size: tuple[int, int] = (640, 480), kind: str = "PNG") -> bytes:
    """Returns a photo of a table on which photos of shapes lie."""
    table = Image.new("RGB", size, GROUND)
    for colour, shape, left, top, side in places:
        table.paste(draw_shape(colour, shape).resize((side, side)), (left, top))
    out = io.BytesIO()
    table.save(out, kind)
    return out.getvalue()


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Returns the share of both boxes that both cover."""
    sides = [min(one[at + 2], other[at + 2]) - max(one[at], other[at]) for at in (0, 1)]
    shared = max(sides[0], 0) * max(sides[1], 0)
    return shared / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - shared)


@pytest.fixture(scope="module")
def engine(built_home: Path) -> SearchEngine:
    return SearchEngine(Settings(home=built_home), backbone=TinyBackbone())


def drawn_box(left: int, top: int, side: int) -> list[float]:
    """Returns the box of what is drawn in a pasted photo: of 64 pixels, it lies from 12 to 44."""
    return [left + side * 12 / 64, top + side * 12 / 64, left + side * 44 / 64, top + side * 44 / 64]


def things(engine: SearchEngine, image: bytes, **fields: Any) -> tuple[FoundObject, ...]:
    found = engine.search(SearchRequest(image=image, objects=True, **fields)).objects
    assert found is not None
    return found


def test_each_thing_is_found_with_its_box_and_its_product(engine: SearchEngine) -> None:
    places: list[Place] = [("red", "disc", 20, 40, 320), ("blue", "square", 330, 150, 320)]
    found = things(engine, photo_with(*places, size=(700, 480)))
    assert len(found) == 2
    for colour, _, left, top, side in places:
        drawn = drawn_box(left, top, side)
        best = max(found, key=lambda each: overlap(each.box, drawn))
        assert overlap(best.box, drawn) > 0.6
        assert best.hits[0].title.startswith(colour)
        assert best.match_probability == best.hits[0].match_probability


def test_the_surest_comes_first_and_each_has_few_hits(engine: SearchEngine) -> None:
    found = things(engine, photo_with(("red", "disc", 20, 40, 320), ("blue", "square", 330, 150, 320)), k=3)
    sure = [each.match_probability for each in found]
    assert sure == sorted(sure, key=lambda chance: -(chance or 0))
    assert {len(each.hits) for each in found} == {3}
    assert {len(each.hits) for each in things(engine, photo_with(("red", "disc", 20, 40, 320)), k=50)} == {5}


def test_the_whole_photo_is_answered_as_without_objects(engine: SearchEngine) -> None:
    image = photo_with(("red", "disc", 20, 40, 320), ("blue", "square", 330, 150, 320))
    plain, both = (engine.search(SearchRequest(image=image, objects=asked)) for asked in (False, True))
    assert plain.objects is None
    assert plain.hits == both.hits
    assert both.next_cursor


def test_a_thing_is_found_as_its_box_would_find_it(engine: SearchEngine) -> None:
    image = photo_with(("gold", "disc", 20, 40, 320), ("gold", "bar", 340, 120, 300))
    found = things(engine, image)
    assert len({each.label for each in found}) == 2
    for each in found:
        boxed = engine.search(SearchRequest(image=image, box=each.box, k=5))
        assert [hit.product_id for hit in boxed.hits[:1]] == [hit.product_id for hit in each.hits[:1]]
        assert each.hits[0].score == pytest.approx(boxed.hits[0].score, abs=0.02)
        seen = engine.recognise(image, box=each.box)
        assert each.label == (None if seen.abstained else seen.labels[0].label)


def test_a_filter_holds_for_each_thing(engine: SearchEngine) -> None:
    found = things(engine, photo_with(("red", "disc", 20, 40, 320)), filter='category = "bar"')
    assert {hit.category for each in found for hit in each.hits} == {"bar"}


def test_boxes_lie_in_the_photo_as_shown_though_it_has_borders(engine: SearchEngine) -> None:
    # small, so that it is decoded in full: in a much reduced copy no border is found
    bare = Image.open(io.BytesIO(photo_with(("red", "disc", 15, 20, 100), size=(145, 140))))
    noise = np.random.default_rng(1).normal(0, 40, (140, 145, 3))
    screen = Image.new("RGB", (145, 300), "black")  # a letterbox above and below
    screen.paste(Image.fromarray(np.clip(np.asarray(bare) + noise, 0, 255).astype(np.uint8)), (0, 90))
    out = io.BytesIO()
    screen.save(out, "PNG")
    drawn = [15 + 100 * 12 / 64, 90 + 20 + 100 * 12 / 64, 15 + 100 * 44 / 64, 90 + 20 + 100 * 44 / 64]
    assert max(overlap(each.box, drawn) for each in things(engine, out.getvalue())) > 0.5


def test_a_place_is_a_power_of_two_wide_though_the_map_is_then_wider_than_the_input() -> None:
    spec = replace(TinyBackbone.spec, input_size=260)  # EfficientNet-Lite2 has 17 places of 16 pixels
    photo = DecodedPhoto(
        pixels=np.zeros((260, 260, 3), np.uint8), left=0, top=0, scale=1, width=260, height=260, spec=spec
    )
    places = np.array([[3, 4, 8, 8], [10, 9, 14, 14]])
    strength = np.random.default_rng(0).normal(0, 0.1, (17, 17)).astype(np.float32)
    for x0, y0, x1, y1 in places:
        strength[y0:y1, x0:x1] += 1
    seen = 7 / 8  # of the photo
    drawn = 130 + (places - 17 / 2) * 16 * seen
    found = boxes_of(strength, photo)
    assert np.abs(found[found[:, 0].argsort()] - drawn).max() < 0.01


def test_a_plain_photo_has_no_things(engine: SearchEngine, photo: Callable[..., bytes]) -> None:
    assert things(engine, photo("white", (300, 200))) == ()


@pytest.mark.parametrize(
    "fields", [{"text": "red"}, {"not_text": "red"}, {"box": (0, 0, 50, 50)}, {"more_images": (b"x",)}, {"image": None}]
)
def test_objects_are_of_one_whole_photo_without_words(engine: SearchEngine, fields: dict[str, Any]) -> None:
    asked = {"image": photo_with(("red", "disc", 20, 40, 320)), "product_id": "", **fields}
    if asked["image"] is None:
        asked["product_id"] = "red-disc"
    with pytest.raises(InvalidQuery) as caught:
        engine.search(SearchRequest(objects=True, **asked))
    assert caught.value.field == "objects"


def test_a_backbone_that_sees_no_places_says_so(settings: Settings) -> None:
    shop = TinyShop(settings)
    shop.put("a", [axis(1)])
    shop.publish()
    with pytest.raises(NoFeatureMap, match="cannot say where") as caught:
        SearchEngine(settings, backbone=shop.backbone).search(SearchRequest(image=photo_of(1), objects=True))
    assert caught.value.field == "objects"


def test_what_the_shop_no_longer_sells_is_no_hit_of_a_thing(settings: Settings, generation: GenerationFolder) -> None:
    engine = SearchEngine(settings, backbone=TinyBackbone())
    image = photo_with(("red", "disc", 20, 40, 320))
    first = things(engine, image)[0].hits[0].product_id
    engine._catalogue.delete(first)
    assert first not in {hit.product_id for hit in things(engine, image)[0].hits}


def test_what_is_surely_not_in_the_shop_is_no_thing(engine: SearchEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    image = photo_with(("red", "disc", 20, 40, 320), ("blue", "square", 330, 150, 320), size=(700, 480))
    assert {each.hits[0].title.split()[0] for each in things(engine, image)} == {"red", "blue"}
    ranked, judged, labelled = engine._finder.rank, list[str](), list[int]()

    def rank(*asked: Any, **more: Any) -> Ranking:
        ranking = ranked(*asked, **more)  # the small catalogue has no probabilities of its own
        best = int(ranking.product_keys[0])
        judged.append(engine._catalogue.facts([best])[best].product.title.split()[0])
        chance = 0.9 if judged[-1] == "red" else 0.01
        return replace(ranking, probabilities=np.full(len(ranking.product_keys), chance))

    def labels(generation: Any, rows: NDArray[np.float32]) -> list[str | None]:
        labelled.append(len(rows))
        return [None] * len(rows)

    monkeypatch.setattr(engine._finder, "rank", rank)
    monkeypatch.setattr("engine.objects.find._labels", labels)
    assert [each.hits[0].title.split()[0] for each in things(engine, image)] == ["red"]
    assert {"red", "blue"} <= set(judged)
    assert labelled == [1]  # what is left out is not looked at further


def test_a_detector_of_the_shop_finds_the_things_instead_of_the_backbone(
    settings: Settings, generation: GenerationFolder, tmp_path: Path
) -> None:
    add(settings, write_detector(tmp_path / "tiny"), "tiny")
    engine = SearchEngine(settings.replace(detector="tiny"), backbone=TinyBackbone())
    places: list[Place] = [("red", "disc", 20, 40, 320), ("blue", "disc", 330, 150, 320)]
    image = photo_with(*places, size=(700, 480))
    found = things(engine, image)
    assert len(found) == 2
    for colour, _, left, top, side in places:
        drawn = drawn_box(left, top, side)
        best = max(found, key=lambda each: overlap(each.box, drawn))
        assert overlap(best.box, drawn) > 0.85  # as exact as the detector's small square allows
        assert best.hits[0].title.startswith(colour)
        boxed = engine.search(SearchRequest(image=image, box=best.box, k=5))
        assert best.hits[0].score == pytest.approx(boxed.hits[0].score, abs=0.02)
    plain, both = (engine.search(SearchRequest(image=image, objects=asked)).hits for asked in (False, True))
    assert plain == both
    small = photo_with(("red", "disc", 20, 40, 16), ("blue", "square", 330, 150, 320), size=(700, 480))
    assert len(things(engine, small)) == 1  # the disc is 8 pixels wide, and no search takes such a box
    assert engine.status()["detector"] == "tiny"
    engine.warm()


def test_with_a_detector_a_backbone_need_not_see_places(settings: Settings, tmp_path: Path) -> None:
    shop = TinyShop(settings)
    shop.put("a", [axis(5)])
    shop.publish()
    add(settings, write_detector(tmp_path / "tiny", least=0.1), "tiny")
    engine = SearchEngine(settings.replace(detector="tiny"), backbone=shop.backbone)
    photo = Image.new("RGB", (300, 200), (50, 50, 50))
    photo.paste((50, 50, 200), (100, 40, 200, 140))  # red of 50: what the tiny shop knows as axis 5
    out = io.BytesIO()
    photo.save(out, "PNG")
    (found,) = things(engine, out.getvalue())
    assert overlap(found.box, (100, 40, 200, 140)) > 0.85
    assert [hit.product_id for hit in found.hits] == ["a"]


def test_a_detector_that_is_gone_is_named(settings: Settings, generation: GenerationFolder) -> None:
    engine = SearchEngine(settings.replace(detector="gone"), backbone=TinyBackbone())
    assert engine.search(SearchRequest(image=photo_with(("red", "disc", 20, 40, 320)))).hits
    for ask in (engine.warm, lambda: things(engine, photo_with(("red", "disc", 20, 40, 320)))):
        with pytest.raises(InvalidModel, match="detector must be one that `lookalike detector add` stored"):
            ask()


def test_of_boxes_that_overlap_the_best_stays_and_five_at_most() -> None:
    rows = [(0, 0, 100, 100), (10, 10, 60, 60), (90, 0, 190, 100), (200, 0, 300, 100)]
    boxes = np.array([*rows, *((0, 200 + 50 * at, 40, 240 + 50 * at) for at in range(9))], np.float64)
    scores = np.array([0.5, 0.9, 0.4, 0.8, *np.linspace(0.3, 0.2, 9)])
    # the second covers a quarter of the first, but none of the third, which the first touches by a tenth only
    assert best_apart(boxes, scores) == [1, 3, 2, 4, 5]
    assert best_apart(np.zeros((0, 4)), np.zeros(0)) == []
    assert best_apart(np.repeat(boxes[:1], 4000, axis=0), np.linspace(0, 1, 4000)) == [3999]
