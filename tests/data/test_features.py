"""The feature store: what was appended is durable, whatever dies, and readers never see half a row."""

import json
import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from feature_rows import DIM, FINGERPRINT, data_file, named, rows_for
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.catalogue import Catalogue, PhotoRecord, parse_product
from data.database import Connections
from data.errors import FeatureStoreError
from data.features import FeatureStore
from data.features.rows import RowFiles


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path, FINGERPRINT, DIM)


def test_rows_come_back_in_the_order_asked_for(store: FeatureStore) -> None:
    keys = named(1, 2, 3)
    store.append(keys, rows_for(keys))
    found = store.read(named(3, 1, 3))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, rows_for(named(3, 1, 3)))
    assert store.count == 3
    assert store.read([]).shape == (0, DIM)


def test_rows_are_rounded_to_float16_and_the_callers_stay(store: FeatureStore) -> None:
    rows = np.full((1, DIM), 1 / 3, np.float32)
    store.append(["k-1"], rows)
    np.testing.assert_array_equal(store.read(["k-1"]), np.full((1, DIM), np.float16(1 / 3), np.float32))
    assert rows[0, 0] == np.float32(1 / 3)


def test_missing_keeps_order_and_names_each_once(store: FeatureStore) -> None:
    store.append(named(2), rows_for(named(2)))
    assert store.missing(named(3, 2, 1, 3)) == named(3, 1)
    assert store.missing([]) == []


def test_a_key_keeps_its_first_row(store: FeatureStore) -> None:
    store.append(["k-1", "k-1"], np.stack([np.full(DIM, 1), np.full(DIM, 2)]).astype(np.float32))
    store.append(["k-1", "k-2"], np.stack([np.full(DIM, 3), np.full(DIM, 4)]).astype(np.float32))
    np.testing.assert_array_equal(store.read(named(1, 2))[:, 0], [1, 4])
    assert store.count == 2


def test_announced_rows_count_as_a_change_of_the_products_that_show_them(tmp_path: Path, store: FeatureStore) -> None:
    catalogue = Catalogue(tmp_path)
    photos = [PhotoRecord(sha256=name, source="/x", size_bytes=1, width=16, height=16) for name in ("k-0", "k-1")]
    catalogue.upsert(parse_product({"product_id": "both"}), photos)
    catalogue.upsert(parse_product({"product_id": "second"}), photos[1:])
    catalogue.upsert(parse_product({"product_id": "gone"}), photos)
    catalogue.delete("gone")
    seq = catalogue.seq()

    store.append(["k-9"], rows_for(["k-9"]), announce=True)  # nobody shows it
    store.append(["k-0"], rows_for(["k-0"]))
    store.append(["k-0"], rows_for(["k-0"]), announce=True)  # stored before
    assert catalogue.seq() == seq
    store.append(["k-1", "k-1"], rows_for(["k-1", "k-1"]), announce=True)
    keys = [catalogue.get(product).product_key for product in ("both", "second")]
    assert [change.product_key for change in catalogue.changes(seq)] == keys


def test_reading_an_unknown_key_names_it(store: FeatureStore) -> None:
    store.append(named(1), rows_for(named(1)))
    with pytest.raises(FeatureStoreError, match="k-7"):
        store.read(named(1, 7, 8))


@pytest.mark.parametrize("value", [65520.0, -1e6, np.inf, np.nan])
def test_values_beyond_float16_are_refused(store: FeatureStore, value: float) -> None:
    rows = rows_for(named(1, 2))
    rows[1, 3] = value
    with pytest.raises(FeatureStoreError, match="65504"):
        store.append(named(1, 2), rows)
    assert store.count == 0


@pytest.mark.parametrize("shape", [(1, DIM), (2, DIM + 1), (2 * DIM,)])
def test_wrong_shapes_are_refused(store: FeatureStore, shape: tuple[int, ...]) -> None:
    with pytest.raises(FeatureStoreError, match="shape"):
        store.append(named(1, 2), np.zeros(shape, np.float32))


@pytest.mark.parametrize("fingerprint", ["", "../x", "a/b", "x" * 129])
def test_a_fingerprint_is_a_plain_name(tmp_path: Path, fingerprint: str) -> None:
    with pytest.raises(FeatureStoreError, match="fingerprint"):
        FeatureStore(tmp_path, fingerprint, DIM)


def test_stores_of_two_fingerprints_do_not_meet(tmp_path: Path, store: FeatureStore) -> None:
    other = FeatureStore(tmp_path, "e" * 64, DIM + 1)
    store.append(named(1), rows_for(named(1)))
    assert other.missing(named(1)) == named(1)
    assert other.count == 0


