"""Learned queries: the query moves to the looks that are chosen, and a new product of these looks is found."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.catalogue import Catalogue
from data.events import Event, Events, parse_events
from data.features import FeatureStore
from data.generations import GenerationFolder
from data.settings import Settings
from engine.errors import InvalidModel
from engine.known_queries import LearnedQueries, LearnedTextTower
from engine.protocols import BackboneSpec, Floats
from engine.space import PROJECTION_FILE, Projection, normalise, space_digest
from engine.text import HEAD_FILE
from training.behaviour import Behaviour
from training.context import TrainingContext
from training.known_queries import learn_queries
from training.known_queries.learned import train


class _Tower:
    """Leads every text to the first axis, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Floats:
        self.asked += texts
        return np.eye(1, 4, dtype=np.float32).repeat(len(texts), axis=0)


def search(number: int, clicked: str, shown: list[str]) -> list[Event]:
    return parse_events({
        "at": f"2026-01-01T{number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z", "query_text": "Mug",
        "shown": shown[number % len(shown) :] + shown[: number % len(shown)], "clicked": [clicked],
    })  # fmt: skip


@pytest.fixture
def vectors() -> Floats:
    """Old products in two looks, and at the end a new one of each, which nobody was shown."""
    generator = np.random.default_rng(2)
    looks = np.array([[1, 1, 0, 0], [1, -1, 0, 0]] * 11, np.float32)
    return normalise(looks + 0.1 * generator.standard_normal(looks.shape).astype(np.float32))


def test_a_new_product_of_the_chosen_looks_is_found(vectors: Floats) -> None:
    names = [f"p{number}" for number in range(22)]
    events = [event for number in range(200) for event in search(number, f"p{number % 10 * 2}", names[:20])]
    learned = learn_queries(Behaviour.from_events(events), _Tower(), names, vectors)
    assert learned.texts == ("mug",)
    point = learned.points[0]
    assert np.linalg.norm(point) == pytest.approx(1)
    scores = vectors @ point
    assert scores[20] > scores[1:20:2].max()
    assert scores[20] > scores[21] + 0.3


def test_few_clicks_teach_nothing(vectors: Floats) -> None:
    names = [f"p{number}" for number in range(22)]
    events = [event for number in range(19) for event in search(number, "p0", names[:20])]
    assert learn_queries(Behaviour.from_events(events), _Tower(), names, vectors).texts == ()
    unknown = [event for number in range(50) for event in search(number, "gone", ["gone"])]
    assert learn_queries(Behaviour.from_events(unknown), _Tower(), names, vectors).texts == ()


def test_the_tower_answers_for_all_other_words(tmp_path: Path) -> None:
    LearnedQueries(["red mug"], np.eye(4, dtype=np.float32)[2:3]).save(tmp_path)
    tower = _Tower()
    learned = LearnedTextTower(tower, LearnedQueries.load(tmp_path / "learned_queries.safetensors"))
    points = learned.embed(["cup", " Red  MUG", "bowl"])
    assert points.argmax(axis=1).tolist() == [0, 2, 0]
    assert tower.asked == ["cup", "bowl"]
    assert learned.embed([]).shape == (0, 4)


def test_points_without_names_are_refused() -> None:
    with pytest.raises(InvalidModel):
        LearnedQueries(["a"], np.zeros((2, 4), np.float32))


def test_the_part_learns_from_stored_events_in_the_space_of_its_folder(
    generation: GenerationFolder, settings: Settings, tmp_path: Path
) -> None:
    for name in (PROJECTION_FILE, HEAD_FILE):
        shutil.copy(generation.path(name), tmp_path / name)
    catalogue = Catalogue(settings.home)
    spec = BackboneSpec.from_json(generation.manifest.backbone)
    context = TrainingContext(
        settings=settings, catalogue=catalogue, snapshot=catalogue.snapshot(),
        features=FeatureStore(settings.home, spec.fingerprint, spec.dim), spec=spec, live=generation,
    )  # fmt: skip
    assert train(context, tmp_path)["queries"] == 0
    assert not (tmp_path / "learned_queries.safetensors").exists()
    names = [facts.product.product_id for facts in catalogue.iter_facts()][:10]
    Events(settings.home).append([event for number in range(60) for event in search(number, names[0], names)])
    assert train(replace(context), tmp_path)["queries"] == 1  # another rebuild: each reads the events once
    learned = LearnedQueries.load(tmp_path / "learned_queries.safetensors")
    space = Projection.load(tmp_path / PROJECTION_FILE)
    assert learned.space == space_digest(space)
    first = next(iter(catalogue.iter_facts()))
    points = space.apply(context.features.read(list(context.snapshot.image_sha256)))
    own = context.snapshot.product_keys == first.product_key
    scores = points @ learned.points[0]
    assert scores[own].mean() > scores[~own].mean() + 0.2
