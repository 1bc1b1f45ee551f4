"""A searcher's app: answers of the newest release, cursors for every searcher, and changes sent on to the writer."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hot_swap import publish_again

from api.app import create_app
from api.resources import FOLLOWER, Resources
from api.searcher import Following, following
from data.catalogue import Catalogue
from data.errors import DatabaseError, LockHeld
from data.generations import GenerationStore
from data.releases import File, ReleaseCache, ReleaseStorage
from data.settings import Settings
from engine.releases import release

pytest.importorskip("fsspec", reason="the extra `searcher` is not installed")
WRITER = "http://writer.example:8080"
pytestmark = pytest.mark.usefixtures("tiny_everywhere")


class Shop:
    """A writer's home, the storage, and searchers that follow it; each looks when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(home=folder / "home", models_url=str(folder / "storage"), page_events=False)
        self.store, self.folder = GenerationStore(self.settings.home), folder
        release(self.settings)

    def searcher(self, name: str, **settings: Any) -> tuple[FlaskClient, Following]:
        app = create_app(self.settings.replace(home=self.folder / name, **settings), searcher=True)
        app.extensions[FOLLOWER].look()
        return app.test_client(), app.extensions[FOLLOWER]

    def publish(self) -> str:
        """Publishes the live generation anew and releases it; returns the release's id."""
        publish_again(self.store, self.store.open())
        return release(self.settings).id


@pytest.fixture
def shop(built_home: Path, tmp_path: Path) -> Shop:
    shutil.copytree(built_home, tmp_path / "home")
    return Shop(tmp_path)


