"""Known queries, and queries with several senses: the files, the engine and the training that writes them."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tiny_backbone import TinyBackbone

from data.events import Event, Events, Shown
from data.generations import GenerationFolder, GenerationStore
from data.settings import Settings
from engine.answers import Ranked, interleave
from engine.errors import InvalidModel, InvalidQuery
from engine.known_queries import RelatedQueries, Senses
from engine.known_queries.related import RELATED_FILE
from engine.protocols import Floats
from engine.search import SearchEngine, SearchRequest
from engine.space import Projection, normalise
from indexer.rebuild import rebuild
from training.known_queries.senses import split_senses
from training.parts import SPACE
from training.sessions.candidate import publish_candidate

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def _unit(rows: object) -> Floats:
    return normalise(np.array(rows, np.float32))


def _turn_space(folder: Path) -> None:
    space = Projection.load(folder / "projection.safetensors")
    replace(space, matrix=-space.matrix).save(folder)


def test_nearest_queries_without_itself_and_near_ties_by_how_often_they_were_asked(tmp_path: Path) -> None:
    vectors = _unit([[1, 0], [1, 0.02], [1, 0.03], [0, 1]])
    RelatedQueries(["Red mug", "mug", "red cup", "shoe"], np.array([9, 1, 5, 0]), vectors).save(tmp_path)
    known = RelatedQueries.load(tmp_path / RELATED_FILE)
    found = known.nearest("  red  MUG", np.array([1, 0], np.float32), 2)
    assert [(query.text, query.searches) for query in found] == [("red cup", 5), ("mug", 1)]
    assert known.nearest("new", np.array([0, 1], np.float32), 9)[0].text == "shoe"
    assert len(known.nearest("red mug", np.array([1, 0], np.float32), 9)) == 3
    assert (known.searches("RED mug"), known.searches("unknown")) == (9, 0)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="one row each"):
        RelatedQueries(["a"], np.array([1, 2]), np.ones((2, 2), np.float32))
    with pytest.raises(InvalidModel, match="2 to 3 senses"):
        Senses({"a": np.ones((1, 2), np.float32)})
    (tmp_path / RELATED_FILE).write_bytes(b"junk")
    with pytest.raises(InvalidModel):
        RelatedQueries.load(tmp_path / RELATED_FILE)


def test_senses_come_back_as_they_were_saved(tmp_path: Path) -> None:
    points = {"bat": _unit([[1, 0], [0, 1]]), "crane é": _unit([[1, 1], [1, -1], [-1, 0]])}
    Senses(points).save(tmp_path)
    read = Senses.load(tmp_path / "senses.safetensors")
    for text, rows in points.items():
        found = read.of(text.upper())
        assert found is not None
        assert np.array_equal(found, rows)
    assert read.of("bats") is None


def test_products_of_two_kinds_are_two_senses_and_one_kind_is_one() -> None:
    generator = np.random.default_rng(0)
    centres = np.eye(8)[[0] * 5 + [1] * 3]
    places = _unit(centres + 0.1 * generator.standard_normal((8, 8)))
    points = split_senses(places, np.ones(8))
    assert points is not None
    assert points.shape == (2, 8)
    assert points.argmax(axis=1).tolist() == [0, 1]  # the one chosen more comes first
    assert split_senses(places, np.array([1.0] * 5 + [0.01] * 3)) is None  # the second was hardly chosen
    assert split_senses(_unit(generator.standard_normal((8, 64))), np.ones(8)) is None


def test_rankings_take_turns_and_no_product_comes_twice() -> None:
    def ranked(*keys: int) -> Ranked:
        return Ranked(np.array(keys), np.array(keys) * 10, np.linspace(1, 0, len(keys), dtype=np.float32))

    joined = interleave([ranked(1, 2, 3), ranked(2, 4)], 10)
    assert joined.product_keys.tolist() == [1, 2, 4, 3]
    assert joined.rows.tolist() == [10, 20, 40, 30]
    assert interleave([ranked(1, 2, 3), ranked(2, 4)], 2).product_keys.tolist() == [1, 2]
    assert len(interleave([ranked(), ranked()], 5).product_keys) == 0


def test_logged_queries_are_proposed_named_in_why_and_searched_in_each_sense(
    settings: Settings, generation: GenerationFolder
) -> None:
    events = []
    for number in range(8):
        products = ["red-disc", "orange-disc", "blue-bar", "cyan-bar"]
        shown = tuple(Shown(product, place) for place, product in enumerate(products))
        events.append(Event(event_id=f"s{number}", kind="search", at=NOW, query_text="Thing", shown=shown))
        for place, product in enumerate(products):
            events.append(
                Event(event_id=f"c{number}-{place}", kind="click", at=NOW, query_id=f"s{number}", product_id=product,
                      position=place)
            )  # fmt: skip
    events.append(Event(event_id="private", kind="search", at=NOW, query_text="my name and street"))
    Events(settings.home).append(events)
    rebuild(settings, backbone=TinyBackbone())
    folder = GenerationStore(settings.home).open()
    told = folder.manifest.metrics["parts"]["known_queries"]
    assert told["several_senses"] == 1
    assert told["logged"] == 1
    engine = SearchEngine(settings, backbone=TinyBackbone())
    related = engine.related_queries("red disc", k=100)
    texts = {query.text: query.searches for query in related}
    assert texts["thing"] == 8
    assert "bar" in texts
    assert "my name and street" not in texts
    assert "red disc" not in texts
    answer = engine.search(SearchRequest(text="thing", k=4))
    assert "learned query: shoppers searched these words 8 times, in 2 senses" in answer.hits[0].why
    # bars and products that look like discs take turns
    assert [hit.product_id.endswith("bar") for hit in answer.hits] in ([True, False] * 2, [False, True] * 2)
    assert not any("learned" in reason for reason in engine.search(SearchRequest(text="red disc")).hits[0].why)
    other = publish_candidate(settings, folder, replace(SPACE, files=()), {}, _turn_space)
    assert other == GenerationStore(settings.home).current_id()
    turned = SearchEngine(settings, backbone=TinyBackbone())
    assert turned.related_queries("red disc") == ()  # its points lie in the space that went
    assert not any("learned" in reason for reason in turned.search(SearchRequest(text="thing")).hits[0].why)
    for text, k in (("", 5), ("x", 0), ("x", 101)):
        with pytest.raises(InvalidQuery):
            engine.related_queries(text, k=k)
