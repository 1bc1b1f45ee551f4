"""A searcher that follows releases in a bucket of a real S3 server: names, keys, damage, and a server that dies."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from s3_server import S3Server, as_another_process, s3_server

from api.app import create_app
from api.resources import FOLLOWER
from api.searcher import Following
from data.catalogue import Catalogue
from data.errors import ReleaseUnavailable
from data.releases import ReleaseStorage, StoredThumbnails
from data.releases.stored_files import StoredFiles
from data.settings import Settings
from engine.releases import release

WRITER = "http://writer.example:8080"
pytestmark = pytest.mark.usefixtures("tiny_everywhere")


@pytest.fixture
def settings(s3: S3Server, built_home: Path, tmp_path: Path) -> Settings:
    """A writer's, with a home of its own and a prefix of its own in the bucket."""
    shutil.copytree(built_home, tmp_path / "home")
    return Settings(home=tmp_path / "home", models_url=f"s3://shop/{tmp_path.name}/releases", page_events=False)


def searcher(settings: Settings, name: str = "a", **more: Any) -> tuple[FlaskClient, Following]:
    """Returns a searcher that has looked once, and shares no connection and no listing with the writer."""
    as_another_process()
    app = create_app(settings.replace(home=settings.home.parent / name, **more), searcher=True)
    app.extensions[FOLLOWER].look()
    as_another_process()
    return app.test_client(), app.extensions[FOLLOWER]


def served(client: FlaskClient) -> tuple[str, str]:
    """Returns the release that answers, and why the newest one does not."""
    assert client.get("/v1/search/text?q=red").get_json()["hits"]
    status = client.get("/v1/status").get_json()
    return status["release"], status["problem"]


def change(settings: Settings, price: float) -> str:
    Catalogue(settings.home).patch("red-disc", {"price": price})
    return release(settings).id


def test_every_release_is_seen_and_current_is_stored_last(s3: S3Server, settings: Settings) -> None:
    first = release(settings).id
    client, follower = searcher(settings)
    assert served(client) == (first, "")
    for price in (1.25, 2.5):
        newest = change(settings, price)
        follower.look()
        assert served(client) == (newest, "")
        assert client.get("/v1/products/red-disc").get_json()["price"] == price
        prefix = settings.models_url.removeprefix("s3://shop/")
        names = [name.removeprefix(f"{prefix}/") for name in s3.stored() if name.startswith(prefix)]
        assert names[-2:] == [f"releases/{newest}.json", "CURRENT"]
        assert names[-3].startswith("files/")
        assert names.count("CURRENT") == sum(name.startswith("releases/") for name in names)


def test_what_another_process_removed_is_stored_again(s3: S3Server, settings: Settings) -> None:
    made = release(settings)
    storage = ReleaseStorage(settings.models_url)
    assert storage.damaged(made) == {}
    _, path = settings.models_url.split("shop/")
    file = made.files["catalog.db"].pieces[0]
    s3.client().delete_object(Bucket="shop", Key=f"{path}/files/{file.sha256[:2]}/{file.sha256}")
    assert set(storage.damaged(release(settings, anew=True))) == set()
    as_another_process()
    assert ReleaseStorage(settings.models_url).newest() != made


def test_a_bucket_that_does_not_exist_is_named_and_not_made(s3: S3Server, settings: Settings) -> None:
    wrong = settings.replace(models_url="s3://shoop/releases")
    with pytest.raises(ReleaseUnavailable, match=r"models_url must name a bucket that exists.*'shoop'"):
        release(wrong)
    _, follower = searcher(wrong)
    assert "must name a bucket that exists" in follower.problem
    assert [bucket["Name"] for bucket in s3.client().list_buckets()["Buckets"]] == ["shop"]


