"""What browsers and proxies may keep, by purpose, and the names of the pages' files."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from api import static_files
from api.static_files import static_version
from data.keys import Keys
from data.settings import Settings

YEAR = "public, max-age=31536000, immutable"
PAGES = ("/", "/?q=mug", "/sell")


def kept(client: FlaskClient, path: str, **headers: str) -> str:
    return client.get(path, headers=headers).headers["Cache-Control"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_kept_by_the_shoppers_browser_alone(client: FlaskClient, path: str) -> None:
    assert kept(client, path) == "private, no-cache"


@pytest.mark.parametrize("path", [*PAGES, "/openapi.json", "/v1/status"])
def test_what_a_key_opened_is_never_kept(client: FlaskClient, settings: Settings, path: str) -> None:
    key = Keys(settings.home).create(["search"])
    assert kept(client, path, Authorization=f"Bearer {key}") == "no-store"


@pytest.mark.parametrize(
    "path", ["/v1/search/text?q=mug", "/v1/status", "/metrics", "/livez", "/nowhere", "/?cursor=broken"]
)
def test_answers_of_the_api_and_errors_are_never_kept(client: FlaskClient, path: str) -> None:
    assert kept(client, path) == "no-store"


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_the_documentation_is_sent_again_only_if_it_changed(client: FlaskClient, path: str) -> None:
    first = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get(path, headers={"Accept-Encoding": "gzip", "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_files_of_a_page_are_named_after_their_content_and_kept_for_a_year(client: FlaskClient) -> None:
    pages = [client.get(path).get_data(as_text=True) for path in ("/", "/sell", "/docs", "/admin/login")]
    named = {name for page in pages for name in re.findall(r"/static/[^\"']+", page)}
    assert len(named) > 10
    for name in named:
        assert name.startswith(f"/static/{static_version()}/")
        assert kept(client, name) == YEAR
    assert kept(client, "/static/page.css") == kept(client, "/static/0123456789ab/page.css") == "public, no-cache"
    assert kept(client, f"/static/{static_version()}/none.css") == "no-store"
    assert client.get(f"/static/{static_version()}/../app.py").status_code == 404


def test_scripts_import_each_other_from_the_same_folder(client: FlaskClient) -> None:
    for path in static_files.FOLDER.glob("*.js"):
        for name in re.findall(r"""(?:from|import)\s*\(?["']([^"']+)""", path.read_text(encoding="utf-8")):
            assert name.startswith("./"), f"{path.name} imports {name}"
            assert kept(client, f"/static/{static_version()}/{name[2:]}") == YEAR


def test_the_name_changes_with_any_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names: Callable[[], str] = static_version.__wrapped__
    monkeypatch.setattr(static_files, "FOLDER", tmp_path)
    (tmp_path / "a.js").write_text("1")
    first = names()
    assert names() == first
    (tmp_path / "a.js").write_text("2")
    second = names()
    (tmp_path / "a.js").rename(tmp_path / "b.js")
    assert len({first, second, names()}) == 3
