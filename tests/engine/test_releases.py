"""What the writer releases: enough to search as it does itself, and nothing of shoppers or keys."""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hot_swap import publish_again
from shape_catalogue import draw_shape
from tiny_backbone import TinyBackbone

from data.catalogue import Catalogue, Product
from data.database import require_own_tables
from data.errors import DatabaseError
from data.events import Event, Events
from data.generations import GenerationFolder, GenerationStore
from data.keys import Keys
from data.photos import Intake
from data.releases import ReleaseCache, ReleaseStorage
from data.settings import Settings
from engine.releases import keep_released, release
from engine.rollback import roll_back
from engine.search import SearchEngine, SearchRequest
from indexer.operating.releases import look_at_releases

pytest.importorskip("fsspec", reason="the extra `searcher` is not installed")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", models_url=str(tmp_path / "storage"))


@pytest.fixture
def storage(settings: Settings) -> ReleaseStorage:
    return ReleaseStorage(settings.models_url)


def searched(home: Path, request: SearchRequest) -> list[tuple[str, float]]:
    answer = SearchEngine(Settings(home=home), backbone=TinyBackbone()).search(request)
    return [(hit.product_id, hit.score) for hit in answer.hits]


def brought(storage: ReleaseStorage, tmp_path: Path) -> Path:
    newest = storage.newest()
    assert newest
    return ReleaseCache(tmp_path / "searcher").bring(storage, newest)


def test_a_release_answers_as_its_home_does(
    generation: GenerationFolder, settings: Settings, storage: ReleaseStorage, tmp_path: Path
) -> None:
    made = release(settings)
    assert made.generation == generation.id
    home = brought(storage, tmp_path)
    require_own_tables(home)
    GenerationStore(home).open().verify()
    for request in (
        SearchRequest(text="red disc"),
        SearchRequest(text="square", filter='brand = "Acme" AND price < 20'),
        SearchRequest(product_id="blue-bar", k=24),
    ):
        assert searched(home, request) == searched(settings.home, request) != []


def test_nothing_is_released_twice_and_every_change_once(
    generation: GenerationFolder, settings: Settings, storage: ReleaseStorage
) -> None:
    first = release(settings)
    assert release(settings) == first
    Catalogue(settings.home).patch("red-disc", {"price": 1.5})
    second = release(settings)
    assert second.id > first.id
    assert second.seq == first.seq + 1
    assert second.generation == first.generation
    assert {name for name in second.files if second.files[name] != first.files.get(name)} == {"catalog.db"}
    assert storage.damaged(second) == {}


def test_changes_since_the_rebuild_are_found(
    generation: GenerationFolder, settings: Settings, storage: ReleaseStorage, tmp_path: Path
) -> None:
    engine, catalogue = SearchEngine(settings, backbone=TinyBackbone()), Catalogue(settings.home)
    draw_shape("gold", "bar", 9).save(tmp_path / "new.png")
    record = Intake(settings, catalogue).accept_path(tmp_path / "new.png")
    engine.embed_new([record])
    catalogue.upsert(Product(product_id="new-bar", title="new bar"), [record])
    catalogue.delete("red-bar")
    release(settings)
    home = brought(storage, tmp_path)
    request = SearchRequest(product_id="gold-bar", k=24)
    found = searched(home, request)
    assert found == searched(settings.home, request)
    assert found[0][0] == "new-bar"
    assert "red-bar" not in dict(found)


def test_nothing_of_shoppers_or_keys_is_released(
    generation: GenerationFolder, settings: Settings, storage: ReleaseStorage, tmp_path: Path
) -> None:
    key = Keys(settings.home).create(["search"])
    event = Event(
        event_id="e1", kind="search", at=datetime.now(UTC), query_id="q1", query_text="whispered words",
        session="session-of-somebody",
    )  # fmt: skip
    Events(settings.home).store([event, replace(event, event_id="e2")])
    path = Catalogue(settings.home).photo(Catalogue(settings.home).get("red-disc").image_sha256[0])
    assert path
    release(settings)
    content = (brought(storage, tmp_path) / "catalog.db").read_bytes()
    everything = b"".join(file.read_bytes() for file in tmp_path.joinpath("home").glob("catalog.db*"))
    for private in ("whispered words", "session-of-somebody", key.split("_")[1], path.source):
        assert private.encode() in everything
        assert private.encode() not in content


def test_a_rollback_is_released(generation: GenerationFolder, settings: Settings, storage: ReleaseStorage) -> None:
    newer = publish_again(GenerationStore(settings.home), generation)
    assert release(settings).generation == newer
    roll_back(settings)
    newest = storage.newest()
    assert newest
    assert newest.generation == generation.id


def test_a_storage_that_fails_changes_nothing(
    generation: GenerationFolder, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "storage").write_text("no folder")
    keep_released(settings)
    assert "could not be released" in caplog.text
    assert not (settings.home / ".release").exists()
    assert GenerationStore(settings.home).current_id() == generation.id


def test_doctor_names_what_is_damaged_and_repairs_it(
    generation: GenerationFolder, settings: Settings, storage: ReleaseStorage
) -> None:
    def level() -> str:
        return "".join(found.level for found in look_at_releases(settings, repair=False))

    assert level() == "WARN"
    release(settings)
    assert level() == "OK"
    Catalogue(settings.home).patch("red-disc", {"price": 1.5})
    assert level() == "WARN"
    file = release(settings).files[f"generations/{generation.id}/rows.npz"]
    root = Path(settings.models_url)
    for path in (root / "CURRENT", next(root.glob("releases/*.json")), root / "files" / file.sha256[:2] / file.sha256):
        content = path.read_bytes()
        path.write_bytes(content[:-3])
        assert [found.level for found in look_at_releases(settings, repair=True)] == ["OK"], path
    path.write_bytes(b"x" + content[1:])
    assert level() == "FAIL"
    assert [found.level for found in look_at_releases(settings, repair=True)] == ["OK"]


def test_a_catalogue_with_other_tables_is_refused(generation: GenerationFolder, settings: Settings) -> None:
    with sqlite3.connect(settings.home / "catalog.db") as connection:
        connection.execute("CREATE TRIGGER t AFTER INSERT ON feature_sets BEGIN DELETE FROM products; END")
    Catalogue(settings.home)
    with pytest.raises(DatabaseError, match="tables of this version"):
        require_own_tables(settings.home)
