"""Events: durable, idempotent, read back in the order of time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.catalogue import Catalogue, Product
from data.errors import InvalidEvent
from data.events import Event, Events, Shown
from data.events.store import KINDS

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def events(tmp_path: Path) -> Events:
    return Events(tmp_path)


def event(number: int, minutes: float = 0, **fields: Any) -> Event:
    return Event(**{"event_id": f"e{number}", "kind": "click", "at": START + timedelta(minutes=minutes), **fields})


def test_an_event_comes_back_as_it_went_in(tmp_path: Path, events: Events) -> None:
    Catalogue(tmp_path).upsert(Product(product_id="mug"), [])
    search = event(
        1,
        kind="search",
        session="s",
        query_id="q",
        query_text='빨간 "mug"',
        photo_sha256="a" * 64,
        shown=(Shown("mug", 0), Shown("cup", 1)),
    )
    click = event(2, 1, query_id="another", product_id="mug", position=0)
    assert events.append([search, click]) == 2
    assert list(events.iterate()) == [search, replace(click, known_product=True)]


def test_the_same_id_again_changes_nothing(events: Events) -> None:
    first = event(1, product_id="a")
    assert events.append([first, first]) == 1
    assert events.append([event(1, 5, product_id="b"), event(2)]) == 1
    assert events.append([]) == 0
    assert [found.product_id for found in events.iterate()] == ["a", ""]
    assert events.count == 2


def test_unknown_products_are_kept_and_marked(tmp_path: Path, events: Events) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.upsert_many([(Product(product_id="live"), []), (Product(product_id="gone"), [])])
    catalogue.delete("gone")
    events.append(
        [event(number, number, product_id=name) for number, name in enumerate(["live", "gone", "never", "live\0"])]
    )
    assert [found.known_product for found in events.iterate()] == [True, True, False, False]


def test_time_orders_across_zones_and_batches(events: Events) -> None:
    zone = timezone(timedelta(hours=9))
    given_events = [event(number, minutes=-number).at for number in range(7)]
    events.append(
        [event(number, at=at.astimezone(zone if number % 2 else UTC)) for number, at in enumerate(given_events)]
    )
    for batch in (1, 2, 7, 8):
        assert [found.event_id for found in events.iterate(batch=batch)] == [
            f"e{number}" for number in range(6, -1, -1)
        ]


def test_an_event_has_what_it_leaves_out_from_its_search(events: Events) -> None:
    """A search is found by its own id or by the query id that it shares, of several pages the first."""
    pages = [
        event(1, kind="search", query_id="q", query_text="mug", shown=(Shown("a", 0),)),
        event(2, 1, kind="search", query_id="q", query_text="mug", shown=(Shown("b", 1),)),
    ]
    alone = Event(event_id="s", kind="search", at=START, photo_sha256="c" * 64, shown=(Shown("d", 7),))
    by_query = [event(3, 2, query_id="q", product_id="a"), event(4, 3, query_id="q", product_id="b")]
    by_id = [event(5, 4, query_id="s", product_id="d"), event(6, 5, query_id="s", product_id="a")]
    own = event(7, 6, query_id="q", query_text="cup", product_id="a", position=9)
    lost = event(8, 7, query_id="gone", product_id="a")
    events.append([*pages, alone, *by_query, *by_id, own, lost])
    found = {item.event_id: item for item in events.iterate(kinds=["click"])}
    assert [(found[name].query_text, found[name].position) for name in ("e3", "e4")] == [("mug", 0), ("mug", 1)]
    assert [(found[name].photo_sha256[:1], found[name].position) for name in ("e5", "e6")] == [("c", 7), ("c", None)]
    assert (found["e7"].query_text, found["e7"].position) == ("cup", 9)
    assert (found["e8"].query_text, found["e8"].position) == ("", None)


def test_kinds_and_since(events: Events) -> None:
    events.append([event(number, number, kind=kind) for number, kind in enumerate(KINDS)])
    assert [found.kind for found in events.iterate(kinds=["purchase", "search"])] == ["search", "purchase"]
    assert [found.event_id for found in events.iterate(since=START + timedelta(minutes=2))] == ["e2", "e3"]
    assert list(events.iterate(kinds=[])) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"event_id": ""},
        {"kind": "hover"},
        {"at": datetime(2026, 3, 1)},
        {"at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))},
        {"query_text": "\ud800"},
        {"position": -1},
        {"position": 2**70},
        {"session": "x" * 20_001},
    ],
)
def test_bad_events_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent):
        event(1, **fields)


_stores: list[Events] = []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(-3, 3)), max_size=5), max_size=5),
    size=st.integers(1, 4),
)
def test_any_history_reads_like_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[int, int]]], size: int
) -> None:
    events = Events(tmp_path_factory.mktemp("events"))
    model: dict[str, Event] = {}
    for batch in batches:
        given_events = [event(number, minutes) for number, minutes in batch]
        before = len(model)
        for item in given_events:
            model.setdefault(item.event_id, item)
        assert events.append(given_events) == len(model) - before
    assert list(events.iterate(batch=size)) == sorted(model.values(), key=lambda item: (item.at, item.event_id))
