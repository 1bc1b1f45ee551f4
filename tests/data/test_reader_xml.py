"""XML feeds: item by item, in bounded memory, and nothing of a hostile file gets out or in."""

import tracemalloc
from pathlib import Path

import pytest
from feed_files import codes, feed, rows
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from data.errors import InvalidFeed
from data.readers.records import BadRow
from data.readers.rows import Row

ITEM = "<item><id>{0}</id><title>Mug &amp; {0}</title><link>https://a.b/{0}</link><image_link>a.jpg</image_link></item>"


def test_items_of_any_kind_of_list(tmp_path: Path) -> None:
    text = (
        '<!DOCTYPE shop SYSTEM "shop.dtd"><shop><offer id="a"><name>Mug</name><picture>1.jpg</picture>'
        "<picture>2.jpg</picture><brand><name>Acorn</name></brand></offer><other/><offer id='b'/></shop>"
    )
    found = rows(feed(tmp_path, text, "feed.xml"))
    assert found[0] == Row(1, {"product_id": "a", "title": "Mug", "brand": "Acorn"}, ("1.jpg", "2.jpg"))
    assert found[1] == Row(1, {"product_id": "b"}, None)


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    found = rows(feed(tmp_path, f"<rss>\n{ITEM.format(1)}\n\n{ITEM.format(2)}</rss>", "feed.xml"))
    assert [row.line for row in found] == [2, 4]


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY % a SYSTEM "http://127.0.0.1/x"> %a;',
    ],
)
def test_entities_of_the_file_are_refused(tmp_path: Path, declared: str) -> None:
    text = f"<!DOCTYPE rss [{declared}]><rss>{ITEM.format('&a;')}</rss>"
    with pytest.raises(InvalidFeed, match="entities"):
        rows(feed(tmp_path, text, "feed.xml"))


@pytest.mark.parametrize("text", ["<html><body/></html>", "<rss></rss>", "<"])
def test_a_file_without_items_is_refused_or_reported(tmp_path: Path, text: str) -> None:
    try:
        found = rows(feed(tmp_path, text, "feed.xml"))
    except InvalidFeed as error:
        assert "item" in str(error)  # noqa: PT017
    else:
        assert codes(found) == [(1, "bad_xml")]


@pytest.mark.parametrize("rest", ["<item><id>3", "<item><id>3</item>", "\x01", "</channel>", "<a>" * 40])
def test_what_comes_before_a_damaged_place_is_read(tmp_path: Path, rest: str) -> None:
    found = rows(feed(tmp_path, f"<rss>{ITEM.format(1)}{ITEM.format(2)}<item>{rest}", "feed.xml"))
    assert [row.code if isinstance(row, BadRow) else row.fields["product_id"] for row in found] == ["1", "2", "bad_xml"]


def test_an_item_without_end_is_cut_off(tmp_path: Path) -> None:
    text = f"<rss>{ITEM.format(1)}<item><id>2</id><title>{'x' * 2_000_000}</title></item></rss>"
    assert codes(rows(feed(tmp_path, text, "feed.xml"))) == [(1, ""), (1, "bad_xml")]


def test_other_encodings_and_bytes_that_are_none(tmp_path: Path) -> None:
    text = f'<?xml version="1.0" encoding="euc-kr"?><rss>{ITEM.format("머그컵")}</rss>'
    found = rows(feed(tmp_path, text.encode("euc-kr"), "feed.xml"))
    assert [row.fields["product_id"] for row in found if isinstance(row, Row)] == ["머그컵"]
    raw = (
        f"<rss>{ITEM.format('머그컵')}".encode() + ITEM.format("x\udcff").encode("utf-8", "surrogateescape") + b"</rss>"
    )
    first, second = rows(feed(tmp_path, raw, "feed.xml"))
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert (first.warnings, [warning.code for warning in second.warnings]) == ((), ["bad_encoding"])


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = feed(tmp_path, f"<rss>{''.join(ITEM.format(number) * 2 for number in range(20_000))}</rss>", "feed.xml")
    tracemalloc.start()
    try:
        from data.readers import open_feed

        with open_feed(path) as opened:
            assert sum(1 for _ in opened.rows) == 40_000
        assert tracemalloc.get_traced_memory()[1] < 3_000_000 < path.stat().st_size / 1.5
    finally:
        tracemalloc.stop()


@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.text("<>/ab=\"'&;![]-item ", max_size=80))
def test_any_text_gives_rows_or_one_error(tmp_path: Path, text: str) -> None:
    try:
        rows(feed(tmp_path, f"<rss>{ITEM.format(1)}<{text}</rss>", "feed.xml"))
    except InvalidFeed:
        return
