"""Rows and objects to events: every rule, and ids that make sending again harmless."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data.errors import InvalidEvent, InvalidFeed
from data.events import Event, EventRow, Events, Shown, parse_events, read_event_feed
from data.readers.records import BadRow

NOW = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
CLICK = {"kind": "click", "at": "2026-11-01T10:00:00+09:00", "query_text": "red mug", "product_id": "mug"}


def one(**fields: Any) -> Event:
    (event,) = parse_events({**CLICK, **fields})
    return event


def test_a_click_as_json_and_as_csv_texts_is_the_same_event() -> None:
    typed = one(position=3, session="s", query_id="q")
    assert typed == one(position=" 3 ", session="s", query_id="q", photo_sha256="", event_id=None)
    assert (typed.at, typed.position) == (datetime(2026, 11, 1, 1, tzinfo=UTC), 3)
    assert one(event_id="mine").event_id == "mine"


def test_equal_content_has_an_equal_id_and_other_content_another() -> None:
    variants = [one(), one(position=0), one(product_id="cup"), one(kind="purchase"), one(at="2026-11-01"),
                one(query_text="mug"), one(session="x"), one(query_id="q")]  # fmt: skip
    assert one().event_id == variants[0].event_id
    assert len({event.event_id for event in variants}) == len(variants)


def test_a_search_bears_the_id_of_its_query() -> None:
    fields = {"kind": "search", "at": "2026-11-01", "query_id": "q", "query_text": "mug"}
    assert parse_events({**fields, "shown": ["a", "b"]})[0].event_id == "q"
    later = parse_events({**fields, "shown": [{"product_id": "c", "position": 20}, {"product_id": "d"}]})[0]
    assert (later.event_id, later.shown) == ("q.20", (Shown("c", 20), Shown("d", 1)))


def test_a_row_without_kind_is_a_whole_search() -> None:
    row = {"time": "2026-11-01", "query_text": "mug", "shown": "a;b;c", "clicked": "b;a", "purchased": "z"}
    search, *rest = parse_events(row)
    assert [item.product_id for item in search.shown] == ["a", "b", "c"]
    assert [(event.kind, event.product_id, event.position) for event in rest] == [
        ("click", "b", 1), ("click", "a", 0), ("purchase", "z", None),
    ]  # fmt: skip
    assert {event.query_id for event in rest} == {search.event_id}
    assert parse_events(row) == [search, *rest]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"kind": "hover"}, "bad_kind"),
        ({"kind": ["click"]}, "bad_kind"),
        ({"kind": None}, "bad_kind"),
        ({"at": None}, "missing_time"),
        ({"at": "yesterday"}, "bad_time"),
        ({"at": 5}, "bad_time"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "bad_time"),
        ({"product_id": None}, "missing_product"),
        ({"product_id": "x" * 201}, "bad_text"),
        ({"product_id": 5}, "bad_text"),
        ({"query_text": "\ud800"}, "bad_text"),
        ({"query_text": "a\0b"}, "bad_text"),
        ({"query_text": None}, "missing_query"),
        ({"photo_sha256": "abc"}, "bad_text"),
        ({"position": -1}, "bad_position"),
        ({"position": True}, "bad_position"),
        ({"position": 1.5}, "bad_position"),
        ({"position": "9" * 30}, "bad_position"),
        ({"shown": 3}, "bad_shown"),
        ({"shown": ["a"] * 1001}, "bad_shown"),
        ({"shown": [{"product": "a"}]}, "bad_text"),
        ({"shown": [None]}, "bad_shown"),
        ({"colour": "red"}, "unknown_field"),
        ({"clicked": "a"}, "unknown_field"),
    ],
)
def test_rules(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        one(**fields)
    assert caught.value.code == code


def test_the_time_of_arrival_stands_in_where_that_is_allowed() -> None:
    (event,) = parse_events({**CLICK, "at": None}, now=NOW)
    assert event.at == NOW


def test_a_click_takes_words_and_place_from_its_search(tmp_path: Path) -> None:
    events = Events(tmp_path)
    photo = "a" * 64
    events.append([
        *parse_events({"kind": "search", "at": "2026-11-01", "query_id": "q", "query_text": "mug", "shown": ["a", "b"],
                       "photo_sha256": photo}),
        *parse_events({"kind": "search", "at": "2026-11-02", "query_id": "q", "shown": [{"product_id": "c",
                                                                                         "position": 2}]}),
        *parse_events({"kind": "click", "at": "2026-11-03", "query_id": "q", "product_id": "b"}),
        *parse_events({"kind": "click", "at": "2026-11-04", "query_id": "q", "product_id": "c", "position": 2}),
        *parse_events({"kind": "click", "at": "2026-11-05", "query_id": "lost", "product_id": "b"}),
    ])  # fmt: skip
    found = [(event.query_text, event.photo_sha256, event.position) for event in events.iterate()]
    assert found == [("mug", photo, None)] * 2 + [("mug", photo, 1), ("mug", photo, 2), ("", "", None)]


def write(tmp_path: Path, text: str, name: str = "log.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_with_tabs_and_a_mark_and_bad_rows(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeffTime\tkind\tquery_text\tproduct_id\n2026-11-01\tclick\tmug\ta\nonly one cell\n")
    first, second = read_event_feed(path)
    assert isinstance(first, EventRow)
    assert first.line == 2
    assert parse_events(first.fields)[0].product_id == "a"
    assert isinstance(second, BadRow)
    assert second.code == "wrong_columns"


def test_jsonl_is_found_by_its_first_character(tmp_path: Path) -> None:
    rows = list(read_event_feed(write(tmp_path, '{"kind": "click"}\nnot json\n', "log.txt")))
    assert isinstance(rows[0], EventRow)
    assert isinstance(rows[1], BadRow)


@pytest.mark.parametrize("header", ["kind,query_text", "at,colour", "at,kind,kind", ""])
def test_a_header_that_does_not_fit_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(InvalidFeed):
        list(read_event_feed(write(tmp_path, f"{header}\n1,2\n")))


def test_any_day_of_the_project_is_a_time() -> None:
    for days in range(0, 2000, 37):
        moment = (NOW + timedelta(days=days)).isoformat()
        assert one(at=moment).at.isoformat() == moment
