"""The nightly job with an index in Milvus: gates, publishing, pruning, rollback and what doctor says."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import rebuild_driver
from imported_shapes import import_shapes
from milvus_server import MilvusServer
from tiny_backbone import TinyBackbone

from data.catalogue import Catalogue
from data.generations import GenerationStore
from data.settings import Settings
from engine.index import Milvus, MilvusCollection, collection_of, named_collection, server_of
from engine.rollback import roll_back
from engine.search import SearchEngine, SearchRequest
from indexer.errors import GateFailed
from indexer.operating import describe_status, examine, status
from indexer.rebuild import rebuild
from training.parts import VOTERS
from training.sessions.candidate import publish_candidate

FILTERS = ("", "price < 20", 'category = "circle"')


@pytest.fixture(scope="module")
def shop(milvus_server: MilvusServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A shop of shapes with a database of its own in the server, rebuilt twice: exactly, and in Milvus."""
    Milvus(milvus_server.uri, "").ask(lambda client: client.create_database("shapes"))
    settings = Settings(home=tmp_path_factory.mktemp("shapes") / "home", index="exact")
    with pytest.MonkeyPatch.context() as patch:
        import_shapes(settings, patch)
        built(settings)
        settings = settings.replace(index="milvus", milvus_uri=f"{milvus_server.uri}/shapes", keep_generations=2)
        yield settings


def built(settings: Settings) -> str:
    return rebuild(settings, backbone=TinyBackbone()).generation or ""


def drive(stop: str, settings: Settings) -> int:
    """Rebuilds in a process of its own that is killed at a point; returns its exit status."""
    environment = {**os.environ, "LOOKALIKE_INDEX": "milvus", "LOOKALIKE_MILVUS_URI": settings.milvus_uri}
    command = [sys.executable, rebuild_driver.__file__, stop, "--home", str(settings.home), "rebuild"]
    return subprocess.run(command, capture_output=True, timeout=120, env=environment, check=False).returncode


def collections(settings: Settings) -> dict[str, str]:
    """Returns the name of each collection -> whether it is in the server's memory."""
    server = server_of(settings)
    return {
        name: MilvusCollection(server, name).load_state()
        for name in server.ask(lambda client: client.list_collections())
    }


def findings(settings: Settings, **options: Any) -> list[str]:
    return [f"{found.level} {found.detail}" for found in examine(settings, **options) if found.subject == "milvus"]


def test_generations_go_to_milvus_and_back(shop: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = SearchEngine(shop.replace(index="exact"), backbone=TinyBackbone())
    product = next(Catalogue(shop.home).iter_facts()).product.product_id
    asked = [
        SearchRequest(product_id=product, k=100, filter=text) for text in ("", "price < 20", 'category = "circle"')
    ]
    right = [exact.search(each).hits for each in asked]
    assert findings(shop)[1:] == ["WARN the live generation is searched by faiss flat cpu"]

    summary = rebuild(shop, backbone=TinyBackbone())
    first = summary.generation or ""
    gates = {gate.name: gate.passed for gate in summary.gates if gate.name.startswith("milvus")}
    assert gates == {"milvus_count": True, "milvus_vectors": True, "milvus_filters": True}
    assert summary.counts["projected"] == 0  # the points of the exact generation were taken over
    server = SearchEngine(shop, backbone=TinyBackbone())
    assert [server.search(each).hits for each in asked] == right
    assert named_collection(shop) == collection_of(first)
    assert [line[:3] for line in findings(shop)] == ["OK "] * 4, findings(shop)

    assert drive("kill:after_current", shop) == -9
    second = GenerationStore(shop.home).current_id() or ""
    assert second > first
    assert named_collection(shop) == collection_of(first)  # the alias could not follow any more
    assert any(line.startswith("WARN the alias names") for line in findings(shop))
    assert findings(shop, repair=True)[-2] == f"OK the alias names the live generation {second}"
    server.refresh()
    assert [server.search(each).hits for each in asked] == right
    assert roll_back(shop) == first
    assert named_collection(shop) == collection_of(first)

    assert drive("kill:after_index", shop) == -9
    assert len(collections(shop)) == 3
    whole = Catalogue.milvus_fields
    monkeypatch.setattr(Catalogue, "milvus_fields", lambda *given: dearer(whole(*given)))
    with pytest.raises(GateFailed, match="milvus_filters must be == 0"):
        built(shop)
    monkeypatch.undo()
    assert collections(shop).keys() == {collection_of(first), collection_of(second)}  # neither killed nor refused

    third = built(shop)
    assert named_collection(shop) == collection_of(third)
    assert collections(shop) == {
        collection_of(first): "Loaded",  # which servers may still search
        collection_of(second): "NotLoad",  # kept for a rollback
        collection_of(third): "Loaded",
    }
    assert roll_back(shop, second) == second
    server.refresh()
    assert server.status()["generation"] == second
    assert [server.search(each).hits for each in asked] == right


def test_a_generation_with_a_part_trained_alone_is_searched_in_the_collection_of_the_one_it_copies(
    shop: Settings,
) -> None:
    shared, store = collection_of(built(shop)), GenerationStore(shop.home)
    for _ in range(shop.keep_generations):  # so that only copies are kept of it
        copy = publish_candidate(shop, store.open(), VOTERS, {}, lambda folder: None)
    assert [line[:3] for line in findings(shop, repair=True)] == ["OK "] * 4, findings(shop)
    newest = built(shop)
    assert [folder.id for folder in store.list()] == [newest, copy]
    assert collections(shop) == {shared: "Loaded", collection_of(newest): "Loaded"}
    assert roll_back(shop, copy) == copy
    assert named_collection(shop) == shared


def test_doctor_and_status_tell_what_waits_and_what_is_not_in_memory(shop: Settings) -> None:
    live, product = built(shop), next(Catalogue(shop.home).iter_facts()).product.product_id
    Catalogue(shop.home).patch(product, {"price": 3.0})
    assert findings(shop)[-1] == "WARN 1 changed products are not in Milvus yet; other machines do not find them"
    facts = status(shop)
    assert facts["changes_waiting"] == 1
    assert "Milvus       1 changed products to be written" in describe_status(facts)
    changes = SearchEngine(shop, backbone=TinyBackbone()).changes
    while changes.step():
        pass
    assert findings(shop)[-1] == "OK the changes since the rebuild are in Milvus"
    assert status(shop)["changes_waiting"] == 0
    server_of(shop).ask(lambda client: client.release_collection(collection_of(live)))
    assert findings(shop)[-1].startswith(f"FAIL {collection_of(live)} is not in Milvus's memory")
    assert [line[:3] for line in findings(shop, repair=True)] == ["OK "] * 4


def dearer(fields: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {key: {**own, "price": own["price"] + 1} for key, own in fields.items()}


def test_doctor_names_a_server_that_does_not_answer(settings: Settings) -> None:
    found = findings(settings.replace(milvus_uri="http://127.0.0.1:1"))
    assert len(found) == 1
    assert found[0].startswith("FAIL http://127.0.0.1:1: ")
    assert findings(settings) == []
    assert status(settings)["changes_waiting"] is None
