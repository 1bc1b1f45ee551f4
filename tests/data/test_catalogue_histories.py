"""The catalogue after any history: it ends as a plain model says, and many at once write what one by one does."""

import sqlite3
from contextlib import closing

import pytest
from catalogue_photos import photo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.catalogue import Catalogue, PhotoRecord, Product, Unsound

PHOTOS = [photo(name) for name in "abc"]
steps = st.one_of(
    st.tuples(
        st.just("put"),
        st.sampled_from("xyz"),
        st.sampled_from(["t1", "t2"]),
        st.none() | st.lists(st.sampled_from(PHOTOS), max_size=3),
    ),
    st.tuples(st.just("delete"), st.sampled_from("xyz"), st.just(""), st.none()),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(steps, max_size=12))
def test_any_history_ends_as_the_plain_model_says(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple[str, str, str, list[PhotoRecord] | None]]
) -> None:
    catalogue = _shared(tmp_path_factory)
    catalogue.delete_missing([])
    start = catalogue.seq()
    model: dict[str, tuple[str, list[str]]] = {}
    touched: dict[str, int] = {}
    seq = start
    for kind, name, title, photos in script:
        if kind == "delete":
            assert catalogue.delete(name) == (name in model)
            if model.pop(name, None):
                seq += 1
                touched[name] = seq
            continue
        old = model.get(name)
        listed = list(dict.fromkeys(record.sha256 for record in photos or []))
        new = (title, old[1] if old and photos is None else listed)
        expected = "created" if old is None else "unchanged" if old == new else "updated"
        assert catalogue.upsert(Product(product_id=name, title=title), photos) == expected
        seq += expected != "unchanged"
        if old is None or old[1] != new[1]:
            touched[name] = seq
        model[name] = new
    found = {facts.product.product_id: facts for facts in catalogue.iter_facts()}
    assert {name: (facts.product.title, list(facts.image_sha256)) for name, facts in found.items()} == model
    assert catalogue.seq() == seq
    assert sorted(change.seq for change in catalogue.changes(start)) == sorted(touched.values())
    snapshot = catalogue.snapshot()
    assert snapshot.image_sha256 == [sha for facts in found.values() for sha in facts.image_sha256]


puts = st.tuples(
    st.builds(
        Product,
        product_id=st.sampled_from("xyz"),
        colour=st.sampled_from(["", "Red"]),
        attributes=st.sampled_from([{}, {"size": "L"}, {"size": "M", "ean": "0042"}]),
    ),
    st.none() | st.lists(st.sampled_from([photo("a", ["red"]), photo("b", ["blue"]), photo("c")]), max_size=3),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(puts, max_size=4), items=st.lists(puts, max_size=8))
def test_many_at_once_write_the_rows_that_one_by_one_writes(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[tuple[Product, list[PhotoRecord] | None]],
    items: list[tuple[Product, list[PhotoRecord] | None]],
) -> None:
    together, apart = (Catalogue(tmp_path_factory.mktemp(name)) for name in ("together", "apart"))
    for catalogue in (together, apart):
        catalogue.upsert_many(before)
        catalogue.delete("x")
    assert together.upsert_many(items) == [apart.upsert(*item) for item in items]
    assert _rows(together) == _rows(apart)
    assert together.seq() == apart.seq()
    for catalogue in (together, apart):
        assert catalogue.upkeep.unsound() == Unsound()


def _rows(catalogue: Catalogue) -> dict[str, list[tuple[object, ...]]]:
    """Returns what catalog.db holds of products, without moments and what they change."""
    columns = {
        "products": "product_key, product_id, deleted, image_seq, changed_seq, colour, attributes",
        "product_images": "product_key, sha256, position",
        "released_images": "product_key, sha256",
        "filter_facts": "product_key, product_id",
        "filter_values": "*",
        "lexical_keys": "*",
        "lexical_words": "rowid, *",
        "lexical_letters": "rowid, *",
    }
    with closing(sqlite3.connect(catalogue.home / "catalog.db")) as connection:
        return {
            table: sorted(connection.execute(f"SELECT {wanted} FROM {table}"))  # noqa: S608 - constants
            for table, wanted in columns.items()
        }


_catalogues: list[Catalogue] = []


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """One database for all examples: making one takes longer than an example."""
    if not _catalogues:
        _catalogues.append(Catalogue(tmp_path_factory.mktemp("catalogue")))
    return _catalogues[0]
