"""The index in lists: as good as it was tuned to be, and exact in what it may never get wrong."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from tiny_shop import TinyShop

from data.errors import CorruptGeneration
from data.generations import GenerationFolder
from data.settings import Settings
from engine.arrays import read_safetensors
from engine.errors import InvalidModel
from engine.generation import load_generation, write_generation_files
from engine.index import build_catalogue_index, load_index, partitioned, tuning
from engine.index.choose import INDEX_FILES
from engine.index.flat import INDEX_FILE
from engine.index.lists import LISTS_FILE, Learned, Lists
from engine.index.partitioned import PartitionedIndex
from engine.index.reach import Reach, Reaches, Tuned, read_tuned
from engine.index.stored_rows import ROWS_FILE, StoredRows
from engine.protocols import Aim, Floats, Hits, Mask, VectorIndex
from engine.space import Projection, normalise

COUNT, DIM = 24_000, 16
CENTRES = np.random.default_rng(0).standard_normal((60, DIM))


@pytest.fixture(scope="module", autouse=True)
def few_rows() -> Iterator[None]:
    """Filters that leave more than 1,000 rows are answered from lists, as in a large catalogue."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partitioned, "FEW_ROWS", 1000)
        patch.setattr(tuning, "QUESTIONS", 60)
        yield


def clustered(count: int, seed: int) -> Floats:
    """Unit rows around 60 centres, every tenth a copy of the one before it."""
    chance = np.random.default_rng(seed)
    rows = CENTRES[chance.integers(0, 60, count)] + 0.4 * chance.standard_normal((count, DIM))
    rows[9::10] = rows[8::10]
    return normalise(rows.astype(np.float32))


@pytest.fixture(scope="module")
def vectors() -> Floats:
    return clustered(COUNT, 1)


@pytest.fixture(scope="module")
def words() -> Floats:
    return normalise(np.random.default_rng(4).standard_normal((100, DIM)).astype(np.float32))


@pytest.fixture(scope="module")
def index(vectors: Floats, words: Floats) -> VectorIndex:
    return build_catalogue_index(vectors, Settings(device="cpu", index="ivf"), lambda: {"text": words})


def recall(index: VectorIndex, vectors: Floats, queries: Floats, k: int, allowed: Mask | None = None) -> float:
    """Returns the share of the k best that are found; of equal scores any."""
    right = 0
    for query, hits in zip(queries, index.search(queries, k, allowed), strict=True):
        assert len(np.unique(hits.rows)) == len(hits.rows) == k
        assert allowed is None or allowed[hits.rows].all()
        scores = vectors @ query if allowed is None else (vectors @ query)[allowed]
        right += int(np.count_nonzero(vectors[hits.rows] @ query >= np.partition(scores, -k)[-k] - 2e-5))
    return right / k / len(queries)


def test_it_is_in_lists_and_says_what_was_measured(index: VectorIndex) -> None:
    assert (index.kind, index.is_exact, index.count, index.dim) == ("faiss ivf sq8 cpu", False, COUNT, DIM)
    assert index.memory_bytes < COUNT * DIM * 4
    measured = index.measured
    for found in (measured, measured["filtered"]):
        assert set(found["kinds"]) == {"photo", "text"}
        assert found["ten"] == max(lists["ten"] for lists in found["kinds"].values()) <= found["lists"] / 2
        for kind, lists in found["kinds"].items():
            chosen = [point for point in found["curve"] if point["k"] == 10 and point["lists"] == lists["ten"]]
            assert next(point["recall"] for point in chosen if point["kind"] == kind) >= 0.99


@pytest.mark.parametrize(("k", "least"), [(1, 0.99), (10, 0.99), (100, 0.97), (1000, 0.9), (5000, 0.9)])
def test_other_queries_than_it_was_tuned_with_find_as_much(
    index: VectorIndex, vectors: Floats, words: Floats, k: int, least: float
) -> None:
    assert recall(index, vectors, clustered(40, 2), k) >= least
    others = normalise(np.random.default_rng(5).standard_normal((40, DIM)).astype(np.float32))
    assert recall(index, vectors, others, k) >= least - 0.01


