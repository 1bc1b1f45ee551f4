"""Columns: which products pass a filter and how often each value occurs, always as plain Python says.

The environment variable COLUMNS_EXAMPLES makes longer runs; an example has up to 6 filters.
"""

import os
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_filters import NAMES, TEXTS, expressions, fields_of, photo_of, products

from data.catalogue import Catalogue, Product, ProductFacts
from data.columns import (
    MOST_SHOWN,
    WORDLESS,
    Columns,
    ColumnStore,
    FacetCounts,
    RangeCount,
    ValueColumn,
    ValueCount,
    within,
)
from data.columns import store as column_store
from data.database import Connections
from data.filters import attribute_values, fold, parse_filter

EXAMPLES = int(os.environ.get("COLUMNS_EXAMPLES", "60"))
COUNTED = ("brand", "category", "colour", "currency", "price", "in_stock", *(f"attr.{name}" for name in NAMES))


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(tmp_path)


def put(catalogue: Catalogue, product_id: str, *colours: str, **facts: Any) -> None:
    catalogue.upsert(Product(product_id=product_id, **facts), [photo_of(colours)])


def passing(store: ColumnStore, text: str) -> list[int]:
    found: list[int] = np.flatnonzero(store.passing(parse_filter(text))).tolist()
    return found


def counted(store: ColumnStore, name: str, filter_text: str = "NOT price < 0") -> FacetCounts:
    return store.facets(store.columns([name]), [name], store.passing(parse_filter(filter_text)))[name]


def values_of(store: ColumnStore, name: str) -> dict[str | float | bool, int]:
    return {entry.value: entry.count for entry in counted(store, name).values}


def shown(columns: Columns) -> list[Any]:
    """Returns what columns of `brand` and `price` say of the first three products."""
    keys, brand = np.arange(3), columns.values("brand")
    assert brand is not None
    numbers = columns.numbers_of("price", keys).astype(str).tolist()
    return [columns.alive.take(keys).tolist(), numbers, columns.codes_of("brand", keys).tolist(), brand.size]


def own_values(facts: ProductFacts, name: str) -> set[tuple[str, Any]]:
    """Returns the values of a product for a facet, each as (kind, value as it is compared)."""
    product = facts.product
    if name == "colour":
        return {("text", fold(text)) for text in (*facts.colours, product.colour) if text}
    if name == "in_stock":
        return {("bool", product.in_stock)}
    if name.startswith("attr."):
        attribute = product.attributes.get(name[5:], "")
        return set(list(attribute_values(attribute))[-1:])
    text = getattr(product, name)
    return {("text", fold(text))} if text else set()


def spelt(facts: ProductFacts, name: str, value: Any) -> Any:
    """Returns a value as this product has it."""
    product = facts.product
    if name == "colour":
        return next(text for text in (product.colour, *facts.colours) if fold(text) == value)
    return product.attributes[name[5:]] if name.startswith("attr.") else getattr(product, name)


def brute_force(everything: list[ProductFacts], matched: list[ProductFacts], name: str) -> list[ValueCount]:
    counts = Counter(value for facts in matched for value in own_values(facts, name))
    found = []
    for (kind, value), count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        first = next(facts for facts in everything if (kind, value) in own_values(facts, name))
        found.append(ValueCount(spelt(first, name, value) if kind == "text" else value, count))
    return found


