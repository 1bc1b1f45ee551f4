"""Batches: every line answered in order, and the same end as one request a line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine
from flask.testing import FlaskClient

from api import batch
from api.app import create_app
from data.catalogue import Catalogue
from data.settings import Settings

Photo = Callable[..., bytes]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "photos").mkdir()
    return Settings(home=tmp_path / "home", image_roots=(tmp_path / "photos",))


def send(client: FlaskClient, *lines: Any) -> list[dict[str, Any]]:
    body = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    response = client.post("/v1/products:batch", data=body, content_type="application/x-ndjson")
    assert response.status_code == 200, response.data
    assert response.content_type == "application/x-ndjson"
    return [json.loads(line) for line in response.data.splitlines()]


def outcomes(statuses: list[dict[str, Any]]) -> list[str]:
    assert [status["line"] for status in statuses] == list(range(1, len(statuses) + 1))
    return [status["status"] for status in statuses]


def test_each_line_is_answered_in_order(client: FlaskClient, settings: Settings, fake_engine: FakeEngine,
                                        photo: Photo) -> None:  # fmt: skip
    root = settings.image_roots[0]
    (root / "red.jpg").write_bytes(photo("red"))
    statuses = send(
        client,
        {"product_id": "a", "title": "A", "images": ["red.jpg"]},
        {"product_id": "b", "title": "B"},
        {"product_id": "a", "title": "A", "images": [str(root / "red.jpg")]},
        {"product_id": "a", "title": "A2"},
        {"product_id": "b", "delete": True},
        {"product_id": "b", "delete": True},
        {"title": "no id"},
        b"not json",
        {"product_id": "c", "images": ["none.jpg"]},
        {"product_id": "c", "images": "red.jpg"},
        {"product_id": "b", "title": "again"},
        {"product_id": "d", "delete": "yes"},
    )
    assert outcomes(statuses) == [
        "created", "created", "unchanged", "updated", "deleted", "error", "error", "error", "error", "error",
        "created", "error",
    ]  # fmt: skip
    assert statuses[5]["code"] == "unknown_product"
    assert statuses[6]["code"] == "missing_product_id"
    facts = Catalogue(settings.home).get("a")
    assert (facts.product.title, len(facts.image_sha256)) == ("A2", 1)
    assert set(fake_engine.embedded) == set(facts.image_sha256)


def test_paths_never_leave_the_image_roots(client: FlaskClient, settings: Settings, tmp_path: Path,
                                           photo: Photo) -> None:  # fmt: skip
    root = settings.image_roots[0]
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(photo())
    (root / "link.jpg").symlink_to(outside)
    (root / "loop").symlink_to(root / "loop")
    (tmp_path / "photos-other").mkdir()
    (tmp_path / "photos-other" / "x.jpg").write_bytes(photo())
    names = ["../outside.jpg", str(outside), "link.jpg", "loop", "/etc/passwd", "", ".", "a\0b", "x" * 5000,
             "../photos-other/x.jpg"]  # fmt: skip
    statuses = send(client, *({"product_id": "p", "images": [name]} for name in names))
    assert outcomes(statuses) == ["error"] * len(names)


def test_without_roots_no_path_is_read(tmp_path: Path, photo: Photo) -> None:
    settings = Settings(home=tmp_path / "h")
    client = create_app(settings, FakeEngine(Catalogue(settings.home))).test_client()
    (tmp_path / "x.jpg").write_bytes(photo())
    assert outcomes(send(client, {"product_id": "p", "images": [str(tmp_path / "x.jpg")]})) == ["error"]


def test_a_bad_line_does_not_take_its_group_along(client: FlaskClient, settings: Settings, photo: Photo) -> None:
    (settings.image_roots[0] / "cut.jpg").write_bytes(photo()[:300])
    lines = [{"product_id": f"p{number}", "images": ["cut.jpg"] if number == 5 else []} for number in range(150)]
    assert outcomes(send(client, *lines)) == ["error" if number == 5 else "created" for number in range(150)]


def test_lines_and_their_number_are_limited(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "LINE_BYTES", 200)
    monkeypatch.setattr(batch, "LINES", 4)
    long = {"product_id": "long", "description": "x" * 1000}
    short = {"product_id": "p"}
    statuses = send(client, short, long, b"", short, short, short, short)
    assert outcomes(statuses) == ["created", "error", "unchanged", "unchanged", "error"]
    assert statuses[-1]["code"] == "too_many_lines"


def test_a_product_has_at_most_as_many_photos_as_in_a_put(
    client: FlaskClient, settings: Settings, photo: Photo
) -> None:
    (settings.image_roots[0] / "red.jpg").write_bytes(photo("red"))
    lines = [{"product_id": f"p{count}", "images": ["red.jpg"] * count} for count in (10, 11)]
    statuses = send(client, *lines)
    assert outcomes(statuses) == ["created", "error"]
    assert "at most 10; got 11" in statuses[1]["detail"]


def test_an_empty_batch_and_a_wrong_type(client: FlaskClient) -> None:
    assert send(client) == []
    assert client.post("/v1/products:batch", data=b"{}", content_type="text/csv").status_code == 415


def test_a_line_may_purge(client: FlaskClient, settings: Settings, photo: Photo) -> None:
    root = settings.image_roots[0]
    (root / "red.jpg").write_bytes(photo("red"))
    purge = {"product_id": "a", "delete": True, "purge": True}
    lines = [
        {"product_id": "a", "title": "A", "images": ["red.jpg"]},
        {"product_id": "a", "delete": True},
        purge,
        purge,
    ]
    assert outcomes(send(client, *lines)) == ["created", "deleted", "deleted", "error"]
    assert Catalogue(settings.home).counts()["photos"] == 0
    for wrong in ({"purge": True}, {"delete": True, "purge": "yes"}, {"delete": False, "purge": True}):
        (status,) = send(client, {"product_id": "a", **wrong})
        assert (status["status"], "purge" in status["detail"]) == ("error", True)
    assert outcomes(send(client, {"product_id": "a", "purge": False})) == ["created"]
