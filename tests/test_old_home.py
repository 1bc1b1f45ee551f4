"""A home of commit 4d87ce7, from before the packages had rooms, opens, serves, rebuilds and rolls back."""

import io
import shutil
import tarfile
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from shape_catalogue import draw_shape
from tiny_backbone import TinyBackbone

from api.app import create_app
from data.catalogue import Catalogue, patch_product
from data.generations import GenerationStore
from data.settings import Settings
from engine.rollback import roll_back
from engine.search import SearchEngine, SearchRequest
from indexer.operating import examine
from indexer.rebuild import rebuild

ARCHIVE = Path(__file__).parent / "fixtures" / "old_home.tar.xz"  # written by make_old_home.py beside it


def unpack(folder: Path) -> Settings:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return Settings(home=folder / "home", backbone="efficientnet_lite2")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The home after its first search by words, which exports the sentence encoder: that takes seconds. For copies."""
    settings = unpack(tmp_path_factory.mktemp("searched"))
    SearchEngine(settings, backbone=TinyBackbone()).search(SearchRequest(text="purple square"))
    return settings


@pytest.fixture
def old(searched: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(searched.home, tmp_path / "home")
    return searched.replace(home=tmp_path / "home")


def photo(colour: str, shape: str) -> bytes:
    out = io.BytesIO()
    draw_shape(colour, shape, 77).save(out, "PNG")
    return out.getvalue()


def first_hits(engine: SearchEngine) -> list[str]:
    asked = (
        SearchRequest(text="purple square"),
        SearchRequest(image=photo("cyan", "bar")),
        SearchRequest(product_id="red-disc", filter='category = "disc" AND price > 12'),
    )
    return [engine.search(request).hits[0].product_id for request in asked]


def test_it_answers_every_kind_of_question(old: Settings) -> None:
    engine = SearchEngine(old, backbone=TinyBackbone())
    assert first_hits(engine)[:2] == ["purple-square", "cyan-bar"]
    assert engine.search(SearchRequest(text="round thing", k=3)).hits[0].product_id.endswith("-disc")
    assert "round thing" in [found.text for found in engine.related_queries("purple square", k=100)]
    assert engine.recognise(photo("gold", "square"), k=1).labels[0].label == "square"


def test_it_is_served(old: Settings) -> None:
    client: FlaskClient = create_app(old, SearchEngine(old, backbone=TinyBackbone())).test_client()
    assert client.get("/v1/status").get_json()["counts"]["products"] == 24
    found = client.get("/v1/search/text", query_string={"q": "purple square", "k": 1}).get_json()
    assert [hit["product_id"] for hit in found["hits"]] == ["purple-square"]
    assert client.get(found["hits"][0]["image_url"]).status_code == 200


@pytest.mark.usefixtures("short_training")
def test_it_rebuilds_and_rolls_back(old: Settings) -> None:
    store = GenerationStore(old.home)
    before = store.current_id()
    engine = SearchEngine(old, backbone=TinyBackbone())
    answers = first_hits(engine)

    assert rebuild(old, train=False, backbone=TinyBackbone()).published  # takes the old parts over
    assert first_hits(SearchEngine(old, backbone=TinyBackbone())) == answers
    catalogue = Catalogue(old.home)
    catalogue.upsert(patch_product(catalogue.get("red-disc").product, {"price": 99}), None)
    trained = rebuild(old, backbone=TinyBackbone())
    assert trained.published
    assert not trained.unchanged
    assert all(gate.passed for gate in trained.gates)

    assert roll_back(old, before) == before
    assert store.open().id == before
    assert first_hits(SearchEngine(old, backbone=TinyBackbone())) == answers


def test_the_doctor_finds_its_files_whole(tmp_path: Path) -> None:
    old = unpack(tmp_path)
    found = {finding.subject: finding.level for finding in examine(old)}
    assert [subject for subject, level in found.items() if level == "FAIL"] in ([], ["backbone"])
    assert GenerationStore(old.home).open().manifest.metrics["parts"]["learned_queries"]["queries"] == 1
