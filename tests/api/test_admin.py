"""The operators' pages: who may open them, what they show, and rolling back."""

import gc
import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pages_elsewhere import serving
from playwright.sync_api import Browser
from real_browser import needs_chromium
from tiny_backbone import TinyBackbone

from api.admin import overview
from api.app import create_app
from api.protection import SESSION_COOKIE
from api.resources.sessions import IDLE_S, Sessions
from data.catalogue import ImportRuns, RowProblem
from data.events import Event, Events
from data.generations import FIGURES, GenerationStore
from data.keys import Keys
from data.rebuilds import FILE_NAME, past_rebuilds, record_rebuild
from data.settings import Settings
from engine.search import SearchEngine
from indexer.rebuild import rebuild

HOSTILE = "<script>alert(1)</script>"
PATHS = ("/admin", "/admin/imports/1", "/admin/generations/20261126T195403574Z/report", "/admin/rollback/x")


@pytest.fixture(scope="module")
def nights(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two generations, a refused rebuild, an import with problems, and searches that nothing matched."""
    home = tmp_path_factory.mktemp("nights") / "home"
    shutil.copytree(built_home, home)
    rebuild(Settings(home=home), train=False, backbone=TinyBackbone())
    gate = {"name": "recall", "passed": False, "measured": 0.5, "required": ">= 0.99", "detail": f"half {HOSTILE}"}
    newest = json.loads((home / FILE_NAME).read_text().splitlines()[-1])
    refused = {**newest, "published": False, "generation": None, "reason": HOSTILE, "gates": [gate]}
    record_rebuild(home, refused)
    runs = ImportRuns(home)
    run = runs.start(f"feeds/{HOSTILE}.csv")
    problems = [RowProblem(line, f"p{line}", "bad_price", f"price {HOSTILE}", "warning") for line in range(1, 251)]
    runs.add(run, [*problems, RowProblem(999, "", "missing_product_id", "no id")])
    runs.finish(run, {"created": 250})
    texts = ("zebra", "Zebra", HOSTILE, "")
    Events(home).append(
        [
            Event(event_id=f"e{at}", kind="search", at=datetime.now(UTC), query_text=text, no_match=True)
            for at, text in enumerate(texts)
        ]
    )
    gc.collect()  # else what the rebuild left open may be closed, and the catalogue's WAL go, while the home is copied
    return home


@pytest.fixture
def home(nights: Path, settings: Settings) -> Path:
    shutil.copytree(nights, settings.home)
    return settings.home


@pytest.fixture
def app(home: Path, settings: Settings) -> Flask:
    return create_app(settings, SearchEngine(settings, backbone=TinyBackbone()))


@pytest.fixture
def key(home: Path) -> str:
    return Keys(home).create(["admin"])


def log_in(client: FlaskClient, key: str) -> None:
    response = client.post("/admin/login", data={"key": key})
    assert (response.status_code, response.headers["Location"]) == (303, "/admin")


def test_without_keys_the_pages_are_as_open_as_changes_are(client: FlaskClient) -> None:
    assert "There is no API key yet" in client.get("/admin").get_data(as_text=True)


@pytest.mark.parametrize("path", PATHS)
def test_nobody_without_an_admin_key_sees_a_page(client: FlaskClient, home: Path, path: str) -> None:
    write = Keys(home).create(["write"])
    closed = client.get(path)
    assert (closed.status_code, closed.headers["Location"]) == (303, "/admin/login")
    assert client.get(path, headers={"Authorization": f"Bearer {write}"}).status_code == 403


def test_a_public_search_does_not_open_the_pages(home: Path, settings: Settings, key: str) -> None:
    client = create_app(settings.replace(public_search=True)).test_client()
    assert client.get("/admin").status_code == 303


def test_a_key_begins_a_session_for_the_pages_alone(client: FlaskClient, key: str) -> None:
    response = client.post("/admin/login", data={"key": f" {key} "})
    [cookie] = [value for value in response.headers.getlist("Set-Cookie") if value.startswith(SESSION_COOKIE)]
    assert {part.strip() for part in cookie.split(";")[1:]} == {"HttpOnly", "Path=/admin", "SameSite=Strict"}
    assert key not in cookie
    page = client.get("/admin")
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    client.set_cookie(SESSION_COOKIE, client.get_cookie(SESSION_COOKIE, path="/admin").value)  # type: ignore[union-attr]
    assert client.get("/v1/status").status_code == 401, "the cookie opens nothing else"


def test_logging_out_and_revoking_the_key_end_a_session(client: FlaskClient, home: Path, key: str) -> None:
    log_in(client, key)
    assert client.post("/admin/logout").status_code == 303
    assert client.get("/admin").status_code == 303
    log_in(client, key)
    Keys(home).revoke(Keys(home).list()[0].id)
    assert client.get("/admin").status_code == 303


def test_a_wrong_key_is_told_and_tries_are_limited(client: FlaskClient, home: Path, key: str) -> None:
    search = Keys(home).create(["search"])
    told = {
        "": "not known", "lk_wrong": "not known", search: "has not the scope admin"
    }  # fmt: skip
    for wrong, words in told.items():
        response = client.post("/admin/login", data={"key": wrong})
        assert (response.status_code, words in response.get_data(as_text=True)) == (403, True)
    statuses = [client.post("/admin/login", data={"key": "x"}).status_code for _ in range(8)]
    assert statuses == [403] * 7 + [429]
    assert client.post("/admin/login", data={"key": key}).status_code == 429


def test_a_session_ends_by_itself(home: Path, key: str) -> None:
    now = [0.0]
    keys = Keys(home)
    sessions = Sessions(keys, clock=lambda: now[0])
    found = keys.verify(key)
    assert found is not None
    cookie = sessions.begin(found)
    for _ in range(24):
        now[0] += IDLE_S - 1
        assert sessions.key(cookie) == found
    now[0] += IDLE_S - 1
    assert sessions.key(cookie) is None, "12 hours are over"
    cookie = sessions.begin(found)
    now[0] += IDLE_S + 1
    assert sessions.key(cookie) is None
    first = sessions.begin(found)
    for _ in range(100):
        sessions.begin(found)
    assert sessions.key(first) is None, "100 are kept"


@pytest.mark.parametrize("with_key", [False, True])
def test_a_foreign_page_cannot_roll_back(client: FlaskClient, home: Path, with_key: bool) -> None:
    if with_key:
        log_in(client, Keys(home).create(["admin"]))
    live, older = (folder.id for folder in GenerationStore(home).list())
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}):
        assert client.post(f"/admin/rollback/{older}", headers=headers).status_code == 403
    assert GenerationStore(home).current_id() == live
    response = client.post(f"/admin/rollback/{older}", headers={"Origin": "http://localhost"})
    assert (response.status_code, response.headers["Location"]) == (303, f"/admin?done={older}")
    assert GenerationStore(home).current_id() == older


def test_a_generation_that_cannot_be_used_stays_away(client: FlaskClient, home: Path) -> None:
    live, older = GenerationStore(home).list()
    assert client.get("/admin/rollback/20010101T000000000Z").status_code == 404
    assert client.post("/admin/rollback/20010101T000000000Z").status_code == 404
    (older.folder / "index.faiss").write_bytes(b"broken")
    response = client.post(f"/admin/rollback/{older.id}")
    assert response.status_code == 409
    assert "index.faiss" in response.get_data(as_text=True)
    assert GenerationStore(home).current_id() == live.id


def test_the_overview_shows_nights_imports_searches_and_room(client: FlaskClient, home: Path) -> None:
    page = client.get("/admin").get_data(as_text=True)
    assert "<script>" not in page
    live, older = (folder.id for folder in GenerationStore(home).list())
    assert f'href="/admin/rollback/{older}"' in page
    assert f'href="/admin/rollback/{live}"' not in page
    assert "recall: half &lt;script&gt;" in page
    assert page.count("<polyline") == len(overview.charts_of(past_rebuilds(home))) >= 2
    assert re.search(r"zebra</a></td><td[^>]*>2<", page, re.IGNORECASE)
    assert "Not checked yet</a>" in page  # the labels
    assert "3 with words that are known, 1 without" in page
    assert page.count("<rect") == overview.DAYS
    assert "Free on the disk" in page


def test_a_record_of_rebuilds_that_a_person_edited_still_opens(client: FlaskClient, home: Path) -> None:
    with (home / FILE_NAME).open("a") as file:
        file.write('{"published": true, "seconds": 3}\n{"published": true}\n')
    response = client.get("/admin")
    assert response.status_code == 200
    assert "recall: half" in response.get_data(as_text=True)


def test_words_that_are_no_longer_kept_are_counted(client: FlaskClient, home: Path) -> None:
    Events(home).forget_queries(datetime.now(UTC))
    page = client.get("/admin").get_data(as_text=True)
    assert "zebra" not in page.lower()
    assert "0 with words that are known, 4 without" in page


def test_the_rows_of_an_import_come_in_pages_and_by_kind(client: FlaskClient) -> None:
    run = ImportRuns(Path(client.application.extensions["lookalike"].settings.home)).recent(1)[0]["run"]
    first = client.get(f"/admin/imports/{run}").get_data(as_text=True)
    assert "<script>" not in first
    assert first.count("price &lt;script&gt;") == 100
    assert "Page 1 of 3" in first
    last = client.get(f"/admin/imports/{run}?severity=warning&code=bad_price&page=3").get_data(as_text=True)
    assert last.count("price &lt;script&gt;") == 50
    assert "missing_product_id" in last
    only = client.get(f"/admin/imports/{run}?severity=error").get_data(as_text=True)
    assert (only.count("no id"), only.count("price &lt;")) == (1, 0)
    for odd in ("page=0", "page=-1", "page=x", "page=99999999999", "page=٣", "code=%27"):
        assert client.get(f"/admin/imports/{run}?{odd}").status_code == 200
    assert client.get("/admin/imports/999").status_code == 404
    assert client.get(f"/admin/imports/{10**30}").status_code == 404


def test_a_report_runs_no_script_and_is_shown_in_no_frame(client: FlaskClient, home: Path) -> None:
    live = GenerationStore(home).list()[0].id
    response = client.get(f"/admin/generations/{live}/report")
    assert response.status_code == 200
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    assert 'id="lookalikes"' in response.get_data(as_text=True)


def test_the_pages_are_framed_by_nobody(home: Path, settings: Settings) -> None:
    client = create_app(settings.replace(frame_ancestors="https://shop.example")).test_client()
    assert "frame-ancestors 'none'" in client.get("/admin/login").headers["Content-Security-Policy"]
    assert "https://shop.example" in client.get("/").headers["Content-Security-Policy"]


def test_every_main_figure_has_a_title_that_is_translated() -> None:
    assert list(overview.TITLES) == [figure.title for figure in FIGURES]


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with serving(app) as url:
        yield url


@needs_chromium
def test_in_a_browser_on_a_phone_and_a_desktop(browser: Browser, url: str, home: Path, key: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    older = GenerationStore(home).list()[1].id
    for width, locale, words in ((390, "ko-KR", "되돌리기"), (1280, "en-GB", "Roll back")):
        page = browser.new_page(viewport={"width": width, "height": 844}, locale=locale, color_scheme="dark")
        page.goto(f"{url}/admin")
        violations = axe.run(page).response["violations"]
        page.fill("input[name=key]", key)
        page.click("button.go")
        page.wait_for_url(f"{url}/admin")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        violations += axe.run(page).response["violations"]
        page.click(f"text={words} >> nth=0")
        violations += axe.run(page).response["violations"]
        page.click("button.go")
        page.wait_for_selector("[role=status]")
        live = GenerationStore(home).current_id() or ""
        assert live in page.inner_text("[role=status]")
        assert (live == older) == (width == 390), "the second click goes forward again"
        assert [found["id"] for found in violations] == []
