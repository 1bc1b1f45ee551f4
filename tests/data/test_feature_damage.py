"""Stored features that a disk has damaged: each row is noticed by its checksum, and none is used."""

from pathlib import Path

import numpy as np
import pytest
from feature_rows import DIM, FINGERPRINT, data_file, named, rows_for
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.database import Connections
from data.errors import FeatureStoreError
from data.features import FeatureStore


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path, FINGERPRINT, DIM)


def flip(home: Path, byte: int, bit: int = 0) -> None:
    content = bytearray(data_file(home).read_bytes())
    content[byte] ^= 1 << bit
    data_file(home).write_bytes(content)


@given(byte=st.integers(0, 3 * DIM * 2 - 1), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_flipped_bit_is_noticed_and_the_row_replaced(
    tmp_path_factory: pytest.TempPathFactory, byte: int, bit: int
) -> None:
    home = tmp_path_factory.mktemp("flipped")
    store, keys = FeatureStore(home, FINGERPRINT, DIM), named(1, 2, 3)
    store.append(keys, rows_for(keys))
    flip(home, byte, bit)
    (lost,) = {named(1, 2, 3)[byte // (DIM * 2)]}
    assert store.damaged(keys) == store.missing(keys) == [lost]
    with pytest.raises(FeatureStoreError, match=lost):
        store.read(keys)
    store.append(keys, rows_for(keys))
    np.testing.assert_array_equal(store.read(keys), rows_for(keys))
    assert store.count == 3
    assert store.damaged(keys) == []


def test_bytes_that_are_lost_in_the_middle_are_noticed(tmp_path: Path, store: FeatureStore) -> None:
    keys = named(*range(1, 9))
    store.append(keys, rows_for(keys))
    content = data_file(tmp_path).read_bytes()
    data_file(tmp_path).write_bytes(content[:30] + content[35:])
    again = FeatureStore(tmp_path, FINGERPRINT, DIM)
    assert again.missing(keys) == named(*range(3, 9))
    again.append(keys, rows_for(keys))
    np.testing.assert_array_equal(again.read(keys), rows_for(keys))


def test_damaged_rows_are_dropped_and_named(
    tmp_path: Path, store: FeatureStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.append(named(1, 2, 3), rows_for(named(1, 2, 3)))
    flip(tmp_path, DIM * 2 + 3)
    assert store.drop_damaged() == named(2)
    assert store.keys() == named(1, 3)
    assert "k-2" in caplog.text
    assert store.drop_damaged() == []


def test_rows_of_old_stores_have_no_checksum_and_get_one(tmp_path: Path, store: FeatureStore) -> None:
    keys = named(1, 2, 3, 4)
    store.append(keys, rows_for(keys))
    with Connections(tmp_path).writing() as connection:
        connection.execute("UPDATE feature_rows SET checksum = NULL")
    rows = np.fromfile(data_file(tmp_path), np.float16).reshape(-1, DIM)
    rows[1, 2], rows[2] = np.nan, 0  # what can be told without a checksum: NaN, and a hole in the file
    rows.tofile(data_file(tmp_path))
    assert store.missing(keys) == named(2, 3)
    np.testing.assert_array_equal(store.read(named(1, 4)), rows_for(named(1, 4)))
    assert store.drop_damaged() == named(2, 3)
    flip(tmp_path, 1)
    assert store.missing(named(1, 4)) == named(1)
    assert store.add_checksums() == 0


def test_compaction_keeps_checksums_and_damage(tmp_path: Path, store: FeatureStore) -> None:
    keys = named(1, 2, 3, 4)
    store.append(keys, rows_for(keys))
    flip(tmp_path, 3 * DIM * 2)
    store.compact(named(1))
    assert store.damaged(keys) == named(4)
    np.testing.assert_array_equal(store.read(named(2, 3)), rows_for(named(2, 3)))