@pytest.fixture
def looked_through(index: VectorIndex, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of lists that searches look through, as they come."""
    assert isinstance(index, PartitionedIndex)
    lists: list[int] = []
    find = index.find

    def noted(query: Floats, k: int, wanted: int, *limits: Any) -> Hits:
        lists.append(wanted)
        return find(query, k, wanted, *limits)

    monkeypatch.setattr(index, "find", noted)
    return lists


def test_rows_are_found_in_fewer_lists_than_words(
    index: VectorIndex, vectors: Floats, looked_through: list[int]
) -> None:
    assert isinstance(index, PartitionedIndex)
    assert index.tuned is not None
    for kind in ("photo", "text", ""):
        index.search(vectors[:1], 10, aim=Aim(kind))
    row, words, unknown = looked_through
    assert row < words == unknown == index.tuned.any.all.ten
    right = 0
    for at in range(0, 2000, 20):
        hits = index.search(vectors[at][None], 10, None, np.array([at]), Aim("photo"))[0]
        others = np.delete(vectors @ vectors[at], at)
        right += int(np.count_nonzero(hits.scores >= np.partition(others, -10)[-10] - 2e-5))
    assert right >= 0.985 * 1000


def test_rows_that_are_only_read_ahead_take_no_more_lists(
    index: VectorIndex, vectors: Floats, looked_through: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "tuned", Tuned(Reaches(Reach(8, 16, 32))))
    for k, sure in ((60, 0), (60, 10), (10, 60), (60, 30)):
        assert len(index.search(vectors[:1], k, aim=Aim(sure=sure))[0].rows) == k
    assert looked_through == [16, 8, 8, 16]


def test_an_index_that_was_tuned_without_kinds_is_read() -> None:
    old = {"ten": 8, "hundred": 16, "thousand": 32, "filtered": {"ten": 9, "hundred": 17, "thousand": 33}}
    assert read_tuned({**old, "factor": 1.0}) == Tuned(Reaches(Reach(8, 16, 32), Reach(9, 17, 33)))
    written = Tuned(Reaches(Reach(8, 16, 32)), {"photo": Reaches(Reach(8, 8, 8), Reach(9, 9, 9))})
    assert read_tuned(written.to_json()) == written
    broken: dict[str, Any]
    for broken in ({"ten": 0}, {"hundred": "16"}, {"kinds": [1]}, {"kinds": {"photo": 3}}, {"filtered": {}}):
        with pytest.raises(InvalidModel, match="Rebuild"):
            read_tuned(old | broken)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
def test_a_filter_finds_as_much_without_looking_through_all_lists(
    index: VectorIndex, vectors: Floats, looked_through: list[int], monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    monkeypatch.setattr(partitioned, "FEW_ROWS", 0)
    assert isinstance(index, PartitionedIndex)
    allowed = np.random.default_rng(9).random(COUNT) < share
    assert recall(index, vectors, clustered(60, 3), 10, allowed) >= 0.99
    assert set(looked_through) <= set(range(index.list_count // 2))
    assert looked_through


@pytest.mark.parametrize("kinds", [6, 30])
def test_a_filter_finds_as_much_where_its_rows_lie_far_from_the_query(
    index: VectorIndex, vectors: Floats, kinds: int
) -> None:
    queries = clustered(60, 3)
    kind, asked = (np.argmax(rows @ CENTRES.T, axis=1) for rows in (vectors, queries))
    assert recall(index, vectors, queries[asked >= kinds], 10, kind < kinds) >= 0.99


def test_a_filter_finds_as_much_where_its_rows_come_at_regular_steps(
    index: VectorIndex, vectors: Floats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitioned, "_SAMPLE", 5000)
    assert recall(index, vectors, clustered(60, 3), 10, np.arange(COUNT) % 2 == 1) >= 0.99


def test_what_a_filter_leaves_of_few_rows_is_exact(index: VectorIndex, vectors: Floats) -> None:
    allowed = np.random.default_rng(6).random(COUNT) < 0.01
    assert recall(index, vectors, clustered(40, 7), 10, allowed) == 1
    all_of_them = int(allowed.sum())
    hits = index.search(vectors[:2], COUNT, allowed)
    assert [sorted(found.rows.tolist()) for found in hits] == [np.flatnonzero(allowed).tolist()] * 2
    assert len(hits[0].rows) == all_of_them


def test_all_rows_come_where_all_are_wanted(index: VectorIndex, vectors: Floats) -> None:
    assert len(index.search(vectors[:1], COUNT + 5)[0].rows) == COUNT
    half = np.arange(COUNT) % 5 > 0
    assert sorted(index.search(vectors[:1], COUNT, half)[0].rows.tolist()) == np.flatnonzero(half).tolist()


def test_dead_rows_are_never_found_and_the_next_ones_come_instead(index: VectorIndex, vectors: Floats) -> None:
    before = index.search(vectors[:20], 60)
    for query, hits in zip(vectors[:20], before, strict=True):
        dead = np.sort(hits.rows[:50])
        after = index.search(query[None], 10, None, dead)[0]
        assert after.rows.tolist() == hits.rows[50:].tolist()


@pytest.mark.parametrize("living", [range(0, COUNT, 480), range(7, 8), range(0)])
def test_all_rows_that_are_left_are_found_however_many_are_dead(
    index: VectorIndex, vectors: Floats, living: range
) -> None:
    dead = np.setdiff1d(np.arange(COUNT), living)
    for found in index.search(vectors[:2], 50, None, dead):
        assert sorted(found.rows.tolist()) == list(living)


def test_most_rows_dead_is_as_a_filter_of_the_others_also_where_they_lie_far_from_the_query(
    index: VectorIndex, vectors: Floats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "tuned", Tuned(Reaches(Reach(8, 8, 8))))
    kinds = 28
    queries = clustered(60, 3)
    kind, asked = (np.argmax(rows @ CENTRES.T, axis=1) for rows in (vectors, queries))
    queries, dead = queries[asked >= kinds], np.flatnonzero(kind >= kinds)
    expected = index.search(queries, 10, kind < kinds)
    for hits, best in zip(index.search(queries, 10, None, dead), expected, strict=True):
        assert hits.rows.tolist() == best.rows.tolist()


def test_equal_rows_come_in_row_order_with_equal_scores(index: VectorIndex, vectors: Floats) -> None:
    for row in (8, 18, 15_008):
        hits = index.search(vectors[row][None], 2)[0]
        assert hits.rows.tolist() == [row, row + 1]
        assert hits.scores[0] == hits.scores[1]


def test_many_equal_rows_come_in_row_order(words: Floats) -> None:
    rows = clustered(6000, 8)
    rows[1000:4000] = rows[1000]
    small = build_catalogue_index(rows, Settings(device="cpu", index="ivf"))
    assert isinstance(small, PartitionedIndex)
    assert small.search(rows[1000][None], 30)[0].rows.tolist() == list(range(1000, 1030))


def test_answers_do_not_depend_on_how_many_are_asked_for_at_once(index: VectorIndex, vectors: Floats) -> None:
    together = index.search(vectors[:30], 10)
    for query, hits in zip(vectors[:30], together, strict=True):
        alone = index.search(query[None], 10)[0]
        assert alone.rows.tolist() == hits.rows.tolist()
        assert alone.scores.tolist() == hits.scores.tolist()


def test_what_is_loaded_answers_as_what_was_built(
    index: VectorIndex, vectors: Floats, tmp_path: Path, settings: Settings
) -> None:
    index.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [LISTS_FILE]
    loaded = load_index(tmp_path, settings)
    assert (loaded.kind, loaded.count, loaded.memory_bytes) == (index.kind, COUNT, index.memory_bytes)
    allowed = np.arange(COUNT) % 8 > 0
    for k, mask in ((10, None), (1000, None), (10, allowed)):
        for one, other in zip(loaded.search(vectors[:5], k, mask), index.search(vectors[:5], k, mask), strict=True):
            assert one.rows.tolist() == other.rows.tolist()
            assert one.scores.tolist() == other.scores.tolist()
    assert np.abs(loaded.vectors(np.arange(50)) - vectors[:50]).max() < 2e-5
    assert isinstance(loaded, PartitionedIndex)
    assert isinstance(index, PartitionedIndex)
    assert loaded.tuned == index.tuned
    assert loaded.tuned is not None
    assert loaded.tuned.any.rare is not None
    with pytest.raises(InvalidModel, match="exact index"):
        load_index(tmp_path, Settings(device="gpu"))


def test_what_lists_learned_is_used_again_until_the_catalogue_has_grown(index: VectorIndex, tmp_path: Path) -> None:
    index.save(tmp_path)
    settings = Settings(device="cpu", index="ivf")
    more = build_catalogue_index(clustered(COUNT + 1000, 11), settings, before=tmp_path)
    many = build_catalogue_index(clustered(COUNT * 14 // 10, 11), settings, before=tmp_path)
    assert [built.measured["learned_from"] for built in (index, more, many)] == [COUNT, COUNT, COUNT * 14 // 10]
    assert recall(more, clustered(COUNT + 1000, 11), clustered(40, 12), 10) >= 0.99


def test_a_generation_has_the_index_in_lists_and_hands_it_on(vectors: Floats, settings: Settings) -> None:
    shop = TinyShop(settings.replace(index="ivf", device="cpu"))
    space = Projection(transform="none", mean=np.zeros(DIM, np.float32), matrix=np.eye(DIM, dtype=np.float32))
    rows = np.arange(3000)
    live: GenerationFolder | None = None
    for count in (3000, 2900):
        staged = shop.store.stage()
        written = write_generation_files(
            staged.folder,
            space,
            vectors[:count],
            rows[:count],
            rows[:count],
            [f"{row:064}" for row in rows[:count]],
            shop.settings,
            before=live,
        )
        spec = replace(shop.backbone.spec, dim=DIM)
        folder = shop.store.publish(
            staged, fingerprint=spec.fingerprint, dim=DIM, metric="inner_product", counts={}, seq=0,
            backbone=spec.to_json(), versions={}, metrics={"index": written.measured}, gates=[],
        )  # fmt: skip
        found = load_generation(shop.settings, folder).index
        assert (found.kind, INDEX_FILE in folder.manifest.files) == ("faiss ivf sq8 cpu", False)
        assert found.search(vectors[5:6], 1)[0].rows.tolist() == [5]
        live = folder
    assert written.measured["learned_from"] == 3000
    assert live is not None
    content = live.folder / LISTS_FILE
    content.write_bytes(content.read_bytes()[:-1] + b"x")
    with pytest.raises(CorruptGeneration, match=LISTS_FILE):
        load_generation(shop.settings, shop.store.open(live.id))


def test_an_index_with_its_rows_in_a_file_of_their_own_is_read(
    index: VectorIndex, vectors: Floats, tmp_path: Path, settings: Settings
) -> None:
    index.save(tmp_path)
    arrays, metadata = read_safetensors(tmp_path / LISTS_FILE)
    del arrays["rests"]
    facts = {**json.loads(metadata["index"]), "version": 1, "factor": 1 / 32_767}
    save_file(arrays, tmp_path / LISTS_FILE, metadata={"index": json.dumps(facts)})
    np.save(tmp_path / ROWS_FILE, np.rint(vectors * 32_767).astype(np.int16))
    old = load_index(tmp_path, settings)
    assert np.abs(old.vectors(np.arange(50)) - vectors[:50]).max() < 2e-5
    for one, other in zip(old.search(vectors[:5], 10), index.search(vectors[:5], 10), strict=True):
        np.testing.assert_allclose(one.scores, other.scores, atol=6e-5)
    with pytest.raises(InvalidModel, match="older"):
        old.save(tmp_path)


def stored_rows(vectors: Floats) -> tuple[StoredRows, Learned]:
    lists = Lists.of(vectors, Learned.of(vectors[:1000]))  # so that some rows lie outside the ranges
    return StoredRows.of(lists), lists.learned


def test_scores_are_those_of_the_rows(vectors: Floats) -> None:
    stored, _ = stored_rows(vectors[:3000])
    assert np.abs(stored.vectors(np.arange(3000)) - vectors[:3000]).max() < 2e-5
    rows = np.arange(2999, -1, -1)
    np.testing.assert_allclose(stored.scores(vectors[5], rows), vectors[rows] @ vectors[5], atol=3e-5)
    assert stored.scores(vectors[5], rows[2000:]).tolist() == stored.scores(vectors[5], rows)[2000:].tolist()


def test_rows_that_are_taken_over_every_night_are_rounded_once(vectors: Floats) -> None:
    rows = np.arange(3000)
    stored, learned = stored_rows(vectors[:3000])
    first = later = stored.vectors(rows)
    for _ in range(5):
        lists = Lists.of(later, learned)
        later, learned = StoredRows.of(lists).vectors(rows), lists.learned
    np.testing.assert_array_equal(later, first)


def test_small_and_exact_catalogues_have_the_files_that_they_had(tmp_path: Path) -> None:
    for name, settings, count in (
        ("small", Settings(device="cpu"), 5000),
        ("few for lists", Settings(device="cpu", index="ivf"), 1500),
        ("exact", Settings(device="cpu", index="exact"), 25_000),
    ):
        built = build_catalogue_index(clustered(count, 9), settings)
        folder = tmp_path / name
        folder.mkdir()
        built.save(folder)
        assert (built.kind, built.is_exact) == ("faiss flat cpu", True)
        assert [path.name for path in folder.iterdir()] == [INDEX_FILE]


def test_where_lists_find_too_little_the_index_stays_exact(caplog: pytest.LogCaptureFixture) -> None:
    noise = normalise(np.random.default_rng(10).standard_normal((4500, 64)).astype(np.float32))
    built = build_catalogue_index(noise, Settings(device="cpu", index="ivf"))
    assert built.is_exact
    assert max(point["recall"] for point in built.measured["curve"]) > 0
    assert "stays exact" in caplog.text


def test_the_files_are_named() -> None:
    assert {INDEX_FILE, LISTS_FILE, ROWS_FILE, "milvus.json", "milvus_rows.npy"} == set(INDEX_FILES)
