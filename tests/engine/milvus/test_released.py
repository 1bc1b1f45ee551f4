"""A searcher whose generation is searched in Milvus: the writer's answers, and the writer's alias left alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from imported_shapes import import_shapes
from milvus_server import MilvusServer
from tiny_backbone import TinyBackbone

from data.catalogue import Catalogue
from data.releases import Release, ReleaseCache, ReleaseStorage
from data.settings import Settings
from engine.generation import Models
from engine.index import Milvus, collection_of, named_collection
from engine.releases import release
from engine.search import SearchEngine, SearchRequest
from indexer.rebuild import rebuild


@pytest.fixture(scope="module")
def shop(milvus_server: MilvusServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    Milvus(milvus_server.uri, "").ask(lambda client: client.create_database("released"))
    folder = tmp_path_factory.mktemp("released")
    settings = Settings(home=folder / "home", models_url=str(folder / "storage"))
    with pytest.MonkeyPatch.context() as patch:
        import_shapes(settings, patch)
        yield settings.replace(index="milvus", milvus_uri=f"{milvus_server.uri}/released")


def searcher(shop: Settings, folder: Path, made: Release) -> SearchEngine:
    home = ReleaseCache(folder).bring(ReleaseStorage(shop.models_url), made)
    settings = shop.replace(home=home)
    return SearchEngine(settings, models=Models(settings, TinyBackbone()))


def test_a_searcher_answers_from_milvus_and_leaves_the_alias_alone(shop: Settings, tmp_path: Path) -> None:
    rebuild(shop, backbone=TinyBackbone())
    catalogue = Catalogue(shop.home)
    product = next(catalogue.iter_facts()).product.product_id
    catalogue.patch(product, {"price": 3.25})
    older = release(shop)
    writer = SearchEngine(shop, backbone=TinyBackbone())
    behind = searcher(shop, tmp_path, older)
    for text in ("", "price < 20", "price > 25"):
        asked = SearchRequest(product_id=product, k=100, filter=text)
        assert behind.search(asked).hits == writer.search(asked).hits != ()
    assert behind.status()["index"] == "milvus flat"
    newest = rebuild(shop, full=True, backbone=TinyBackbone()).generation or ""
    assert searcher(shop, tmp_path, older).search(asked).generation == older.generation != newest
    assert named_collection(shop) == collection_of(newest)
