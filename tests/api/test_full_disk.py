"""A full disk under the server: writes are refused in plain words, searches go on, writes too once there is room."""

import io
import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from data.catalogue import Catalogue
from data.settings import Settings

Photo = Callable[..., bytes]


@contextmanager
def disk_full(size_bytes: int = 10) -> Iterator[None]:
    """Lets no file become longer than this; the system answers as at a quota."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def put(client: FlaskClient, name: str, content: bytes | None = None) -> Any:
    data: dict[str, Any] = {"product": json.dumps({"title": name})}
    if content:
        data["image"] = (io.BytesIO(content), "a.png")
    return client.put(f"/v1/products/{name}", data=data, content_type="multipart/form-data")


@pytest.mark.parametrize("with_photo", [False, True])
def test_writes_are_refused_and_nothing_is_changed(
    client: FlaskClient, settings: Settings, photo: Photo, with_photo: bool
) -> None:
    assert put(client, "before").status_code == 201
    content = photo("blue", kind="PNG") if with_photo else None
    with disk_full():
        answers = [
            put(client, "new", content),
            client.patch("/v1/products/before", json={"title": "other"}),
            client.delete("/v1/products/before"),
        ]
        assert client.get("/v1/products/before").status_code == 200
        assert client.get("/v1/search/text?q=before").status_code == 200
        batch = client.post("/v1/products:batch", data=b'{"product_id": "b"}', content_type="application/x-ndjson")
    assert [(answer.status_code, answer.json["code"]) for answer in answers] == [(507, "disk_full")] * 3
    assert "made room" in answers[0].json["detail"]
    assert json.loads(batch.data)["code"] == "disk_full"
    assert [facts.product.title for facts in Catalogue(settings.home).iter_facts()] == ["before"]
    assert put(client, "new", content).status_code == 201
    assert client.delete("/v1/products/before").status_code == 204


def test_other_failures_stay_500(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(Catalogue, "put", fail)
    assert put(client, "a").status_code == 500
