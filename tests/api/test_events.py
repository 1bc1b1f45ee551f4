"""Events over HTTP: durable before 202, refused ones named, searches remembered by themselves."""

import sqlite3
from datetime import UTC, datetime
from typing import Any

import pytest
from documented import expect
from fake_engine import FakeEngine
from flask import Flask
from flask.testing import FlaskClient

from api.resources import EXTENSION, Resources
from api.resources.search_log import QUEUED, SearchLog
from data.catalogue import Catalogue, Product
from data.errors import DatabaseError, FeatureStoreError
from data.events import Event, Events, Shown
from data.settings import Settings
from engine.answers import Cursor
from engine.search import SearchAnswer, SearchRequest

CLICK = {"kind": "click", "query_id": "q1", "product_id": "mug", "position": 2}


@pytest.fixture
def events(settings: Settings) -> Events:
    return Events(settings.home)


def send(client: FlaskClient, body: Any) -> Any:
    return expect(client.post("/v1/events", json=body), "/v1/events", "post", 202)


def test_one_or_many_are_durable_when_answered(client: FlaskClient, events: Events, settings: Settings) -> None:
    Catalogue(settings.home).upsert(Product(product_id="mug"), [])
    started = datetime.now(UTC)
    assert send(client, CLICK) == {"accepted": 1, "duplicates": 0, "unknown_products": 0, "refused": []}
    stored = sqlite3.connect(settings.home / "catalog.db").execute("SELECT product_id FROM events").fetchall()
    assert stored == [("mug",)]
    many = [{**CLICK, "at": f"2026-11-01T09:{minute:02d}:00Z"} for minute in range(3)]
    assert send(client, many)["accepted"] == 3
    assert send(client, [*many, {**CLICK, "product_id": "never", "at": "2026-11-02"}]) == {
        "accepted": 1, "duplicates": 3, "unknown_products": 1, "refused": [],
    }  # fmt: skip
    found = list(events.iterate())
    assert [(event.product_id, event.known_product) for event in found] == [("mug", True)] * 3 + [
        ("never", False), ("mug", True),
    ]  # fmt: skip
    assert started <= found[-1].at <= datetime.now(UTC)


def test_photos_whose_search_led_to_a_choice_are_kept(client: FlaskClient, fake_engine: FakeEngine) -> None:
    photo = "b" * 64
    send(client, [{"kind": "search", "query_text": "cups", "query_id": "q0", "shown": ["mug"]}, CLICK,
                  {"kind": "purchase", "photo_sha256": photo, "product_id": "mug"}])  # fmt: skip
    assert {"q1", photo} <= fake_engine.kept
    assert "q0" not in fake_engine.kept


def test_a_photo_that_cannot_be_kept_costs_no_event(
    client: FlaskClient, events: Events, fake_engine: FakeEngine
) -> None:
    def fail() -> None:
        raise FeatureStoreError("the disk is full.")

    fake_engine.on_keep = fail
    assert send(client, CLICK)["accepted"] == 1
    assert events.count == 1


def test_refused_events_are_named_and_the_others_kept(client: FlaskClient, events: Events) -> None:
    answer = send(client, [CLICK, {**CLICK, "kind": "look"}, 5, {"product_id": "mug"}, {**CLICK, "clicked": ["a"]}])
    assert [(item["index"], item["code"]) for item in answer["refused"]] == [
        (1, "bad_kind"), (2, "bad_event"), (3, "bad_kind"), (4, "unknown_field"),
    ]  # fmt: skip
    assert (answer["accepted"], events.count) == (1, 1)
    assert send(client, [])["accepted"] == 0


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"[", "application/json", 400),
        (b"5", "application/json", 400),
        (b'[{"kind": NaN}]', "application/json", 400),
        (b"[" + b"{}," * 1000 + b"{}]", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b" " * 5_000_000, "application/json", 413),
    ],
)
def test_bad_bodies(client: FlaskClient, events: Events, body: bytes, kind: str, status: int) -> None:
    assert client.post("/v1/events", data=body, content_type=kind).status_code == status
    assert events.count == 0


def test_a_search_is_remembered_with_what_it_showed(app: Flask, client: FlaskClient, events: Events,
                                                    settings: Settings) -> None:  # fmt: skip
    Catalogue(settings.home).upsert_many([(Product(product_id=name, title="Red mug"), []) for name in "ab"])
    answer = client.get("/v1/search/text?q=red+mug").get_json()
    held: Resources = app.extensions[EXTENSION]
    held.search_log.flush()
    send(client, {"kind": "click", "query_id": answer["query_id"], "product_id": "b"})
    search, click = events.iterate()
    assert (search.event_id, search.query_text) == (answer["query_id"], "red mug")
    assert search.shown == (Shown("a", 0), Shown("b", 1))
    assert (click.query_text, click.position) == ("red mug", 1)


def answer_of(query_id: str) -> SearchAnswer:
    return SearchAnswer(query_id=query_id, generation="g", pending=0, took_ms=1, hits=(), next_cursor=None,
                        no_match=False)  # fmt: skip


def test_pages_photos_and_questions_without_words(events: Events) -> None:
    log = SearchLog(events)
    log.record(SearchRequest(image=b"photo"), answer_of("photo"))
    log.record(SearchRequest(product_id="p"), answer_of("similar"))
    log.record(SearchRequest(text="mug", cursor="no cursor"), answer_of("bad"))
    log.record(SearchRequest(text="mug", cursor=Cursor("ab" * 8, 20, "0" * 16).encode()), answer_of("ab" * 8))
    log.flush()
    assert sorted(event.event_id for event in events.iterate()) == [f"{'ab' * 8}.20", "photo"]
    assert next(event for event in events.iterate() if event.event_id == "photo").photo_sha256


def test_a_disk_that_fails_costs_events_and_no_search(client: FlaskClient, app: Flask, fake_engine: FakeEngine,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    def fail(_: list[Event]) -> int:
        raise DatabaseError("the disk is full.")

    held: Resources = app.extensions[EXTENSION]
    monkeypatch.setattr(held.events, "append", fail)
    assert client.get("/v1/search/text?q=mug").status_code == 200
    held.search_log.flush()
    assert len(fake_engine.requests) == 1


def test_the_queue_is_bounded(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.resources.search_log.QUEUED", 3)
    log = SearchLog(events)
    for number in range(10):
        log.record(SearchRequest(text="mug"), answer_of(f"q{number}"))
    log.flush()
    assert events.count == 3
    assert QUEUED > 3
