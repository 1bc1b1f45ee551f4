"""The combiner: which changes a catalogue shows, what is learned from them, and when it is kept."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_shop import DIM, TinyShop, name_of
from word_encoder import WordEncoder

from data.events import Event, Events
from data.settings import Settings
from engine.answers import SearchRequest, query_point
from engine.errors import InvalidModel
from engine.generation import load_generation
from engine.protocols import Floats
from engine.space import COMBINER_FILE, Combiner, fit_combiner, mean_of, normalise
from engine.text import tower
from training.combiner import find_changes
from training.combiner import part as combiner
from training.combiner.chosen import Chosen
from training.combiner.lesson import Lesson
from training.context import TrainingContext
from training.space import part as space

COLOURS = ("red", "blue", "green", "white")
EACH = 12  # products of one kind and colour


@pytest.fixture
def shop(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> TinyShop:
    """Kinds and colours lie along axes of their own; a kind is seen three times as clearly as a colour."""
    for module in (space, tower):
        monkeypatch.setattr(module, "TextEncoder", WordEncoder)
    shop = TinyShop(settings.replace(space_dim=DIM, space="pool3"))
    random = np.random.default_rng(0)
    for kind in range(3):
        for place, colour in enumerate(COLOURS):
            for number in range(EACH):
                point = np.abs(random.normal(0, 0.05, DIM))
                point[kind], point[3 + place] = 1.0, 0.5
                shop.put(
                    f"{kind}-{colour}-{number}", [point.tolist()], title=f"kind{kind} {colour}", colour=colour,
                    category=f"kind{kind}", brand=f"brand{number % 2}",
                )  # fmt: skip
    return shop


@pytest.fixture
def context(shop: TinyShop) -> TrainingContext:
    return TrainingContext(
        settings=shop.settings, catalogue=shop.catalogue, snapshot=shop.catalogue.snapshot(), features=shop.features,
        spec=shop.backbone.spec, live=None,
    )  # fmt: skip


def random_points(count: int, width: int, seed: int) -> Floats:
    return normalise(np.random.default_rng(seed).normal(0, 1, (count, width)))


def test_changes_keep_the_category_and_name_another_value(shop: TinyShop) -> None:
    facts = list(shop.catalogue.iter_facts())
    changes = find_changes(facts)
    assert set(changes.facts) == {"colour", "brand", "category"}
    for row in range(len(changes)):
        shown, words = facts[changes.products[row]].product, changes.texts[changes.words[row]]
        right = [facts[place].product for place in changes.targets[row]]
        if changes.facts[row] == "colour":
            assert {each.category for each in right} == {shown.category}
            assert {each.colour for each in right} == {words.split()[-1]} != {shown.colour}
        if changes.facts[row] == "category":
            assert {each.colour for each in right} == {shown.colour}
            assert shown.category not in {each.category for each in right}


def test_ridge_finds_the_matrix_that_made_the_targets() -> None:
    photos, words = random_points(400, 6, 1), random_points(400, 6, 2)
    matrix = np.random.default_rng(3).normal(0, 0.3, (12, 6))
    lacking = np.concatenate([photos, words], axis=1) @ matrix
    found = fit_combiner(photos, words, (mean_of(photos, words) + lacking).astype(np.float32), 1e-6)
    np.testing.assert_allclose(found, matrix, atol=1e-3)
    np.testing.assert_allclose(
        Combiner(found).apply(photos, words), normalise(mean_of(photos, words) + lacking), atol=1e-3
    )


def test_a_file_gives_the_same_combiner_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    made = Combiner(np.arange(8, dtype=np.float32).reshape(4, 2), "space")
    made.save(tmp_path)
    read = Combiner.load(tmp_path / COMBINER_FILE)
    np.testing.assert_array_equal(read.matrix, made.matrix)
    assert read.space == "space"
    for wrong in (np.zeros((3, 2)), np.zeros(4), np.zeros((0, 0)), np.full((4, 2), np.nan)):
        with pytest.raises(InvalidModel):
            Combiner(wrong.astype(np.float32))


def test_it_is_kept_where_it_wins_out_of_fold(context: TrainingContext, tmp_path: Path) -> None:
    space.train(context, tmp_path)
    figures = combiner.train(context, tmp_path)
    assert figures["published"], figures
    assert figures["learned"]["map"] > figures["mean"]["map"]
    assert Combiner.load(tmp_path / COMBINER_FILE).matrix.shape == (2 * DIM, DIM)


def test_a_fold_that_is_hidden_teaches_nothing(context: TrainingContext) -> None:
    facts = list(context.catalogue.iter_facts())
    changes = find_changes(facts)
    places, texts = random_points(len(facts), DIM, 1), random_points(len(changes.texts), DIM, 2)
    lesson = Lesson(changes, places, texts)
    hidden = np.flatnonzero(lesson._fold == 0)
    other = places.copy()
    other[hidden] = random_points(len(hidden), DIM, 3)
    np.testing.assert_array_equal(lesson.learn(0, 1.0)[0], Lesson(changes, other, texts).learn(0, 1.0)[0])
    assert not np.array_equal(lesson.learn(1, 1.0)[0], Lesson(changes, other, texts).learn(1, 1.0)[0])


def log_choices(shop: TinyShop, chosen_of: Callable[[int, str, np.random.Generator], str]) -> None:
    """Simulates shoppers who photograph a thing of some kind, add "party" and choose a product."""
    random = np.random.default_rng(5)
    for number in range(60):
        kind, place = number % 3, int(random.integers(3))
        point = np.abs(random.normal(0, 0.05, DIM))
        point[kind], point[3 + place] = 1.0, 0.5
        shop.embed(point.tolist())
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
        photo = name_of(point.tolist())
        product_id = chosen_of(kind, COLOURS[place], random)
        Events(shop.settings.home).store([
            Event(
                event_id=f"{number}", kind="click", at=at, query_text="Party", photo_sha256=photo, product_id=product_id
            )
        ])  # fmt: skip


def test_what_shoppers_chose_teaches_words_that_no_fact_has(
    shop: TinyShop, context: TrainingContext, tmp_path: Path
) -> None:
    """For a party they choose the white ones of the kind that they show."""
    without, learned = tmp_path / "without", tmp_path / "with"
    for folder in (without, learned):
        folder.mkdir()
        space.train(context, folder)
    assert not combiner.train(replace(context), without)["clicks"]
    log_choices(shop, lambda kind, colour, random: f"{kind}-white-{random.integers(EACH)}")
    figures = combiner.train(context, learned)
    assert figures["clicks"], figures
    assert figures["searches"] == 60
    assert figures["chosen"]["with"]["map"] > figures["chosen"]["without"]["map"] + 0.05
    assert figures["learned"]["map"] > figures["mean"]["map"]  # and the facts' changes are still found
    plain, taught = (Combiner.load(folder / COMBINER_FILE).matrix for folder in (without, learned))
    assert not np.allclose(plain, taught, atol=0.01)


def test_choices_that_teach_nothing_are_left_out(shop: TinyShop, context: TrainingContext, tmp_path: Path) -> None:
    """They choose anything: no combiner finds that better."""
    log_choices(
        shop, lambda kind, colour, random: f"{random.integers(3)}-{random.choice(COLOURS)}-{random.integers(EACH)}"
    )
    space.train(context, tmp_path)
    figures = combiner.train(context, tmp_path)
    assert figures["searches"] == 60
    assert not figures["clicks"], figures
    assert figures["published"]


def test_photos_of_a_hidden_fold_teach_nothing(context: TrainingContext) -> None:
    facts = list(context.catalogue.iter_facts())
    changes = find_changes(facts)
    places, texts = random_points(len(facts), DIM, 1), random_points(len(changes.texts), DIM, 2)
    points, said = random_points(50, DIM, 3), random_points(50, DIM, 4)
    other = points.copy()
    other[np.arange(50) % 5 == 0] = random_points(10, DIM, 5)

    def learned(photos: Floats, hidden: int) -> Floats:
        targets = tuple(np.array([number]) for number in range(50))
        chosen = Chosen(photos, tuple("abcde" * 10), np.arange(50), targets)
        return Lesson(changes, places, texts, chosen, said).learn(hidden, 1.0, clicks=True)[0]

    np.testing.assert_array_equal(learned(points, 0), learned(other, 0))
    assert not np.array_equal(learned(points, 1), learned(other, 1))


def test_weights_count_as_repeated_rows() -> None:
    photos, words, targets = (random_points(30, 6, seed) for seed in (1, 2, 3))
    weights = np.array([3.0, 1.0] * 15, np.float32)
    times = weights.astype(int)
    many = [np.repeat(points, times, axis=0) for points in (photos, words, targets)]
    np.testing.assert_allclose(
        fit_combiner(photos, words, targets, 0.1, weights), fit_combiner(many[0], many[1], many[2], 0.1), atol=1e-5
    )


def test_it_is_left_out_where_words_and_looks_say_nothing(context: TrainingContext) -> None:
    facts = list(context.catalogue.iter_facts())
    changes = find_changes(facts)
    chance = Lesson(changes, random_points(len(facts), DIM, 1), random_points(len(changes.texts), DIM, 2)).measure()
    assert chance["learned"]["recall10"] < 0.25


def test_a_catalogue_without_changes_or_texts_is_skipped(
    settings: Settings, context: TrainingContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "texts" in combiner.train(context, tmp_path)["skipped"]
    space.train(context, tmp_path)
    monkeypatch.setattr(combiner, "_LEAST_CHANGES", 10**6)
    assert "changes" in combiner.train(context, tmp_path)["skipped"]
    assert not (tmp_path / COMBINER_FILE).exists()


def test_a_search_goes_from_the_photo_over_the_combined_point_to_the_words(
    shop: TinyShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = load_generation(shop.settings, shop.publish(), shop.backbone)
    photo, words = random_points(2, DIM, 1)
    monkeypatch.setattr(generation, "text_tower", lambda: SimpleNamespace(embed=lambda texts: words[None]))

    def point(weight: float) -> Floats:
        request = SearchRequest(image=b"x", text="blue", text_weight=weight)
        return query_point(request, generation, photo, lambda _, run: run()).point

    np.testing.assert_allclose(point(0.5), mean_of(photo, words), atol=1e-6)
    generation.combiner = Combiner(np.random.default_rng(2).normal(0, 0.5, (2 * DIM, DIM)).astype(np.float32))
    middle = generation.combiner.apply(photo, words)
    for weight, expected in ((0.0, photo), (0.25, mean_of(photo, middle)), (0.5, middle), (1.0, words)):
        np.testing.assert_allclose(point(weight), expected, atol=1e-6)
