"""Importing feeds into a real catalogue."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from shop_feeds import Write, coloured, product, state

from data.catalogue import Catalogue, ImportRuns
from data.errors import InvalidFeed
from data.photos import thumbnail_path
from data.settings import Settings
from indexer.importing import import_feed


def test_a_feed_goes_in(settings: Settings, write: Write) -> None:
    report = import_feed(settings, write(product("a", 0, 1, title="Mug", price=3), product("b", 2)))
    assert (report.created, report.images, report.new_images, report.refused, report.codes) == (2, 3, 3, 0, {})
    catalogue = Catalogue(settings.home)
    assert catalogue.get("a").product.title == "Mug"
    assert catalogue.counts()["products"] == 2
    assert catalogue.counts()["images"] == 3
    for sha256 in catalogue.snapshot().image_sha256:
        assert thumbnail_path(settings.home, sha256).is_file()


def test_the_same_feed_twice_changes_nothing(settings: Settings, write: Write) -> None:
    feed = write(product("a", 0, 1), product("b", 2, price=3), {"product_id": "c", "title": "no image column"})
    import_feed(settings, feed)
    before, seq = state(settings), Catalogue(settings.home).seq()
    report = import_feed(settings, feed)
    assert (report.created, report.updated, report.unchanged, report.new_images) == (0, 0, 3, 0)
    assert not report.changed
    assert (state(settings), Catalogue(settings.home).seq()) == (before, seq)


def test_every_problem_is_reported_and_costs_only_itself(settings: Settings, write: Write, tmp_path: Path) -> None:
    feed = write(
        product("a", 0, "cut.png", "none.png", "../outside.png", "http://shop.example/a.jpg"),
        "not json",
        product("b", 1, price="dear"),
        product("", 2),
        product("a", 3, title="again"),
        product("c", "text.jpg"),
        product("d"),
        product("e", 4),
    )
    report = import_feed(settings, feed, report=tmp_path / "reports" / "problems.jsonl")
    expected = [
        (1, "a", "truncated"), (1, "a", "missing_image"), (1, "a", "outside_root"),
        (2, "", "bad_json"), (3, "b", "bad_price"), (4, "", "missing_product_id"), (5, "a", "duplicate_product_id"),
        (6, "c", "unsupported_image"), (6, "c", "no_usable_image"), (7, "d", "no_usable_image"),
    ]  # fmt: skip
    (tmp_path / "outside.png").write_bytes(coloured(1))
    written = [json.loads(line) for line in (tmp_path / "reports" / "problems.jsonl").read_text().splitlines()]
    assert [(row["line"], row["product_id"], row["code"]) for row in written] == expected
    kept = ImportRuns(settings.home).problems(1)
    assert [(row.line, row.product_id, row.code) for row in kept] == expected
    assert all(row.message for row in kept)
    refused = [row["line"] for row in written if row["severity"] == "error"]
    assert refused == [2, 4, 5]
    assert [row.severity for row in kept] == [row["severity"] for row in written]
    assert (report.created, report.refused, report.warnings, report.images) == (5, 3, 7, 3)
    assert report.unfetched == 1
    assert "Not fetched from their web addresses: 1 photo." in report.remark
    assert sum(report.codes.values()) == 10
    assert len(report.problems) == 10
    assert set(state(settings)) == {"a", "b", "c", "d", "e"}
    assert Catalogue(settings.home).get("b").product.price is None
    assert os.listdir(tmp_path / "reports") == ["problems.jsonl"]  # noqa: PTH208


def test_a_bad_fact_costs_itself_and_not_what_was_good_before(settings: Settings, write: Write) -> None:
    good = {"price": "12,900원", "in_stock": "품절", "url": "https://shop.example/a", "created_at": "5 Nov 2026",
            "attr.size": "L", "attr.lid": True}  # fmt: skip
    import_feed(settings, write(product("a", 0, title="old", **good)))
    bad = {"price": "dear", "in_stock": "perhaps", "url": "javascript:alert(1)", "created_at": "05/11/2026",
           "attr.size": [{}], "attr.a/b": "x", "title": "new"}  # fmt: skip
    report = import_feed(settings, write(product("a", 0, **bad), product("b", 1, **bad)))
    assert (report.created, report.updated, report.refused, report.warnings) == (1, 1, 0, 10)
    assert report.codes == {"bad_attributes": 2, "bad_date": 2, "bad_in_stock": 2, "bad_price": 2, "bad_url": 2}
    kept = Catalogue(settings.home).get("a").product
    assert (kept.title, kept.price, kept.currency, kept.in_stock) == ("new", 12900, "KRW", False)
    assert (kept.url, str(kept.created_at)[:10]) == ("https://shop.example/a", "2026-11-05")
    assert kept.attributes == {"size": "L"}, "lid is not in the second feed, so it goes"
    fresh = Catalogue(settings.home).get("b").product
    assert (fresh.price, fresh.in_stock, fresh.url, fresh.attributes) == (None, True, "", {})
    assert not import_feed(settings, write(product("a", 0, **bad))).changed
    assert import_feed(settings, write(product("a", 0, **bad)), dates="dmy").codes["bad_price"] == 1
    assert str(Catalogue(settings.home).get("a").product.created_at)[:10] == "2026-11-05"


def test_a_text_that_is_too_long_is_cut_and_said(settings: Settings, write: Write) -> None:
    attributes = {f"attr.n{number:03}": number for number in range(250)}
    report = import_feed(settings, write(product("a", 0, description="word " * 6_000, currency="x" * 9, **attributes)))
    assert (report.created, report.codes) == (1, {"bad_attributes": 1, "bad_text": 2})
    assert "It was cut there." in " ".join(problem.message for problem in report.problems)
    kept = Catalogue(settings.home).get("a").product
    assert (len(kept.description), kept.currency, len(kept.attributes), kept.attributes["n199"]) == (
        20_000,
        "",
        200,
        199,
    )


def test_a_feed_without_images_changes_facts_alone(settings: Settings, write: Write, shop: Path) -> None:
    import_feed(settings, write(product("a", 0, price=1)))
    had = state(settings)["a"][3]
    prices = shop / "prices.csv"
    prices.write_text("product_id,price\na,2\n")
    report = import_feed(settings, prices)
    assert (report.updated, report.codes) == (1, {})
    assert (state(settings)["a"][1], state(settings)["a"][3]) == (2.0, had)


ROW = st.fixed_dictionaries(
    {
        "product_id": st.sampled_from("abcd"),
        "images": st.lists(st.sampled_from(["0.png", "1.png", "cut.png"]), max_size=3),
    },
    optional={"price": st.sampled_from([1, 2.5, "x"]), "title": st.sampled_from(["", "t"])},
)


@given(st.lists(ROW | st.just("bad"), min_size=1, max_size=6))
@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_importing_twice_is_importing_once(
    settings: Settings, write: Write, tmp_path_factory: pytest.TempPathFactory, lines: list[Any]
) -> None:
    fresh = settings.replace(home=tmp_path_factory.mktemp("home"))
    feed = write(*lines)
    try:
        first = import_feed(fresh, feed)
    except InvalidFeed:
        return
    before = state(fresh)
    second = import_feed(fresh, feed)
    assert not second.changed
    assert state(fresh) == before
    assert (second.products, second.images, second.codes, second.refused) == (
        first.products, first.images, first.codes, first.refused,
    )  # fmt: skip