def test_another_width_or_format_is_refused(tmp_path: Path, store: FeatureStore) -> None:
    with pytest.raises(FeatureStoreError, match="dim"):
        FeatureStore(tmp_path, FINGERPRINT, DIM + 1)
    meta = tmp_path / "features" / FINGERPRINT / "meta.json"
    for text in (json.dumps({**json.loads(meta.read_text()), "dtype": "float32"}), "{", "[]"):
        meta.write_text(text)
        with pytest.raises(FeatureStoreError, match=r"meta\.json"):
            FeatureStore(tmp_path, FINGERPRINT, DIM)


def test_data_is_flushed_before_the_table_names_it(
    tmp_path: Path, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []
    other = Connections(tmp_path)
    fsync = os.fsync

    def note(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".f16":
            counts.append(other.query("SELECT count(*) FROM feature_rows")[0][0])
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    store.append(named(1, 2), rows_for(named(1, 2)))
    assert counts == [0]
    assert store.count == 2


@pytest.mark.parametrize("extra", [1, DIM * 2 - 1, DIM * 2, DIM * 2 + 5])
def test_what_a_dead_writer_left_is_stepped_over(tmp_path: Path, store: FeatureStore, extra: int) -> None:
    store.append(named(1), rows_for(named(1)))
    with data_file(tmp_path).open("ab") as file:
        file.write(b"\xff" * extra)
    reopened = FeatureStore(tmp_path, FINGERPRINT, DIM)
    reopened.append(named(2, 3), rows_for(named(2, 3)))
    np.testing.assert_array_equal(reopened.read(named(3, 1, 2)), rows_for(named(3, 1, 2)))
    np.testing.assert_array_equal(store.read(named(3, 1, 2)), rows_for(named(3, 1, 2)))
    assert reopened.compact([]) > 0
    assert data_file(tmp_path).stat().st_size == 3 * DIM * 2


def test_a_full_disk_is_an_error_and_names_nothing(
    tmp_path: Path, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(FeatureStoreError, match="No space"):
        store.append(named(1), rows_for(named(1)))
    monkeypatch.setattr(os, "fsync", fsync)
    assert store.missing(named(1)) == named(1)
    store.append(named(1), rows_for(named(1)))
    np.testing.assert_array_equal(store.read(named(1)), rows_for(named(1)))


def test_opening_a_store_again_does_not_look_at_all_keys(
    tmp_path: Path, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = named(1, 2)
    store.append(keys, rows_for(keys))
    checked: list[int] = []
    delete = FeatureStore._delete_from

    def counted(self: FeatureStore, whole: int) -> None:
        checked.append(whole)
        delete(self, whole)

    FeatureStore(tmp_path, FINGERPRINT, DIM)
    monkeypatch.setattr(FeatureStore, "_delete_from", counted)
    again = [FeatureStore(tmp_path, FINGERPRINT, DIM) for _ in range(3)]
    assert checked == []
    assert again[-1].missing(keys) == []
    os.truncate(data_file(tmp_path), DIM * 2)
    assert FeatureStore(tmp_path, FINGERPRINT, DIM).keys() == keys[:1]
    assert checked == [1]


def test_a_file_restored_in_the_place_of_one_that_was_seen_is_looked_at(tmp_path: Path, store: FeatureStore) -> None:
    """Though it is longer than the one that was seen."""
    keys = named(1, 2, 3, 4)
    store.append(keys[:1], rows_for(keys[:1]))
    FeatureStore(tmp_path, FINGERPRINT, DIM)
    store.append(keys[1:], rows_for(keys[1:]))
    restored = tmp_path / "restored"
    restored.write_bytes(data_file(tmp_path).read_bytes()[: 3 * DIM * 2])
    restored.replace(data_file(tmp_path))
    assert FeatureStore(tmp_path, FINGERPRINT, DIM).keys() == keys[:3]


def test_threads_that_read_different_files_of_a_set_get_their_own(tmp_path: Path) -> None:
    """As they do while a set grows or is compacted."""
    files, switching = RowFiles(tmp_path, DIM), sys.getswitchinterval()
    for number in range(3):
        files.append(number, np.full((number + 1, DIM), number, np.float16))

    def read(number: int) -> bool:
        maps = (files.mapped(number, number + 1) for _ in range(3000))
        return all(np.array_equal(found, np.full((number + 1, DIM), number)) for found in maps if found is not None)

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(3) as pool:
            assert all(pool.map(read, range(3)))
    finally:
        sys.setswitchinterval(switching)


def test_lost_files_are_embedded_again(tmp_path: Path, store: FeatureStore) -> None:
    keys = named(1, 2, 3)
    store.append(keys, rows_for(keys))
    path = data_file(tmp_path)
    os.truncate(path, path.stat().st_size - 3)
    with pytest.raises(FeatureStoreError, match="'k-3' are damaged or lost"):
        store.read(keys)
    assert store.missing(keys) == named(3)
    assert FeatureStore(tmp_path, FINGERPRINT, DIM).missing(keys) == named(3)
    shutil.rmtree(tmp_path / "features")
    assert FeatureStore(tmp_path, FINGERPRINT, DIM).missing(keys) == keys


def test_a_file_that_vanishes_while_in_use_is_an_error_not_a_hang(tmp_path: Path, store: FeatureStore) -> None:
    store.append(named(1), rows_for(named(1)))
    data_file(tmp_path).unlink()
    with pytest.raises(FeatureStoreError, match="'k-1' are damaged or lost"):
        store.read(named(1))
    assert store.missing(named(1)) == named(1)


def test_compaction_drops_what_it_is_told_to(tmp_path: Path, store: FeatureStore) -> None:
    keys = named(*range(10))
    store.append(keys, rows_for(keys))
    reader = FeatureStore(tmp_path, FINGERPRINT, DIM)
    reader.read(keys)
    dropped = [key for key in keys if key not in named(7, 2)]
    assert store.compact([*dropped, "unknown"]) == 8 * DIM * 2
    for any_store in (store, reader, FeatureStore(tmp_path, FINGERPRINT, DIM)):
        np.testing.assert_array_equal(any_store.read(named(7, 2)), rows_for(named(7, 2)))
        assert any_store.missing(keys) == dropped
        assert any_store.keys() == named(2, 7)
    assert store.compact(dropped) == 0
    store.append(named(5), rows_for(named(5)))
    np.testing.assert_array_equal(reader.read(named(5, 7)), rows_for(named(5, 7)))


def test_compaction_to_nothing_and_of_nothing(store: FeatureStore) -> None:
    assert store.compact([]) == 0
    store.append(named(1), rows_for(named(1)))
    assert store.compact(named(1)) == DIM * 2
    assert store.count == 0
    store.append(named(1), rows_for(named(1)))
    np.testing.assert_array_equal(store.read(named(1)), rows_for(named(1)))


def test_readers_and_writers_go_on_during_compaction(tmp_path: Path, store: FeatureStore) -> None:
    fixed = named(*range(50))
    store.append(fixed, rows_for(fixed))
    errors: list[Exception] = []
    done = threading.Event()

    def read() -> None:
        reader = FeatureStore(tmp_path, FINGERPRINT, DIM)
        while not done.is_set():
            try:
                np.testing.assert_array_equal(reader.read(fixed), rows_for(fixed))
            except (FeatureStoreError, AssertionError, OSError) as error:
                errors.append(error)
                return

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for step in range(15):
        added = named(*range(100 + step * 10, 110 + step * 10))
        store.append(added, rows_for(added))
        store.compact(added[1:])
    done.set()
    for thread in threads:
        thread.join()
    assert errors == []


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    script=st.lists(
        st.tuples(
            st.sampled_from(["append", "compact", "garbage", "reopen"]), st.lists(st.integers(0, 12), max_size=5)
        ),
        max_size=12,
    )
)
def test_any_history_reads_like_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple[str, list[int]]]
) -> None:
    home = _shared(tmp_path_factory)
    store = FeatureStore(home, FINGERPRINT, DIM)
    store.compact(store.keys())
    model: set[int] = set()
    for kind, numbers in script:
        if kind == "append":
            store.append(named(*numbers), rows_for(named(*numbers)))
            model |= set(numbers)
        elif kind == "compact":
            store.compact(named(*numbers))
            model -= set(numbers)
        elif kind == "garbage":
            for path in (home / "features" / FINGERPRINT).glob("rows-*.f16"):
                with path.open("ab") as file:
                    file.write(b"x" * len(numbers))
        else:
            store = FeatureStore(home, FINGERPRINT, DIM)
        keys = named(*sorted(model))
        assert store.count == len(keys)
        np.testing.assert_array_equal(store.read(keys), rows_for(keys))
    assert store.missing(named(*range(13))) == named(*sorted(set(range(13)) - model))


_homes: list[Path] = []


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all examples: making a database takes longer than an example."""
    if not _homes:
        _homes.append(tmp_path_factory.mktemp("features"))
    return _homes[0]
