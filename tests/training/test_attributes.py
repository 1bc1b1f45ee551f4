"""Attribute voters: which attributes can be learned, what is learned of them, and how honest their chances are."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_shop import DIM, TinyShop, name_of

from data.catalogue import PhotoRecord, parse_product
from data.settings import Settings
from engine.recognition import chances_of, load_attribute_voters
from training import attributes
from training.attributes.fit import Photos, calibration, learn, threshold
from training.attributes.learnable import LEAST_WITH_VALUE, MOST_ATTRIBUTES, MOST_VALUES, Attribute, learnable
from training.context import TrainingContext
from training.errors import NotEnoughData
from training.photos import PHOTOS

KINDS = ("clay", "wool", "tin")
Facts = dict[str, Any]


def context_of(shop: TinyShop, **changes: Any) -> TrainingContext:
    return TrainingContext(
        settings=shop.settings, catalogue=shop.catalogue, snapshot=shop.catalogue.snapshot(), features=shop.features,
        spec=shop.backbone.spec, live=None, **changes,
    )  # fmt: skip


def fill(
    shop: TinyShop, count: int, facts_of: Callable[[int], Facts], colours_of: Callable[[int], Sequence[str]]
) -> None:
    """Puts products with one photo each; the features say which of three kinds a product is, and nothing else."""
    random = np.random.default_rng(5)
    points = np.abs(random.normal(0, 0.1, (count, DIM)) + 2 * np.eye(DIM)[np.arange(count) % 3]).astype(np.float32)
    names = [name_of(point) for point in points]
    shop.features.append(names, points)
    shop.catalogue.upsert_many(
        (
            parse_product({"product_id": f"p{number}", **facts_of(number)}),
            [
                PhotoRecord(
                    sha256=name, source=f"/{name}", size_bytes=1, width=16, height=16, colours=tuple(colours_of(number))
                )
            ],
        )
        for number, name in enumerate(names)
    )


def test_attributes_need_products_and_values_that_repeat(settings: Settings) -> None:
    shop = TinyShop(settings)

    def facts_of(number: int) -> Facts:
        own: Facts = {
            "material": KINDS[number % 3].upper() if number % 2 else KINDS[number % 3],
            "serial": f"n{number}",
        }
        own |= {"story": f"It is made by {'very ' * 12}busy hands", "kids": False, "size": 36 + number % 4}
        own |= {"rare": "a" if number % 2 else "b"} if number < 30 else {}
        return {"brand": "Acorn" if number < 70 else f"brand {number}", "attributes": own}

    fill(shop, 120, facts_of, lambda number: ())
    found, reasons = learnable(context_of(shop))
    values = {each.name: each.values for each in found}
    assert {name: len(each) for name, each in values.items()} == {"attr.material": 3, "attr.size": 4}
    assert set(values["attr.size"]) == {36.0, 37.0, 38.0, 39.0}
    assert [name for name in reasons if name != "brand"] == ["attr.kids", "attr.rare", "attr.serial", "attr.story"]
    assert reasons["attr.rare"] == "50 products must have it; 30 do"
    assert reasons["brand"] == f"2 values must be those of {LEAST_WITH_VALUE} products each; 1 is"


def test_values_that_cover_too_little_are_not_learned(settings: Settings) -> None:
    shop = TinyShop(settings)
    fill(shop, 100, lambda number: {"brand": f"b{number % 2}" if number < 50 else f"own {number}"}, lambda number: ())
    assert "60% of its products; they cover 50%" in learnable(context_of(shop))[1]["brand"]


def test_a_feed_of_countless_names_and_values_stays_bounded(settings: Settings) -> None:
    shop = TinyShop(settings)

    def facts_of(number: int) -> Facts:
        many = {f"x{number} {place}": "a" for place in range(5)}
        return {"attributes": {**many, "shared": f"v{number % 150}", "html": "<b>" * 5000 if number % 2 else "<i>"}}

    fill(shop, 2400, facts_of, lambda number: ())
    found, reasons = learnable(context_of(shop))
    assert len(found) + len(reasons) == MOST_ATTRIBUTES
    assert [(each.name, len(each.values)) for each in found] == [("attr.shared", MOST_VALUES)]
    assert reasons["attr.html"] == f"2 values must be those of {LEAST_WITH_VALUE} products each; 1 is"


def test_what_photos_tell_is_learned_and_the_rest_is_not(settings: Settings, tmp_path: Path) -> None:
    shop = TinyShop(settings)
    drawn = np.random.default_rng(1).integers(0, 4, 200)
    fill(
        shop,
        200,
        lambda number: {"brand": f"brand {drawn[number]}", "attributes": {"material": KINDS[number % 3]}},
        lambda number: (),
    )
    metrics = attributes.train(context_of(shop), tmp_path)
    assert (list(metrics["learned"]), list(metrics["not_told"])) == (["attr.material"], ["brand"])
    figures = metrics["learned"]["attr.material"]
    assert (figures["products"], figures["values"], figures["right"]) == (200, 3, 1.0)
    assert figures["expected_calibration_error"] < 0.05
    voters = load_attribute_voters(tmp_path / "attributes.safetensors")
    for number, kind in enumerate(KINDS):
        guess = voters.guess(2 * np.eye(DIM, dtype=np.float32)[number], ())["attr.material"]
        assert (guess.value, guess.abstained, sorted([guess.value, *guess.others])) == (kind, False, sorted(KINDS))
        assert 0.9 < guess.probability < 1


def test_a_colour_is_learned_from_the_colours_that_the_decoder_saw(settings: Settings, tmp_path: Path) -> None:
    shop = TinyShop(settings)
    words = {"red": "빨강", "blue": "navy", "beige": "sand"}
    seen = [tuple(words)[number // 3 % 3] for number in range(150)]
    fill(shop, 150, lambda number: {"colour": words[seen[number]]}, lambda number: (seen[number], "white"))
    metrics = attributes.train(context_of(shop), tmp_path)
    assert metrics["learned"]["colour"]["right"] == 1.0
    voters = load_attribute_voters(tmp_path / "attributes.safetensors")
    assert voters.guess(np.ones(DIM, np.float32), ("blue", "white"))["colour"].value == "navy"


def test_a_catalogue_without_such_attributes_says_so(settings: Settings, tmp_path: Path) -> None:
    shop = TinyShop(settings)
    fill(shop, 60, lambda number: {}, lambda number: ())
    with pytest.raises(NotEnoughData, match="an attribute needs 50 products"):
        attributes.train(context_of(shop), tmp_path)
    drawn = np.random.default_rng(1).integers(0, 4, 60)
    fill(shop, 60, lambda number: {"brand": f"brand {drawn[number]}"}, lambda number: ())
    with pytest.raises(NotEnoughData, match="photos tell none of 1 attributes"):
        attributes.train(context_of(shop), tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))


def test_near_copies_do_not_flatter(settings: Settings, tmp_path: Path) -> None:
    shop = TinyShop(settings)
    random = np.random.default_rng(2)
    looks = np.abs(random.normal(0, 1, (30, DIM))).astype(np.float32)
    brands = random.integers(0, 2, 30)
    for look, brand in enumerate(brands):  # seven takes of each thing; what brand it is of cannot be seen
        for take in range(7):
            point = looks[look] + np.float32(0.001) * random.random(DIM).astype(np.float32)
            shop.put(f"p{look}-{take}", [point.tolist()], brand=f"brand {brand}")
    with pytest.raises(NotEnoughData, match="photos tell none"):
        attributes.train(context_of(shop), tmp_path)


def drawn_photos(judges: np.ndarray | None = None) -> tuple[Attribute, Photos]:
    """400 photos of two values that overlap, and 100 of values too rare to be learned."""
    random = np.random.default_rng(0)
    y = np.repeat([0, 1, -1], [200, 200, 100])
    points = random.normal(0, 1, (500, 4)).astype(np.float32)
    points[:, 0] += np.where(y == 0, 1, -1)
    return Attribute(name="brand", values=("a", "b"), y=y), Photos(
        points=points,
        products=np.arange(500),
        folds=random.integers(0, 4, 500),
        judges=np.ones(500, np.bool_) if judges is None else judges,
    )


def test_rare_values_count_as_wrong_in_the_chance(settings: Settings) -> None:
    figures = learn(*drawn_photos()).figures
    assert figures["right"] == pytest.approx(0.8 * 0.84, abs=0.04)  # two normal distributions, two deviations apart
    assert figures["promised"] == pytest.approx(figures["right"], abs=0.02)
    assert figures["expected_calibration_error"] < 0.05


def test_only_photos_that_the_backbone_has_not_learned_from_judge() -> None:
    judges = np.zeros(500, np.bool_)
    judges[::5] = True
    figures = learn(*drawn_photos(judges)).figures
    assert (figures["photos"], figures["products"]) == (100, 500)


def test_too_few_judges_of_an_attribute_are_not_asked_alone() -> None:
    for few in (0, 9):
        attribute, photos = drawn_photos(np.arange(500) < few)
        learned = learn(attribute, photos)
        assert (learned.figures["photos"], learned.voter is not None) == (500, True)


def test_photos_learned_by_the_backbone_are_no_judges(settings: Settings, tmp_path: Path) -> None:
    shop = TinyShop(settings)
    fill(shop, 150, lambda number: {"attributes": {"material": KINDS[number % 3]}}, lambda number: ())
    folder = settings.home / "backbones" / shop.backbone.spec.name
    folder.mkdir(parents=True)
    shas = shop.catalogue.snapshot().image_sha256[:90]
    (folder / PHOTOS).write_text("sha256,label,side\n" + "".join(f"{sha},x,learned\n" for sha in shas))
    assert attributes.train(context_of(shop), tmp_path)["learned"]["attr.material"]["photos"] == 60


def test_no_chance_is_certain_and_a_lead_that_says_nothing_counts_nothing() -> None:
    offset, slope = calibration(np.linspace(1, 9, 40).astype(np.float32), np.ones(40, np.bool_))
    assert 0.9 < chances_of(np.array([5.0], np.float32), offset, slope)[0] < 1
    offset, slope = calibration(np.arange(40, dtype=np.float32), np.arange(40) < 10)  # the surest are wrong
    assert slope == 0
    assert chances_of(np.array([39.0], np.float32), offset, slope)[0] == pytest.approx(10.5 / 41)


def test_a_few_lucky_guesses_are_no_reason_to_answer() -> None:
    chances = np.linspace(0, 1, 200).astype(np.float32)
    assert threshold(chances, chances > 0.95) == 1.0
    assert threshold(chances, chances > 0.4) == pytest.approx(0.5)
    assert 0.6 < threshold(chances, chances > 0.7) < 0.7