@pytest.fixture(autouse=True, params=[3, 32_768])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets columns be in many small blocks, and in one."""
    _catalogues.clear()
    for module in ("blocks", "columns", "store"):
        monkeypatch.setattr(f"data.columns.{module}.BLOCK", request.param)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shelf=st.lists(st.tuples(products, st.lists(st.sampled_from(TEXTS[1:]), max_size=2)), min_size=1, max_size=12),
    texts=st.lists(expressions, min_size=2, max_size=6),
)
def test_columns_and_plain_python_agree(
    tmp_path_factory: pytest.TempPathFactory, shelf: list[tuple[Product, list[str]]], texts: list[str]
) -> None:
    catalogue, store = _shared(tmp_path_factory)
    ids = [f"p{number}" for number in range(len(shelf))]
    catalogue.delete_missing(ids[::2])  # so that some products change and others come back
    catalogue.upsert_many(
        (replace(product, product_id=name), [photo_of(colours)])
        for name, (product, colours) in zip(ids, shelf, strict=True)
    )
    everything = list(catalogue.iter_facts())
    for text in texts:
        parsed = parse_filter(text)
        matched = [facts for facts in everything if parsed.matches(fields_of(facts))]
        mask = store.passing(parsed)
        assert np.flatnonzero(mask).tolist() == [facts.product_key for facts in matched], text
        for name, found in store.facets(store.columns(COUNTED), COUNTED, mask).items():
            if name == "price":
                prices = [facts.product.price for facts in matched if facts.product.price is not None]
                assert sum(part.count for part in found.ranges) == len(prices)
                for part in found.ranges:
                    assert part.count == sum(part.min <= price < part.max for price in prices)
            else:
                assert list(found.values) == brute_force(everything, matched, name), (name, text)
                assert found.other_values == 0


_catalogues: list[tuple[Catalogue, ColumnStore]] = []


def _shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalogue, ColumnStore]:
    """One database and one store for all examples, so that the store follows many changes."""
    if not _catalogues:
        catalogue = Catalogue(tmp_path_factory.mktemp("columns"))
        _catalogues.append((catalogue, ColumnStore(catalogue)))
    return _catalogues[0]


def test_every_entry_is_a_filter_that_finds_as_many(catalogue: Catalogue) -> None:
    sizes: list[Any] = ["L", "l", "42", 42.0, True, "true", "XL"]
    for number in range(40):
        put(catalogue, f"p{number}", price=1.5 * number, attributes={"size": sizes[number % len(sizes)]})
    store = ColumnStore(catalogue)
    for entry in counted(store, "attr.size").values:
        wanted = f'"{entry.value}"' if isinstance(entry.value, str) else str(entry.value)
        assert len(passing(store, f"attr.size = {wanted}")) == entry.count, entry
    parts = counted(store, "price").ranges
    assert len(parts) > 3
    for part in parts:
        assert len(passing(store, f"price >= {part.min} AND price < {part.max}")) == part.count, part


def test_a_change_a_moment_ago_counts(catalogue: Catalogue) -> None:
    put(catalogue, "a", "red", brand="Acme", price=5.0)
    store = ColumnStore(catalogue)
    assert values_of(store, "brand") == {"Acme": 1}
    put(catalogue, "b", "blue", brand="ACME", price=7.0)
    put(catalogue, "c", brand="Sena", price=6.0)
    assert values_of(store, "brand") == {"Acme": 2, "Sena": 1}
    assert passing(store, "price >= 6") == [2, 3]
    catalogue.delete("a")
    assert values_of(store, "brand") == {"ACME": 1, "Sena": 1}
    put(catalogue, "a", brand="Sena")
    assert values_of(store, "brand") == {"Sena": 2, "ACME": 1}
    assert passing(store, "price >= 0") == [2, 3]


def test_colours_that_are_seen_anew_count(catalogue: Catalogue) -> None:
    put(catalogue, "a", "red")
    store = ColumnStore(catalogue)
    assert values_of(store, "colour") == {"red": 1}
    catalogue.update_photos([replace(photo_of(["red"]), colours=("blue", "white"))])
    assert values_of(store, "colour") == {"blue": 1, "white": 1}


def test_a_spelling_that_the_shop_corrects_is_shown(catalogue: Catalogue) -> None:
    put(catalogue, "a", brand="aCME")
    put(catalogue, "b", brand="acme")
    store = ColumnStore(catalogue)
    assert values_of(store, "brand") == {"aCME": 2}
    put(catalogue, "a", brand="Acme")
    assert values_of(store, "brand") == {"Acme": 2}


def test_rows_that_were_made_anew_count(catalogue: Catalogue) -> None:
    put(catalogue, "a", brand="Acme")
    with Connections(catalogue.home).writing() as connection:
        connection.execute("DELETE FROM filter_facts")
    store = ColumnStore(catalogue)
    assert values_of(store, "brand") == {}
    catalogue.upkeep.index_again([1])
    assert values_of(store, "brand") == {"Acme": 1}


def test_what_a_disk_has_damaged_costs_only_itself(catalogue: Catalogue) -> None:
    put(catalogue, "a", brand="Acme", price=5.0, attributes={"size": 4.0})
    put(catalogue, "b", brand="Sena", price=6.0, attributes={"size": 5.0}, created_at=datetime(2026, 1, 2, tzinfo=UTC))
    with Connections(catalogue.home).writing() as connection:
        connection.execute(
            "UPDATE filter_facts SET brand = CAST(x'ff' AS TEXT), price = 'five', created_at = '20x6' "
            "WHERE product_key = 1"
        )
        connection.execute("UPDATE filter_values SET value = 'four' WHERE product_key = 1")
    store = ColumnStore(catalogue)
    assert values_of(store, "attr.size") == {5.0: 1}
    assert values_of(store, "brand")["Sena"] == 1
    assert passing(store, "price > 0 AND created_at > 2000-01-01") == [2]


def test_a_catalogue_from_a_backup_is_read_anew(catalogue: Catalogue) -> None:
    put(catalogue, "a", brand="Acme")
    catalogue.backup(catalogue.home / "copy.db")
    put(catalogue, "b", brand="Sena")
    store = ColumnStore(catalogue)
    assert values_of(store, "brand") == {"Acme": 1, "Sena": 1}
    for rest in ("-wal", "-shm"):
        (catalogue.home / f"catalog.db{rest}").unlink()
    (catalogue.home / "copy.db").replace(catalogue.home / "catalog.db")
    assert values_of(store, "brand") == {"Acme": 1}


def test_a_snapshot_never_changes(catalogue: Catalogue) -> None:
    put(catalogue, "a", "red", brand="Acme", price=1.0)
    store = ColumnStore(catalogue)
    before = store.columns(["brand", "price", "colour"])
    told = shown(before)
    put(catalogue, "a", "blue", brand="Sena", price=2.0)
    store.columns(["brand", "price", "colour"])
    assert shown(before) == told


def test_a_column_whose_fact_did_not_change_is_shared(catalogue: Catalogue) -> None:
    put(catalogue, "a", "red", brand="Acme", price=1.0)
    store = ColumnStore(catalogue)
    before = store.columns(["brand", "price", "colour"]).fields
    put(catalogue, "a", "red", brand="Acme", price=2.0)
    after = store.columns(["brand", "price", "colour"]).fields
    assert after["brand"] is before["brand"]
    assert after["colour"] is before["colour"]
    put(catalogue, "a", "red", brand="Sena", price=2.0)
    assert values_of(store, "brand") == {"Sena": 1}


def test_many_changes_at_once_are_followed(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ColumnStore(catalogue)
    assert passing(store, "price > 1") == []
    catalogue.upsert_many((Product(product_id=f"p{n}", price=float(n)), None) for n in range(1_200))
    assert len(passing(store, "price > 1")) == 1_198


def test_only_the_most_frequent_values_are_listed(catalogue: Catalogue) -> None:
    many = [(Product(product_id=f"p{n}", brand=f"b{n % 70:02d}"), None) for n in range(75)]
    catalogue.upsert_many(many)
    found = counted(ColumnStore(catalogue), "brand")
    assert [entry.count for entry in found.values] == [2] * 5 + [1] * 45
    assert [entry.value for entry in found.values] == [f"b{n:02d}" for n in range(MOST_SHOWN)]
    assert found.other_values == 20


def test_an_attribute_with_many_numbers_is_counted_in_ranges(catalogue: Catalogue) -> None:
    attributes: list[dict[str, Any]] = [{"weight": 10.0 * n if n % 2 else f"{10 * n}"} for n in range(40)]
    catalogue.upsert_many((Product(product_id=f"p{n}", attributes=a), None) for n, a in enumerate(attributes))
    store = ColumnStore(catalogue)
    found = counted(store, "attr.weight")
    assert found.values == ()
    assert sum(part.count for part in found.ranges) == 40
    put(catalogue, "other", attributes={"weight": "heavy"})
    assert counted(store, "attr.weight").ranges == ()


def test_a_fact_with_too_many_values_has_no_column_but_still_filters(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(column_store, "MOST_VALUES", 10)
    catalogue.upsert_many((Product(product_id=f"p{n}", attributes={"sku": f"s{n}"}), None) for n in range(11))
    store = ColumnStore(catalogue)
    assert store.columns(["attr.sku"]).fields["attr.sku"] is None
    assert passing(store, 'attr.sku = "s3" OR attr.sku = "s7"') == [4, 8]
    put(catalogue, "more", attributes={"sku": "s3"})
    assert passing(store, 'attr.sku = "S3"') == [4, 12]


def test_a_column_that_grows_too_many_values_is_given_up(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_store, "MOST_VALUES", 3)
    store = ColumnStore(catalogue)
    for number in range(9):
        put(catalogue, "the one", brand=f"b{number}")  # one value at a time: old ones make room
        assert values_of(store, "brand") == {f"b{number}": 1}
    for number in range(4):
        put(catalogue, f"p{number}", brand=f"c{number}")
        store.columns(["brand"])
    assert store.columns(["brand"]).fields["brand"] is None


def test_only_so_many_attributes_are_kept(catalogue: Catalogue) -> None:
    count = column_store.MOST_ATTRIBUTES + 3
    put(catalogue, "a", attributes={f"x{number}": float(number) for number in range(count)})
    store = ColumnStore(catalogue)
    for number in range(count):
        assert passing(store, f"attr.x{number} = {number} OR attr.nobody = 1") == [1]
    held = store.columns([]).fields
    assert len(held) == column_store.MOST_ATTRIBUTES
    assert "attr.x2" not in held
    assert f"attr.x{count - 1}" in held
    wide = " AND ".join(f"attr.x{number} = {number}" for number in range(count))
    assert passing(store, wide) == [1]


def test_threads_see_what_was_written_before(catalogue: Catalogue) -> None:
    store = ColumnStore(catalogue)
    wrong: list[str] = []

    def work(worker: int) -> None:
        for step in range(15):
            put(catalogue, f"p{worker}-{step}", brand=f"b{worker}")
            if (seen := values_of(store, "brand").get(f"b{worker}", 0)) != step + 1:
                wrong.append(f"worker {worker}, step {step}: {seen}")

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_key_beyond_the_end_is_not_within() -> None:
    mask = np.array([False, True])
    assert within(mask, np.array([1, 7, 0])).tolist() == [True, False, False]
    assert within(mask, np.array([], np.int64)).tolist() == []


def test_a_range_holds_its_lower_edge(catalogue: Catalogue) -> None:
    for number, price in enumerate([1.0, 2.0, 1000.0]):
        put(catalogue, f"p{number}", price=price)
    found = counted(ColumnStore(catalogue), "price").ranges
    assert found == (RangeCount(1.0, 2.0, 1), RangeCount(2.0, 1500.0, 2))


def test_dates_are_compared_as_moments(catalogue: Catalogue) -> None:
    put(catalogue, "a", created_at=datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC))
    put(catalogue, "b", created_at=datetime(2026, 2, 1, tzinfo=UTC))
    put(catalogue, "c", created_at=datetime(1, 1, 1, tzinfo=UTC))
    put(catalogue, "d")  # nobody said when it was created
    store = ColumnStore(catalogue)
    assert passing(store, "created_at = 2026-01-31") == [1]
    assert passing(store, "created_at > 2026-01-31 OR created_at < 1900-01-01") == [2, 3]
    assert passing(store, "created_at < 9999-12-31") == passing(store, "created_at >= 0001-01-01") == [1, 2, 3]


def test_moments_are_those_of_the_products(catalogue: Catalogue) -> None:
    moment, store = datetime(2026, 5, 1, 12, 30, 1, 7, tzinfo=UTC), ColumnStore(catalogue)
    put(catalogue, "a", created_at=moment)
    put(catalogue, "b", created_at=moment)
    put(catalogue, "b", created_at=moment.replace(year=2027))
    put(catalogue, "c")
    found = store.columns(["created_at"]).moments_of("created_at", np.array([2, 1, 3, 99]))
    moments = [datetime(year, 5, 1, 12, 30, 1, 7) for year in (2027, 2026)]
    assert [each.item() for each in found] == [*moments, None, None]


def test_products_without_words_are_known_as_they_change(catalogue: Catalogue) -> None:
    store = ColumnStore(catalogue)
    put(catalogue, "mug", title="Mug")
    put(catalogue, "told", description="For tea")
    put(catalogue, "bare", brand="Acorn")
    put(catalogue, "later")
    keys = np.array([4, 3, 2, 1, 99])
    assert store.columns([WORDLESS]).is_wordless(keys).tolist() == [True, True, False, False, False]
    put(catalogue, "later", description="Now it has words")
    put(catalogue, "mug", title="")
    assert store.columns([WORDLESS]).is_wordless(keys).tolist() == [False, True, False, True, False]
    catalogue.delete("bare")
    assert store.columns([WORDLESS]).is_wordless(keys).tolist() == [False, False, False, True, False]


def test_who_knows_the_newest_state_makes_no_question_for_it(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ColumnStore(catalogue)
    put(catalogue, "a", brand="Acorn")
    before = store.columns(["brand"])
    put(catalogue, "b", brand="Acorn")
    after = store.columns(["brand"], catalogue.seq())
    assert (before.seq, after.seq) == (1, 2)
    monkeypatch.setattr(catalogue, "seq", lambda: pytest.fail("the state must not be asked for"))
    assert store.columns(["brand"], 2) is store.columns(["brand"], 2)


def test_a_column_of_few_values_takes_more_than_a_byte_can_tell() -> None:
    few = ValueColumn.of({("text", "a"): np.array([1, 2]), ("text", "b"): np.array([40_000])}, 40_001)
    keys = np.arange(1, 301)
    many = few.changed(keys, {("text", f"v{key:03}"): np.array([key]) for key in keys.tolist()}, 40_001)
    codes = many.dictionary.code_of
    assert many.codes_of(keys).tolist() == [codes["text", f"v{key:03}"] for key in keys.tolist()]
    assert many.codes_of(np.array([301, 40_000])).tolist() == [-1, codes["text", "b"]]
    chosen = np.zeros(len(codes), np.bool_)
    chosen[[codes["text", "b"], codes["text", "v300"]]] = True
    assert np.flatnonzero(many.having(chosen)).tolist() == [300, 40_000]
    assert many.count(np.array([299, 300, 40_000])).tolist() == [0, 1, *[0] * 298, 1, 1]
    assert many.first_keys[[codes["text", "a"], codes["text", "v299"], codes["text", "b"]]].tolist() == [0, 299, 40_000]