def test_a_key_that_the_server_does_not_know_is_told(s3: S3Server, settings: Settings) -> None:
    first = release(settings).id
    client, follower = searcher(settings)
    s3.require_known_keys(True)
    try:
        follower.look()
        release_, problem = served(client)
        with pytest.raises(ReleaseUnavailable, match="credentials"):
            change(settings, 1.25)
    finally:
        s3.require_known_keys(False)
    assert release_ == first
    assert "Access Key Id" in problem
    assert "Check that it runs, the address, the credentials and their rights" in problem


def test_a_damaged_object_is_refused_and_the_old_release_stays(s3: S3Server, settings: Settings) -> None:
    first = release(settings).id
    client, follower = searcher(settings)
    Catalogue(settings.home).patch("red-disc", {"price": 1.25})
    newest = release(settings)
    piece = newest.files["catalog.db"].pieces[0]
    key = f"{settings.models_url.removeprefix('s3://shop/')}/files/{piece.sha256[:2]}/{piece.sha256}"
    content = s3.client().get_object(Bucket="shop", Key=key)["Body"].read()
    s3.client().put_object(Bucket="shop", Key=key, Body=content[:-1] + bytes([content[-1] ^ 1]))
    follower.look()
    release_, problem = served(client)
    assert release_ == first
    assert piece.sha256 in problem
    assert "doctor --repair" in problem
    release(settings, anew=True)
    follower.look()
    assert served(client)[1] == ""
    assert client.get("/v1/products/red-disc").get_json()["price"] == 1.25


def test_a_server_that_dies_amid_a_release_leaves_the_old_one(built_home: Path, tmp_path: Path) -> None:
    shutil.copytree(built_home, tmp_path / "home")
    settings = Settings(home=tmp_path / "home", models_url="s3://shop/releases", page_events=False)
    with s3_server(tmp_path) as server:
        server.client().create_bucket(Bucket="shop")
        first = release(settings).id
        client, follower = searcher(settings)
        newest = change(settings, 1.25)
        fetched = tmp_path / "a" / "releases" / ".files"
        shutil.rmtree(fetched)  # so that more than the catalogue is fetched
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(StoredFiles, "blocks", killing(server, StoredFiles.blocks))
            follower.look()
        assert served(client)[0] == first
        assert "models_url must name a storage that answers" in served(client)[1]
        assert [path.name for path in fetched.iterdir()] != []  # what was fetched whole stays for the next try
    with s3_server(tmp_path, server.port) as server:
        server.client().create_bucket(Bucket="shop")
        assert release(settings).id > newest
        follower.look()
        assert served(client)[1] == ""
        assert client.get("/v1/products/red-disc").get_json()["price"] == 1.25


def killing(server: S3Server, blocks: Callable[..., Iterator[bytes]]) -> Callable[..., Iterator[bytes]]:
    """Returns `StoredFiles.blocks`, but the server dies before the second file."""
    asked: list[str] = []

    def call(stored: StoredFiles, name: str, size_bytes: int) -> Iterator[bytes]:
        asked.append(name)
        if len(asked) == 2:
            server.kill()
        return blocks(stored, name, size_bytes)

    return call


def test_thumbnails_come_from_a_bucket_or_else_from_the_writer(s3: S3Server, settings: Settings) -> None:
    name, webp = f"{'ab' * 32}.webp", b"RIFF....WEBP and the rest"
    s3.client().put_object(Bucket="shop", Key=f"thumbs/ab/{name}", Body=webp)
    missing = f"{'cd' * 32}.webp"
    for address, here, elsewhere in (("s3://shop/thumbs", [name], [missing]), ("s3://shoop/thumbs", [], [name])):
        client = create_app(settings.replace(thumbs_url=address, writer_url=WRITER), searcher=True).test_client()
        assert [client.get(f"/thumbs/{each}").data for each in here] == [webp] * len(here)
        for each in elsewhere:
            assert client.get(f"/thumbs/{each}").headers["Location"] == f"{WRITER}/thumbs/{each}"
    with pytest.raises(ReleaseUnavailable, match="thumbs_url must name a bucket that exists"):
        StoredThumbnails(address).read("ab" * 32)