@pytest.fixture(scope="module")
def still(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop that no test changes."""
    folder = tmp_path_factory.mktemp("still")
    shutil.copytree(built_home, folder / "home")
    return Shop(folder)


@pytest.fixture(scope="module")
def first(still: Shop) -> FlaskClient:
    """A searcher that knows the writer."""
    return still.searcher("first", writer_url=WRITER)[0]


@pytest.fixture(scope="module")
def second(still: Shop) -> FlaskClient:
    """A searcher that knows no writer."""
    return still.searcher("second")[0]


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [hit["product_id"] for hit in answer.get_json()["hits"]]


def test_it_waits_for_the_first_release(tmp_path: Path) -> None:
    app = create_app(Settings(home=tmp_path / "a", models_url=str(tmp_path / "storage")), searcher=True)
    app.extensions[FOLLOWER].look()
    held: Resources = app.extensions[FOLLOWER].now()
    assert not held.readiness.warm_once()
    client = app.test_client()
    assert client.get("/readyz").status_code == 503
    assert client.get("/v1/search/text?q=red").status_code == 503
    assert client.get("/v1/status").get_json()["release"] is None


def test_it_answers_as_the_writer_does(still: Shop) -> None:
    shop = still
    client, follower = shop.searcher("a")
    assert follower.now().readiness.warm_once()
    assert client.get("/readyz").status_code == 200
    writer = create_app(shop.settings).test_client()
    for path in ("/v1/search/text?q=red+disc", "/v1/products/gold-bar/similar?k=24&filter=price<25",
                 "/v1/search/text?q=square&facets=brand&sort=-price"):  # fmt: skip
        own, theirs = client.get(path).get_json(), writer.get(path).get_json()
        assert own["hits"] == theirs["hits"] != []
        assert (own["facets"], own["generation"]) == (theirs["facets"], theirs["generation"])
    assert client.get("/v1/products/red-disc").get_json() == writer.get("/v1/products/red-disc").get_json()
    assert client.get("/v1/queries/complete?q=re").get_json() == writer.get("/v1/queries/complete?q=re").get_json()
    assert client.post("/v1/recommend", json={"product_id": "red-disc"}).status_code == 200
    assert client.get("/?q=red").status_code == 200
    status = client.get("/v1/status").get_json()
    assert (status["release"], status["counts"]["products"], status["problem"]) == (follower.now().release, 24, "")
    assert "lookalike_products 24.0" in client.get("/metrics").text


def test_it_follows_a_publish_and_a_change(shop: Shop) -> None:
    client, follower = shop.searcher("a")
    before = client.get("/v1/search/text?q=red").get_json()["generation"]
    Catalogue(shop.settings.home).patch("red-disc", {"price": 1.25})
    newest = shop.publish()
    assert client.get("/v1/search/text?q=red").get_json()["generation"] == before
    assert client.get("/v1/products/red-disc").get_json()["price"] == 10
    follower.look()
    assert client.get("/v1/search/text?q=red").get_json()["generation"] == shop.store.current_id() != before
    assert client.get("/v1/products/red-disc").get_json()["price"] == 1.25
    assert client.get("/v1/status").get_json()["release"] == newest


@pytest.mark.parametrize(
    "question",
    [
        "/v1/search/text?q=red&k=1&filter=price<40",
        "/v1/products/gold-bar/similar?k=1",
        "/v1/search/text?like=red-disc&like=gold-bar&k=1&max_per=brand:9",
        "/v1/search/text?q=disc&k=1&sort=-price&facets=brand",
    ],
)
def test_the_next_page_comes_from_any_searcher(first: FlaskClient, second: FlaskClient, question: str) -> None:
    page = first.get(question)
    cursor = page.get_json()["next_cursor"]
    everything = ids(first.get(question.replace("k=1", "k=2")))
    assert [*ids(page), *ids(second.get(f"/v1/search/text?k=1&cursor={cursor}"))] == everything
    assert ids(first.get(f"/v1/search/text?k=1&cursor={cursor}")) == everything[1:]
    third = second.get(f"/v1/search/text?k=1&cursor={cursor}").get_json()
    assert third["query_id"] == page.get_json()["query_id"]


def test_a_cursor_of_a_photo_works_where_it_was_answered_and_with_the_photo_everywhere(
    still: Shop, first: FlaskClient, second: FlaskClient
) -> None:
    catalogue = Catalogue(still.settings.home)
    record = catalogue.photo(catalogue.get("red-disc").image_sha256[0])
    assert record
    photo = Path(record.source)

    def ask(client: FlaskClient, **fields: Any) -> Any:
        with photo.open("rb") as file:
            return client.post("/v1/search/image", data={"file": file, "k": 5, **fields})

    page = ask(first)
    cursor = page.get_json()["next_cursor"]
    refused = second.post("/v1/search/image", json={"cursor": cursor})
    assert (refused.status_code, refused.get_json()["code"]) == (400, "cursor_expired")
    alone = first.post("/v1/search/image", json={"cursor": cursor, "k": 5})
    assert ids(alone) == ids(ask(second, cursor=cursor)) != ids(page)


def test_a_cursor_keeps_its_release(shop: Shop) -> None:
    (first, ahead), (second, behind) = shop.searcher("a"), shop.searcher("b")
    old = first.get("/v1/search/text?q=red&k=1").get_json()
    Catalogue(shop.settings.home).delete("red-disc")
    shop.publish()
    ahead.look()
    assert first.get(f"/v1/search/text?k=1&cursor={old['next_cursor']}").get_json()["generation"] == old["generation"]
    new = first.get("/v1/search/text?q=red&k=1").get_json()
    assert new["generation"] != old["generation"]
    behind.start()  # and looks at once, since the cursor is of a release that it does not have
    here = second.get(f"/v1/search/text?k=1&cursor={new['next_cursor']}").get_json()
    assert here["generation"] == new["generation"]


def test_a_cursor_of_a_release_that_never_comes_is_refused_in_time(shop: Shop) -> None:
    first, ahead = shop.searcher("a")
    second, _ = shop.searcher("b", deadline_s=0.1)
    shop.publish()
    ahead.look()
    cursor = first.get("/v1/search/text?q=red&k=1").get_json()["next_cursor"]
    refused = second.get(f"/v1/search/text?cursor={cursor}")
    assert (refused.status_code, refused.get_json()["code"]) == (503, "release_not_here")
    assert refused.headers["Retry-After"]


def test_a_cursor_of_a_release_that_is_gone_is_refused(shop: Shop) -> None:
    client, follower = shop.searcher("a")
    cursor = client.get("/v1/search/text?q=red&k=1").get_json()["next_cursor"]
    for _ in range(3):
        shop.publish()
        follower.look()
    refused = client.get(f"/v1/search/text?cursor={cursor}")
    assert (refused.status_code, refused.get_json()["code"]) == (400, "cursor_expired")


@pytest.mark.parametrize("cursor", ["x", "eJw", "ODZlOGVjZmMw", "=" * 50, "A" * 3000])
def test_a_text_that_is_no_cursor_is_refused(first: FlaskClient, cursor: str) -> None:
    refused = first.get("/v1/search/text", query_string={"cursor": cursor})
    assert (refused.status_code, refused.get_json()["field"]) == (400, "cursor")


@pytest.mark.parametrize(
    ("method", "path", "to"),
    [
        ("PUT", "/v1/products/a%20b/c", "/v1/products/a%20b/c"),
        ("PATCH", "/v1/products/a", "/v1/products/a"),
        ("DELETE", "/v1/products/a?purge=true&x=%0d%0ay", "/v1/products/a?purge=true&x=%0d%0ay"),
        ("POST", "/v1/products:batch", "/v1/products:batch"),
        ("POST", "/v1/events", "/v1/events"),
        ("POST", "/v1/events/page", "/v1/events/page"),
        ("GET", "/admin", "/admin"),
        ("GET", "/sell", "/sell"),
        ("GET", "/why/a?product=b", "/why/a?product=b"),
        ("GET", f"/thumbs/{'0' * 64}.webp?side=640", f"/thumbs/{'0' * 64}.webp?side=640"),
    ],
)
def test_changes_are_for_the_writer(first: FlaskClient, second: FlaskClient, method: str, path: str, to: str) -> None:
    answer = first.open(path, method=method)
    assert (answer.status_code, answer.headers.get("Location")) == (307, WRITER + to)
    refused = second.open(path, method=method)
    assert (refused.status_code, refused.get_json()["code"]) == (503, "only_searches")
    assert "writer_url" in refused.get_json()["detail"]


def test_thumbnails_come_from_the_storage_or_the_writer(still: Shop, first: FlaskClient) -> None:
    thumbs = still.settings.home / "thumbs"
    path = next(thumbs.glob("*/*.webp"))
    client, _ = still.searcher("thumbs", thumbs_url=str(thumbs), writer_url=WRITER)
    answer = client.get(f"/thumbs/{path.name}")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "image/webp", path.read_bytes())
    assert "immutable" in answer.headers["Cache-Control"]
    smaller = client.get(f"/thumbs/{path.name}?side=640")
    assert (smaller.data, smaller.cache_control.max_age) == (path.read_bytes(), 60)
    elsewhere = client.get(f"/thumbs/{'0' * 64}.webp")
    assert (elsewhere.status_code, elsewhere.headers["Location"]) == (307, f"{WRITER}/thumbs/{'0' * 64}.webp")
    for name in ("..%2f..%2fcatalog.db", "x"):
        assert client.get(f"/thumbs/{name}.webp").status_code in (307, 404)
    assert f"img-src 'self' {WRITER} data:" in first.get("/").headers["Content-Security-Policy"]


def test_what_is_no_thumbnail_is_not_passed_on(still: Shop, tmp_path: Path) -> None:
    (tmp_path / "00").mkdir()
    (tmp_path / "00" / f"{'0' * 64}.webp").write_bytes(b"<script>alert(1)</script>")
    client, _ = still.searcher("thumbs", thumbs_url=str(tmp_path))
    refused = client.get(f"/thumbs/{'0' * 64}.webp")
    assert (refused.status_code, refused.get_json()["code"]) == (503, "release_unavailable")


def test_a_damaged_upload_is_refused_and_the_old_release_stays(shop: Shop) -> None:
    client, follower = shop.searcher("a")
    before = client.get("/v1/status").get_json()["release"]
    Catalogue(shop.settings.home).patch("red-disc", {"price": 1.25})
    newest = release(shop.settings)
    storage = ReleaseStorage(shop.settings.models_url)
    file = newest.files["catalog.db"]
    path = Path(shop.settings.models_url) / "files" / file.sha256[:2] / file.sha256
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    follower.look()
    status = client.get("/v1/status").get_json()
    assert status["release"] == before
    assert "catalog.db" in status["problem"] or file.sha256 in status["problem"]
    assert client.get("/v1/search/text?q=red").status_code == 200
    path.write_bytes(content)
    assert storage.damaged(newest) == {}
    follower._failed.clear()  # it waits for a while before it tries the same again
    follower.look()
    assert client.get("/v1/status").get_json()["release"] == newest.id


def test_it_serves_what_it_has_where_the_storage_is_gone(shop: Shop) -> None:
    shop.searcher("a")
    Path(shop.settings.models_url).rename(shop.folder / "elsewhere")
    Path(shop.settings.models_url).write_text("no folder")
    client, follower = shop.searcher("a")
    assert client.get("/v1/search/text?q=red").status_code == 200
    assert follower.problem


def wrong_version(*_: Any) -> None:
    raise DatabaseError("planted: tables of another version")


def test_a_release_that_cannot_be_served_is_fetched_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    _, follower = shop.searcher("a")
    fetched: list[str] = []
    fetch = ReleaseStorage.fetch

    def counted(self: ReleaseStorage, file: File, target: Path, held: Any = None) -> None:
        fetched.append(file.sha256)
        fetch(self, file, target, held)

    monkeypatch.setattr(ReleaseStorage, "fetch", counted)
    monkeypatch.setattr(following, "require_own_tables", wrong_version)
    monkeypatch.setattr(following, "_RETRY_S", 0.0)
    shop.publish()
    for _ in range(3):
        follower.look()
    assert "planted" in follower.problem
    assert len(fetched) == len(set(fetched)) > 0


def test_what_was_served_before_a_release_of_a_newer_version_is_served_again_after_a_restart(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, follower = shop.searcher("a")
    first = follower.now().release
    monkeypatch.setattr(following, "require_own_tables", lambda home: None if first in str(home) else wrong_version())
    newest = shop.publish()
    follower.look()
    assert (follower.now().release, (shop.folder / "a" / "releases" / newest).is_dir()) == (first, True)
    client, restarted = shop.searcher("a")
    assert (restarted.now().release, client.get("/v1/search/text?q=red").status_code) == (first, 200)


def test_a_release_that_fails_is_not_loaded_again_and_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(following, "require_own_tables", wrong_version)
    _, follower = shop.searcher("a")
    for _ in range(5):
        follower.look()
    assert len([line for line in caplog.messages if "planted" in line]) <= 2


@pytest.mark.parametrize("place", ["generations/*/rows.npz", "catalog.db"])
def test_a_local_copy_that_was_damaged_is_fetched_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    storage = ReleaseStorage(shop.settings.models_url)
    newest = storage.newest()
    assert newest
    (path,) = ReleaseCache(shop.folder / "a").bring(storage, newest).glob(place)
    path.write_bytes(bytes(path.stat().st_size))
    monkeypatch.setattr(following, "_RETRY_S", 0.0)
    client, restarted = shop.searcher("a")
    assert restarted.problem
    restarted.look()
    assert (restarted.now().release, client.get("/v1/search/text?q=red").status_code) == (newest.id, 200)


def test_a_storage_that_was_emptied_is_told(shop: Shop) -> None:
    client, follower = shop.searcher("a")
    (Path(shop.settings.models_url) / "CURRENT").unlink()  # as where a folder is not mounted any more
    follower.look()
    assert client.get("/v1/search/text?q=red").status_code == 200
    assert "must hold CURRENT" in client.get("/v1/status").get_json()["problem"]


def test_two_searchers_do_not_share_a_home(shop: Shop) -> None:
    _, one = shop.searcher("a")
    one.start()
    _, other = shop.searcher("a")
    with pytest.raises(LockHeld, match="serve --searcher"):
        other.start()


def test_what_is_replaced_is_dropped_and_deleted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    _, follower = shop.searcher("a")
    monkeypatch.setattr(following, "_KEPT_S", 0.0)
    monkeypatch.setattr(following, "_LINGER_S", 0.0)
    for _ in range(3):
        shop.publish()
        follower.look()
    follower.look()
    homes = [path.name for path in (shop.folder / "a" / "releases").iterdir() if not path.name.startswith(".")]
    assert homes == [follower.now().release]
