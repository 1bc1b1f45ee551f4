"""An index in Milvus: it answers as the index in this process does, also after changes and with filters."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from milvus_server import MilvusServer
from numpy.typing import NDArray
from tiny_shop import DIM, AxisTower, TinyShop, axis, photo_of

from api.app import create_app
from data.filters import parse_filter
from data.settings import Settings
from engine.errors import IndexUnavailable, InvalidModel, InvalidQuery
from engine.generation import Generation, load_generation
from engine.index import MilvusIndex, agree, collection_of, drop_unused, make_ready, named_collection
from engine.index.milvus import building, collection, index
from engine.live import LiveView
from engine.protocols import Where
from engine.search import SearchEngine, SearchRequest

FILTERS = (
    "",
    'brand = "acme"',
    "price < 40",
    'NOT colour = "red" AND price >= 10',
    'attr.size IN ("l", 3)',
    "in_stock = false",
)
PRODUCTS = 120


@dataclass(frozen=True)
class Twins:
    """The same shop twice: searched in this process, and in Milvus."""

    here: TinyShop
    there: TinyShop

    def both(self) -> Iterator[TinyShop]:
        yield from (self.here, self.there)

    def engines(self) -> list[SearchEngine]:
        return [SearchEngine(shop.settings, backbone=shop.backbone) for shop in self.both()]


@pytest.fixture(scope="module")
def twins(milvus_server: MilvusServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    here = TinyShop(Settings(home=tmp_path_factory.mktemp("here"), index="exact"))
    there = TinyShop(Settings(home=tmp_path_factory.mktemp("there"), index="milvus", milvus_uri=milvus_server.uri))
    for shop in (here, there):
        for number in range(PRODUCTS):
            put(shop, number)
        shop.publish()
    agree(there.settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Generation, "text_tower", lambda self: AxisTower())
        yield Twins(here, there)


def put(shop: TinyShop, number: int, **facts: Any) -> None:
    """Adds a product; products of equal numbers modulo 3 share a photo, so that there are ties."""
    random = np.random.default_rng(number)
    points = random.standard_normal((1 + number % 3, DIM))
    points[0] = np.random.default_rng(1_000 + number % 3).standard_normal(DIM)
    shop.put(
        f"p{number:03}",
        (points / np.linalg.norm(points, axis=1, keepdims=True)).tolist(),
        **{
            "brand": ["Acme", "Sena", ""][number % 3],
            "price": None if number % 5 == 0 else float(number),
            "currency": "EUR",
            "colour": ["red", "blue", ""][number % 4 % 3],
            "created_at": f"2026-01-{1 + number % 28:02}",
            "in_stock": number % 6 > 0,
            "attributes": {"size": ["L", 3, "42"][number % 3]} if number % 2 else {},
            **facts,
        },
    )


def questions() -> Iterator[SearchRequest]:
    for number, filter_ in enumerate(FILTERS):
        yield SearchRequest(image=photo_of(number), filter=filter_, k=40)
        yield SearchRequest(text=f"axis{number}", filter=filter_, k=25, facets="brand,~colour")
        yield SearchRequest(product_id=f"p{number:03}", filter=filter_, k=100)
        yield SearchRequest(text=f"p00{number}", image=photo_of(number), unlike=("p010", "p011"), filter=filter_, k=30)


def pages(engine: SearchEngine, request: SearchRequest) -> list[Any]:
    """Returns all that an answer and its further pages say, to the end, but for what differs by chance."""
    said: list[Any] = []
    while True:
        answer = engine.search(request)
        said += [(hit.product_id, hit.score, hit.image_id, hit.why) for hit in answer.hits]
        said.append((answer.total, answer.facets, answer.no_match, answer.pending))
        if answer.next_cursor is None:
            return said
        request = replace(request, cursor=answer.next_cursor)


def test_answers_are_those_of_the_index_in_this_process(twins: Twins) -> None:
    here, there = twins.engines()
    assert there.status()["index"] == "milvus flat"
    for request in questions():
        found = pages(there, request)
        assert len(found) > 3
        assert found == pages(here, request), request


def test_answers_stay_the_same_while_products_change(twins: Twins) -> None:
    here, there = twins.engines()
    for shop in twins.both():
        put(shop, 3, brand="Sena", price=39.0)  # facts alone: the collection holds those of before
        put(shop, 4, colour="red")
        put(shop, 200, brand="Acme", price=12.0)
        shop.catalogue.delete("p007")
        shop.put("p008", [axis(1)], brand="Acme", price=20.0)
    for request in questions():
        assert pages(there, request) == pages(here, request), request
    named = there.search(SearchRequest(image=photo_of(1), filter='brand = "Sena" AND price = 39'))
    assert [hit.product_id for hit in named.hits] == ["p003"]


def test_rows_beyond_the_reach_of_one_query_are_found(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    built, view = live_index(twins), LiveView.of(live_generation(twins))
    queries = np.eye(DIM, dtype=np.float32)
    whole = built.search(queries, 50)
    dead = np.sort(whole[0].rows[:45])
    wanted = built.search(queries, 20, dead=dead)
    monkeypatch.setattr(index, "MOST_ROWS", 40)
    for found, right in zip(built.search(queries, 20, dead=dead), wanted, strict=True):
        assert (found.rows.tolist(), found.scores.tolist()) == (right.rows.tolist(), right.scores.tolist())
    assert len(view.rows_by_product) == built.count
    monkeypatch.setattr(index, "_MOST_HERE", 10)
    assert len(built.search(queries[:1], 50)[0].rows) == 40 - 16
    assert len(built.search(queries[:1], 20, dead=dead)[0].rows) == 0


def test_of_rows_that_tie_the_first_are_found(twins: Twins) -> None:
    built = live_index(twins)
    query = built.vectors(np.zeros(1, np.int64))
    scores = built.scores(query[0], np.arange(built.count))
    right = np.lexsort((np.arange(built.count), -scores))
    for k in (1, 2, 5, 30, 39, 60):
        assert built.search(query, k)[0].rows.tolist() == right[:k].tolist()


def test_a_mask_alone_is_refused(twins: Twins) -> None:
    built = live_index(twins)
    query, mask = np.eye(DIM, dtype=np.float32)[:1], np.ones(built.count, np.bool_)
    with pytest.raises(InvalidQuery, match="takes a filter itself"):
        built.search(query, 3, mask)
    where = Where(parse_filter("price >= 0 OR price < 0"), np.zeros(0, np.int64))
    with pytest.raises(InvalidQuery, match="allowed must be bool"):
        built.search(query, 3, mask[1:], where=where)
    with pytest.raises(InvalidQuery, match="width"):
        built.search(np.ones((1, 3), np.float32), 3)
    assert not len(built.search(query, 3, ~mask, where=where)[0].rows)


def test_the_alias_follows_current_and_shields_its_collection(twins: Twins) -> None:
    shop = twins.there
    first = shop.store.current_id() or ""
    second = shop.publish().id
    assert named_collection(shop.settings) == collection_of(first)  # as a kill after CURRENT would leave it
    assert drop_unused(shop.settings, [], []) == [collection_of(second)]  # the alias shields the first
    with pytest.raises(IndexUnavailable):
        make_ready(shop.settings, shop.store.open(second).folder)
    third = shop.publish().id
    SearchEngine(shop.settings, backbone=shop.backbone).search(SearchRequest(text="axis1"))  # a start heals it
    assert named_collection(shop.settings) == collection_of(third)
    assert drop_unused(shop.settings, [collection_of(first), collection_of(third)], [collection_of(third)]) == []
    shop.store.rollback(first, check=lambda folder: make_ready(shop.settings, folder.folder))
    agree(shop.settings)
    assert named_collection(shop.settings) == collection_of(first)
    assert drop_unused(shop.settings, [collection_of(first)], [collection_of(first)]) == [collection_of(third)]


def test_a_large_index_is_tuned_to_the_wanted_recall(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "_MOST_FLAT", 100)
    vectors = np.random.default_rng(0).standard_normal((2_000, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    photos = collection.Photos(np.arange(2_000), np.full(2_000, b"a" * 64), lambda keys: {})
    built = building.build("lookalike_graph", vectors, photos, twins.there.settings)
    assert (built.kind, built.is_exact, built.count) == ("milvus hnsw", False, 2_000)
    assert built.measured["recall_at_10"] >= 0.99
    assert built.effort == built.measured["effort"] in built.efforts
    assert built.search(vectors[:1], 1)[0].rows.tolist() == [0]

    def recall(index: MilvusIndex, points: NDArray[np.float32], best: NDArray[np.int64]) -> float:
        return 1.0 if len(points) == len(best) == 200 or index.effort > 64 else 0.9

    monkeypatch.setattr(building, "_recall", recall)
    words = {"text": vectors[:20], "none": vectors[:0]}
    assert building._tune(built, vectors, 0.99, words) == {
        "recall_at_10": 1.0, "effort": 128, "curve": {"32": 0.9, "64": 0.9, "128": 1.0},
    }  # fmt: skip


def test_a_shop_without_photos_has_an_empty_collection(twins: Twins) -> None:
    none = np.zeros(0, np.int64)
    photos = collection.Photos(none, np.zeros(0, "S64"), lambda keys: {})
    built = building.build("lookalike_empty", np.zeros((0, 4), np.float32), photos, twins.there.settings)
    assert (built.count, built.collection.count()) == (0, 0)
    assert not len(built.search(np.eye(4, dtype=np.float32)[:1], 5)[0].rows)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("milvus.json", b"{}", "must describe an index in Milvus"),
        ("milvus.json", b"[1]", "must describe an index in Milvus"),
        ("milvus.json", b'{"format": 2}', "must have format 1; got 2"),
        ("milvus_rows.npy", b"\x93NUMPY", "must be a file of rows"),
        ("milvus_rows.npy", None, "must hold"),
    ],
)
def test_files_that_are_not_its_own_are_refused(
    twins: Twins, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    folder = shutil.copytree(twins.there.store.open().folder, tmp_path / "copy")
    if content is None:
        np.save(folder / name, np.zeros((2, 2), np.float32))
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(InvalidModel, match=said):
        MilvusIndex.load(folder, live_index(twins).collection.server)


def test_while_milvus_is_down_writes_are_kept_and_searches_say_so(twins: Twins, milvus_server: MilvusServer) -> None:
    here, there = twins.engines()
    there.search(SearchRequest(text="axis1"))
    milvus_server.kill()
    with create_app(twins.there.settings, there).test_client() as client:
        answer = client.get("/v1/search/text?q=axis1")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert '"code": "index_unavailable"' in answer.text
        assert twins.there.settings.milvus_uri not in answer.text
        assert client.patch("/v1/products/p001", json={"brand": "Sena"}).status_code == 200
    twins.here.catalogue.patch("p001", {"brand": "Sena"})
    for shop in twins.both():
        put(shop, 300)
    fresh = SearchEngine(twins.there.settings, backbone=twins.there.backbone)  # a start while it is down
    with pytest.raises(IndexUnavailable, match="Try again shortly"):
        fresh.search(SearchRequest(text="axis1"))
    milvus_server.start()
    make_ready(twins.there.settings, twins.there.store.open().folder)
    for request in (SearchRequest(product_id="p300", k=100), SearchRequest(text="axis1", filter='brand = "sena"')):
        assert pages(there, request) == pages(fresh, request) == pages(here, request)


def live_generation(twins: Twins) -> Generation:
    shop = twins.there
    return load_generation(shop.settings, shop.store.open(), shop.backbone)


def live_index(twins: Twins) -> MilvusIndex:
    found = live_generation(twins).index
    assert isinstance(found, MilvusIndex)
    return found
