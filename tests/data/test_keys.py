"""API keys: seen once, stored as a digest, valid until revoked."""

import hashlib
from pathlib import Path

import pytest

from data.database import Connections
from data.errors import InvalidKey
from data.keys import Keys


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


def test_a_key_is_valid_for_its_scopes_in_every_process(tmp_path: Path, keys: Keys) -> None:
    assert not keys.in_use()
    key = keys.create(["write", "search"])
    found = Keys(tmp_path).verify(key)
    assert found is not None
    assert found.scopes == ("search", "write")
    assert found.revoked_at is None
    assert found.id in key
    assert keys.in_use()


def test_the_database_never_holds_the_key(tmp_path: Path, keys: Keys) -> None:
    key = keys.create(["admin"])
    ((stored,),) = Connections(tmp_path).query("SELECT sha256 FROM api_keys")
    assert stored == hashlib.sha256(key.encode()).hexdigest()
    secret = key.split("_", 2)[2].encode()  # the secret itself may hold "_"
    assert all(secret not in path.read_bytes() for path in tmp_path.iterdir())


def test_keys_are_long_and_differ(keys: Keys) -> None:
    made = {keys.create(["search"]) for _ in range(20)}
    assert len(made) == 20
    assert all(len(key) == len("lk_") + 12 + 1 + 43 for key in made)


def test_other_texts_are_not_valid(keys: Keys) -> None:
    key = keys.create(["search"])
    for text in (key[:-1], key + "A", key.upper(), "", f" {key}", f"{key}\n"):
        assert keys.verify(text) is None


def test_a_key_with_another_secret_or_id_is_not_valid(keys: Keys) -> None:
    first, second = keys.create(["search"]), keys.create(["admin"])
    assert keys.verify(first[:16] + second[16:]) is None
    assert keys.verify(first[:3] + "0" * 12 + first[15:]) is None
    assert keys.verify(first[:-1] + ("A" if first[-1] != "A" else "B")) is None
    for hostile in ("lk_' OR 1=1 --", "\ud800", "\0", "x" * 100_000, "lk_" + "é" * 56):
        assert keys.verify(hostile) is None


def test_revoking_ends_one_key_and_keys_stay_in_use(keys: Keys) -> None:
    first, second = keys.create(["search"]), keys.create(["search"])
    key_id = first.split("_")[1]
    assert keys.revoke(key_id)
    assert not keys.revoke(key_id)
    assert not keys.revoke("unknown")
    assert keys.verify(first) is None
    assert keys.verify(second) is not None
    listed = {key.id: key.revoked_at is None for key in keys.list()}
    assert listed == {key_id: False, second.split("_")[1]: True}
    keys.revoke(second.split("_")[1])
    assert keys.in_use()


@pytest.mark.parametrize("scopes", [[], ["root"], ["search", "root"], ["Search"]])
def test_unknown_scopes_are_refused(keys: Keys, scopes: list[str]) -> None:
    with pytest.raises(InvalidKey, match="search, write, admin"):
        keys.create(scopes)
    assert not keys.in_use()
