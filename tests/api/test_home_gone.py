"""A home that vanishes under a running server is noticed, nothing is made in its place, and nobody is let in for it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from api.resources import EXTENSION
from data.catalogue import Catalogue
from data.database import Connections
from data.keys import Keys
from data.settings import Settings

OPEN_HOME = "import sys; from pathlib import Path; from data.catalogue import Catalogue; Catalogue(Path(sys.argv[1]))"
Ask = Callable[..., int]


def deleted(home: Path) -> None:
    shutil.rmtree(home)


def moved(home: Path) -> None:
    home.rename(home.with_name("elsewhere"))


def replaced_by_an_empty_folder(home: Path) -> None:  # as when a volume is unmounted
    moved(home)
    home.mkdir()


def replaced_by_an_empty_file(home: Path) -> None:
    replaced_by_an_empty_folder(home)
    (home / "catalog.db").touch()


def replaced_by_another_home(home: Path) -> None:  # as a command run by cron makes one
    moved(home)
    subprocess.run([sys.executable, "-c", OPEN_HOME, str(home)], check=True)


VANISH = [deleted, moved, replaced_by_an_empty_folder, replaced_by_an_empty_file, replaced_by_another_home]


@pytest.fixture
def ask(app: Flask) -> Ask:
    """Returns the status of a request that is answered by a new thread, `fresh`, or by one that has asked before."""
    app.extensions[EXTENSION].readiness.warm_once()
    old = ThreadPoolExecutor(1)

    def status(method: str, path: str, *, fresh: bool = False, headers: dict[str, str] | None = None) -> int:
        def call() -> int:
            options: dict[str, Any] = {"method": method, "headers": headers}
            if method == "PUT":
                options.update(data={"product": json.dumps({})}, content_type="multipart/form-data")
            elif method == "PATCH":
                options["json"] = {}
            elif method == "POST":
                options.update(data=b'{"product_id": "b"}', content_type="application/x-ndjson")
            return app.test_client().open(path, **options).status_code

        with ThreadPoolExecutor(1) as new:
            return (new if fresh else old).submit(call).result()

    assert status("GET", "/readyz") == 200
    return status


@pytest.mark.parametrize("vanish", VANISH)
@pytest.mark.parametrize("fresh", [False, True])
def test_it_is_noticed_and_nothing_is_made_in_its_place(
    settings: Settings, ask: Ask, vanish: Callable[[Path], None], fresh: bool
) -> None:
    assert ask("PUT", "/v1/products/p") == 201
    vanish(settings.home)
    left = {path: path.stat().st_size for path in settings.home.rglob("*") if path.is_file()}
    assert ask("GET", "/readyz", fresh=fresh) == 503
    writes = [("PUT", "p"), ("PATCH", "p"), ("DELETE", "p"), ("PUT", "new")]
    assert [ask(method, f"/v1/products/{name}", fresh=fresh) for method, name in writes] == [503] * 4
    assert ask("POST", "/v1/products:batch", fresh=fresh) == 503
    assert [ask("GET", path, fresh=fresh) for path in ("/v1/search/text?q=a", "/v1/status", "/")] == [503] * 3
    assert ask("GET", "/livez", fresh=fresh) == 200
    assert left == {path: path.stat().st_size for path in settings.home.rglob("*") if path.is_file()}


def test_it_goes_on_when_the_home_is_there_again(settings: Settings, ask: Ask) -> None:
    assert ask("PUT", "/v1/products/p") == 201
    replaced_by_an_empty_folder(settings.home)
    assert ask("PUT", "/v1/products/p") == 503
    settings.home.rmdir()
    settings.home.with_name("elsewhere").rename(settings.home)
    assert ask("GET", "/readyz") == 200
    assert ask("PUT", "/v1/products/q") == 201
    assert ask("PUT", "/v1/products/p", fresh=True) == 200


def test_a_restored_backup_is_the_same_shop_for_every_thread(settings: Settings, ask: Ask, tmp_path: Path) -> None:
    assert ask("PUT", "/v1/products/p") == 201
    Catalogue(settings.home).backup(tmp_path / "backup.db")
    assert ask("PUT", "/v1/products/later") == 201
    for path in settings.home.glob("catalog.db*"):
        path.unlink()
    shutil.copyfile(tmp_path / "backup.db", settings.home / "catalog.db")
    assert [ask("GET", f"/v1/products/{name}") for name in ("p", "later")] == [200, 404]
    assert ask("PUT", "/v1/products/after") == 201
    assert ask("GET", "/v1/products/after", fresh=True) == 200
    assert ask("GET", "/readyz") == 200


@pytest.mark.parametrize("vanish", VANISH)
def test_a_server_with_keys_lets_nobody_in(settings: Settings, ask: Ask, vanish: Callable[[Path], None]) -> None:
    key = {"Authorization": f"Bearer {Keys(settings.home).create(['admin'])}"}
    assert [ask("PUT", "/v1/products/p"), ask("PUT", "/v1/products/p", headers=key)] == [401, 201]
    vanish(settings.home)
    for fresh in (False, True):
        for headers in (None, key):
            assert ask("PUT", "/v1/products/p", fresh=fresh, headers=headers) == 503
            assert ask("GET", "/v1/search/text?q=a", fresh=fresh, headers=headers) == 503


def test_keys_that_are_gone_from_the_same_catalogue_let_nobody_in(settings: Settings, ask: Ask) -> None:
    Keys(settings.home).create(["admin"])
    assert ask("PUT", "/v1/products/p") == 401
    with Connections(settings.home).writing() as connection:
        connection.execute("DELETE FROM api_keys")
    assert [ask("PUT", "/v1/products/p"), ask("GET", "/v1/search/text?q=a"), ask("GET", "/")] == [503] * 3
    Keys(settings.home).create(["admin"])
    assert ask("PUT", "/v1/products/p") == 401
