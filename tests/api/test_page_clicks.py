"""What the page tells about clicks: what counts, what does not, and how little one sender can do."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from documented import expect
from flask import Flask
from flask.testing import FlaskClient

from api.app import create_app
from api.errors import RateLimited
from api.resources.page_clicks import PER_DAY, PER_MINUTE, PageClick, PageClicks
from api.resources.search_log import SearchLog
from data.catalogue import Catalogue, Product
from data.errors import InvalidEvent
from data.events import Event, Events, Shown, parse_events
from data.keys import Keys
from data.settings import Settings
from engine.search import SearchRequest
from training.behaviour import ShopBehaviour

MOST = PER_MINUTE // 2


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 60 / MOST  # every question of the time lets some go by, so that the limit a minute is not met
        return self.now


@pytest.fixture
def events(settings: Settings) -> Events:
    Catalogue(settings.home).upsert(Product(product_id="mug"), [])
    return Events(settings.home)


@pytest.fixture
def clicks(events: Events) -> PageClicks:
    return PageClicks(SearchLog(events), clock=Clock())


def search(events: Events, number: int = 0, words: str = "red mug", **fields: Any) -> str:
    """Stores a search that showed two products; returns its query id."""
    query_id = f"{number:016x}"
    shown = (Shown("bowl", 0), Shown("mug", 1))
    fields = {"query_text": words, "shown": shown, **fields}
    events.append([Event(event_id=query_id, kind="search", at=datetime.now(UTC), query_id=query_id, **fields)])
    return query_id


def test_a_click_becomes_an_event_of_its_search(events: Events, clicks: PageClicks) -> None:
    event = clicks.event(PageClick("s", search(events), "mug"), "10.0.0.1")
    assert event
    events.append([event])
    [stored] = events.iterate(kinds=("click",))
    assert (stored.query_text, stored.product_id, stored.position, stored.known_product) == ("red mug", "mug", 1, True)
    assert stored.event_id.startswith("page:")
    assert "10.0.0.1" not in repr(stored)
    assert ShopBehaviour.from_events(events.iterate()).words.ranking("red mug") == ["mug"]


@pytest.mark.parametrize(
    "click",
    [
        PageClick("s", "f" * 16, "mug"),  # a search that was never answered
        PageClick("s", f"{0:016x}", "lamp"),  # a product that it did not show
        PageClick("s", f"{1:016x}", "mug"),  # a search without words and photo, from which nothing is learned
        PageClick("s", "q1", "mug"),  # an id that this server does not make
    ],
)
def test_a_click_that_no_search_led_to_counts_for_nothing(events: Events, clicks: PageClicks, click: PageClick) -> None:
    search(events)
    search(events, 1, words="")
    events.append([Event(event_id="q1", kind="search", at=datetime.now(UTC), query_id="q1", query_text="mug",
                         shown=(Shown("mug", 0),))])  # fmt: skip
    assert clicks.event(click, "10.0.0.1") is None


def test_a_session_counts_once_for_the_same_words_and_product(events: Events, clicks: PageClicks) -> None:
    for number in range(5):
        click = PageClick("s", search(events, number, words="Red mug" if number % 2 else "red mug"), "mug")
        event = clicks.event(click, "10.0.0.1")
        assert event
        events.append([event, event])
    assert events.count_between(datetime(2000, 1, 1, tzinfo=UTC), kinds=("click",)) == 1


def test_a_search_belongs_to_the_first_session_that_names_it(events: Events, clicks: PageClicks) -> None:
    query_id = search(events)
    assert clicks.event(PageClick("first", query_id, "mug"), "10.0.0.1")
    assert clicks.event(PageClick("second", query_id, "mug"), "10.0.0.2") is None
    assert clicks.event(PageClick("first", query_id, "bowl"), "10.0.0.1")


def test_one_address_cannot_push_a_product_with_many_sessions(events: Events, clicks: PageClicks) -> None:
    counted = [
        clicks.event(PageClick(f"s{number}", search(events, number), "mug"), "10.0.0.1")
        for number in range(PER_DAY + 9)
    ]
    assert sum(event is not None for event in counted) == PER_DAY
    assert clicks.event(PageClick("other", search(events, 900), "mug"), "10.0.0.2")
    assert clicks.event(PageClick("other", search(events, 901), "bowl"), "10.0.0.1")


def test_many_clicks_of_one_address_are_too_many(events: Events) -> None:
    clicks = PageClicks(SearchLog(events), clock=lambda: 0.0)
    for _ in range(PER_MINUTE):
        clicks.event(PageClick("s", "x", "mug"), "10.0.0.1")
    with pytest.raises(RateLimited):
        clicks.event(PageClick("s", "x", "mug"), "10.0.0.1")


def test_a_shop_cannot_send_what_looks_like_the_pages_events() -> None:
    with pytest.raises(InvalidEvent, match="page:"):
        parse_events(
            {"kind": "click", "query_id": "q", "product_id": "mug", "event_id": "page:1"}, now=datetime.now(UTC)
        )


def send(client: FlaskClient, headers: dict[str, str] | None = None, **changes: Any) -> int:
    body = {"session": "s", "query_id": f"{0:016x}", "product_id": "mug", **changes}
    answer = expect(client.post("/v1/events/page", json=body, headers=headers), "/v1/events/page", "post", 202)
    return int(answer["accepted"])


def test_no_key_is_needed_and_every_click_is_answered_alike(
    client: FlaskClient, events: Events, settings: Settings
) -> None:
    Keys(settings.home).create(["search"])
    search(events)
    assert [send(client), send(client), send(client, product_id="lamp")] == [1, 0, 0]
    assert client.post("/v1/events", json={"kind": "click", "query_id": "q", "product_id": "mug"}).status_code == 401


@pytest.mark.parametrize("header", ["DNT", "Sec-GPC"])
def test_a_browser_that_asks_not_to_be_followed_is_not(client: FlaskClient, events: Events, header: str) -> None:
    search(events)
    assert "data-clicks" in client.get("/").get_data(as_text=True)
    assert "data-clicks" not in client.get("/", headers={header: "1"}).get_data(as_text=True)
    assert send(client, {header: "1"}) == 0
    assert send(client, {header: "0"}) == 1


def test_a_setting_turns_it_off(app: Flask, events: Events, settings: Settings, fake_engine: Any) -> None:
    search(events)
    client = create_app(settings.replace(page_events=False), fake_engine).test_client()
    assert "data-clicks" not in client.get("/").get_data(as_text=True)
    assert send(client) == 0
    assert send(app.test_client()) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"session": "s", "query_id": "q", "product_id": "mug", "kind": "purchase"}, 400),
        ({"session": "", "query_id": "q", "product_id": "mug"}, 400),
        ({"session": "s" * 300, "query_id": "q", "product_id": "mug"}, 400),
        ({"session": "s", "query_id": 7, "product_id": "mug"}, 400),
        ([], 400),
    ],
)
def test_what_is_no_click_is_refused(client: FlaskClient, body: Any, status: int) -> None:
    assert client.post("/v1/events/page", json=body).status_code == status


def test_a_page_of_another_site_needs_leave_for_json(client: FlaskClient) -> None:
    answer = client.post("/v1/events/page", data="{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_a_click_counts_before_its_search_is_on_disk(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    writing, written = threading.Event(), threading.Event()
    store = events.append

    def append(batch: Sequence[Event]) -> int:
        writing.set()
        assert written.wait(20)
        return store(batch)

    monkeypatch.setattr(events, "append", append)
    log = SearchLog(events)
    hits: Any = [SimpleNamespace(product_id="mug")]
    for query_id in ("a" * 16, "b" * 16):
        answer: Any = SimpleNamespace(query_id=query_id, hits=hits, no_match=False)
        log.record(SearchRequest(text="red mug"), answer)
        if query_id == "a" * 16:
            assert writing.wait(20)
    clicks = PageClicks(log)
    for query_id in ("a" * 16, "b" * 16):  # one on its way to the disk, one waiting
        assert clicks.event(PageClick(query_id, query_id, "mug"), "10.0.0.1")
        assert clicks.event(PageClick(query_id, query_id, "lamp"), "10.0.0.1") is None
    written.set()
    log.flush()
    assert clicks.event(PageClick("a" * 16, "a" * 16, "mug"), "10.0.0.1")
